"""The mailroom: recordings become messages, people are told of them, what is too old goes.

    recording -> Filer -> box ┬─ lamp
                              └─ one transaction: case, mail          then the recording is removed

Belongs here: the order of these things, and what is done every minute. Not here: boxes and rows (messages), when a call
is over (control).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.asterisk import database, voicemail
from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.compile.message import SHARES
from orchestrator.domain.directory import Directory
from orchestrator.messages import retention, share
from orchestrator.messages.api import Messages, Tell, nobody
from orchestrator.messages.filer import Filer, Taken
from orchestrator.messages.folder import FolderFull
from orchestrator.messages.mail import letters, outbox
from orchestrator.messages.mail.links import Links
from orchestrator.messages.mail.reminders import is_nearly_full
from orchestrator.messages.mailbox import UNHEARD, Message, Spool
from orchestrator.messages.pins import Pins
from orchestrator.messages.telephone.by_telephone import Dialogues
from orchestrator.metrics.control import Metrics
from orchestrator.service import history, present, wiring
from orchestrator.service.mail import Mailing, mailing
from orchestrator.service.reading import Reader
from orchestrator.service.state import State

log = structlog.get_logger()

LEAP = 3600.0
"""Seconds by which no clock is put right in passing."""
DAMAGED = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
"""A box that cannot be written as it is, and may never be; a full disk is everybody's, and is waited for."""
STALE = 600.0
"""Seconds after which a recording that no journey claimed is filed all the same: a crash took its journey."""


def teller(state: State, directory: Callable[[], Directory]) -> Tell:
    """Queues the mail of a message that is received; nobody is told where mail is off."""
    if not state.settings().mail.host:
        return nobody

    async def tell(connection: AsyncConnection, message: Message) -> None:
        if box := directory().boxes.get(message.box):
            await outbox.queue(connection, letters.letters(directory(), box, message))

    return tell


@dataclass
class Clock:
    """Whether the clock of this machine can be trusted to say what is old."""

    _ahead: float = field(default_factory=lambda: time.time() - time.monotonic())
    _until: float = 0.0

    def leaps(self) -> float:
        """By how many seconds it has leapt since we began or it last kept still for a day; 0: it did not."""
        ahead, now = time.time() - time.monotonic(), time.monotonic()
        leapt = ahead - self._ahead
        if abs(leapt) < LEAP:
            self._until = 0.0
            return 0.0
        if not self._until:
            self._until = now + retention.DAY
        elif now > self._until:
            self._ahead, self._until = ahead, 0.0
            return 0.0
        return leapt


