"""An attendant with real callers' manners, on the fake exchange and on the original alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.apps.attend import Attendant
from orchestrator.apps.book import Book
from orchestrator.apps.observer import Nobody
from orchestrator.apps.skills import say
from orchestrator.asterisk.leg import Leg
from tests.asterisk_instance import Instance
from tests.citizens import Citizens
from tests.exchange.line import Delays
from tests.exchanges import ATTEND, SOUNDS, WAIT, Exchange, Run, asterisk, run_fake, run_real, write_attend


class Notes(Nobody):
    """An observer that writes everything down."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, str]] = []
        self.failures: list[str] = []
        self.lost_claims = 0

    def claim_lost(self, place: str) -> None:
        self.lost_claims += 1

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


def test_silence_gives_up_after_every_try(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange):
            began = asyncio.get_running_loop().time()
            line = await citizens.call("silent", "test.door")
            await over(citizens, "silent")
            took = asyncio.get_running_loop().time() - began
        assert await exchange.marks(line) == ["PLACE test.door", "ANSWER test.door=gave_up", *DESK]
        two_tries = 2 * (SOUNDS["short"] + WAIT)
        assert two_tries < took < two_tries + 1.0

    run(scenario)


def test_the_deadline_is_renewed_for_each_further_try(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        places = {**ATTEND["places"], "test.door": {**ATTEND["places"]["test.door"], "tries": 3}}
        exchange.attend.write_text(json.dumps({"tree": "more tries", "places": places}))
        async with attending(exchange):
            line = await citizens.call("slow", "test.door")
            await over(citizens, "slow")
        assert await exchange.marks(line) == ["PLACE test.door", "ANSWER test.door=gave_up", *DESK]

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
        assert notes.ends == [("test.door", "key_2"), ("test.hall", "said")]

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


def test_draining_hands_the_callers_to_another_attendant(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with attending(exchange, slot=1) as (first, notes):
            line = await citizens.call("handed", "test.door")
            await asyncio.sleep(0.3)
            async with attending(exchange, slot=2) as (_, others):
                first.drain()
                await asyncio.sleep(0.3)
                await citizens.press("handed", "1")
                await over(citizens, "handed")
        places = ["PLACE test.door", "PLACE test.door", "ANSWER test.door=key_1", *DESK]
        assert await exchange.marks(line) == places
        assert others.ends == [("test.door", "key_1")]
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
