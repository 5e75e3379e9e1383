"""Call me back: the place in a waiting queue is kept for who hangs up, on a real Asterisk."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from unittest.mock import patch

import pytest

from orchestrator.compile import outside
from orchestrator.domain import promises
from orchestrator.domain.callers import CLASSES
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, explain
from orchestrator.domain.town import Permission
from orchestrator.messages import ledger
from orchestrator.messages.mailbox import Spool
from orchestrator.phone.desk import Answers, LetsItRing
from orchestrator.service import queues as service
from orchestrator.service import switching
from orchestrator.service.database import opened
from orchestrator.service.switching import Period
from tests.call_back_town import MEMBER, OFFICE, Citizens, call_back_town, provider
from tests.running_town import Town, running_town, until
from tests.towns import MONDAY_10

AGAIN, RINGS = 4, 5
"""Seconds between two tries, and that a call to the outside rings: else an hour would go by."""
STAYS = Answers(after=0.3)
"""A member who never hangs up first."""
ABROAD = "+33123456789"


def generous() -> Directory:
    """The office's phones may call abroad once an hour."""
    town = call_back_town()
    return replace(
        town,
        permissions={"weit": Permission(id="weit", classes=CLASSES[:4], per_hour=1)},
        phones={id_: replace(phone, permission="weit") for id_, phone in town.phones.items()},
    )


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with (
        patch.object(promises, "AGAIN", AGAIN),
        patch.object(outside, "RING_OUTSIDE", RINGS),
        running_town(tmp_path_factory.mktemp("cb"), generous()) as running,
    ):
        yield running


@pytest.fixture
async def citizens(town: Town) -> AsyncIterator[Citizens]:
    """Nothing is promised before, and nothing left afterwards."""
    citizens = Citizens(town)
    await citizens.forget()
    yield citizens
    for name in ("asterisk", "control", "attend"):
        if name not in town.processes:
            town.begin(name)
    await citizens.forget()
    await asyncio.to_thread(until, lambda: not citizens.here(), 60)


def dialled(shown: str) -> str:
    """A number as it is called back."""
    return "0" + shown.removeprefix("+49")


@pytest.mark.parametrize("python", [True, False], ids=["python", "native"])
async def test_a_promise_is_kept_at_the_place_that_was_kept(town: Town, citizens: Citizens, python: bool) -> None:
    """Who came before and after is served before and after; nobody of Python is asked."""
    if not python:
        town.end("attend")
        town.end("control")
    async with provider(town) as far, town.desk(MEMBER, "nobody") as desk:
        async with citizens.waits() as (_, first):
            called = await citizens.is_promised()
            await asyncio.to_thread(until, lambda: len(citizens.queued()) == 2, 10)
            async with citizens.waits() as (last, third):
                assert await citizens.order() == [first, dialled(called), third]
                assert list(await citizens.promises()) == [f"amt/{dialled(called)}"]
                (seen,) = await service.now(town.state)
                assert (seen.waiting, seen.promised) == (3, 1)
                desk.habit = Answers(after=0.3, talks=8.0)
                await last.ends(within=60)
        assert far.called == [(dialled(called), OFFICE)]  # they see the number of the office
    assert await citizens.promises() == {}
    if not python:
        town.begin("control")
        town.begin("attend")
    asked = await citizens.journey(called, "d_buergerbuero", "call_back")
    assert asked.way.endswith("q_amt.wait=key_1, q_amt.promise=promised, q_amt.told=said, q_amt.bye=gone")
    world = World(at=MONDAY_10, keys=("1",), others="nobody", caller=called)
    assert [(visit.place, visit.answer) for visit in explain(town.directory, town.directory.first("d_buergerbuero"),
                                                             world)] == list(asked.steps)  # fmt: skip
    made = await citizens.journey(called, "b_amt", "answered")
    assert made.way == "b_amt.turn=served, b_amt.call=talked"
    assert (asked.unexpected, made.unexpected) == ("", "")
    assert made.wait is not None
    assert made.wait > 3.0, "the member's word with the stand-in is no talk"


async def test_who_is_not_reached_is_called_again_and_at_last_a_case_of_the_department(
    town: Town, citizens: Citizens
) -> None:
    """Busy, nobody there, no line; and each time the member is told, and free again."""
    async with provider(town) as far, town.desk(MEMBER, "nobody") as desk:
        desk.habit = STAYS
        far.status = 486
        called = await citizens.is_promised()
        for tries, status in enumerate((180, 503, 200), 1):
            await asyncio.to_thread(until, lambda tries=tries: len(far.called) == tries, 40)
            await asyncio.sleep(0.5)
            far.status = status
        await asyncio.to_thread(until, lambda: not town.left(), 40)
        assert [number for number, _ in far.called] == [dialled(called)] * promises.TRIES
    await _until_forgotten(citizens)
    (message,) = [m for m in Spool(town.state.spool).box("10").messages() if m.caller == dialled(called)]
    async with opened(town.state) as engine, engine.begin() as connection:
        case = await ledger.case(connection, message.id)
    assert case is not None
    assert (case.box, case.state) == ("10", "open")
    for answer in ("busy", "nobody", "failed"):
        way = f"b_amt.turn=served, b_amt.call={answer}, b_amt.sorry=said, b_amt.over=gone"
        assert (await citizens.journey(called, way, "unanswered")).unexpected == ""
    assert 'durchwahl_queue_call_backs_total{outcome="failed",queue="amt"} 1.0' in town.page("/metrics")


