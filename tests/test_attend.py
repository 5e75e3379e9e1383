"""An attendant with real callers' manners, on the fake exchange and on the original alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.apps.attend import LATE, Attendant
from orchestrator.apps.book import Book
from orchestrator.apps.observer import Nobody
from orchestrator.apps.skills import say
from orchestrator.asterisk.events import Arrived, Offered
from orchestrator.asterisk.leg import Leg
from orchestrator.asterisk.transport import Transport
from tests.asterisk_instance import Instance
from tests.citizens import Citizens
from tests.exchange.line import Delays
from tests.exchanges import ATTEND, SOUNDS, TRIES, WAIT, Exchange, Run, asterisk, run_fake, run_real, write_attend
from tests.probe import Probe


class Notes(Nobody):
    """An observer that writes everything down."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, str]] = []
        self.failures: list[str] = []
        self.lost_claims = 0
        self.sheds: list[str] = []

    def claim_lost(self, place: str) -> None:
        self.lost_claims += 1

    def shed(self, place: str) -> None:
        self.sheds.append(place)

    def ended(self, place: str, answer: str, seconds: float) -> None:
        self.ends.append((place, answer))

    def failed(self, place: str, error: Exception) -> None:
        self.failures.append(f"{place}: {type(error).__name__}")


async def hello(leg: Leg, arguments: Mapping[str, Any]) -> str:
    assert arguments == {"who": "you"}
    await say(leg, "sound:brief", "sound:brief")
    return "said"


async def broken(leg: Leg, arguments: Mapping[str, Any]) -> str:
    async with leg.play("sound:short"):
        raise ZeroDivisionError


async def surprising(leg: Leg, arguments: Mapping[str, Any]) -> str:
    return "maybe"


async def endless(leg: Leg, arguments: Mapping[str, Any]) -> str:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with asterisk(tmp_path_factory.mktemp("asterisk")) as running:
        yield running


@pytest.fixture(params=["fake", "asterisk"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    attend = write_attend(tmp_path)
    if request.param == "asterisk":
        return run_real(request.getfixturevalue("instance"), attend)
    return run_fake(attend, Delays())


@asynccontextmanager
async def attending(exchange: Exchange, slot: int = 1, skill: Any = hello) -> AsyncIterator[tuple[Attendant, Notes]]:
    """An attendant at work, who is drained at the end."""
    notes = Notes()
    book = Book(exchange.attend)
    attendant = Attendant(slot=slot, dial=exchange.dial, book=book, skills={"hello": skill}, observer=notes)
    task = asyncio.create_task(attendant.run())
    async with asyncio.timeout(5):
        while not attendant.connection.connected:
            await asyncio.sleep(0.01)
    try:
        yield attendant, notes
    finally:
        attendant.drain()
        async with asyncio.timeout(4):
            await task


async def over(citizens: Citizens, name: str) -> None:
    async with asyncio.timeout(10):
        await citizens.over[name].wait()


DESK = ["PLACE test.desk", "ANSWER test.desk=talked"]


def test_a_key_pressed_into_the_prompt_is_the_answer(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange) as (_, notes):
            line = await citizens.call("quick", "test.door")
            await asyncio.sleep(0.3)
            began = asyncio.get_running_loop().time()
            await citizens.press("quick", "1")
            await over(citizens, "quick")
            assert asyncio.get_running_loop().time() - began < 0.9  # 0.3 s of it at the desk
        assert await exchange.marks(line) == ["PLACE test.door", "ANSWER test.door=key_1", *DESK]
        assert notes.ends == [("test.door", "key_1")]
        assert not notes.failures

    run(scenario)


def test_silence_gives_up_after_every_try_and_each_has_its_own_deadline(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange) as (_, notes):
            began = asyncio.get_running_loop().time()
            line = await citizens.call("silent", "test.door")
            await over(citizens, "silent")
            took = asyncio.get_running_loop().time() - began
        assert await exchange.marks(line) == ["PLACE test.door", "ANSWER test.door=gave_up", *DESK]
        assert notes.ends == [("test.door", "next")] * TRIES
        tries = TRIES * (SOUNDS["short"] + WAIT)
        assert tries > SOUNDS["short"] + WAIT + 3  # else one deadline would do for all
        assert tries < took < tries + 1.0

    run(scenario)


def test_keys_close_behind_a_wrong_one_are_heard(run: Run) -> None:
    """Whether they come before the next try has begun, or while nobody has the caller."""

    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange):
            lines = {}
            for pause in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1):
                name = f"hasty-{int(pause * 1000)}"
                lines[name] = await citizens.call(name, "test.door")
                await asyncio.sleep(0.2)
                await citizens.press(name, "9")
                await asyncio.sleep(pause)
                await citizens.press(name, "1")
            for name in lines:
                await over(citizens, name)
        for line in lines.values():
            assert await exchange.marks(line) == ["PLACE test.door", "ANSWER test.door=key_1", *DESK]

    run(scenario)


