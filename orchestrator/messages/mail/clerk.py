"""Writes the letter of an envelope from what is there when it is sent: the message, its recording, the open cases.

Belongs here: fetching what a mail tells. Not here: its text (composing), and whether it arrives (postman).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage

from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import ATTACHMENT, COMPRESSED, OFF, Box
from orchestrator.messages import ledger
from orchestrator.messages.ledger import SETTLED, Case
from orchestrator.messages.mail.composing import Composer, Enclosed, Letterhead, Pending
from orchestrator.messages.mail.letters import Letter, is_told
from orchestrator.messages.mail.recording import enclosed
from orchestrator.messages.mail.reminders import is_nearly_full
from orchestrator.messages.mail.transcripts import Transcripts
from orchestrator.messages.mailbox import DELETED, UNHEARD, Message, NoSuchMessage, Spool

OUTDATED = 86400.0
"""Seconds after which nobody is told of a morning or of a nearly full box any more: the next day's letter does that."""


@dataclass(frozen=True, kw_only=True)
class Clerk:
    """Writes all mails of one exchange."""

    engine: AsyncEngine
    spool: Spool
    directory: Callable[[], Directory]
    """The directory that runs now."""
    head: Callable[[], Letterhead]
    limit: int
    """Bytes that a mail may have."""
    transcripts: Transcripts | None = None
    """None: nothing is written down of what was said."""
    clock: Callable[[], float] = time.time

    async def write(self, letter: Letter, *, bare: bool = False) -> EmailMessage | None:
        """The mail; None where nothing is left to tell, or nobody: the box may be somebody else's by now.

        `bare`: without the recording, which was too large. Raises OSError and SQLAlchemyError.
        """
        directory = self.directory()
        box = directory.boxes.get(letter.box)
        if box and not is_told(directory, letter, box):
            return None
        if letter.kind in ("digest", "full") and self.clock() - letter.created > OUTDATED:
            return None
        box = box or _unknown(directory, letter.box)
        composer = Composer(directory=directory, head=self.head(), box=box)
        match letter.kind:
            case "message":
                return await asyncio.to_thread(self._new, composer, letter, bare)
            case "overdue":
                return await self._overdue(composer, letter)
            case "full":
                count = len(await asyncio.to_thread(self.spool.box(box.id).messages, *UNHEARD))
                return composer.full(letter, count) if is_nearly_full(box, count) else None
            case "digest":
                pending = list(await self._pending(directory, box))
                return composer.digest(letter, pending) if pending else None

    def takes_long(self, letter: Letter) -> bool:
        """Whether the mail is better with `prepare` before: the recording goes out, and nobody has listened to it."""
        box = self.directory().boxes.get(letter.box)
        if self.transcripts is None or letter.kind != "message" or box is None:
            return False
        told = box.mail in (ATTACHMENT, COMPRESSED) and is_told(self.directory(), letter, box)
        return told and self.transcripts.missing(box.id, letter.message)

    async def prepare(self, letter: Letter) -> None:
        """Have the recording written down. Takes minutes."""
        if self.transcripts and (box := self.directory().boxes.get(letter.box)):
            await self.transcripts.listen(box.id, letter.message, box.language)

    def _new(self, composer: Composer, letter: Letter, bare: bool) -> EmailMessage:
        message = self._find(letter)
        if message is None:
            return composer.new(letter, None, Enclosed())
        what = Enclosed(form="large") if bare else enclosed(self._wav(message), composer.box.mail, self.limit)
        wanted = composer.box.mail in (ATTACHMENT, COMPRESSED)
        said = self.transcripts.text(message.box, message.id) if self.transcripts and wanted else ""
        return composer.new(letter, message, what, said)

    def _find(self, letter: Letter) -> Message | None:
        """The message that a letter is about, in whatever folder it is now; None: it is deleted."""
        try:
            message = self.spool.box(letter.box).find(letter.message)
        except NoSuchMessage:
            return None
        return None if message.folder == DELETED else message

    def _wav(self, message: Message) -> bytes | None:
        """Its recording; None: it is gone. Raises OSError."""
        try:
            return self.spool.box(message.box).audio(message.id).read_bytes()
        except (NoSuchMessage, FileNotFoundError):
            return None

    async def _overdue(self, composer: Composer, letter: Letter) -> EmailMessage | None:
        message = await asyncio.to_thread(self._find, letter)
        case = (await self._cases(letter.box)).get(letter.message)
        if message is None or (case and case.state in SETTLED):
            return None
        return composer.overdue(letter, message)

    async def _pending(self, directory: Directory, box: Box) -> Iterator[Pending]:
        known = await self._cases(box.id)
        there = await asyncio.to_thread(self.spool.box(box.id).messages)
        return pending(directory, (each for each in there if each.folder != DELETED), known)

    async def _cases(self, box: str) -> Mapping[str, Case]:
        async with self.engine.connect() as connection:
            return {case.message: case for case in await ledger.cases_of(connection, [box])}


def pending(directory: Directory, there: Iterable[Message], known: Mapping[str, Case]) -> Iterator[Pending]:
    """What is open of the messages that are `there`: cases that are not done, and what is new and no case."""
    for message in there:
        case = known.get(message.id)
        if case is None:
            if message.new:
                yield Pending(message=message, state="unheard")
        elif case.state == "open":
            yield Pending(message=message, state="open")
        elif case.state != "done":
            person = directory.people.get(case.who)
            yield Pending(message=message, state=case.state, who=person.name if person else case.who)


def _unknown(directory: Directory, id: str) -> Box:
    """A box that was taken out of the directory after it got a message: that there is one is told all the same."""
    return Box(id=id, name=id, mail=OFF, language=directory.town.languages[0])
