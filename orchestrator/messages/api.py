"""Messages as a service: what the phone menu, the web, the command line and mail do with them, all alike.

    asker = Asker(name="p2500", boxes=frozenset({"2500", "30"}))
    for message in await messages.listed(asker, "30"): ...
    await messages.hear(asker, "30", id)        # a path to play; it counts as heard with `mark`

Every operation asks whether the asker may; every change lights the lamp and is counted. Belongs here: the operations.
Not here: files (mailbox), rows (ledger), greetings and PINs over the telephone (dialogue).

MessageError
├── NotYours        the asker has nothing to do with that box
├── NoSuchMessage   it is not there (any more)
├── BoxFull         it cannot take another
└── BoxBusy         somebody else has it; try again
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.domain.rights import boxes_of, department_of
from orchestrator.messages import ledger, retention
from orchestrator.messages import mailbox as spools
from orchestrator.messages.folder import FolderFull
from orchestrator.messages.ledger import Case, State, Why
from orchestrator.messages.lock import Busy
from orchestrator.messages.mailbox import DELETED, HEARD, NEW, UNHEARD, Mailbox, Message, Spool

Answer = TypeVar("Answer")
LONGEST_ID = 120
"""Characters of the id of a message that was sent on."""


class MessageError(Exception):
    """Something cannot be done with a message; the text says what and why."""


class NotYours(MessageError):
    """The asker has nothing to do with that box."""


class NoSuchMessage(MessageError):
    """The message is not there, or not any more."""


class BoxFull(MessageError):
    """The box cannot take another message."""


class BoxBusy(MessageError):
    """Somebody else is changing the box for longer than one would wait."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks: for the record, and for what is theirs."""

    name: str
    """A person's id, `box 2500` for who knows its PIN or sits at its telephone, `admin anna`."""
    boxes: frozenset[str]
    listens: bool = True
    """Whether they may hear messages; an admin may count and move them."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How full a box is."""

    box: str
    name: str
    new: int
    heard: int
    deleted: int
    """Those that can still be taken back."""
    quota: int
    """New messages that it takes."""

    @property
    def full(self) -> bool:
        """Whether callers are turned away."""
        return self.new >= self.quota


def asker(directory: Directory, person: str) -> Asker:
    """A person of the directory; nobody's boxes for an unknown one."""
    found = directory.people.get(person)
    return Asker(name=person, boxes=boxes_of(directory, found) if found else frozenset())


def owner(box: str) -> Asker:
    """Who knows the box's PIN, or sits at its telephone."""
    return Asker(name=f"box {box}", boxes=frozenset({box}))


Light = Callable[[str], Awaitable[None]]
"""Has the lamps of a box show what is in it. Must not raise: a lamp is no reason to fail."""
Tell = Callable[[AsyncConnection, Message], Awaitable[None]]
"""Writes down, in the transaction in which a message is received, who is to be told of it; twice is once."""


async def nobody(connection: AsyncConnection, message: Message) -> None:
    """Tells nobody."""


