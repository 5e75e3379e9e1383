"""The hurried town, running for the tests: a real Asterisk, control, and a shift that can be sent home.

Belongs here: starting, stopping, calling. Not here: what is expected of a call (the tests).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

import pytest

from orchestrator.asterisk.errors import AsteriskError
from orchestrator.asterisk.rest import Rest
from orchestrator.compile import speech
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, explain
from orchestrator.domain.prompts import Sounds
from orchestrator.journal.journeys import Journey
from orchestrator.phone.desk import Answers, Desk, LetsItRing, Refuses
from orchestrator.phone.errors import NotStarted
from orchestrator.phone.sound import Sound, read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import directory as directories
from orchestrator.service import history, present, rollout, testcall, watching, wiring
from orchestrator.service.database import prepare
from orchestrator.service.ports import Ports
from orchestrator.service.questions import keys, start
from orchestrator.service.running import life
from orchestrator.service.settings import Settings
from orchestrator.service.state import State
from orchestrator.store.database import brief, open_database
from orchestrator.store.load import save
from tests import hurry, ports
from tests.databases import new_state
from tests.leash import leashed
from tests.preloaded import Command
from tests.spoken import remembered, write_wav

CITIZEN = "127.0.0.2"
"""The provider's address: calls from there come in by the trunk."""
WORDS = "Guten Tag, ich hätte gern einen Termin."
Made = TypeVar("Made")
AtBox = Literal["speaks", "silent", "leaves"]
"""What a caller does where a mailbox answers. Who only asks where a call goes leaves: a box takes twenty seconds."""
HABITS = {"talked": Answers(after=0.7), "busy": Refuses(), "nobody": LetsItRing()}


