"""Reading the private Asterisk's journal: which way one call went, and when."""

from __future__ import annotations

import asyncio
import csv
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

UNIQUEID, USER_EVENT, EXTRA, TYPE, TIME = 2, 10, 11, 0, 1
WRITTEN_WITHIN = 5.0
"""Seconds from the end of a call until its end is in the journal; on a machine with nothing to do at once."""


@dataclass(frozen=True)
class Mark:
    """One thing that the dialplan wrote down: `PLACE town.door`, `ANSWER town.door=key_1`, `NOTE deadline`."""

    at: float
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.what}"


def journeys(journal: Path, since: int = 0) -> dict[str, list[Mark]]:
    """Channel id -> its marks in order, from byte `since` of the journal on."""
    found: dict[str, list[Mark]] = {}
    if not journal.exists():
        return found
    with journal.open(newline="") as file:
        file.seek(since)
        for row in csv.reader(file):
            if len(row) > EXTRA and row[USER_EVENT] in {"PLACE", "ANSWER", "NOTE", "PASSED", "WENT"}:
                what = json.loads(row[EXTRA])["extra"]
                both = [mark for each in what.split() for mark in (("PLACE", each.partition("=")[0]), ("ANSWER", each))]
                marks = both if row[USER_EVENT] in {"PASSED", "WENT"} else [(row[USER_EVENT], what)]
                found.setdefault(row[UNIQUEID], []).extend(Mark(float(row[TIME]), *mark) for mark in marks)
    return found


def ended(journal: Path, since: int = 0) -> set[str]:
    """Ids of the channels that have ended."""
    if not journal.exists():
        return set()
    with journal.open(newline="") as file:
        file.seek(since)
        return {row[UNIQUEID] for row in csv.reader(file) if len(row) > EXTRA and row[TYPE] == "CHAN_END"}


async def written(journal: Path, over: Iterable[str], since: int = 0) -> dict[str, list[Mark]]:
    """`journeys` when the calls `over` are whole in it: Asterisk writes a little later than it hangs up."""
    deadline = time.monotonic() + WRITTEN_WITHIN
    while missing := set(over) - ended(journal, since):
        assert time.monotonic() < deadline, f"the journal has no end of {sorted(missing)}"
        await asyncio.sleep(0.02)
    return journeys(journal, since)


def way(marks: list[Mark]) -> list[str]:
    """The journey without notes, and with a place that was begun again counted once."""
    steps: list[str] = []
    for mark in marks:
        if mark.kind != "NOTE" and (not steps or steps[-1] != str(mark)):
            steps.append(str(mark))
    return steps
