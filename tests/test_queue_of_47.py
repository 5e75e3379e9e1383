"""Forty-seven calls at once to one number, three who take them, and all of Python killed while they wait.

Each waits in turn, and is answered or leaves a message; nobody is dropped. What each waited is told (`pytest -s`).
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Iterator

import pytest

from orchestrator.phone.desk import Answers, Desk, LetsItRing
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.history import Past
from tests.crowd import crowd
from tests.running_town import Town, running_town, until
from tests.test_queues import NOON, NUMBER, WAIT, waiting, waiting_town

CALLERS = 47
DESKS = ("tel10", "tel2500", "tel2501")
LONGEST = 40
BOX = ("d_buergerbuero.box", "d_buergerbuero.thanks", "d_buergerbuero.goodbye")


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    written = waiting_town(phones=DESKS, most=60, longest=LONGEST, announce=20)
    with running_town(tmp_path_factory.mktemp("q"), written) as running:
        yield running


def desk(town: Town, phone: str) -> Desk:
    """An employee who lets it ring at first."""
    password = wiring.secrets(town.state).of(f"sip:{phone}")
    line = Line(number=phone, exchange=town.exchange, password=password, registers=True)
    return Desk(Telephone(wiring.program("baresip"), line), LetsItRing())


async def test_forty_seven_at_once(exchange: Town) -> None:
    async with (
        desk(exchange, DESKS[0]) as one,
        desk(exchange, DESKS[1]) as two,
        desk(exchange, DESKS[2]) as three,
        crowd(wiring.ari(exchange.state), str(exchange.words.with_suffix("")), after=200) as callers,
    ):
        for number in range(CALLERS):
            await callers.calls(f"47.{number:02}", f"{NUMBER}*{NOON + number}", context="from-test")
            await asyncio.sleep(0.02)  # the order in which they came
        await asyncio.to_thread(until, lambda: len(waiting(exchange)) == CALLERS, 20)
        for name in ("attend", "control"):
            exchange.end(name, signal.SIGKILL)
        for each in (one, two, three):
            each.habit = Answers(after=0.5, talks=2.0)
        await asyncio.to_thread(until, lambda: not waiting(exchange), LONGEST + 140)
        for name in ("control", "attend"):
            exchange.begin(name)
        await asyncio.to_thread(until, lambda: not exchange.left(), 90)
    until(lambda: len(exchange.written()) == CALLERS, 20)
    report(list(exchange.written().values()))


def report(journeys: list[Past]) -> None:
    """Tell what each waited; nobody was dropped, and who came first was answered first."""
    journeys.sort(key=lambda made: made.began)
    for at, made in enumerate(journeys, 1):
        print(f"{at:3} {made.outcome:10} {made.wait or 0:6.1f} s at {made.place}")
    assert {made.outcome for made in journeys} == {"answered", "message"}
    places = {place for made in journeys for place, _ in made.steps}
    assert places <= {"d_buergerbuero.hours", "d_buergerbuero.closed", "d_buergerbuero.diverted", WAIT, *BOX}
    answered = [made for made in journeys if made.outcome == "answered"]
    assert {made.place for made in answered} == {WAIT}
    assert len(answered) >= 15
    first = [made.began + (made.wait or 0) for made in answered]
    # A desk that is free gets the next one while another announcement is said: a few seconds are no overtaking.
    assert all(later > earlier - 6.0 for earlier, later in itertools.pairwise(first))
