"""The two exchanges that pass the same tests: the fake in virtual time, and a real Asterisk.

Both have the same little town; a test sees neither which it is nor how long it takes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from orchestrator.asterisk.transport import Dial, websocket
from tests import town_dialplan as town
from tests.asterisk_instance import Instance
from tests.citizens import Citizens
from tests.exchange import clock
from tests.exchange.fake import FakeExchange, Place
from tests.exchange.line import Delays
from tests.exchange.natives import menu, takes
from tests.journeys import written
from tests.sounds import tone

SOUNDS = {"short": 1.0, "brief": 0.3}
"""Prompts of the town, and how long each is in seconds."""
WAIT, TRIES, SKILL_SECONDS = 0.9, 3, 2.0
DEADLINE = SOUNDS["short"] + WAIT + 3
"""Seconds of one try at the door; in whole seconds on the original, rounded up."""
LEADS = {
    "door": {"key_1": "desk", "key_2": "hall", "gave_up": "desk"},
    "hall": {"said": "desk", "failed": "desk", "python_down": "desk"},
    "desk": {"talked": ""},
}
ATTEND: dict[str, Any] = {
    "tree": "contract",
    "places": {
        "test.door": {
            "step": "menu",
            "prompt": "short",
            "keys": ["1", "2"],
            "wait": WAIT,
            "seconds": {"de": SOUNDS["short"]},
        },
        "test.hall": {
            "step": "do",
            "skill": "hello",
            "arguments": {"who": "you"},
            "exits": ["said", "failed"],
            "seconds": SKILL_SECONDS,
        },
    },
}


class Exchange(Protocol):
    """What a test of the contract may use."""

    dial: Dial
    attend: Path

    async def marks(self, line: str) -> list[str]:
        """The journal of one caller whose call is over."""

    def left_over(self) -> list[str]:
        """What is still there."""


Scenario = Callable[[Exchange, Citizens], Awaitable[None]]
Run = Callable[[Scenario], None]


class Real:
    """The real Asterisk as the tests see it."""

    def __init__(self, instance: Instance, attend: Path) -> None:
        self._instance, self.attend = instance, attend
        self.dial: Dial = websocket(instance.address)
        self._began = instance.journal.stat().st_size if instance.journal.exists() else 0

    async def marks(self, line: str) -> list[str]:
        found = await written(self._instance.journal, [line], self._began)
        return [str(mark) for mark in found.get(line, [])]

    def left_over(self) -> list[str]:
        return self._instance.left_over()


class Fake:
    """The fake as the tests see it."""

    def __init__(self, attend: Path, delays: Delays) -> None:
        self.attend = attend
        self.fake = FakeExchange(places(), media=length, delays=delays)
        self.dial: Dial = self.fake.dial

    async def marks(self, line: str) -> list[str]:
        return list(self.fake.marks.get(line, []))

    def left_over(self) -> list[str]:
        return self.fake.left_over()


def length(media: str) -> float:
    return SOUNDS[media.removeprefix("sound:")]


def places() -> dict[str, Place]:
    """The town, for the fake."""
    leads = {step: {said: to and f"test.{to}" for said, to in answers.items()} for step, answers in LEADS.items()}
    door = menu({"1": "key_1", "2": "key_2"}, seconds=SOUNDS["short"], wait=WAIT, tries=TRIES)
    return {
        "test.door": Place(native=door, leads=leads["door"], deadline=DEADLINE, tries=TRIES),
        "test.hall": Place(native=takes(0, "python_down"), leads=leads["hall"], deadline=SKILL_SECONDS + 3),
        "test.desk": Place(native=takes(0.3, "talked"), leads=leads["desk"]),
    }


def dialplan() -> str:
    """The same town, for Asterisk."""
    door = town.menu("test", "door", prompt="short", seconds=SOUNDS["short"], wait=WAIT, tries=TRIES, keys=["1", "2"])
    hall = town.skill("test", "hall", seconds=SKILL_SECONDS)
    desk = town.native("test", "desk", "Wait(0.3)", "Goto(desk=talked,1)")
    answers = [town.answers("test", step, leads) for step, leads in LEADS.items()]
    return town.LANDING + town.context("test", door, hall, desk, *answers)


@contextmanager
def asterisk(folder: Path) -> Iterator[Instance]:
    """A real Asterisk with the town in it."""
    sounds = {f"{name}.wav": tone(folder / f"{name}.wav", seconds) for name, seconds in SOUNDS.items()}
    instance = Instance(folder, dialplan(), sounds)
    instance.start()
    try:
        yield instance
    finally:
        instance.kill()


def write_attend(folder: Path) -> Path:
    path = folder / "attend.json"
    path.write_text(json.dumps(ATTEND))
    return path


def run_real(instance: Instance, attend: Path) -> Run:
    def run(scenario: Scenario) -> None:
        asyncio.run(_play(Real(instance, attend), scenario))

    return run


def run_fake(attend: Path, delays: Delays) -> Run:
    def run(scenario: Scenario) -> None:
        async def main() -> None:
            await _play(Fake(attend, delays), scenario)

        clock.run(main())

    return run


async def _play(exchange: Exchange, scenario: Scenario) -> None:
    """Run one scenario, and look whether anything is left afterwards."""
    async with asyncio.timeout(30):
        async with Citizens(exchange.dial) as citizens:
            await attendants(citizens, 1)
            await scenario(exchange, citizens)
        async with asyncio.timeout(2):
            while exchange.left_over():
                await asyncio.sleep(0.05)


async def attendants(citizens: Citizens, count: int) -> None:
    """Tell the dialplan how many attendants there are."""
    query = [("variable", "ATTENDANTS"), ("value", str(count))]
    await citizens.connection.request("POST", "asterisk/variable", query)