def test_a_wrong_key_is_the_next_try_and_a_skill_speaks(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange) as (_, notes):
            line = await citizens.call("clumsy", "test.door")
            await asyncio.sleep(0.2)
            await citizens.press("clumsy", "9")
            await asyncio.sleep(0.4)
            await citizens.press("clumsy", "2")
            await over(citizens, "clumsy")
        door = ["PLACE test.door", "ANSWER test.door=key_2"]
        assert await exchange.marks(line) == [*door, "PLACE test.hall", "ANSWER test.hall=said", *DESK]
        assert notes.ends == [("test.door", "next"), ("test.door", "key_2"), ("test.hall", "said")]

    run(scenario)


@pytest.mark.parametrize(
    ("skill", "failure"),
    [(broken, "ZeroDivisionError"), (surprising, "UnknownAnswer"), (endless, "TimeoutError")],
)
def test_a_bug_costs_one_caller_one_step(run: Run, skill: Any, failure: str) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange, skill=skill) as (_, notes):
            line = await citizens.call("unlucky", "test.hall")
            await citizens.call("lucky", "test.door")
            await citizens.press("lucky", "1")
            await over(citizens, "unlucky")
            await over(citizens, "lucky")
        assert await exchange.marks(line) == ["PLACE test.hall", "ANSWER test.hall=python_down", *DESK]
        assert notes.failures == [f"test.hall: {failure}"]
        assert ("test.door", "key_1") in notes.ends

    run(scenario)


def test_what_an_apply_took_from_a_place_costs_no_caller_their_call(run: Run) -> None:
    """A menu for us, and none any more for the dialplan: it has no label `next`."""

    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        exchange.attend.write_text(
            json.dumps({"tree": "newer", "places": {"test.hall": ATTEND["places"]["test.door"]}})
        )
        async with attending(exchange) as (_, notes):
            began = asyncio.get_running_loop().time()
            line = await citizens.call("changed", "test.hall")
            await over(citizens, "changed")
            assert asyncio.get_running_loop().time() - began < SOUNDS["short"] + WAIT + 1.0  # no deadline was needed
        assert await exchange.marks(line) == ["PLACE test.hall", "ANSWER test.hall=python_down", *DESK]
        assert notes.failures == []

    run(scenario)


