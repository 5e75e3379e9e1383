"""Calls while something is done to the exchange: whether they come through, and how long they wait for an answer.

Belongs here: callers who listen for a second to the menu of the head number. Not here: what a call costs (call).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from benchmarks.call.load import SCENARIO, Caller
from benchmarks.call.town import HEAD
from orchestrator.phone.sipp import Run, run_sipp
from orchestrator.service import wiring
from orchestrator.service.state import State
from tests.running_town import CITIZEN
from tests.told import times

RATE = 20.0
"""Calls a second."""
LISTENS = Caller(number=HEAD, after=1.0)
"""Hangs up a second after the answer."""
GRACE = 30.0
"""Seconds more until the last call is given up."""
SETTLES = 3.0
"""Seconds of calls before it is begun."""


def under_calls(state: State, seconds: float, work: Callable[[], None]) -> Mapping[str, float]:
    """Do `work` while `RATE` calls a second come for `seconds`, which should be longer.

    Gives the seconds of `work`, the milliseconds from the INVITE to the answer of the call that waited longest, the
    calls that were not answered, and how many there were.
    """
    with ThreadPoolExecutor(1) as callers:
        calling = callers.submit(asyncio.run, _calls(state, round(RATE * seconds)))
        time.sleep(SETTLES)
        began = time.perf_counter()
        work()
        took = time.perf_counter() - began
        told = calling.result().told
    placed, answered = times(told, "placed"), times(told, "answered")
    waited = [(answered[number] - placed[number]) * 1000 for number in placed.keys() & answered.keys()]
    return {
        "work": round(took, 2),
        "slowest": round(max(waited, default=0.0), 1),
        "unanswered": len(placed) - len(waited),
        "calls": len(placed),
    }


async def _calls(state: State, count: int) -> Run:
    silence = state.run / "silence.alaw"
    silence.write_bytes(b"\xd5" * 8000)
    return await run_sipp(
        wiring.program("sipp"),
        SCENARIO,
        exchange=f"127.0.0.1:{state.settings().sip_port}",
        number=HEAD,
        calls=count,
        rate=RATE,
        within=count / RATE + GRACE,
        address=CITIZEN,
        audio=silence,
        callers="".join(LISTENS.line(f"+4962059{at:07d}") for at in range(count)),
    )
