"""Forty-seven citizens at once at the operators' number, by SIP, and all of Python killed while they wait.

Each has a place and waits for their turn; they are answered, ask to be called back, or leave a message, and nobody is
dropped. What each of them waited is told (`pytest -s`).
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, Menu, When
from orchestrator.phone.call import Call
from orchestrator.phone.desk import Answers
from orchestrator.phone.hearing import Match, recognise
from orchestrator.phone.sipp import Run, run_sipp
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.history import Past
from tests.call_back_town import ALWAYS, Citizens, call_back_town, provider
from tests.running_town import CITIZEN, Town, running_town, until
from tests.test_queues import WAIT, sound
from tests.towns import prompt, town_flow

OPERATORS, SCENARIO = "+496205210", Path(__file__).parent / "scenarios" / "waiter.xml"
DESKS = ("tel10", "tel2500", "tel2501")
STAY, PROMISED, WRITE = 35, 6, 6
"""Who stays on the line to the end (by SIPp); by telephones, who asks to be called back, and who writes."""
CALLERS = STAY + PROMISED + WRITE
LONGEST = 60
BOX = "d_buergerbuero.box"


def overload_town() -> Directory:
    """Who calls 0 and chooses nothing in its menu waits for one of three operators."""
    town = call_back_town(phones=DESKS, most=60, longest=LONGEST, announce=15)
    steps = town_flow().steps
    door = When(schedule=ALWAYS.name, open="town.welcome", closed="town.sorry", holiday="town.sorry")
    welcome = Menu(prompt=prompt("town.welcome", "Guten Tag. Nachrichten mit der 2.", "Hello. Press 2 for a message."),
                   keys={"2": "town.box"}, otherwise=WAIT, wait=1.0, tries=1)  # fmt: skip
    kept = {name: steps[name] for name in ("box", "thanks", "sorry", "bye")}
    return replace(
        town,
        flows={"town": Flow(name="town", start="door", steps={"door": door, "welcome": welcome, **kept})},
        trunks={**town.trunks, "provider": replace(town.trunks["provider"], public=True, order=9)},
    )


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("q"), overload_town()) as running:
        yield running


async def stay(town: Town) -> Run:
    """Callers who do nothing but wait, and speak all the time."""
    spoken = town.state.sounds / "de" / f"{town.sounds['town.box'].file}.alaw"
    return await run_sipp(wiring.program("sipp"), SCENARIO, exchange=town.exchange, number=OPERATORS, calls=STAY,
                          rate=12, within=280, address=CITIZEN, audio=spoken)  # fmt: skip


@asynccontextmanager
async def telephones(town: Town, count: int) -> AsyncIterator[list[Telephone]]:
    """Telephones of citizens; each number is its own."""
    async with AsyncExitStack() as stack:
        lines = [Line(number=f"+4917147002{number:02}", exchange=town.exchange) for number in range(count)]
        made = [Telephone(wiring.program("baresip"), line, address=CITIZEN) for line in lines]
        yield [await stack.enter_async_context(each) for each in made]


@pytest.mark.long
@pytest.mark.crowded
async def test_forty_seven_at_once(town: Town) -> None:
    town.complete()
    citizens = Citizens(town)
    await citizens.hang_up()  # of a try before, whose telephone crashed
    await asyncio.to_thread(until, lambda: not citizens.here(), 10)
    citizens.began = time.time()
    async with (
        provider(town) as far,
        town.staff(dict.fromkeys(DESKS, "nobody")) as staff,
        telephones(town, PROMISED + WRITE) as pressing,
    ):
        staying = asyncio.create_task(stay(town))
        await asyncio.to_thread(until, lambda: len(citizens.queued()) > len(DESKS), 20)
        calls = [await telephone.dial(OPERATORS) for telephone in pressing]
        await asyncio.to_thread(until, lambda: len(citizens.queued()) == CALLERS, 40)
        assert len(set(await citizens.order())) == CALLERS
        for name in ("attend", "control"):
            town.end(name, signal.SIGKILL)
        await asyncio.sleep(3.0)
        assert len(citizens.queued()) == CALLERS
        await asyncio.gather(*(is_promised(town, call) for call in calls[:PROMISED]),
                             *(writes(town, call) for call in calls[PROMISED:]))  # fmt: skip
        for desk in staff.desks:
            desk.habit = Answers(after=0.5, talks=8.0)
        stayed = await staying
        assert (stayed.succeeded, stayed.failed) == (STAY, 0), stayed.errors
        await asyncio.to_thread(until, lambda: len(far.called) == PROMISED, 60)
        await asyncio.to_thread(until, lambda: not citizens.here(), 30)
    for name in ("control", "attend"):
        town.begin(name)
    until(lambda: len(since(town, citizens.began)) == CALLERS + PROMISED, 30)
    report(since(town, citizens.began))


def since(town: Town, began: float) -> list[Past]:
    """The journeys of calls that began since."""
    return [past for past in town.written().values() if past.began >= began]


async def is_promised(town: Town, call: Call) -> None:
    """Hears their place, presses 1, and is told that they are called back."""
    await is_told(town, call)
    await call.press("1")
    await call.ends(within=30)
    assert recognise(await call.heard(), town.prompt("call_back_promised", "de")).recognised


async def writes(town: Town, call: Call) -> None:
    """Hears their place, presses 2, and leaves a message."""
    await is_told(town, call)
    await call.press("2")
    await call.stays(6.0)  # the greeting
    await call.say(town.words)
    await call.hang_up()


async def is_told(town: Town, call: Call) -> None:
    """Which place they have, which is never that of who is next."""
    heard: list[Match] = []
    for _ in range(30):
        heard.append(recognise(await call.heard(), sound(town, "waiting-place")))
        if heard[-1].share > 0.6:  # a third of it is heard of who is next
            return
        await asyncio.sleep(1.0)
    raise AssertionError(f"{call} was not told the place: {heard[-1]}")


def report(journeys: list[Past]) -> None:
    """Tell what each waited; nobody was dropped, and who came first was answered first."""
    journeys.sort(key=lambda made: made.began)
    for at, made in enumerate(journeys, 1):
        print(f"{at:3} {made.caller:>16} {made.outcome:10} {made.wait or 0:6.1f} s  {made.way}")
    assert {made.unexpected for made in journeys} == {""}
    back = [made for made in journeys if made.way.startswith("callback_")]
    assert [made.outcome for made in back] == ["answered"] * PROMISED
    came = [made for made in journeys if made not in back]
    outcomes = Counter(made.outcome for made in came)
    assert outcomes["call_back"] == PROMISED
    assert outcomes["message"] >= WRITE
    assert outcomes["answered"] >= STAY // 3
    assert outcomes.total() == outcomes["call_back"] + outcomes["message"] + outcomes["answered"] == CALLERS
    answered = [made for made in came if made.outcome == "answered"]
    first = [made.began + (made.wait or 0) for made in answered]
    # A desk that is free gets the next one while another announcement is said: a few seconds are no overtaking.
    assert all(later > earlier - 6.0 for earlier, later in itertools.pairwise(first))
