"""Takes letters out of the outbox and hands them over to the mail server, one after the other, for as long as it takes.

Each is handed over exactly once, but for one case that no client can exclude: the server has taken a mail, and the
connection or this process dies before we know or wrote it down. Then the same mail goes out with the same Message-ID.

A session with the server is opened when the mails are written: no server waits for us. What takes minutes to write is
prepared beside, and nothing else waits for it.

Belongs here: the order, what is tried again and when. Not here: the rows (outbox), SMTP (smtp), the text (clerk).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.messages.mail import outbox
from orchestrator.messages.mail.letters import Letter, address
from orchestrator.messages.mail.outbox import DEAD, MOOT, SENT, Envelope
from orchestrator.messages.mail.smtp import Line, Refused, Server, Unreachable, line

log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two looks into the outbox when nobody calls `wake`."""
MANY = 20
"""Letters of one session."""
HEAVY = 30_000_000
"""Bytes of written mails from which on a session gets no more: they lie in memory until it is over."""
SLOW = 200
"""Letters that are being prepared or wait for it; beyond that they go out unprepared."""
FIRST, LONGEST = 60.0, 3600.0
"""Seconds until a letter is tried again: after the first failure, and at most."""
SERVER_FIRST, SERVER_LONGEST = 5.0, 600.0
"""The same for the server: asking it costs one connection, whatever waits."""
BROKEN = 3
"""So many letters in a row at which the connection broke are the server's fault, and not theirs."""
LINGER = 10.0
"""Seconds that the letter in hand may take when we are told to stop: cut off, it would go out twice."""


class Writer(Protocol):
    """Writes the mail that a letter is."""

    async def write(self, letter: Letter, *, bare: bool = False) -> EmailMessage | None:
        """None: nothing is left to tell. `bare`: without the recording, which was too large."""

    def takes_long(self, letter: Letter) -> bool:
        """Whether it should be prepared before it is written. False once it was, whatever came of it."""

    async def prepare(self, letter: Letter) -> None:
        """Do what takes long, for minutes."""


class Observer(Protocol):
    """Told what becomes of letters."""

    def mailed(self, outcome: str, seconds: float) -> None:
        """A letter is `sent`, `later`, `dead` or `moot`, `seconds` after it was queued."""

    def mail_server(self, up: bool) -> None:
        """Whether the mail server could be reached."""


