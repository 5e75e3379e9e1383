"""Hanging up as a deadline: the scope itself, and a hangup at every moment of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from orchestrator.apps.attend import Attendant
from orchestrator.apps.book import Book
from orchestrator.asterisk.hangup import Gone, Mortal, WhileAlive
from tests.citizens import Citizens
from tests.exchange import clock
from tests.exchange.line import Delays
from tests.exchanges import Fake, write_attend
from tests.test_attend import Notes, hello


def run(main: Coroutine[Any, Any, None]) -> None:
    clock.run(main)


def time() -> float:
    return asyncio.get_running_loop().time()


def cancellations() -> int:
    task = asyncio.current_task()
    assert task
    return task.cancelling()


def test_the_block_ends_with_the_caller_and_the_code_after_it_goes_on() -> None:
    async def main() -> None:
        leg = Mortal()
        asyncio.get_running_loop().call_later(3, leg.end)
        async with WhileAlive(leg) as life:
            await asyncio.sleep(100)
        assert life.died
        assert time() == 3
        assert cancellations() == 0
        await asyncio.sleep(1)  # no stray cancellation later

    run(main())


def test_already_gone() -> None:
    async def main() -> None:
        leg = Mortal()
        leg.end()
        async with WhileAlive(leg) as life:
            await asyncio.sleep(100)
        assert life.died
        assert time() == 0

    run(main())


def test_a_caller_who_stays_changes_nothing() -> None:
    async def main() -> None:
        leg = Mortal()
        async with WhileAlive(leg) as life:
            await asyncio.sleep(1)
        leg.end()
        await asyncio.sleep(1)
        assert not life.died

    run(main())


def test_a_caller_who_goes_as_the_block_ends_cancels_nothing_later() -> None:
    async def main() -> None:
        leg = Mortal()
        async with WhileAlive(leg):
            await asyncio.sleep(1)
            leg.end()  # told soon, but we have left by then
        await asyncio.sleep(1)
        assert cancellations() == 0

    run(main())


@pytest.mark.parametrize("first", ["leg", "task"])
def test_who_is_stopped_from_outside_in_the_same_instant_stops(first: str) -> None:
    async def main() -> None:
        leg = Mortal()

        async def body() -> str:
            async with WhileAlive(leg):
                await asyncio.sleep(100)
            return "swallowed"

        task = asyncio.create_task(body())
        await asyncio.sleep(1)
        if first == "leg":
            leg.end()
            task.cancel()
        else:
            task.cancel()
            leg.end()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_a_timeout_inside_still_is_one() -> None:
    async def main() -> None:
        async with WhileAlive(Mortal()) as life:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await asyncio.sleep(10)
        assert not life.died

    run(main())


def test_a_timeout_in_the_same_instant_does_not_hide_the_hangup() -> None:
    async def main() -> None:
        leg = Mortal()
        asyncio.get_running_loop().call_later(5, leg.end)
        async with WhileAlive(leg) as life:
            try:
                async with asyncio.timeout(5):
                    await asyncio.sleep(10)
            except TimeoutError:
                await asyncio.sleep(10)
        assert life.died
        assert time() == 5
        assert cancellations() == 0

    run(main())


def test_two_callers_who_go_together_end_two_blocks() -> None:
    async def main() -> None:
        one, two = Mortal(), Mortal()
        asyncio.get_running_loop().call_later(1, one.end)
        asyncio.get_running_loop().call_later(1, two.end)
        async with WhileAlive(one) as outer:
            async with WhileAlive(two) as inner:
                await asyncio.sleep(100)
            await asyncio.sleep(100)
        assert outer.died
        assert inner.died
        assert cancellations() == 0
        await asyncio.sleep(1)

    run(main())


def test_gone_is_for_the_scope_whose_caller_it_is() -> None:
    async def main() -> None:
        one, two = Mortal(), Mortal()
        async with WhileAlive(one) as outer:
            async with WhileAlive(two) as inner:
                raise Gone(one)
            raise AssertionError
        assert outer.died
        assert not inner.died
        assert cancellations() == 0

    run(main())


def test_another_error_passes() -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with WhileAlive(Mortal()):
                raise ZeroDivisionError

    run(main())


class Journey:
    """One citizen's call on the fake exchange: what they press and when, and perhaps when they hang up."""

    def __init__(self, attend: Path, delays: Delays, presses: dict[float, str]) -> None:
        self._attend, self._delays, self._presses = attend, delays, presses
        self.notes = Notes()
        self.marks: list[str] = []
        self.ended = 0.0
        self.hung_up = False

    async def walk(self, at: float | None = None, disturb: Callable[[Journey], None] | None = None) -> None:
        """Make the call; `disturb` it at the instant `at`."""
        self.exchange = exchange = Fake(self._attend, self._delays)
        exchange.fake.globals["ATTENDANTS"] = "1"
        self.attendant = attendant = Attendant(
            slot=1, dial=exchange.dial, book=Book(self._attend), skills={"hello": hello}, observer=self.notes
        )
        working = asyncio.create_task(attendant.run())
        loop = asyncio.get_running_loop()
        async with Citizens(exchange.dial) as citizens:
            await asyncio.sleep(1 - loop.time())
            fake = exchange.fake
            if at is not None and disturb:
                loop.call_at(at, disturb, self)
            for at, key in self._presses.items():
                loop.call_at(1 + at, self._press, exchange, key)
            await citizens.call("citizen", "test.door")
            while fake.channels:
                await asyncio.sleep(0.05)
            self.ended = loop.time()
            await asyncio.sleep(0.5)  # whatever was under way arrives
            assert not attendant._legs
            attendant.drain()
            await working
        self.marks = fake.marks["citizen-line"]
        assert fake.left_over() == []
        assert all(not app.channels for app in fake.apps.values())
        assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()

    def hang_up(self) -> None:
        if channel := self.exchange.fake.channels.get("citizen-line"):
            self.exchange.fake.hang_up(channel)
            self.hung_up = True

    def drain(self) -> None:
        self.exchange.fake.globals["ATTENDANTS"] = "0"
        self.attendant.drain()

    def cut(self) -> None:
        if line := self.exchange.fake.apps["attendant-1"].line:
            line.cut()

    @staticmethod
    def _press(exchange: Fake, key: str) -> None:
        if channel := exchange.fake.channels.get("citizen-line"):
            exchange.fake.press(channel, key)