@dataclass(kw_only=True)
class Mailroom:
    """The messages of one exchange, as control keeps them. `directory` is the applied one, asked anew each time."""

    state: State
    directory: Callable[[], Directory]
    engine: AsyncEngine
    ami: Ami
    metrics: Metrics
    filer: Filer = field(init=False)
    messages: Messages = field(init=False)
    reader: Reader = field(init=False)
    dialogues: Dialogues = field(init=False)
    """The mailbox by telephone."""
    dark: set[str] = field(default_factory=set)
    """Boxes whose lamps could not be told what is in them."""
    clock: Clock = field(default_factory=Clock)
    _looked: bool = False
    mailing: Mailing | None = field(init=False)
    """None: mail is off."""

    def __post_init__(self) -> None:
        spool = Spool(self.state.spool)
        self.filer = Filer(spool)
        self.messages = Messages(
            spool=spool,
            engine=self.engine,
            directory=self.directory,
            light=self.light,
            tell=teller(self.state, self.directory),
        )
        links = Links(lambda: wiring.secrets(self.state).of("links").encode())
        self.reader = Reader(messages=self.messages, links=links, directory=self.directory)
        self.mailing = mailing(
            self.state,
            self.engine,
            self.directory,
            self.metrics.mail,
            menu=lambda directory: directory.town.mailbox,
            link=self.reader.link,
        )
        pins = Pins(spool, lambda box: wiring.secrets(self.state).pin(box))
        self.dialogues = Dialogues(messages=self.messages, pins=pins, greeted=self._greeted, repinned=self._repinned)

    async def run(self) -> None:
        """Send the mail that waits, until cancelled."""
        if self.mailing:
            await self.mailing.run()

    async def file(self, channel: str, *, caller: str, at: float, boxes: Collection[str] = ()) -> set[str]:
        """File every recording of `channel`, tell who is to be told, and say what became of them.

        `at`: when the call began, in seconds since the epoch. What an attempt filed that could not go on counts, where
        it is in one of `boxes`. Raises OSError, SQLAlchemyError; then all of it is to be done once more.
        """
        try:
            taken = await asyncio.to_thread(self.filer.file, channel, caller=caller, at=at)
        except (FolderFull, *DAMAGED) as bad:  # it stays where it is, and is tried again: other boxes go on
            log.error("a message cannot be filed", channel=channel, why=str(bad))
            return {"message"}
        for each in taken:
            await self._tell(each)
            self.metrics.messages.judged.labels(each.verdict).inc()
        if taken:
            return {each.verdict for each in taken}
        before = await asyncio.to_thread(self.filer.filed, channel, boxes)
        return {before} if before else set()

    async def _tell(self, taken: Taken) -> None:
        """The recording is removed only when everything is written down: until then, all of it is done once more."""
        ended = await asyncio.to_thread(lambda: max(path.stat().st_mtime for path in taken.takes))
        if taken.message:
            await self.light(taken.box)
            await self.messages.received(taken.message)
            if self.mailing:
                self.mailing.wake()
        await asyncio.to_thread(self.filer.release, taken)
        self.metrics.messages.filing.observe(max(0.0, time.time() - ended))

    async def light(self, box: str) -> None:
        """Have the lamps of a box show what is in it; where that fails now, as soon as Asterisk can be told."""
        try:
            await voicemail.refresh(self.ami, box)
            self.dark.discard(box)
        except AsteriskError as bad:
            self.dark.add(box)
            log.warning("the lamp is late", box=box, why=str(bad))

    # Every minute. What goes wrong with one box is told, and the others' turn comes all the same.

    async def relight(self) -> None:
        """Show what could not be shown, and at our start what may have changed before it."""
        if not self._looked:
            self.dark |= set(await asyncio.to_thread(self.filer.spool.boxes)) & self.directory().boxes.keys()
            self._looked = True
        if self.ami.up:
            for box in sorted(self.dark):
                await self.light(box)

    async def stale(self, claimed: Collection[str]) -> None:
        """File what no journey will claim. `claimed`: channels that live, or are in the journal still."""
        newest: dict[str, float] = {}
        for changed, channel in await asyncio.to_thread(self.filer.waiting):
            newest[channel] = max(changed, newest.get(channel, 0.0))
        for channel, changed in newest.items():
            if channel not in claimed and time.time() - changed > STALE:
                with self._apart("a recording waits", channel=channel):
                    caller, at = await history.called(self.engine, channel) or ("", changed)
                    await self.file(channel, caller=caller, at=at)

    async def forget(self) -> None:
        """Remove what is too old; and tell how full boxes are, and who has filled them, as they are looked at once."""
        now, spool = time.time(), self.filer.spool
        self.dialogues.forget(now - STALE)
        for forget_files in (retention.forget_rejected, retention.forget_playing):
            await asyncio.to_thread(forget_files, spool, now)
        leaps = self.clock.leaps()
        if leaps:
            log.error(
                "the clock leaps: nothing is deleted for its age until it has been still for a day", seconds=leaps
            )
        unheard = nearly = 0
        shares: set[str] = set()
        broken = len(await asyncio.to_thread(spool.damaged))
        for number in await asyncio.to_thread(spool.boxes):
            of, box = self.directory().boxes.get(number), spool.box(number)
            keep = of.keep * retention.DAY if of else retention.DELETE_AFTER
            broken += 1
            with self._apart("a box cannot be tidied", box=number):
                old = [] if leaps else await asyncio.to_thread(lambda: list(retention.too_old(box, keep, now)))  # noqa: B023
                for message, why in old:
                    await self.messages.expire(message, why)
                    log.info("message removed", box=number, id=message.id, why=why)
                new = await asyncio.to_thread(box.messages, *UNHEARD)
                unheard, broken = unheard + len(new), broken - 1
                nearly += bool(of and is_nearly_full(of, len(new)))
                shares |= {f"{number}/{who}" for who in (share.used_up(new, of.quota) if of else ())}
        self.metrics.messages.unheard.set(unheard)
        self.metrics.messages.nearly_full.set(nearly)
        self.metrics.messages.broken.set(broken)
        await self._share(shares)

    async def _share(self, used_up: Collection[str]) -> None:
        """Have Asterisk know who has filled their share of a box, and nobody else. Raises AsteriskError."""
        self.metrics.messages.shares.set(len(used_up))
        if self.ami.up:
            known = await database.entries(self.ami, SHARES)
            if await database.correct(self.ami, SHARES, known, dict.fromkeys(used_up, "1")) and used_up:
                log.warning(
                    "callers have filled their share of a box", boxes=sorted({x.partition("/")[0] for x in used_up})
                )

    @contextlib.contextmanager
    def _apart(self, what: str, **where: str) -> Iterator[None]:
        try:
            yield
        except OSError as bad:
            log.error(what, why=str(bad), **where)

    async def greetings(self) -> None:
        """Tell Asterisk which greetings were recorded, here or in `VoiceMailMain()`. Raises AsteriskError, OSError."""
        if self.ami.up:
            await present.correct_greetings(self.filer.spool, self.ami, self.directory())

    async def _greeted(self, box: str) -> None:
        try:
            await self.greetings()
        except (AsteriskError, OSError) as bad:
            log.warning("a greeting is late: the next look puts it right", box=box, why=str(bad))

    async def _repinned(self, box: str) -> None:
        try:
            await voicemail.pins_changed(self.ami, self.state.current / "asterisk" / "voicemail.conf")
        except (AsteriskError, OSError) as bad:
            log.warning("VoiceMailMain() has the old PIN until Asterisk reads its boxes again", box=box, why=str(bad))

    async def remind(self) -> None:
        """Queue what is due of digests and reminders. Raises SQLAlchemyError, OSError."""
        if self.mailing:
            await self.mailing.look()