async def _until_forgotten(citizens: Citizens, within: float = 30) -> None:
    async with asyncio.timeout(within):
        while await citizens.promises():
            await asyncio.sleep(0.3)


@pytest.mark.parametrize("shown", [
    "+499001234567", "+4918012345678", "+4962052199", "2501", "4917212345678", "+88161234567", "anonymous", "+4911",
], ids=["premium", "shared", "ours", "inside", "unsure", "satellite", "hidden", "short"])  # fmt: skip
async def test_who_cannot_be_called_back_waits_on_at_the_same_place(town: Town, citizens: Citizens, shown: str) -> None:
    async with (
        town.desk(MEMBER, "nobody"),
        citizens.waits(shown) as (call, _),
        citizens.waits() as (_, second),
    ):
        before = await citizens.order()
        await call.press("1")
        await asyncio.to_thread(until, lambda: len(citizens.queued()) == 1, 5)
        await asyncio.to_thread(until, lambda: len(citizens.queued()) == 2, 15)
        assert await citizens.order() == before
        assert before[1] == second
        assert await citizens.promises() == {}
        world = World(at=MONDAY_10, keys=("1",), others="nobody", caller=shown)
        answers = [visit.answer for visit in explain(town.directory, "q_amt.wait", world)]
        assert answers[:3] == ["key_1", "refused", "said"]


async def test_a_number_is_promised_once_at_a_time_and_not_without_end(town: Town, citizens: Citizens) -> None:
    async with town.desk(MEMBER, "nobody"):
        called = await citizens.is_promised()
        kept = await citizens.promises()
        await citizens.is_promised(called)
        assert await citizens.promises() == kept, "who calls again keeps the first place"
        await asyncio.to_thread(until, lambda: len(citizens.queued()) == 1, 10)
        await asyncio.sleep(1)
        assert len(citizens.queued()) == 1
        others = [await citizens.is_promised() for _ in range(2)]
        await asyncio.to_thread(until, lambda: len(citizens.queued()) == 3, 10)
        async with citizens.waits() as (call, _):  # three of six places are stand-ins'
            await call.press("1")
            assert await call.stays(15.0)
        assert set(await citizens.promises()) == {f"amt/{dialled(each)}" for each in (called, *others)}
    await citizens.hang_up()


async def test_a_promise_outlives_asterisk(town: Town, citizens: Citizens) -> None:
    async with provider(town) as far:
        async with town.desk(MEMBER, "nobody"):
            called = await citizens.is_promised()
            town.end("asterisk", signal.SIGKILL)
        town.begin("asterisk")
        async with town.desk(MEMBER, "talked") as desk:
            desk.habit = STAYS
            await asyncio.to_thread(until, lambda: len(far.called) == 1, 90)
            assert far.called == [(dialled(called), OFFICE)]
    await _until_forgotten(citizens)
    assert (await citizens.journey(called, "b_amt", "answered")).unexpected == ""


async def test_the_kill_switch_and_budgets_are_asked_when_it_is_promised_and_when_it_is_kept(
    town: Town, citizens: Citizens
) -> None:
    always = Period()
    async with provider(town) as far, town.desk(MEMBER, "nobody") as desk:
        called = await citizens.is_promised()
        await switching.switch(town.state, "outside", "emergency", always, text="", why="")
        async with citizens.waits() as (call, refused):
            await call.press("1")
            assert await call.stays(10.0)
        assert f"amt/{dialled(refused)}" not in await citizens.promises()
        desk.habit = STAYS
        made = await citizens.journey(called, "b_amt", "unanswered")
        assert "b_amt.call=failed" in made.way
        assert far.called == []
        await switching.switch(town.state, "outside", "off", always, text="", why="")
        await asyncio.to_thread(until, lambda: len(far.called) == 1, 40)
        assert far.called == [(dialled(called), OFFICE)]
        for shown, answer in ((ABROAD, "talked"), (ABROAD[:-1] + "0", "failed")):
            await citizens.is_promised(shown)
            made = await citizens.journey("00" + shown[1:], "b_amt")
            assert f"b_amt.call={answer}" in made.way, "one call abroad in an hour"
        assert len(far.called) == 2
    await citizens.hang_up()


async def test_a_member_who_hangs_up_at_once_does_not_end_the_promise(town: Town, citizens: Citizens) -> None:
    async with provider(town) as far, town.desk(MEMBER, "nobody") as desk:
        called = await citizens.is_promised()
        desk.habit = Answers(after=0.3, talks=0.5)
        await asyncio.to_thread(until, lambda: len(desk.calls) > 0 and not town.left(), 30)
        desk.habit = LetsItRing()
        dropped = await citizens.journey(called, "b_amt", "unanswered")
        assert dropped.way == "b_amt.turn=served, b_amt.call=dropped"
        assert far.called == []
        desk.habit = STAYS
        await asyncio.to_thread(until, lambda: len(far.called) == 1, 40)
    await _until_forgotten(citizens)
