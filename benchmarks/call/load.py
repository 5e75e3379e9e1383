"""One block of calls: so many a second, each through the menu to the desk; what it cost and how long it took."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.call.desk import desk
from benchmarks.call.town import SECONDS
from benchmarks.call.usage import forget_most, most_memory, used
from orchestrator.journal.record import LOOK_EVERY, WRITE_EVERY
from orchestrator.phone.sipp import run_sipp
from orchestrator.service import wiring
from tests.running_town import CITIZEN, Town
from tests.told import times

SCENARIO = Path(__file__).parents[2] / "tests" / "scenarios" / "citizen.xml"
PRESSES, TALKS = SECONDS + 0.2, 1.0
"""Seconds after the answer at which a caller presses the key, and after it at which they hang up."""
GRACE = 12.0
"""Seconds more until the last call is given up."""
_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Block:
    """What came of it."""

    calls: int
    clean: int
    """Calls that came to their end and ended as they should."""
    cpu: Mapping[str, float]
    """Whose -> milliseconds of processor for each call."""
    latencies: tuple[float, ...]
    """Milliseconds from the key to the INVITE at the desk, ascending; none where no key is pressed."""
    memory: Mapping[str, int]
    """Whose -> KiB at the most."""
    errors: str = ""

    @property
    def total(self) -> float:
        """Milliseconds of processor for each call, all together."""
        return sum(self.cpu.values())


def length(talks: float) -> float:
    """Seconds that a call takes."""
    return PRESSES + talks + 0.5


def not_clean(calls: int, clean: int) -> str:
    """How many calls did not come through, for the end of a line; nothing if all did."""
    return f"; {calls - clean} of {calls} not clean" if clean < calls else ""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One caller by plan, who speaks all the time. Times in seconds."""

    number: str
    before: float = 0.0
    key: str = "-1"
    """Pressed `before` seconds after the answer; -1: none."""
    after: float
    """How long they stay then."""

    def line(self, shown: str) -> str:
        """For the scenario, with the number that they show."""
        return f"{shown};{self.number};{round(self.before * 1000)};{self.key};{round(self.after * 1000)};1\n"


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What came of calls, seen from the caller's side, and what they cost."""

    told: str
    errors: str
    cpu: Mapping[str, float]
    """Whose -> milliseconds of processor for each call."""
    memory: Mapping[str, int]
    """Whose -> KiB at the most."""


def place(town: Town, callers: Sequence[Caller], pids: Mapping[str, int], *, rate: float) -> Placed:
    """A call of each of `callers`, `rate` a second; `pids` are looked at meanwhile."""
    longest = max(each.before + each.after for each in callers)
    for pid in pids.values():
        forget_most(pid)
    before = {name: used(pid) for name, pid in pids.items()}
    run = asyncio.run(
        run_sipp(
            wiring.program("sipp"),
            SCENARIO,
            exchange=town.exchange,
            number=callers[0].number,
            calls=len(callers),
            rate=rate,
            within=len(callers) / rate + longest + 0.5 + GRACE,
            address=CITIZEN,
            audio=town.words,
            callers="".join(each.line(f"+4962059{next(_numbers):07d}") for each in callers),
        )
    )
    time.sleep(WRITE_EVERY + LOOK_EVERY + 0.25)  # what is written down after a call belongs to it
    return Placed(
        told=run.told,
        errors=run.errors,
        cpu={name: (used(pid) - before[name]) * 1000 / len(callers) for name, pid in pids.items()},
        memory={name: most_memory(pid) for name, pid in pids.items()},
    )


def block(town: Town, number: str, pids: Mapping[str, int], *, rate: float, calls: int, talks: float = TALKS) -> Block:
    """`calls` calls to `number`, `rate` a second: a key in the menu, then `talks` seconds of talk with the desk."""
    with desk(town) as answering:
        placed = place(town, [Caller(number=number, before=PRESSES, key="1", after=talks)] * calls, pids, rate=rate)
    pressed = times(placed.told, "pressed")
    over = times(placed.told, "over")
    late = sorted((answering.rung[who] - pressed[who]) * 1000 for who in answering.rung.keys() & pressed.keys())
    return Block(
        calls=calls,
        clean=len(answering.rung.keys() & pressed.keys() & over.keys()),
        cpu=placed.cpu,
        latencies=tuple(late),
        memory=placed.memory,
        errors=placed.errors,
    )
