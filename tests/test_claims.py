"""A thousand callers, each offered to two attendants at once: one gets them, the other is refused."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from orchestrator.journal import cel
from orchestrator.service import wiring
from tests.crowd import crowd
from tests.running_town import Town, until
from tests.towns import MONDAY_10

CALLERS, EVERY, STAYS = 1000, 0.03, 1.5
"""How many, seconds from one to the next, and how long each stays."""
MENU = "town.welcome"
NUMBER = f"210*{int(MONDAY_10.timestamp())}"


def counted(town: Town, name: str) -> list[int]:
    """For each attendant the sum of a metric, over every line that has the menu in it or no place at all."""
    first = town.settings.metrics_port
    found = []
    for port in (first, first + 1):
        lines = [line for line in town.page("/metrics", port).splitlines() if line.startswith(name)]
        found.append(sum(int(float(line.split()[-1])) for line in lines if MENU in line or "place=" not in line))
    return found


def visits(town: Town) -> Counter[str]:
    """Caller's channel -> how often it came to the menu."""
    found, offset = Counter[str](), 0
    while (chunk := cel.read(town.state.journal, offset)).end > offset:
        offset = chunk.end
        found.update(event.channel for event in chunk.events if (event.kind, event.mark) == ("PLACE", MENU))
    return found


@pytest.mark.crowded
async def test_a_thousand_callers_are_claimed_once_each_and_refused_to_the_other(town: Town) -> None:
    took, lost = (
        counted(town, "durchwahl_attendant_steps_total"),
        counted(town, "durchwahl_attendant_claims_lost_total"),
    )
    async with crowd(wiring.ari(town.state), str(town.words.with_suffix("")), after=STAYS) as callers:
        for number in range(CALLERS):
            await callers.calls(f"claim.{number}", NUMBER, context="from-test")
            await asyncio.sleep(EVERY)
        await asyncio.to_thread(until, lambda: not town.left(), 30)
    claimed = [now - before for now, before in zip(counted(town, "durchwahl_attendant_steps_total"), took, strict=True)]
    refused = [
        now - before for now, before in zip(counted(town, "durchwahl_attendant_claims_lost_total"), lost, strict=True)
    ]
    came = visits(town)
    print(f"claimed {claimed}, refused {refused}, came {sum(came.values())} of {len(came)}")
    assert sum(claimed) == CALLERS
    assert refused == claimed[::-1]
    assert min(claimed) > CALLERS / 10
    assert len(came) == CALLERS
    assert set(came.values()) == {1}
