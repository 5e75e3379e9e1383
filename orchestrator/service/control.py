"""The control process: reads the journal, files messages, lights lamps, serves metrics and the status page.

Nobody on the telephone needs it: everything that it reads lies on disk until it comes.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.apps.dialogue import token
from orchestrator.asterisk.ami import Ami, WrongPassword
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.asterisk.rest import Rest
from orchestrator.compile.sounds import prompts_of
from orchestrator.domain import outgoing
from orchestrator.domain.directory import Directory
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.proof import prove
from orchestrator.journal.record import Recorder, forget
from orchestrator.messages.telephone.dialogue import Dialogue
from orchestrator.metrics.control import Metrics
from orchestrator.metrics.exchange import shift
from orchestrator.service import completions, hot_desks, logs, present, queues, signals, statuspage, wiring
from orchestrator.service import directory as directories
from orchestrator.service.bans import Guard
from orchestrator.service.calls import Calls, Ran
from orchestrator.service.canary import Sentry
from orchestrator.service.database import prepare
from orchestrator.service.disk import Watch
from orchestrator.service.errors import ServiceError
from orchestrator.service.line import Line, forget_dictations
from orchestrator.service.mailroom import Mailroom
from orchestrator.service.nightly import Nightly
from orchestrator.service.promises import Promises
from orchestrator.service.renewal import Renewal
from orchestrator.service.service_codes import ServiceCodes
from orchestrator.service.sites import Sites
from orchestrator.service.state import State
from orchestrator.service.trunks import Lookout
from orchestrator.service.unapplied import Unapplied
from orchestrator.store.database import open_database
from orchestrator.web import dialogue
from orchestrator.web.server import Sources, Status, application

log = structlog.get_logger()

TIDY_EVERY = 60.0
BAN_EVERY = 0.1
"""Seconds between two looks at who guesses: some two hundred passwords a second were tried by one program."""


@dataclass
class Control:
    """Everything of one control process."""

    state: State
    directory: Directory
    engine: AsyncEngine
    ami: Ami
    rest: Rest
    metrics: Metrics = field(default_factory=Metrics)
    applied: str = ""
    since: float = 0.0
    """When `directory` was applied, in seconds since the epoch."""
    pushed: int = 0
    """The connection to Asterisk by which it was told last what is switched."""
    sounds: Sounds = field(default_factory=dict)
    """Of the prompts of `directory`."""
    line: Line | None = None
    """To the mailbox by telephone; None while there is no dialogue."""
    former: Directory = field(init=False)
    """What ran before that."""
    mailroom: Mailroom = field(init=False)
    calls: Calls = field(init=False)
    recorder: Recorder = field(init=False)
    service_codes: ServiceCodes = field(init=False)
    promises: Promises = field(init=False)
    sentry: Sentry = field(init=False)
    guard: Guard = field(init=False)
    lookout: Lookout = field(init=False)
    sites: Sites = field(init=False)
    renewal: Renewal = field(init=False)
    watch: Watch = field(init=False)
    nightly: Nightly = field(init=False)
    unapplied: Unapplied = field(init=False)

    def __post_init__(self) -> None:
        self.former = self.directory
        self.metrics.asterisk.ami.set_function(lambda: self.ami.up)  # now: housekeeping may wait for Asterisk's answer
        self.service_codes = ServiceCodes(
            state=self.state,
            directory=lambda: self.directory,
            sounds=lambda: self.sounds,
            ami=self.ami,
            knows=lambda box, pin, *, known, also: self.mailroom.dialogues.knows(box, pin, known=known, also=also),
        )
        self.mailroom = Mailroom(
            state=self.state, directory=lambda: self.directory, engine=self.engine, ami=self.ami, metrics=self.metrics
        )
        self.calls = Calls(
            ran=lambda: Ran(self.directory, self.former, self.since), mailroom=self.mailroom, metrics=self.metrics
        )
        self.recorder = Recorder(
            engine=self.engine,
            path=self.state.journal,
            listener=self.calls,
            living=self.living,
            expect=self.calls.expect,
        )
        self.metrics.journal.follow(self.recorder)
        self._watches()

    def _watches(self) -> None:
        """Who looks after something again and again."""
        self.promises = Promises(
            state=self.state,
            directory=lambda: self.directory,
            ami=self.ami,
            metrics=self.metrics.queues,
            file=self.mailroom.file,
        )
        self.sentry = Sentry(
            state=self.state,
            directory=lambda: self.directory,
            sounds=lambda: self.sounds,
            tell=lambda seen: self.metrics.canary.seen(seen.up, seen.at, seen.answered),
            every=self.state.settings().canary,
        )
        self.metrics.canary.every.set(self.sentry.every)
        self.guard = Guard(state=self.state, directory=lambda: self.directory, ami=self.ami, metrics=self.metrics.bans)
        self.lookout = Lookout(self.ami, lambda: self.directory, self.state.settings().trunks, self.metrics.trunks.seen)
        self.sites = Sites(ami=self.ami, directory=lambda: self.directory, tell=self.metrics.sites.seen)
        self.renewal = Renewal(state=self.state, ami=self.ami, metrics=self.metrics.certificate)
        self.watch = Watch(state=self.state, metrics=self.metrics.disk)
        self.nightly = Nightly(
            state=self.state, zone=lambda: self.directory.town.timezone, tell=self.metrics.backup.last
        )
        self.unapplied = Unapplied(state=self.state, engine=self.engine, running=lambda: (self.applied, self.directory))
        self.metrics.tree.unapplied.set_function(lambda: self.unapplied.seconds)

    def answers(self, asked: Dialogue) -> None:
        """Who callers of the mailbox speak with, from now on."""
        self.line = Line(
            dialogue=asked,
            directory=lambda: self.directory,
            sounds=lambda: self.sounds,
            ami=self.ami,
            spool=self.state.spool,
            guest=lambda phone: hot_desks.guest_at(self.state, self.directory, phone),
        )

    async def ask(self, asked: dialogue.Asked) -> Mapping[str, Any]:
        """What comes next for a caller of the mailbox, or for who dialled a code; raises NoAnswer."""
        if asked.wish:
            return await self.service_codes.answer(asked)
        if self.line is None:
            raise dialogue.NoAnswer("there is no dialogue")
        return await self.line.answer(asked)

    def pages(self) -> web.Application:
        """What is served over HTTP."""
        sources = Sources(
            metrics=self.metrics.text, waiting=self.waiting, status=self.status, reading=self.mailroom.reader
        )
        return application(sources, dialogue.route(self.tokens, self.ask))

    def tokens(self) -> list[str]:
        """What attendants may show: made of ARI's password as they read it, which may have been renewed just now."""
        return [token(password) for password in wiring.ari(self.state).passwords()]

    async def living(self) -> frozenset[str] | None:
        """The channels that Asterisk has now; None while it does not answer."""
        try:
            listed = await asyncio.to_thread(self.rest.ask, "GET", "channels")
        except AsteriskError:
            return None
        return frozenset(channel["id"] for channel in listed)

    def waiting(self) -> str:
        """What is missing until calls are taken."""
        told = shift(self.state.shift)
        if not self.ami.up:
            return "Asterisk"
        return "" if told.get("up") and told.get("asterisk") else "attendants"

    async def status(self) -> Status:
        """What the status page shows."""
        up, problems = int(shift(self.state.shift).get("up", 0)), int(self.metrics.tree.problems._value.get())
        parts = [
            ("Asterisk", "nimmt Anrufe an" if self.ami.up else "antwortet nicht", self.ami.up),
            ("Schicht", f"{up} Bedienprozesse", up > 0),
            self.lookout.shown,
            self.sentry.seen.shown,
            self.nightly.shown,
            ("Beweis", f"{problems} Probleme", problems == 0),
            ("Stand", self.applied or "nichts angewandt", bool(self.applied)),
        ]
        return await statuspage.status(self.engine, self.directory.town, parts)

    async def tidy(self) -> None:
        """Every second who waits in queues; every minute what is old: recordings, journeys, the directory."""
        tidied = 0.0
        while True:
            if time.monotonic() - tidied > TIDY_EVERY or wiring.trees(self.state).name() != self.applied:
                tidied = time.monotonic()
                for part in self._minutely():
                    await self._bulkhead(part)
            if self.pushed != self.ami.connections:
                await self._bulkhead(self._switch)
            await self._bulkhead(self._queues)
            await self._bulkhead(self.promises.look)
            await asyncio.sleep(1)

    async def look(self) -> None:
        """Every second what needs no database, which may be away, or hang: figures, the disk, trunks, logs."""
        while True:
            await self._bulkhead(self._look)
            await self._bulkhead(self.watch.look)
            await self._bulkhead(self.lookout.look)
            await self._bulkhead(self.sites.look)
            await self._bulkhead(self._rotate)  # in a flood a log grows by megabytes each second
            await self._bulkhead(self.renewal.look)
            await asyncio.sleep(1)

    async def ban(self) -> None:
        """Look for who guesses, and wait for nothing else: each try counts."""
        while True:
            await self._bulkhead(self.guard.look)
            await asyncio.sleep(BAN_EVERY)

    def _minutely(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        room = self.mailroom
        messages = (room.relight, room.greetings, self._stale, room.forget, room.messages.reconcile, room.remind)
        forget = (self._forget, self.promises.forget, self._night)
        return (self._reread, self.unapplied.look, self._switch, *messages, self._strays, *forget)

    async def _bulkhead(self, part: Callable[[], Awaitable[None]]) -> None:
        """What goes wrong in one part of housekeeping is told, and tried again; it ends nothing else."""
        try:
            await part()
        except (ServiceError, AsteriskError, OSError, SQLAlchemyError) as bad:
            log.error("housekeeping has to wait", part=part.__name__, why=str(bad))
        except Exception:
            log.exception("housekeeping has to wait", part=part.__name__)

    async def _switch(self) -> None:
        """Asterisk's own database may be old, empty, or written by others: the directory's says what is switched."""
        if self.ami.up:
            connection = self.ami.connections
            self.metrics.tree.corrections.inc(await present.correct(self.state, self.ami, self.directory))
            rest, now = Rest(wiring.ari(self.state)), await present.now(self.state)
            await signals.correct(rest, self.directory, now)
            await signals.rest_desks(rest, self.ami, self.directory, now)
            self.pushed = connection

    async def _look(self) -> None:
        self.metrics.asterisk.read(self.state.shift)
        self.metrics.messages.recordings.set(len(await asyncio.to_thread(self.mailroom.filer.waiting)))
        outside = (call.number for call in self.recorder.now(outgoing.FLOW))
        self.metrics.outside.now(Counter(outgoing.dialled_class(self.directory.town, number) for number in outside))

    async def _queues(self) -> None:
        known = self.directory.queues and self.ami.up
        self.metrics.queues.stand(queues.standings(await queues.rows(self.ami)) if known else [])

    async def _strays(self) -> None:
        if self.directory.queues and self.ami.up:
            gone = await queues.strays(self.ami, self.directory, await queues.rows(self.ami))
            if gone:
                log.warning("members logged out, whom the directory does not allow there any more", members=gone)

    async def _stale(self) -> None:
        """What the journal will not claim: it is read to its end, and the call is neither in it nor in Asterisk."""
        living = await self.living()
        if living is not None and self.recorder.caught_up:
            told = {channel for call in self.recorder.calls.values() for channel in call.channels}
            await self.mailroom.stale(living | told)

    async def _forget(self) -> None:
        now = time.time()
        await forget(self.engine, now)
        await asyncio.to_thread(forget_dictations, self.state.spool, now)
        if self.line and self.ami.up:
            await self.line.sweep()
        if self.ami.up:
            await self.service_codes.sweep(self.living)
            await completions.sweep(self.ami, now)

    async def _night(self) -> None:
        await hot_desks.at_night(self.state)

    async def _rotate(self) -> None:
        await asyncio.to_thread(logs.rotate, self.state.log)

    async def _reread(self) -> None:
        name = wiring.trees(self.state).name()
        if name != self.applied:
            self.former, self.directory = self.directory, await directories.running(self.state)
            self.applied, self.since = name, time.time()
        self.sounds = await asyncio.to_thread(directories.spoken, self.state, self.directory)
        proof = await asyncio.to_thread(prove, self.directory, self.sounds, directories.today())
        self.metrics.begin(self.directory)
        self.metrics.tree.problems.set(len(proof.problems))
        self.metrics.tree.worst.set(proof.worst_wait)
        self.metrics.tree.prompts.set(len(prompts_of(self.directory)))
        if self.applied:
            self.metrics.tree.applied.set(wiring.trees(self.state).applied_at(self.applied))


async def run(
    state: State,
    stop: asyncio.Event,
    dialogues: Callable[[Control], Dialogue | None] = lambda control: control.mailroom.dialogues,
) -> None:
    """Run control until `stop`; raises ServiceError if it cannot begin, or if Asterisk has another tree.

    `dialogues` gives who speaks with callers of the mailbox; with None `VoiceMailMain()` serves them.
    """
    if newer := await prepare(state):
        log.warning("the database is %s", newer)
    directory = await directories.running(state)
    engine = open_database(state.database)
    control = Control(state, directory, engine, Ami(wiring.ami(state)), Rest(wiring.ari(state)))
    (state.spool / "dictation").mkdir(exist_ok=True)
    if asked := dialogues(control):
        control.answers(asked)
    runner = web.AppRunner(control.pages(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", state.settings().web_port).start()
        async with _traced(control) as traced, asyncio.TaskGroup() as tasks:
            room, sentry = control.mailroom, control.sentry
            looking = (control.tidy(), control.look(), control.ban(), sentry.run(), control.nightly.run())
            parts = (control.ami.run(), control.recorder.run(), room.run(), *looking, *traced)
            owned = [tasks.create_task(part) for part in parts]
            await stop.wait()
            for task in owned:
                task.cancel()
    except BaseExceptionGroup as ended:
        if not ended.subgroup(WrongPassword):
            raise
        raise ServiceError(
            f"Asterisk refuses our account: it runs with another tree than {state.current}",
            todo="restart Asterisk, or run `durchwahl apply`",
        ) from ended
    finally:
        await runner.cleanup()
        await engine.dispose()


@asynccontextmanager
async def _traced(control: Control) -> AsyncIterator[Sequence[Coroutine[Any, Any, None]]]:
    """Have traces sent, by what is to be run inside the block: nothing, where none are wanted."""
    url = control.state.settings().traces
    if not url:
        yield ()
        return
    from orchestrator.service.traces import sending  # who sends none does without the library

    async with sending(url, control.metrics.traces, control.calls.kind) as control.calls.traces:
        yield (control.calls.traces.run(),)