JOURNEYS = {
    "key": {0.5: "1"},
    "skill": {0.5: "9", 0.7: "2"},
    "silence": {},
}
DELAYS = {
    "even": Delays(),
    "events first": Delays(reply=0.03, event=0.002),
    "replies first": Delays(reply=0.002, event=0.03),
}


def every_moment(undisturbed: Journey) -> list[float]:
    """Make the undisturbed call; every instant of it, and just before and after."""
    _, moments = clock.run_and_time(undisturbed.walk())
    tried = sorted({moment + slightly for moment in moments for slightly in (-1e-6, 0, 1e-6) if moment > 1})
    assert len(tried) > 20
    return tried


@pytest.mark.parametrize("presses", JOURNEYS.values(), ids=JOURNEYS)
@pytest.mark.parametrize(
    "delays",
    [pytest.param(each, id=name, marks=() if name == "even" else pytest.mark.long) for name, each in DELAYS.items()],
)
def test_hanging_up_at_every_moment_leaves_nothing_behind(
    tmp_path: Path, presses: dict[float, str], delays: Delays, caplog: pytest.LogCaptureFixture
) -> None:
    """Once undisturbed, noting every instant at which anything happens; then hanging up at each of them."""
    attend = write_attend(tmp_path)
    undisturbed = Journey(attend, delays, presses)
    tried = every_moment(undisturbed)
    met = 0
    for moment in tried:
        journey = Journey(attend, delays, presses)
        clock.run(journey.walk(moment, Journey.hang_up))
        assert journey.marks == undisturbed.marks[: len(journey.marks)], moment
        met += journey.hung_up
        assert not journey.hung_up or journey.ended <= moment + 0.1, moment
        assert not journey.notes.failures, moment
    assert met > len(tried) / 3  # at the others, there was no call yet or no more
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "WARNING"}], caplog.text


@pytest.mark.parametrize("presses", JOURNEYS.values(), ids=JOURNEYS)
@pytest.mark.parametrize("delays", DELAYS.values(), ids=DELAYS)
@pytest.mark.parametrize("disturb", [Journey.drain, Journey.cut])
@pytest.mark.long
def test_an_attendant_who_leaves_at_any_moment_costs_no_caller_their_call(
    tmp_path: Path, presses: dict[float, str], delays: Delays, disturb: Callable[[Journey], None]
) -> None:
    """Drained, or cut off from Asterisk: the call goes on at its place, natively if need be, and reaches its end."""
    attend = write_attend(tmp_path)
    for moment in every_moment(Journey(attend, delays, presses)):
        journey = Journey(attend, delays, presses)
        clock.run(journey.walk(moment, disturb))
        assert journey.marks[-1] == "ANSWER test.desk=talked", (moment, journey.marks)
        assert "NOTE deadline" not in journey.marks, (moment, journey.marks)
        assert not journey.notes.failures, moment
