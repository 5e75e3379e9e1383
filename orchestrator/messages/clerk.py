"""Writes the letter of an envelope from what is there when it is sent: the message, its recording, the open cases.

Belongs here: fetching what a mail tells. Not here: its text (composing), and whether it arrives (postman).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import OFF, Box
from orchestrator.messages import spooled
from orchestrator.messages.composing import Composer, Enclosed, Letterhead, Pending
from orchestrator.messages.letters import Letter, Message
from orchestrator.messages.recording import enclosed
from orchestrator.messages.reminders import DONE, is_nearly_full
from orchestrator.store.tables import cases

OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Clerk:
    """Writes all mails of one exchange."""

    engine: AsyncEngine
    spool: Path
    directory: Callable[[], Directory]
    """The directory that runs now."""
    head: Callable[[], Letterhead]
    limit: int
    """Bytes that a mail may have."""

    async def write(self, letter: Letter, *, bare: bool = False) -> EmailMessage | None:
        """The mail; None where nothing is left to tell. `bare`: without the recording, which was too large.

        Raises OSError and SQLAlchemyError.
        """
        directory = self.directory()
        box = directory.boxes.get(letter.box) or _unknown(directory, letter.box)
        composer = Composer(directory=directory, head=self.head(), box=box)
        match letter.kind:
            case "message":
                return await asyncio.to_thread(self._new, composer, letter, bare)
            case "overdue":
                return await self._overdue(composer, letter)
            case "full":
                count = await asyncio.to_thread(spooled.count, self.spool, box.id)
                return composer.full(letter, count) if is_nearly_full(box, count) else None
            case "digest":
                pending = list(await self._pending(directory, box))
                return composer.digest(letter, pending) if pending else None

    def _new(self, composer: Composer, letter: Letter, bare: bool) -> EmailMessage:
        found = spooled.recorded(self.spool, letter.box, letter.message)
        if found is None:
            return composer.new(letter, None, Enclosed())
        message, wav = found
        what = Enclosed(form="large") if bare else enclosed(wav, composer.box.mail, self.limit)
        return composer.new(letter, message, what)

    async def _overdue(self, composer: Composer, letter: Letter) -> EmailMessage | None:
        found = await asyncio.to_thread(spooled.find, self.spool, letter.box, letter.message)
        case = (await self._cases(letter.box)).get(letter.message)
        if found is None or (case and case.state == DONE):
            return None
        return composer.overdue(letter, found[0])

    async def _pending(self, directory: Directory, box: Box) -> Iterator[Pending]:
        known = await self._cases(box.id)
        spool = self.spool
        there = await asyncio.to_thread(lambda: {each.id: each for each in spooled.everything(spool, box.id)})
        new = await asyncio.to_thread(lambda: {each.id for each in spooled.unheard(spool, box.id)})
        return pending(directory, there, new, known)

    async def _cases(self, box: str) -> Mapping[str, Any]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(select(cases).where(cases.c.box == box))
            return {row.message: row for row in rows}


def pending(
    directory: Directory, there: Mapping[str, Message], new: set[str], known: Mapping[str, Any]
) -> Iterator[Pending]:
    """What is open of the messages that are `there`: cases that are not done, and what is `new` and no case."""
    for id, message in there.items():
        case = known.get(id)
        if case is None:
            if id in new:
                yield Pending(message=message, state="unheard")
        elif case.state == OPEN:
            yield Pending(message=message, state="open")
        elif case.state != DONE:
            person = directory.people.get(case.who)
            yield Pending(message=message, state="taken", who=person.name if person else case.who)


def _unknown(directory: Directory, id: str) -> Box:
    """A box that was taken out of the directory after it got a message: that there is one is told all the same."""
    return Box(id=id, name=id, mail=OFF, language=directory.town.languages[0])