def test_a_place_that_is_no_more_leads_where_the_dialplan_says(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await citizens.call("gone", "test.hall")
            await probe.hears(Offered)
            await probe.ari.claim(line)
            await probe.hears(Arrived)
            arrived = probe.all(Arrived)[0]
            assert isinstance(arrived, Arrived)
            Leg(probe.ari, replace(arrived, channel=replace(arrived.channel, extension="removed"))).hand_back()
            await over(citizens, "gone")
        marks = ["PLACE test.hall", "NOTE unknown removed", "ANSWER test.hall=python_down", *DESK]
        assert await exchange.marks(line) == marks

    run(scenario)


def test_an_unknown_place_goes_on_natively(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        exchange.attend.write_text(json.dumps({"tree": "older", "places": {}}))
        async with attending(exchange) as (_, notes):
            line = await citizens.call("renamed", "test.hall")
            await over(citizens, "renamed")
        assert await exchange.marks(line) == ["PLACE test.hall", "ANSWER test.hall=python_down", *DESK]
        assert notes.failures == ["test.hall: UnknownPlace"]

    run(scenario)


def test_a_new_tree_is_read_when_it_comes(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        exchange.attend.write_text(json.dumps({"tree": "older", "places": {}}))
        async with attending(exchange) as (_, notes):
            await citizens.call("first", "test.hall")
            await over(citizens, "first")
            exchange.attend.write_text(json.dumps(ATTEND))
            line = await citizens.call("second", "test.hall")
            await over(citizens, "second")
        assert await exchange.marks(line) == ["PLACE test.hall", "ANSWER test.hall=said", *DESK]
        assert len(notes.failures) == 1

    run(scenario)


class Late:
    """A line that tells everything `by` seconds later, as to somebody who has too much to do."""

    def __init__(self, line: Transport) -> None:
        self._line, self.by = line, 0.0
        self.send, self.close = line.send, line.close

    async def receive(self) -> bytes:
        text = await self._line.receive()
        await asyncio.sleep(self.by)
        return text


def test_who_has_too_much_to_do_leaves_callers_to_a_fellow_and_then_to_the_dialplan(
    instance: Instance, tmp_path: Path
) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        lines: dict[str, Late] = {}

        async def dial(app: str) -> Transport:
            lines[app] = Late(await plain(app))
            return lines[app]

        plain, exchange.dial = exchange.dial, dial
        async with attending(exchange, slot=1) as (_, busy):
            lines["attendant-1"].by = LATE + 0.02
            async with attending(exchange, slot=2) as (_, fellow):
                served = await citizens.call("served", "test.hall")
                await over(citizens, "served")
                assert (busy.sheds, fellow.ends) == (["test.hall"], [("test.hall", "said")])
            alone = await citizens.call("alone", "test.hall")
            await over(citizens, "alone")
            assert (busy.sheds, busy.ends, busy.lost_claims) == (["test.hall"] * 2, [], 0)
            lines["attendant-1"].by = 0.0
            again = await citizens.call("again", "test.hall")
            await over(citizens, "again")
        assert await exchange.marks(served) == ["PLACE test.hall", "ANSWER test.hall=said", *DESK]
        assert await exchange.marks(alone) == ["PLACE test.hall", "ANSWER test.hall=python_down", *DESK]
        assert await exchange.marks(again) == ["PLACE test.hall", "ANSWER test.hall=said", *DESK]

    run_real(instance, write_attend(tmp_path))(scenario)


def test_draining_hands_the_callers_to_another_attendant_in_the_same_try(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange, slot=1) as (first, notes):
            line = await citizens.call("handed", "test.door")
            await citizens.press("handed", "9")
            await asyncio.sleep(0.3)
            async with attending(exchange, slot=2) as (_, others):
                first.drain()
                await over(citizens, "handed")
        places = ["PLACE test.door", "PLACE test.door", "ANSWER test.door=gave_up", *DESK]
        assert await exchange.marks(line) == places
        assert notes.ends == [("test.door", "next"), ("test.door", "gone")]
        assert others.ends == [("test.door", "next")] * (TRIES - 1)  # with the try in which they were
        assert notes.failures == others.failures == []

    run(scenario)


def test_who_was_left_behind_by_an_earlier_line_goes_on_natively(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange) as (attendant, notes):
            line = await citizens.call("left", "test.hall")
            await asyncio.sleep(0.2)
            taken = await exchange.dial("attendant-1")  # the first line is replaced, and comes back
            await over(citizens, "left")
            await taken.close()
            assert attendant.connection.connected
        assert await exchange.marks(line) == ["PLACE test.hall", "ANSWER test.hall=python_down", *DESK]
        assert notes.failures == []

    run(scenario)


def test_many_callers_at_once_over_two_attendants(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange, slot=1) as (_, one), attending(exchange, slot=2) as (_, two):

            async def call(name: str) -> str:
                line = await citizens.call(name, "test.door")
                await citizens.press(name, "1")
                await citizens.press(name, "1")
                await over(citizens, name)
                return line

            names = [f"crowd-{number}" for number in range(20)]
            lines = await asyncio.gather(*map(call, names))
        for line in lines:
            assert await exchange.marks(line) == ["PLACE test.door", "ANSWER test.door=key_1", *DESK]
        assert len(one.ends) + len(two.ends) == 20
        assert one.lost_claims + two.lost_claims == 20
        assert one.failures == two.failures == []

    run(scenario)
