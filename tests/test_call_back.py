"""Call me back: the place in a waiting queue is kept for who hangs up, on a real Asterisk."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from orchestrator.compile import outside
from orchestrator.domain import outgoing, promises
from orchestrator.domain.callers import CLASSES
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, explain
from orchestrator.domain.schedule import Block
from orchestrator.domain.town import Permission
from orchestrator.messages import ledger
from orchestrator.messages.mailbox import Spool
from orchestrator.phone.desk import Answers
from orchestrator.phone.hearing import recognise, tone_seconds
from orchestrator.service import queues as service
from orchestrator.service import rollout, switching
from orchestrator.service.database import opened
from orchestrator.service.switching import Period
from orchestrator.store.load import save
from tests.call_back_town import ALWAYS, MEMBER, OFFICE, Citizens, call_back_town, provider
from tests.outside_exchange import desks
from tests.running_town import PYTHON, Town, running_town, until
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


@pytest.mark.parametrize("python", PYTHON)
async def test_a_promise_is_kept_at_the_place_that_was_kept(town: Town, citizens: Citizens, python: bool) -> None:
    """Who came before and after is served before and after; nobody of Python is asked."""
    if not python:
        town.end("attend")
        town.end("control")
    async with provider(town) as far, town.desk(MEMBER, "nobody") as desk:
        async with (
            citizens.waits() as (_, first),
            citizens.waits() as (call, called),
            citizens.waits() as (_, third),
        ):
            await call.press("1")
            await call.ends(within=30)
            await asyncio.to_thread(until, lambda: len(citizens.queued()) == 3, 10)
            assert await citizens.order() == [first, dialled(called), third]
            assert list(await citizens.promises()) == [f"amt/{dialled(called)}"]
            (seen,) = await service.now(town.state)
            assert (seen.waiting, seen.promised) == (3, 1)
            desk.habit = Answers(after=0.3, talks=8.0)
            await asyncio.to_thread(until, lambda: len(far.called) == 1, 60)
            assert citizens.queued(), "who came after waits still"
            await _until_forgotten(citizens)
        assert far.called == [(dialled(called), OFFICE)]  # they see the number of the office
    if not python:
        town.begin("control")
        town.begin("attend")
    asked = await citizens.journey(called, "d_buergerbuero", "call_back")
    assert asked.way.endswith("q_amt.wait=key_1, q_amt.promise=promised, q_amt.told=said, q_amt.bye=gone")
    world = World(at=MONDAY_10, keys=("1",), others="nobody", caller=called)
    assert [(visit.place, visit.answer) for visit in explain(town.directory, town.directory.first("d_buergerbuero"),
                                                             world)] == list(asked.steps)  # fmt: skip
    made = await citizens.journey(called, "callback_amt", "answered")
    assert made.way == "callback_amt.turn=served, callback_amt.call=talked"
    assert (asked.unexpected, made.unexpected) == ("", "")
    assert made.wait is not None
    assert made.wait > 3.0, "the member's word with the stand-in is no talk"


@pytest.mark.long
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
        rang = [call for call in desk.calls if call.answered_at is not None]
        heard = await rang[1].heard()
    said = [recognise(heard, town.prompt(name, "de")) for name in ("call_back_now", "call_back_unreached")]
    assert all(each.recognised for each in said), said
    before = replace(heard, samples=heard.samples[: int(said[1].at * heard.rate)])
    assert tone_seconds(before) > 0.5, "the member hears that it rings"
    await _until_forgotten(citizens)
    (message,) = [m for m in Spool(town.state.spool).box("10").messages() if m.caller == dialled(called)]
    async with opened(town.state) as engine, engine.begin() as connection:
        case = await ledger.case(connection, message.id)
    assert case is not None
    assert (case.box, case.state) == ("10", "open")
    for answer in ("busy", "nobody", "failed"):
        way = f"callback_amt.turn=served, callback_amt.call={answer}, callback_amt.sorry=said, callback_amt.over=gone"
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


@pytest.mark.long
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
    assert (await citizens.journey(called, "callback_amt", "answered")).unexpected == ""


@pytest.mark.long
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
        made = await citizens.journey(called, "callback_amt", "unanswered")
        assert "callback_amt.call=failed" in made.way
        assert far.called == []
        await switching.switch(town.state, "outside", "on", always, text="", why="")
        await asyncio.to_thread(until, lambda: len(far.called) == 1, 40)
        assert far.called == [(dialled(called), OFFICE)]
        for shown, answer in ((ABROAD, "talked"), (ABROAD[:-1] + "0", "failed")):
            await citizens.is_promised(shown)
            made = await citizens.journey("00" + shown[1:], "callback_amt")
            assert f"callback_amt.call={answer}" in made.way, "one call abroad in an hour"
        assert len(far.called) == 2
    await citizens.hang_up()


@pytest.mark.long
async def test_a_member_who_hangs_up_at_once_does_not_end_the_promise(town: Town, citizens: Citizens) -> None:
    async with provider(town) as far, town.desk(MEMBER, "nobody") as desk:
        called = await citizens.is_promised()
        desk.habit = Answers(after=0.3, talks=0.5)
        dropped = await citizens.journey(called, "callback_amt", "unanswered")
        desk.habit = STAYS
        assert dropped.way == "callback_amt.turn=served, callback_amt.call=dropped"
        assert far.called == []
        await asyncio.to_thread(until, lambda: len(far.called) == 1, 40)
    await _until_forgotten(citizens)


async def test_who_hangs_up_before_all_is_said_is_called_back_too(town: Town, citizens: Citizens) -> None:
    async with town.desk(MEMBER, "nobody"):
        called = await citizens.is_promised(hears=False)
        await asyncio.to_thread(until, lambda: len(citizens.queued()) == 1, 10)
        assert await citizens.order() == [dialled(called)]
        assert (await citizens.journey(called, "d_buergerbuero")).outcome == "call_back"
    await citizens.hang_up()


@pytest.fixture
def closing(tmp_path: Path) -> Iterator[tuple[Town, datetime]]:
    """A town whose office closes in a minute or two, in whatever part of the world it is noon now; and when that is."""
    offset = datetime.now(UTC).hour - 12
    zone = f"Etc/GMT{offset:+d}" if offset else "Etc/GMT"
    closes = (datetime.now(ZoneInfo(zone)) + timedelta(seconds=110)).replace(second=0, microsecond=0)
    block = Block(start=time(1), end=closes.time())
    schedule = replace(ALWAYS, name="kurz", timezone=zone, week=dict.fromkeys(ALWAYS.week, (block,)))
    with running_town(tmp_path, call_back_town(schedule)) as town:
        yield town, closes


@pytest.mark.long
async def test_a_promise_ends_when_the_office_closes(closing: tuple[Town, datetime]) -> None:
    town, closes = closing
    citizens = Citizens(town)
    async with town.desk(MEMBER, "nobody"):
        called = await citizens.is_promised()
        await asyncio.to_thread(until, lambda: len(citizens.queued()) == 1, 10)
        await asyncio.to_thread(until, lambda: not citizens.queued(), 130)
        late = datetime.now(UTC) - closes
        assert timedelta(seconds=-1) < late < timedelta(seconds=25)
        await _until_forgotten(citizens)
    (message,) = Spool(town.state.spool).box("10").messages()
    assert message.caller == dialled(called)
    made = await citizens.journey(called, "callback_amt", "unanswered")
    assert (made.way, made.unexpected) == ("callback_amt.turn=unserved", "")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Town]:
    with running_town(tmp_path, call_back_town()) as town:
        yield town


async def test_what_is_promised_when_a_queue_calls_back_no_more_is_a_case(other: Town) -> None:
    citizens = Citizens(other)
    async with other.desk(MEMBER, "nobody"):
        called = await citizens.is_promised()
        await asyncio.to_thread(until, lambda: len(citizens.queued()) == 1, 10)
        async with opened(other.state) as engine:
            changed = call_back_town(keys={"2": "d_buergerbuero.box"})
            await save(engine, replace(changed, trunks=other.directory.trunks), who="t", what="t", why="t")
        done = await rollout.apply(other.state, lambda done, total: None, checksum="", force=())
        assert done.done, done.told
        await asyncio.to_thread(until, lambda: not citizens.here(), 90)
    await _until_forgotten(citizens)
    (message,) = Spool(other.state.spool).box("10").messages()
    assert message.caller == dialled(called)


ASKED = """
[asked]
exten => _[0-9+].,1,Set(TO=)
 same => n,GotoIf(${DIALPLAN_EXISTS(recallable,${EXTEN},1)}?:none)
 same => n,Gosub(recallable,${EXTEN},1)
 same => n,GotoIf($["${GOSUB_RETVAL}" = ""]?none)
 same => n,CELGenUserEvent(PLACE,outside.${TO})
 same => n,Hangup()
 same => n(none),CELGenUserEvent(PLACE,outside.none)
 same => n,Hangup()
"""


@pytest.mark.long
def test_the_dialplan_and_the_directory_agree_on_who_is_called_back(tmp_path: Path) -> None:
    directory = derive(generous())
    queue = directory.queues["amt"]
    begins = {begin for rule in outgoing.rules_of(directory.town) for begin in (rule, "0" + rule, "00" + rule)}
    begins |= {"062052", "0620521", "06205", "00496205", "0049", "+", "000"}
    shown = {f"{begin}{rest}" for begin in begins for rest in ("12", "1234567", "12345678901234567")}
    shown |= {f"+49{each[1:]}" for each in shown} | {f"0049{each[1:]}" for each in shown}
    shown |= {f"+{each[2:]}" for each in shown if each.startswith("00")} | {OFFICE, "+49620521", "0620521", "+++4917"}
    numbers = sorted(each for each in shown if len(each) > 1)
    with desks(tmp_path, directory, ASKED) as made:
        went = made.dials([("nobody", each) for each in numbers], context="asked")
    found = {each: "" if way.kind == "none" else way.kind for each, way in zip(numbers, went, strict=True)}
    assert found == {each: promises.number(directory, queue, each) for each in numbers}
    assert 50 < len([each for each in found.values() if each]) < len(found) / 2
