"""The lines that `cel_custom` writes, as events. The order of columns is that of asterisk-conf/cel_custom.conf.

Belongs here: reading lines, also half and broken ones. Not here: what they mean together (journeys).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

COLUMNS = (
    "eventtype",
    "eventtime",
    "CHANNEL(uniqueid)",
    "CHANNEL(linkedid)",
    "CHANNEL(channame)",
    "CHANNEL(context)",
    "CHANNEL(exten)",
    "CALLERID(num)",
    "CALLERID(ANI)",
    "CALLERID(DNID)",
    "userdeftype",
    "eventextra",
    "CHANNEL(accountcode)",
    "CHANNEL(appname)",
    "BRIDGEPEER",
)
MARKS = ("PLACE", "ANSWER", "NOTE")
"""User events of the dialplan; their name stands in `userdeftype`."""
PASSED = "PASSED"
"""One more: a place at which no call waits, with its answer. Two events, PLACE and ANSWER, written in one line."""
WENT = "WENT"
"""The same of several places, one behind the other: those that a call mostly passes."""
NOT_TALKING = ("holding_bridge", "softmix")
"""What Asterisk calls a bridge in which nobody hears the other, and one of a conference."""
BEGINNING = re.compile(rb'^"[A-Z_]+","[0-9]+\.[0-9]+","', re.MULTILINE)
"""How every record begins: what happened, and when."""
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
CHUNK = 4 * 1024 * 1024
"""Bytes read at a time."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line. Times are seconds since the epoch, UTC."""

    kind: str
    """`CHAN_START`, `BRIDGE_ENTER`, …; for a mark of the dialplan `PLACE`, `ANSWER` or `NOTE` with `mark` set."""
    at: float
    channel: str
    """Unique id."""
    call: str
    """Linked id: the same for all channels of one call."""
    name: str
    context: str
    extension: str
    caller: str
    mark: str = ""
    """What the dialplan said: `town.door`, `town.door=open`."""
    extra: str = ""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What was read at once."""

    events: tuple[Event, ...]
    end: int
    """Offset after the last whole line."""
    broken: int
    """Lines that could not be read."""


def read(path: Path, offset: int) -> Chunk:
    """Events of the whole records from `offset` on; a half-written last one is left for later. Raises OSError."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(CHUNK)
    whole = data[: data.rfind(b"\n") + 1]
    records = list(_records(whole))
    if records and records[-1].count(b'"') % 2 and len(data) < CHUNK:
        whole = whole[: -len(records.pop())]  # a line break inside of quotes, and the rest is still to come
    events: list[Event] = []
    broken = 0
    for record in records:
        found = parse(record.decode("utf-8", "replace"))
        events += found
        if not found and record.strip():
            broken += 1
    return Chunk(events=tuple(events), end=offset + len(whole), broken=broken)


def _records(data: bytes) -> Iterator[bytes]:
    """The records, each with the lines that a line break in a caller's number has made of it.

    Nobody can forge the beginning of one: quotes inside of a field are doubled.
    """
    starts = [0, *(match.start() for match in BEGINNING.finditer(data) if match.start()), len(data)]
    yield from (data[start:end] for start, end in pairwise(starts) if end > start)


def parse(line: str) -> tuple[Event, ...]:
    """What one record says, without unprintable characters; nothing if it is none."""
    try:
        (fields,) = csv.reader([line])
        if UNPRINTABLE.search(line.removesuffix("\n")):
            fields = [UNPRINTABLE.sub("", field) for field in fields]
        native, time, channel, call, name, context, extension, caller, _, _, named, extra, _, _, _ = fields
        at = float(time)
    except (ValueError, csv.Error):
        return ()
    marked = named in (*MARKS, PASSED, WENT)
    event = Event(
        kind=named if marked else _native(native),
        at=at,
        channel=channel,
        call=call,
        name=name,
        context=context,
        extension=extension,
        caller=caller,
        mark=_extra(extra).get("extra", "") if marked else "",
        extra=extra,
    )
    if event.kind in (PASSED, WENT):
        return tuple(each for answer in event.mark.split() for each in _passed(event, answer))
    return (event,)


def _passed(event: Event, answer: str) -> tuple[Event, Event]:
    place = answer.partition("=")[0]
    return replace(event, kind="PLACE", mark=place), replace(event, kind="ANSWER", mark=answer)


def _native(name: str) -> str:
    """Asterisk's own ANSWER is `UP`, so that it is not taken for an answer of a step."""
    return "UP" if name == "ANSWER" else name


def source_of_hangup(event: Event) -> str:
    """The channel or module that ended a channel, by its HANGUP event; empty if Asterisk names none."""
    return str(_extra(event.extra).get("hangupsource", ""))


def talks(event: Event) -> bool:
    """Whether a channel came together with another one: not in a parking lot, nor in a conference."""
    return event.kind == "BRIDGE_ENTER" and _extra(event.extra).get("bridge_technology") not in NOT_TALKING


def fetched(event: Event) -> bool:
    """Whether somebody fetched a parked channel."""
    return event.kind == "PARK_END" and _extra(event.extra).get("reason") == "ParkedCallUnparked"


def put_through_to(event: Event) -> str:
    """The phone of who got the caller after a word with who had them, `outside` for a trunk; empty: it was not so."""
    if event.kind != "ATTENDEDTRANSFER":
        return ""
    target = str(_extra(event.extra).get("transfer_target_channel_name") or "")
    found = re.fullmatch(r"PJSIP/([a-z0-9_]+)-[0-9a-f]+", target)
    return found[1] if found else "outside" if target.startswith("PJSIP/trunk-") else ""


def _extra(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def columns_of(configuration: str) -> Iterator[str]:
    """The columns that a cel_custom.conf writes."""
    line = next(line for line in configuration.splitlines() if "=>" in line)
    for column in line.partition("=>")[2].strip().split("})}"):
        if "CSV_QUOTE(${" in column:
            yield column.partition("CSV_QUOTE(${")[2]