@dataclass
class Town:
    """One running exchange."""

    state: State
    directory: Directory
    sounds: Sounds
    words: Path
    processes: dict[str, subprocess.Popen[bytes] | Command] = field(default_factory=dict)
    used: int = 0
    under: tuple[str, ...] = ()
    """The command that starts Asterisk, where that is to see another machine than ours (tests.black_hole)."""
    root: Path | None = None
    """Where the programs find the state, if not where we do: all are started `under` then (tests.small_disk)."""
    afresh: bool = False
    """Whether ours are started as an admin does, because what runs is looked at from outside (tests.preloaded)."""

    @property
    def exchange(self) -> str:
        return f"127.0.0.1:{self.settings.sip_port}"

    @cached_property
    def settings(self) -> Settings:
        """Read once: pages are asked for twenty times a second."""
        return self.state.settings()

    def begin(self, name: str) -> None:
        """Start `asterisk`, `control` or `attend`, and wait until it is there."""
        with (self.state.log / f"{name}.out").open("ab") as output:
            self.processes[name] = self._begun(name, output)
        until({"asterisk": self.answers, "control": self.alive, "attend": self.ready}[name], 30)

    def _begun(self, name: str, output: IO[bytes]) -> subprocess.Popen[bytes] | Command:
        if name == "asterisk":
            conf = (self.root or self.state.root) / "current" / "asterisk" / "asterisk.conf"
            argv = (*self.under, *leashed((*wiring.program("asterisk").argv, "-f", "-C", str(conf))))
        elif self.root or self.afresh:
            argv = self.command(name)
        else:
            return Command("--state", str(self.state.root), name, stdout=output, stderr=output)
        return subprocess.Popen(
            leashed(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )

    def command(self, *words: str) -> tuple[str, ...]:
        """A command of this exchange, as a shell would start it."""
        argv = (sys.executable, "-m", "orchestrator.cli", "--state", str(self.root or self.state.root), *words)
        return (*self.under, *leashed(argv)) if self.root else argv

    def complete(self) -> None:
        """Have all of it running again, whatever a test has ended."""
        for name in ("asterisk", "control", "attend"):
            if name not in self.processes:
                self.begin(name)
        until(self.ready, 30)

    def end(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End one of them and wait for it."""
        process = self.processes.pop(name)
        process.send_signal(number)
        try:
            process.wait(20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    def answers(self) -> bool:
        """Whether ARI answers."""
        try:
            return bool(Rest(wiring.ari(self.state)).ask("GET", "asterisk", "ping"))
        except AsteriskError:
            return False

    def ready(self) -> bool:
        return self._get("/health/ready") == 200

    def alive(self) -> bool:
        return self._get("/health/live") == 200

    def page(self, path: str, port: int = 0) -> str:
        """A page of control, or of who listens on `port`."""
        port = port or self.settings.web_port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
            return str(reply.read().decode())

    def _get(self, path: str) -> int:
        try:
            self.page(path)
        except urllib.error.HTTPError as bad:
            return bad.code
        except OSError:
            return 0
        return 200

    def left(self) -> list[Any]:
        """Channels and bridges that exist now."""
        rest = Rest(wiring.ari(self.state))
        return [*rest.ask("GET", "channels"), *rest.ask("GET", "bridges")]

    def desk(self, phone: str, does: str) -> Desk:
        """An employee at a registered phone."""
        password = wiring.secrets(self.state).of(f"sip:{phone}")
        line = Line(number=phone, exchange=self.exchange, password=password, registers=True)
        return Desk(Telephone(wiring.program("baresip"), line), HABITS[does])

    def staff(self, phones: Mapping[str, str]) -> Staff:
        """Everyone who is in: phone -> what its owner does. To be entered with `async with`."""
        return Staff([self.desk(phone, does) for phone, does in phones.items()])

    async def test_call(
        self, world: World, *, number: str = "210", at_box: AtBox = "speaks", hangup_after: float = 0.0
    ) -> tuple[Journey, str]:
        """A call of the test endpoint in the time of `world`: its journey, and where it left what `explain` says."""

        async def made() -> tuple[Journey, str]:
            line, dialled, wish = self._test_line(world, number, at_box, hangup_after)
            async with Telephone(wiring.program("baresip"), line) as telephone:
                return await self._call(telephone, dialled, world, wish, testcall.tested(dialled))

        return await sturdy(made)

    async def listening_call(
        self, world: World, seconds: float, *, number: str = "210"
    ) -> tuple[tuple[Journey, str], Sound]:
        """A test call that is hung up after `seconds`, and what was heard in it."""

        async def made() -> tuple[tuple[Journey, str], Sound]:
            line, dialled, wish = self._test_line(world, number, "silent", seconds)
            async with Telephone(wiring.program("baresip"), line) as telephone:
                call = await self._call(telephone, dialled, world, wish, testcall.tested(dialled))
                return call, await telephone.calls[0].heard()

        return await sturdy(made)

    def _test_line(
        self, world: World, number: str, at_box: AtBox, hangup_after: float
    ) -> tuple[Line, str, testcall.Wish]:
        """The test endpoint, what it dials now, and what it does then."""
        self.used += 1  # a second of its own tells parallel calls apart
        dialled = f"{number}*{int(world.at.timestamp()) + self.used % 50}"
        password = wiring.secrets(self.state).of("sip:testcall")
        line = Line(number="testcall", exchange=self.exchange, password=password)
        return line, dialled, self._wish(number, world, at_box, hangup_after)

    def prompt(self, name: str, language: str) -> Sound:
        """A prompt as it lies in the sound root."""
        return read_sound(self.state.sounds / language / f"{self.sounds[name].file}.alaw")

    def written(self) -> dict[str, history.Past]:
        """Every journey that control has written down, by id."""

        async def read() -> list[history.Past]:
            engine = open_database(self.state.database)
            try:
                return await history.past(engine, limit=1000)
            finally:
                await engine.dispose()

        with ThreadPoolExecutor(1) as elsewhere:  # tests have an event loop of their own
            return {past.id: past for past in elsewhere.submit(asyncio.run, read()).result()}

    async def citizen_calls(
        self, world: World, *, dialled: str, at_box: AtBox = "speaks", hangup_after: float = 0.0
    ) -> tuple[Journey, str]:
        """A call by the trunk, as the provider delivers it, at the true time."""

        async def made() -> tuple[Journey, str]:
            self.used += 1
            caller = f"+4917112{self.used:05d}"
            line, wish = Line(number=caller, exchange=self.exchange), self._wish(dialled, world, at_box, hangup_after)
            async with Telephone(wiring.program("baresip"), line, address=CITIZEN) as telephone:
                return await self._call(telephone, dialled, world, wish, lambda event: event.caller == caller)

        return await sturdy(made)

    def _wish(self, number: str, world: World, at_box: AtBox, hangup_after: float) -> testcall.Wish:
        return testcall.Wish(
            number=number,
            press=",".join(world.keys),
            says=self.words if at_box == "speaks" else None,
            leaves=at_box == "leaves",
            settle=0.6,
            hangup_after=hangup_after,
        )

    async def _call(
        self, telephone: Telephone, dialled: str, world: World, wish: testcall.Wish, is_ours: Any
    ) -> tuple[Journey, str]:
        follower = testcall.Follower(self.state.journal, is_ours, lambda: life(self.state))
        made = await testcall.call(telephone, follower, self.directory, self.sounds, dialled, wish)
        first = start(self.directory, testcall.directory_number(self.directory, wish.number))
        return made, testcall.difference(made, tuple(explain(self.directory, first, world)))


class Staff(AsyncExitStack):
    """Several desks, entered together."""

    def __init__(self, desks: list[Desk]) -> None:
        super().__init__()
        self.desks = desks

    async def __aenter__(self) -> Staff:
        await super().__aenter__()
        try:
            for desk in self.desks:
                await self.enter_async_context(desk)
        except BaseException:
            await self.aclose()
            raise
        return self


async def sturdy(call: Callable[[], Awaitable[Made]]) -> Made:
    """`call`, made again up to twice if its telephone crashes (pyproject.toml says why), and not the whole test."""
    for _ in range(2):
        with suppress(NotStarted):
            return await call()
    return await call()


MODES = ("python", pytest.param("native", marks=pytest.mark.long))
"""Once with attendants, once with none: parameters of a fixture. What goes wrong in one mostly does in both."""
PYTHON = (pytest.param(True, id="python"), pytest.param(False, id="native", marks=pytest.mark.long))
"""The same, for who asks whether there are any."""


@contextmanager
def performed_by(town: Town, mode: str) -> Iterator[Town]:
    """`town` in one of `MODES`; nothing may be left in it afterwards."""
    if mode == "native":
        town.end("attend")
    yield town
    if mode == "native":
        town.begin("attend")
    until(lambda: not town.left(), 10)


def until(true: Any, limit: float) -> None:
    """Wait for something to be so; TimeoutError if it is not within `limit` seconds."""
    deadline = time.monotonic() + limit
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{true.__qualname__} was not so within {limit:.0f} s")
        time.sleep(0.05)


async def wrong(state: State) -> list[str]:
    """What `durchwahl status` says is wrong, but for trunks: nobody is at their other ends."""
    return [problem for problem in (await watching.look(state)).problems if not problem.startswith("trunk ")]


async def all_off(state: State) -> None:
    """Nothing is switched any more, and nobody has logged in."""
    for row in await present.rows(state):
        await present.remove(state, row.name, what="off", why="")


@contextmanager
def running_town(
    folder: Path,
    written: Directory | None = None,
    furnish: Callable[[State], None] = lambda state: None,
    under: Sequence[str] = (),
    afresh: bool = False,
) -> Iterator[Town]:
    """The hurried town (or another, not derived) in `folder`, up with two attendants.

    `furnish` puts into the new state what an admin would: passwords, certificates. `under` starts Asterisk, `afresh` is
    as Town's.
    """
    state, directory, spoken = prepared(folder, written or hurry.directory(), furnish)
    with started(Town(state, directory, spoken, state.run / "words.wav", under=tuple(under), afresh=afresh)) as town:
        yield town


@contextmanager
def started(town: Town, names: Sequence[str] = ("asterisk", "control", "attend")) -> Iterator[Town]:
    """`town` with everything at work, or only those, and with a citizen's sentence."""
    samples, rate = speech.speak(wiring.voice(town.state), WORDS, "de")
    write_wav(town.words, speech.resample(speech.fit(samples), rate, 8000), 8000)
    try:
        for name in names:
            town.begin(name)
        yield town
    finally:
        for name in ("attend", "control", "asterisk"):
            if name in town.processes:
                town.end(name)


def prepared(
    folder: Path,
    written: Directory,
    furnish: Callable[[State], None] = lambda state: None,
    rtp_ports: int = ports.RTP_PORTS,
    listens: Ports | None = None,
) -> tuple[State, Directory, Sounds]:
    """A state in `folder` with `written` (not derived) applied; nothing runs. It gets free ports if none are given."""
    state = new_state(folder / "s", listens=listens or ports.exchange(rtp_ports))
    with (state.root / "settings.toml").open("a") as file:
        file.write(f'provider = "{CITIZEN}:5090"\n')
    furnish(state)
    with remembered():
        hurry.record_derived(written, wiring.voice(state), state.recorded)
        directory, spoken = asyncio.run(_prepare(state, written))
    return state, directory, spoken


async def _prepare(state: State, written: Directory) -> tuple[Directory, Sounds]:
    await prepare(state)  # another one than that of a new state, where `furnish` has named one
    await save(brief(state.database), written, who="tests", what="hurried town", why="tests")
    applied = await rollout.apply(state, lambda done, total: None, checksum="", force=())
    assert applied.done, applied.told
    directory = await directories.read(state)
    return directory, directories.spoken(state, directory)


def world(at: Any, press: str = "", **more: Any) -> World:
    """A world in which only those phones are registered that `more` names."""
    return World(at=at, keys=keys(press), others="unreachable", **more)
