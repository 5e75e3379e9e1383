"""The mailroom: recordings become messages, people are told of them, what is too old goes.

    recording -> Filer -> box ┬─ lamp
                              └─ one transaction: case, mail          then the recording is removed

Belongs here: the order of these things, and what is done every minute. Not here: boxes and rows (messages), when a call
is over (control).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.asterisk.voicemail import pins_changed
from orchestrator.domain.directory import Directory
from orchestrator.messages import greeting_files, outbox, retention
from orchestrator.messages.api import Messages
from orchestrator.messages.by_telephone import Dialogues
from orchestrator.messages.filer import Filer, Taken
from orchestrator.messages.folder import FolderFull
from orchestrator.messages.links import Links
from orchestrator.messages.mailbox import NEW, Message, Spool
from orchestrator.messages.pins import Pins
from orchestrator.messages.reminders import is_nearly_full
from orchestrator.metrics.control import Metrics
from orchestrator.service import present, wiring
from orchestrator.service.mail import Mailing, mailing
from orchestrator.service.reading import Reader
from orchestrator.service.state import State
from orchestrator.store.tables import journeys

log = structlog.get_logger()

DAMAGED = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
"""A box that cannot be written as it is, and may never be; a full disk is everybody's, and is waited for."""
STALE = 600.0
"""Seconds after which a recording that no journey claimed is filed all the same: a crash took its journey."""


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
    mailing: Mailing | None = field(init=False)
    """None: mail is off."""

    def __post_init__(self) -> None:
        spool = Spool(self.state.spool)
        self.filer = Filer(spool)
        self.messages = Messages(
            spool=spool, engine=self.engine, directory=self.directory, light=self.light, tell=self._queue
        )
        links = Links(wiring.secrets(self.state).of("links").encode())
        self.reader = Reader(messages=self.messages, links=links, directory=self.directory)
        self.mailing = mailing(
            self.state,
            self.engine,
            self.directory,
            self.metrics,
            menu=lambda directory: directory.town.mailbox,
            link=self.reader.link,
        )
        pins = Pins(spool, wiring.secrets(self.state).pin)
        self.dialogues = Dialogues(messages=self.messages, pins=pins, greeted=self._greeted, repinned=self._repinned)

    async def run(self) -> None:
        """Send the mail that waits, until cancelled."""
        if self.mailing:
            await self.mailing.run()

    async def file(self, channel: str, *, caller: str, at: float) -> set[str]:
        """File every recording of `channel`, tell who is to be told, and say what became of them.

        `at`: when the call began, in seconds since the epoch. What was filed by an attempt that could not go on counts.
        Raises OSError, SQLAlchemyError; then all of it is to be done once more.
        """
        try:
            taken = await asyncio.to_thread(self.filer.file, channel, caller=caller, at=at)
        except (FolderFull, *DAMAGED) as bad:  # it stays where it is, and is tried again: other boxes go on
            log.error("a message cannot be filed", channel=channel, why=str(bad))
            return {"message"}
        for each in taken:
            await self._tell(each)
            self.metrics.messages.labels(each.verdict).inc()
        if taken:
            return {each.verdict for each in taken}
        before = await asyncio.to_thread(self.filer.filed, channel)
        return {before} if before else set()

    async def _tell(self, taken: Taken) -> None:
        """The recording is removed only when everything is written down: until then, all of it is done once more."""
        if taken.message:
            await self.light(taken.box)
            await self.messages.received(taken.message)
            if self.mailing:
                self.mailing.wake()
        await asyncio.to_thread(self.filer.release, taken)

    async def _queue(self, connection: AsyncConnection, message: Message) -> None:
        if self.mailing:
            await outbox.queue(connection, self.mailing.letters(message))

    async def light(self, box: str) -> None:
        """Have the lamps of a box show what is in it."""
        try:
            await self.ami.action("VoicemailRefresh", Context="town", Mailbox=box)
        except AsteriskError as bad:
            log.warning("the lamp is late", box=box, why=str(bad))

    # Every minute

    async def stale(self) -> None:
        """File what no journey claimed."""
        for changed, channel in await asyncio.to_thread(self.filer.waiting):
            if time.time() - changed > STALE:
                caller, at = await self._called(channel) or ("", changed)
                await self.file(channel, caller=caller, at=at)

    async def _called(self, channel: str) -> tuple[str, float] | None:
        """Who called on a channel, and when, if the journal has it: its box could not take the message then.

        Where the disk was full the call came to another end than a message: then it is known by the channel that began.
        """
        this = or_(journeys.c.recording == channel, journeys.c.id == channel)
        asked = select(journeys.c.caller, journeys.c.began).where(this)
        async with self.engine.connect() as connection:
            row = (await connection.execute(asked)).first()
        return (row.caller, row.began) if row else None

    async def forget(self) -> None:
        """Remove what is too old."""
        now, spool = time.time(), self.filer.spool
        self.dialogues.forget(now - STALE)
        for forget_files in (retention.forget_rejected, retention.forget_playing):
            await asyncio.to_thread(forget_files, spool, now)
        for old, why in await asyncio.to_thread(lambda: list(retention.too_old(spool, self._keep, now))):
            try:
                await self.messages.expire(old, why)
            except OSError as bad:  # one box that cannot be written keeps no other box's messages beyond their time
                log.error("a message that is too old cannot be removed", box=old.box, id=old.id, why=str(bad))
            else:
                log.info("message removed", box=old.box, id=old.id, why=why)

    async def greetings(self) -> None:
        """Tell Asterisk which greetings were recorded, here or in `VoiceMailMain()`. Raises AsteriskError, OSError."""
        if self.ami.up:
            ends = await asyncio.to_thread(self._ends)
            await present.correct_greetings(self.state, self.ami, self.directory(), ends)

    def _ends(self) -> dict[str, int]:
        spool, known = self.filer.spool, self.directory().boxes
        return {
            f"{box}/{name}": int(until)
            for box in spool.boxes()
            if box in known
            for name, until in greeting_files.ends(spool, box).items()
        }

    async def _greeted(self, box: str) -> None:
        try:
            await self.greetings()
        except (AsteriskError, OSError) as bad:
            log.warning("a greeting is late: the next look puts it right", box=box, why=str(bad))

    async def _repinned(self, box: str) -> None:
        try:
            await pins_changed(self.ami, self.state.current / "asterisk" / "voicemail.conf")
        except (AsteriskError, OSError) as bad:
            log.warning("VoiceMailMain() has the old PIN until Asterisk reads its boxes again", box=box, why=str(bad))

    async def remind(self) -> None:
        """Queue what is due of digests and reminders. Raises SQLAlchemyError, OSError."""
        if self.mailing:
            await self.mailing.look()

    async def count(self) -> None:
        """The figures of boxes and cases."""
        boxes, spool = self.directory().boxes, self.filer.spool

        def new() -> dict[str, int]:
            return {number: len(spool.box(number).messages(NEW)) for number in spool.boxes() if number in boxes}

        counted = await asyncio.to_thread(new)
        nearly = [number for number, found in counted.items() if is_nearly_full(boxes[number], found)]
        self.metrics.nearly_full.set(len(nearly))
        self.metrics.unheard.set(sum(counted.values()))

    def _keep(self, box: str) -> float:
        """Seconds that messages of a box are kept."""
        found = self.directory().boxes.get(box)
        return found.keep * retention.DAY if found else retention.DELETE_AFTER
