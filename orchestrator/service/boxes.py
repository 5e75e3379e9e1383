"""Mailboxes as an admin sees them from the command line: how full, what is to be done, and helping who forgot a PIN.

An admin counts and moves messages, and hears none. Belongs here: opening what the service of messages needs, for one
command. Not here: what can be done with messages (messages.api), control's own (mailroom).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import desc, select

from orchestrator.asterisk import voicemail
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.domain import hot_desks
from orchestrator.domain.directory import Directory
from orchestrator.domain.outgoing import masked
from orchestrator.messages import ledger
from orchestrator.messages.api import Asker, BoxBusy, MessageError, Messages, NotYours
from orchestrator.messages.ledger import State as CaseState
from orchestrator.messages.mailbox import Message, Spool
from orchestrator.messages.pins import Pins
from orchestrator.service import directory as directories
from orchestrator.service import wiring
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.mailroom import teller
from orchestrator.service.running import NotAnswering, connected
from orchestrator.service.state import State
from orchestrator.store.tables import deletions


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One box."""

    box: str
    name: str
    new: int
    heard: int
    quota: int
    open: int
    """Cases that nobody has dealt with."""
    locked: str
    """Until when wrong PINs have locked it, in the town's time; empty: it is not."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One message, without whoever called: the last digits are masked."""

    id: str
    at: str
    caller: str
    seconds: int
    folder: str
    case: str


@dataclass(frozen=True, kw_only=True)
class Gone:
    """One line of the deletion log."""

    at: str
    box: str
    message: str
    received: str
    why: str
    who: str


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What one command works with."""

    directory: Directory
    messages: Messages
    asker: Asker
    zone: ZoneInfo

    def local(self, at: float) -> str:
        """A time as the town has it."""
        return f"{datetime.fromtimestamp(at, self.zone):%Y-%m-%d %H:%M}"


@asynccontextmanager
async def desk(state: State) -> AsyncIterator[Desk]:
    """The messages of the exchange as it was applied. What fails with them is a ServiceError."""
    directory = await directories.running(state)

    async def light(box: str) -> None:
        with contextlib.suppress(AsteriskError, NotAnswering):  # control's next look, or Asterisk's start, lights it
            async with connected(state) as running:
                if running:
                    await voicemail.refresh(running.ami, box)

    async with opened(state) as engine:
        spool = Spool(state.spool)
        tell = teller(state, lambda: directory)
        messages = Messages(spool=spool, engine=engine, directory=lambda: directory, light=light, tell=tell)
        asker = Asker(name=f"admin {directories.who()}", boxes=frozenset(directory.boxes), listens=False)
        try:
            yield Desk(directory=directory, messages=messages, asker=asker, zone=ZoneInfo(directory.town.timezone))
        except BoxBusy as bad:
            raise ServiceError(str(bad), todo="somebody is changing that box: try again") from bad
        except NotYours as bad:
            raise ServiceError(str(bad), todo="`durchwahl messages` lists the boxes") from bad
        except MessageError as bad:
            raise ServiceError(str(bad), todo="`durchwahl messages BOX` lists what is there") from bad


async def overview(state: State) -> list[Overview]:
    """Every box of the directory, the fullest first."""
    async with desk(state) as at:
        async with at.messages.engine.connect() as connection:
            cases = await ledger.cases_of(connection, at.directory.boxes, "open")
            locked = await ledger.locks(connection, time.time())
        waiting = Counter(case.box for case in cases)
        found = []
        for box in at.directory.boxes:
            usage = await at.messages.usage(at.asker, box)
            found.append(
                Overview(
                    box=box,
                    name=usage.name,
                    new=usage.new,
                    heard=usage.heard,
                    quota=usage.quota,
                    open=waiting[box],
                    locked=at.local(locked[box]) if box in locked else "",
                )
            )
    return sorted(found, key=lambda each: (-each.new / each.quota, each.box))


async def listed(state: State, box: str) -> list[Line]:
    """The messages of one box, the oldest first, deleted ones that can be taken back too. Raises ServiceError."""
    async with desk(state) as at:
        everything = await at.messages.listed(at.asker, box, *await _folders(at, box))
        async with at.messages.engine.connect() as connection:
            cases = {case.message: case.state for case in await ledger.cases_of(connection, [box])}
    return [
        Line(
            id=each.id,
            at=at.local(each.at),
            caller=masked(each.caller) or "unknown",
            seconds=each.seconds,
            folder="new" if each.new else {"Old": "heard"}.get(each.folder, each.folder.lower()),
            case=cases.get(each.id, ""),
        )
        for each in everything
    ]


async def _folders(at: Desk, box: str) -> list[str]:
    await at.messages.usage(at.asker, box)  # is it a box at all?
    return sorted({each.folder for each in await asyncio.to_thread(at.messages.spool.box(box).messages)})


async def delete(state: State, box: str, id: str) -> Message:
    """Put a message among the deleted ones. Raises ServiceError."""
    async with desk(state) as at:
        return await at.messages.delete(at.asker, box, id)


async def restore(state: State, box: str, id: str) -> Message:
    """Take a deletion back: the message is new again. Raises ServiceError."""
    async with desk(state) as at:
        return await at.messages.restore(at.asker, box, id, heard=False)


async def forward(state: State, box: str, id: str, to: str) -> Message:
    """Move a message that came to the wrong box into another. Raises ServiceError."""
    async with desk(state) as at:
        return await at.messages.forward(at.asker, box, id, to, keep=False)


async def deal(state: State, box: str, id: str, to: CaseState) -> None:
    """Bring the case of a message into another state. Raises ServiceError."""
    async with desk(state) as at:
        await at.messages.deal(at.asker, box, id, to)


async def gone(state: State, limit: int) -> list[Gone]:
    """The deletion log, the newest first."""
    async with desk(state) as at, at.messages.engine.connect() as connection:
        rows = (await connection.execute(select(deletions).order_by(desc(deletions.c.id)).limit(limit))).mappings()
        return [
            Gone(
                at=at.local(row["at"]),
                box=row["box"],
                message=row["message"],
                received=at.local(row["received"]),
                why=row["why"],
                who=row["who"],
            )
            for row in rows
        ]


async def _repinned(state: State) -> None:
    """Have `VoiceMailMain()` see the PINs that there are now, if Asterisk runs."""
    with contextlib.suppress(AsteriskError, NotAnswering):
        async with connected(state) as running:
            if running:
                await voicemail.pins_changed(running.ami, state.current / "asterisk" / "voicemail.conf")


async def first_pin(state: State, box: str, *, forget: bool) -> str:
    """The PIN that a box has until its owner chooses one; empty if they have, unless that is forgotten now.

    Forgetting unlocks the box, too. Who has no box has a PIN all the same, to log in at a desk (service.hot_desks):
    that of their number. Raises ServiceError.
    """
    secrets = wiring.secrets(state)
    async with desk(state) as at:
        if not (named := hot_desks.named(at.directory, box)):
            await at.messages.usage(at.asker, box)
        box = named
        pins = Pins(at.messages.spool, secrets.pin)
        if forget:
            await asyncio.to_thread(pins.forget, box)
            await _repinned(state)
            async with at.messages.engine.begin() as connection:
                await ledger.guessed_right(connection, box)
        return "" if pins.chosen(box) else secrets.pin(box)
