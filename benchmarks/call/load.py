"""One block of calls: so many a second, each through the menu to the desk; what it cost and how long it took."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.call.desk import desk
from benchmarks.call.town import SECONDS
from benchmarks.call.usage import forget_most, most_memory, used
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
    """Calls that came to the desk and ended as they should."""
    cpu: Mapping[str, float]
    """Whose -> milliseconds of processor for each call."""
    latencies: tuple[float, ...]
    """Milliseconds from the key to the INVITE at the desk, ascending."""
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


def block(town: Town, number: str, pids: Mapping[str, int], *, rate: float, calls: int, talks: float = TALKS) -> Block:
    """`calls` calls to `number`, `rate` a second, by callers who speak all the time, `talks` seconds of it with the
    desk; `pids` are looked at meanwhile."""
    shown = [f"+4962059{next(_numbers):07d}" for _ in range(calls)]
    listens, stays = round(PRESSES * 1000), round(talks * 1000)
    fields = "".join(f"{each};{number};{listens};1;{stays};1\n" for each in shown)
    with desk(town) as answering:
        for pid in pids.values():
            forget_most(pid)
        before = {name: used(pid) for name, pid in pids.items()}
        run = asyncio.run(
            run_sipp(
                wiring.program("sipp"),
                SCENARIO,
                exchange=town.exchange,
                number=number,
                calls=calls,
                rate=rate,
                within=calls / rate + length(talks) + GRACE,
                address=CITIZEN,
                audio=town.words,
                callers=fields,
            )
        )
        time.sleep(0.5)  # what is written down after a call belongs to it
        spent = {name: used(pid) - before[name] for name, pid in pids.items()}
        memory = {name: most_memory(pid) for name, pid in pids.items()}
    pressed = times(run.told, "pressed")
    over = times(run.told, "over")
    late = sorted((answering.rung[who] - pressed[who]) * 1000 for who in answering.rung.keys() & pressed.keys())
    return Block(
        calls=calls,
        clean=len(answering.rung.keys() & pressed.keys() & over.keys()),
        cpu={name: seconds * 1000 / calls for name, seconds in spent.items()},
        latencies=tuple(late),
        memory=memory,
        errors=run.errors,
    )