@dataclass(frozen=True, kw_only=True)
class Messages:
    """The messages of one exchange. `directory` is the applied one, asked anew each time."""

    spool: Spool
    engine: AsyncEngine
    directory: Callable[[], Directory]
    light: Light
    tell: Tell = nobody
    clock: Callable[[], float] = time.time

    # Looking

    async def usage(self, asker: Asker, box: str) -> Usage:
        """How full a box is. Raises MessageError."""
        found = await self._list(asker, box)
        new = sum(message.new for message in found)
        deleted = sum(message.folder == DELETED for message in found)
        of = self.directory().boxes[box]
        return Usage(
            box=box,
            name=of.name,
            new=new,
            heard=len(found) - new - deleted,
            deleted=deleted,
            quota=of.quota,
        )

    async def listed(self, asker: Asker, box: str, *folders: str) -> list[Message]:
        """The messages of a box, the oldest first; without folders, all that are not deleted. Raises MessageError."""
        found = await self._list(asker, box, *folders)
        return found if folders else [message for message in found if message.folder != DELETED]

    async def find(self, asker: Asker, box: str, id: str) -> Message:
        """One message. Raises MessageError."""
        mailbox = self._mailbox(asker, box)
        return await _asked(mailbox.find, id)

    async def hear(self, asker: Asker, box: str, id: str) -> Path:
        """The audio of a message: 8 kHz, 16 bit, mono WAV, at a path that stays for an hour. Raises MessageError."""
        mailbox = self._mailbox(asker, box)
        if not asker.listens:
            raise NotYours(f"{asker.name} may not hear messages of box {box}")
        return await _asked(mailbox.audio, id)

    # Changing

    async def mark(self, asker: Asker, box: str, id: str, *, heard: bool) -> Message:
        """Mark a message as heard, or as new again. One that is deleted is neither. Raises MessageError."""
        if (await self.find(asker, box, id)).folder == DELETED:
            raise NoSuchMessage(f"message {id} of box {box} is deleted")
        return await self._moved(asker, box, id, HEARD if heard else NEW)

    async def delete(self, asker: Asker, box: str, id: str) -> Message:
        """Put a message among the deleted ones, from where it can be taken back for a day; its case is done.

        Raises MessageError.
        """
        moved = await self._moved(asker, box, id, DELETED)
        if department_of(self.directory(), box):
            async with self.engine.begin() as connection:
                await ledger.rest_case(connection, box, id, who=asker.name, at=self.clock())
        return moved

    async def restore(self, asker: Asker, box: str, id: str, *, heard: bool = True) -> Message:
        """Take back a deletion; its case is what it was. Raises MessageError."""
        if (await self.find(asker, box, id)).folder != DELETED:
            raise NoSuchMessage(f"message {id} of box {box} is not deleted")
        moved = await self._moved(asker, box, id, HEARD if heard else NEW)
        if department_of(self.directory(), box):
            async with self.engine.begin() as connection:
                await ledger.wake_case(connection, box, id, at=self.clock())
        return moved

    async def erase(self, asker: Asker, box: str, id: str) -> Message:
        """Remove a message for good, which the deletion log keeps. Raises MessageError."""
        gone = await self.find(asker, box, id)
        await self._remove(gone, "deleted", who=asker.name)
        return gone

    async def forward(
        self, asker: Asker, box: str, id: str, to: str, *, audio: Path | None = None, keep: bool = True
    ) -> Message:
        """Send a message on to another box, with `audio` instead of its own where a comment was put before it.

        Told twice, it is there once. Raises MessageError.
        """
        mailbox = self._mailbox(asker, box)
        if to not in self.directory().boxes or to == box:
            raise NoSuchMessage(f"there is no other box {to}")
        message = await _asked(mailbox.find, id)
        if not asker.listens and audio:
            raise NotYours(f"{asker.name} may not speak into box {to}")
        spoken = f"-{await asyncio.to_thread(_digest, audio)}" if audio else ""  # another comment is another message
        as_id = _sent_on(id, f"-to-{to}{spoken}")
        other = self.spool.box(to)
        if len(await asyncio.to_thread(other.messages, *UNHEARD)) >= self.directory().boxes[to].quota:
            raise BoxFull(f"box {to} takes no more messages")
        copy = await _asked(lambda _: mailbox.copy(id, other, as_id=as_id, by=asker.name, audio=audio), id)
        if copy.folder == DELETED:  # it was sent there before, and thrown away
            copy = await _asked(lambda each: other.move(each, NEW), as_id)
        await self.received(copy)
        await self.light(to)
        if not keep:
            await self.delete(asker, box, message.id)
        return copy

    async def received(self, message: Message) -> None:
        """A message is in a box: a department has a case of it, and who is to be told is on a list.

        May be said twice. Raises SQLAlchemyError.
        """
        async with self.engine.begin() as connection:
            if department_of(self.directory(), message.box):
                await ledger.open_case(connection, message)
            await self.tell(connection, message)

    async def expire(self, message: Message, why: Why) -> None:
        """Remove a message that is too old, and write that down. Raises Busy, OSError, SQLAlchemyError."""
        await self._remove(message, why, who="")

    async def _remove(self, message: Message, why: Why, *, who: str) -> None:
        async with self.engine.begin() as connection:  # first: killed before the message is gone, it is not told twice
            await ledger.deleted(connection, [message], why, who=who, at=self.clock())
        await asyncio.to_thread(retention.remove, self.spool, message)
        await self.light(message.box)

    async def reconcile(self) -> None:
        """Have a case for every message of a department, and none without one: `VoiceMailMain()` knows no cases.

        After the loss of the database this is how they come back: what was heard counts as dealt with. As a list
        may miss what is moved meanwhile, a case is forgotten only after a look while nothing can be; of a mailbox that
        somebody else has, at a later time.
        """
        directory = self.directory()
        shared = {home.box for home in directory.departments.values()}
        shared |= {box.id for box in directory.boxes.values() if box.department}
        for box in sorted(shared & set(await asyncio.to_thread(self.spool.boxes))):
            async with self.engine.connect() as connection:
                known = {case.message: case for case in await ledger.cases_of(connection, [box])}
            there = {each.id: each for each in await asyncio.to_thread(self.spool.box(box).messages)}
            missing = known.keys() - there.keys()
            gone: set[str] = set()
            if missing:
                with suppress(Busy):
                    gone = await asyncio.to_thread(self.spool.box(box).gone, missing)
            new = [each for id_, each in there.items() if id_ not in known and each.folder != DELETED]
            deleted = [
                id_
                for id_, case in known.items()
                if id_ in there and there[id_].folder == DELETED and not case.before and case.state != "done"
            ]
            if not (new or deleted or gone):
                continue
            async with self.engine.begin() as connection:
                for each in new:
                    await ledger.open_case(connection, each, "open" if each.new else "done")
                for id_ in deleted:
                    await ledger.rest_case(connection, box, id_, who="", at=self.clock())
                await ledger.close_cases(connection, gone)

    # Cases

    async def cases(self, asker: Asker, *states: State) -> list[Case]:
        """What is to be done in the asker's departments, the oldest first."""
        async with self.engine.connect() as connection:
            return await ledger.cases_of(connection, asker.boxes, *states)

    async def case(self, asker: Asker, box: str, id: str) -> Case | None:
        """The case of a message; None where it has none, as in a person's own box. Raises MessageError."""
        self._mailbox(asker, box)
        async with self.engine.connect() as connection:
            found = await ledger.case(connection, id)
        return found if found and found.box == box else None

    async def deal(self, asker: Asker, box: str, id: str, state: State, *, comment: str | None = None) -> Case:
        """Take a case, say that the caller was called back, that it is done, or give it back. Raises MessageError.

        A message that is dealt with counts as heard.
        """
        self._mailbox(asker, box)
        async with self.engine.begin() as connection:
            before = await ledger.case(connection, id)
            if before is None or before.box != box:
                raise NoSuchMessage(f"box {box} has no case of message {id}")
            await ledger.set_case(connection, box, id, state, who=asker.name, at=self.clock(), comment=comment)
            after = await ledger.case(connection, id)
        if state != "open" and (await self.find(asker, box, id)).new:
            await self.mark(asker, box, id, heard=True)
        assert after is not None  # noqa: S101 - it was there in this transaction
        return after

    async def _moved(self, asker: Asker, box: str, id: str, to: str) -> Message:
        moved = await _asked(lambda each: self._mailbox(asker, box).move(each, to), id)
        await self.light(box)
        return moved

    async def _list(self, asker: Asker, box: str, *folders: str) -> list[Message]:
        return await asyncio.to_thread(self._mailbox(asker, box).messages, *folders)

    def _mailbox(self, asker: Asker, box: str) -> Mailbox:
        if box not in asker.boxes or box not in self.directory().boxes:
            raise NotYours(f"{asker.name} has no box {box}")
        return self.spool.box(box)


def _sent_on(id: str, way: str) -> str:
    """The id of a message that was sent on. One that goes round does not grow beyond names of files, and links."""
    if len(id) + len(way) <= LONGEST_ID:
        return id + way
    channel, _, _ = id.partition("-")
    return f"{channel[:40]}-{hashlib.sha256(id.encode()).hexdigest()[:24]}{way}"


def _digest(audio: Path) -> str:
    """What tells one recording from another."""
    return hashlib.sha256(audio.read_bytes()).hexdigest()[:8]


async def _asked(do: Callable[[str], Answer], id: str) -> Answer:
    """Ask a mailbox in a thread, and say in words of this module what went wrong."""
    try:
        return await asyncio.to_thread(do, id)
    except spools.NoSuchMessage as bad:
        raise NoSuchMessage(str(bad)) from bad
    except FolderFull as bad:
        raise BoxFull(str(bad)) from bad
    except Busy as bad:
        raise BoxBusy(str(bad)) from bad