@dataclass(kw_only=True)
class Postman:
    """The one who sends. Only one may run at a time on one outbox."""

    engine: AsyncEngine
    server: Callable[[], Server]
    """Where mails go, asked for each session: the password may be another one by now."""
    writer: Writer
    observer: Observer
    clock: Callable[[], float] = time.time
    first: float = FIRST
    server_first: float = SERVER_FIRST
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _accepted: dict[int, tuple[str, float]] = field(default_factory=dict)
    """Letters that are through, but not yet written down as that."""
    _closed: float = 0.0
    """Until when the server is left alone, by the monotonic clock."""
    _failures: int = 0
    """How often in a row the server could not be reached."""
    _broken: int = 0
    _slow: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    """Letters that are being prepared, by their row."""

    def wake(self) -> None:
        """There is a new letter, and its transaction is over."""
        self._woken.set()

    async def run(self) -> None:
        """Send what is due, until cancelled. Whatever fails is tried again later."""
        try:
            while True:
                self._woken.clear()
                more = False
                try:
                    more = await self.round()
                except (SQLAlchemyError, OSError) as bad:
                    log.error("the outbox cannot be read or written: %s; again in %.0f s", bad, LOOK_EVERY)
                except Exception:
                    log.exception("mail has to wait")
                _end_if_cancelled()
                if not more:
                    await self._rest()
        finally:
            for task in self._slow.values():
                task.cancel()

    async def _rest(self) -> None:
        """Until somebody wakes us, or a while. A server that is down is not asked sooner because more is to be sent."""
        closed = self._closed - time.monotonic()
        if closed > 0:
            await asyncio.sleep(closed)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await self._woken.wait()

    async def round(self) -> bool:
        """Send what is due, a session's worth; whether there may be more at once. Raises SQLAlchemyError, OSError."""
        await self._write_down()
        if self._closed > time.monotonic():
            return False
        if not (due := await outbox.due(self.engine, self.clock(), MANY, self._slow)):
            return False
        if not (mails := await self._mails([each for each in due if not self._prepares(each)])):
            return True
        try:
            async with line(self.server()) as session:
                self._reached()
                for envelope, mail in mails:
                    if not await self._whole(self._post(session, envelope, mail)):
                        break
        except Unreachable as bad:
            await self._unreachable(bad)
            return False
        return True

    def _prepares(self, envelope: Envelope) -> bool:
        """Whether a letter is prepared first: from now on, beside us."""
        if len(self._slow) >= SLOW or not self.writer.takes_long(envelope.letter):
            return False
        self._slow[envelope.id] = asyncio.create_task(self._prepared(envelope))
        return True

    async def _prepared(self, envelope: Envelope) -> None:
        try:
            await self.writer.prepare(envelope.letter)
        finally:
            self._slow.pop(envelope.id, None)
            self.wake()

    async def _mails(self, due: Sequence[Envelope]) -> list[tuple[Envelope, bytes]]:
        """What is to be handed over of `due`, as much as a session takes. Raises SQLAlchemyError."""
        found: list[tuple[Envelope, bytes]] = []
        weight = 0
        for envelope in due:
            if weight >= HEAVY:
                break
            try:
                mail = await self._written(_addressed(envelope))
            except Refused as bad:
                await self._refused(envelope, bad)
                continue
            if mail is None:
                await self._is_through(envelope, MOOT)
                continue
            found.append((envelope, mail))
            weight += len(mail)
        return found

    async def _whole(self, work: Coroutine[None, None, bool]) -> bool:
        """Do `work`; when cancelled meanwhile, let it come to its end first, for `LINGER` at most."""
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task], timeout=LINGER)
            raise
        finally:
            if not task.done():
                task.cancel()
            elif not task.cancelled():
                task.exception()  # it is told by whoever waits, or nobody waits any more

    async def _post(self, session: Line, envelope: Envelope, mail: bytes) -> bool:
        """Send one letter and write down what became of it; whether the session is still good."""
        try:
            await self._hand_over(session, envelope, mail)
        except Refused as bad:
            await self._refused(envelope, bad)
            self._broken = self._broken + 1 if bad.broken else 0
            if self._broken >= BROKEN:
                self._broken = 0
                raise Unreachable(f"{session.server}: {bad}", todo="look into the log of the mail server") from bad
            return not bad.broken
        except Unreachable as bad:  # it may be this letter after all: the next time another one is first
            await outbox.put_off(self.engine, envelope, str(bad), self._again(envelope))
            raise
        self._broken = 0
        await self._is_through(envelope, SENT)
        return True

    async def _is_through(self, envelope: Envelope, state: str) -> None:
        self._accepted[envelope.id] = (state, self.clock())
        self.observer.mailed(state, self._since(envelope))
        await self._write_down()

    async def _hand_over(self, session: Line, envelope: Envelope, mail: bytes) -> None:
        """Have the server take a mail. Raises Refused, Unreachable, SQLAlchemyError."""
        letter = _addressed(envelope)
        try:
            await session.hand_over(letter.recipient, mail)
        except Refused as bad:
            if not bad.large or bad.broken or letter.kind != "message":
                raise
            smaller = await self._written(letter, bare=True)
            if smaller is None or len(smaller) >= len(mail):
                raise
            await session.hand_over(letter.recipient, smaller)

    async def _written(self, letter: Letter, *, bare: bool = False) -> bytes | None:
        """A bulkhead: a letter that cannot be written must not hold up the others."""
        try:
            mail = await self.writer.write(letter, bare=bare)
            return await asyncio.to_thread(mail.as_bytes) if mail else None
        except SQLAlchemyError:
            raise
        except OSError as bad:
            raise Refused(f"it cannot be written: {bad}") from bad
        except Exception as bad:
            log.exception("letter %s cannot be written", letter.key)
            raise Refused(f"it cannot be written: {bad!r}") from bad

    async def _refused(self, envelope: Envelope, bad: Refused) -> None:
        now = self.clock()
        again = 0.0 if bad.permanent else self._again(envelope)
        state = await outbox.failed(self.engine, envelope, str(bad), now=now, again=again)
        self.observer.mailed("dead" if state == DEAD else "later", self._since(envelope))
        if state == DEAD:
            log.error("mail %d to %s is given up: %s; `durchwahl mail` lists it", envelope.id, envelope.recipient, bad)
        else:
            log.warning("mail %d to %s has to wait: %s", envelope.id, envelope.recipient, bad)

    def _again(self, envelope: Envelope) -> float:
        return self.clock() + _pause(self.first, envelope.attempts, LONGEST)

    def _since(self, envelope: Envelope) -> float:
        return max(0.0, self.clock() - envelope.queued)

    async def _unreachable(self, bad: Unreachable) -> None:
        pause = _pause(self.server_first, self._failures, SERVER_LONGEST)
        self._failures += 1
        self._closed = time.monotonic() + pause
        self.observer.mail_server(False)
        if self._failures == 1:
            log.error("no mail can be sent: %s; to do: %s", bad, bad.todo)
        await outbox.unreachable(self.engine, str(bad), self.clock())

    def _reached(self) -> None:
        if self._failures:
            log.info("mail can be sent again")
        self._failures, self._closed = 0, 0.0
        self.observer.mail_server(True)

    async def _write_down(self) -> None:
        """Before anything else is sent: what is through, and could not be written down when it was."""
        for id, (state, at) in list(self._accepted.items()):
            await outbox.through(self.engine, id, state, at)
            del self._accepted[id]


def _end_if_cancelled() -> None:
    """Raise CancelledError if somebody asked for it and it was lost on the way.

    aiosmtplib waits by `asyncio.wait_for()`, which before Python 3.12 drops a cancellation that comes together with
    what it waits for (python/cpython#86296).
    """
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


def _addressed(envelope: Envelope) -> Letter:
    """The letter as it is sent. Raises Refused for what is no address."""
    recipient = address(envelope.recipient)
    if not recipient:
        raise Refused(f"{envelope.recipient!r} is no mail address: correct it in the directory", permanent=True)
    return replace(envelope.letter, recipient=recipient)


def _pause(first: float, failures: int, longest: float) -> float:
    """Seconds: twice as long after each failure, and never the same for all who wait."""
    return min(longest, first * 2.0 ** min(failures, 20)) * random.uniform(0.75, 1.0)  # noqa: S311 - no secret
