"""The town of the tests of the mailbox's line: the switching one, with a dialogue for tests in its control.

Belongs here: starting it, calling it, reading what its dialogue was told. Not here: what is expected (the tests).
"""

from __future__ import annotations

import asyncio
import json
import math
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Box
from orchestrator.phone.call import Call
from orchestrator.phone.sound import Sound, write_wav
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.running import connected
from tests.leash import leashed
from tests.running_town import CITIZEN, Town, running_town, until
from tests.switched_town import switched_town

NUMBER = "98"
PUBLIC = "0620521" + NUMBER
STEPS, STEP = 20, 1.0
"""The long file is a staircase: `STEPS` tones of `STEP` seconds, each higher than the last."""


def directory() -> Directory:
    """Not derived. 2500 has a box of her own at her desk; whoever sits at 2501 has none there."""
    town = switched_town()
    people = {**town.people, "p2500": replace(town.people["p2500"], box="2500")}
    boxes = {**town.boxes, "2500": Box(id="2500", name="Anna Grün")}
    return replace(town, people=people, boxes=boxes)


def pitch(step: int) -> float:
    return 300.0 + 50.0 * step


def staircase() -> Sound:
    rate, samples = 8000, []
    for step in range(STEPS):
        hertz = pitch(step)
        samples += [int(9000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(int(STEP * rate))]
    return Sound(samples=samples)


def stairs(heard: Sound) -> list[int]:
    """Which step was heard in each tenth of a second; -1: silence."""
    size = 800
    tenths = np.asarray(heard.samples[: len(heard.samples) // size * size], np.float64).reshape(-1, size)
    hertz = np.array([pitch(step) for step in range(STEPS)])
    tones = np.exp(2j * np.pi * hertz[:, None] * np.arange(size) / 8000)
    powers = np.abs(tenths @ tones.T) / size
    return [int(each.argmax()) if each.max() > 1000.0 else -1 for each in powers]


@dataclass
class Mailbox:
    """The running town, and what its dialogue was told."""

    town: Town

    def begin(self, name: str) -> None:
        """As the town does, but control has the dialogue for tests."""
        if name != "control":
            self.town.begin(name)
            return
        argv = (sys.executable, "-m", "tests.teller", str(self.town.state.root))
        with (self.town.state.log / "control.out").open("ab") as output:
            self.town.processes[name] = subprocess.Popen(
                leashed(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        until(self.town.alive, 30)

    def whole(self) -> None:
        """All of it running."""
        for name in ("asterisk", "control", "attend"):
            if name not in self.town.processes:
                self.begin(name)
        until(self.town.ready, 30)

    def told(self) -> list[dict[str, Any]]:
        path = self.town.state.run / "told.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @asynccontextmanager
    async def desk(self, phone: str = "tel2500") -> Any:
        password = wiring.secrets(self.town.state).of(f"sip:{phone}")
        line = Line(number=phone, exchange=self.town.exchange, password=password)
        async with Telephone(wiring.program("baresip"), line) as telephone:
            yield telephone

    @asynccontextmanager
    async def citizen(self) -> Any:
        self.town.used += 1
        line = Line(number=f"+4917199{self.town.used:05d}", exchange=self.town.exchange)
        async with Telephone(wiring.program("baresip"), line, address=CITIZEN) as telephone:
            yield telephone

    async def qualified(self, trunk: str) -> None:
        """Have Asterisk look whether a trunk is there; first what it asked before must have timed out."""
        await asyncio.sleep(3.2)
        async with connected(self.town.state) as running:
            assert running
            await running.ami.action("PJSIPQualify", Endpoint=f"trunk-{trunk}")
        await asyncio.sleep(0.5)

    async def journey(self, number: str, outcome: str, since: float) -> None:
        """Wait until a call to `number` that began after `since` was written down as `outcome`."""
        await becomes(
            lambda: any(
                past.number == number and past.outcome == outcome and past.began > since
                for past in self.town.written().values()
            ),
            30,
        )


class Visit:
    """One call to the mailbox, and what the dialogue was told of it."""

    def __init__(self, mailbox: Mailbox, call: Call, since: int) -> None:
        self.mailbox, self.call, self._since = mailbox, call, since

    def told(self) -> list[dict[str, Any]]:
        return self.mailbox.told()[self._since :]

    def heard(self) -> list[str]:
        """The keys of each turn that was heard."""
        return [each["heard"]["keys"] for each in self.told() if each["heard"]]

    async def in_turn(self, turn: int) -> None:
        """Until a visit has begun its `turn`."""
        await becomes(lambda: any(each["turn"] >= turn and not each["heard"] for each in self.told()), 20)

    async def press(self, keys: str) -> None:
        await self.call.press(keys)


@asynccontextmanager
async def visiting(mailbox: Mailbox, telephone: Telephone, number: str) -> Any:
    """A call to the mailbox, at its first turn; hung up at the end."""
    since = len(mailbox.told())
    call = await telephone.dial(number)
    await call.answered(within=10)
    visit = Visit(mailbox, call, since)
    await visit.in_turn(1)
    try:
        yield visit
    finally:
        await call.hang_up()


async def becomes(true: Callable[[], Any], limit: float) -> None:
    """Wait for something to be so."""
    await asyncio.to_thread(until, true, limit)


@contextmanager
def running_mailbox(folder: Path) -> Iterator[Mailbox]:
    with running_town(folder, directory()) as town:
        mailbox = Mailbox(town)
        write_wav(town.state.run / "long.wav", staircase())
        town.end("control", signal.SIGTERM)
        mailbox.begin("control")
        yield mailbox
