"""Reads the journal as Asterisk writes it and keeps a journey of every call, exactly once.

The stored offset is that of the oldest call that is not over, in the same transaction as the journeys: after a restart
its events are read again, and what is already written is not written twice.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Protocol

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.journal.cel import Chunk, read
from orchestrator.journal.journeys import Call, Journey, journey
from orchestrator.store.tables import few, journal, journeys

log = logging.getLogger(__name__)

LOOK_EVERY = 0.25
"""Seconds between two looks at the file."""
WRITE_EVERY = 1.0
"""Seconds from one transaction with calls to the next: where many end they share one, which is most of what a call
costs here. A call that ends alone is written at once."""
QUIET = 15.0
"""Seconds without an event after which Asterisk is asked whether a call still exists."""
ASK_EVERY = 2.0
"""Seconds after which the database is written to although nothing has changed: it may have gone meanwhile."""
LARGEST = 16 * 1024 * 1024
"""Bytes at which the file is put aside, once nothing in it is needed any more."""
OLDEST = 86400.0
"""Seconds after which it is put aside however small it is: it holds callers' numbers."""
NEAR = 65536
"""Bytes before the end of the file from which on what is read is what happens now."""
TRY_AGAIN = 10.0
"""Seconds until a call is judged again whose mailbox could not be written."""
LONGEST_PAUSE = 5.0
"""Seconds from one try to the next while the database is away."""
UNWRITTEN = 1000
"""Calls that are over and kept in memory, some 50 KiB each, until they are written; the others wait on disk."""
MASK_AFTER, DELETE_AFTER = 30 * 86400.0, 90 * 86400.0
"""Seconds after which a caller's number is masked and a journey deleted (docs/decisions/0006)."""
TESTS_AFTER = 7 * 86400.0
"""Seconds after which a test call's journey is deleted: the canary makes some hundred a day."""
WRITTEN = tuple(each.name for each in fields(Journey) if each.name != "notes")
"""What of a journey has a column of its own."""


class Listener(Protocol):
    """Told of every journey once, when it is known for good."""

    async def finished(self, journey: Journey) -> Journey:
        """Judge a journey before it is written: the filer knows whether a message is one."""

    def written(self, journey: Journey, unexpected: str) -> None:
        """A journey was written for the first time."""


Living = Callable[[], Awaitable[frozenset[str] | None]]
"""The channels that exist now; None while Asterisk does not answer."""


@dataclass(kw_only=True)
class Recorder:
    """Follows one journal file."""

    engine: AsyncEngine
    path: Path
    listener: Listener
    living: Living
    expect: Callable[[Journey], str]
    """Why a journey is not one that the directory allows; empty if it is."""
    write_every: float = WRITE_EVERY
    calls: dict[str, Call] = field(default_factory=dict)
    broken: int = 0
    _offset: int = 0
    _kept: tuple[int, int] = (0, -1)
    """Inode and offset as they were written last, at `_kept_at` (monotonic seconds)."""
    _kept_at: float = 0.0
    _written_at: float = -math.inf
    """When calls were written last (monotonic seconds)."""
    _begun: float = field(default_factory=time.monotonic)
    """When we began with this file."""
    _since: dict[str, int] = field(default_factory=dict)
    """Call -> offset at which it is known to begin."""
    _heard: dict[str, float] = field(default_factory=dict)
    _later: dict[str, float] = field(default_factory=dict)
    """Call that is over and could not be judged -> when to try again (monotonic seconds)."""
    up: bool = True
    """Whether the database took what was last to be written."""
    _tried: set[str] = field(default_factory=set)
    """Calls that were judged while it was away: their messages are in their boxes."""
    caught_up: bool = False
    """Whether everything that is in the file has been read."""

    async def run(self) -> None:
        """Follow the file until cancelled; what cannot be written now is written later."""
        pause = LOOK_EVERY
        await self.begin()
        while True:
            try:
                more = await self.step()
                pause, self.up = 0.0 if more else LOOK_EVERY, True
            except (OSError, SQLAlchemyError) as bad:
                self.up = False
                pause = min(max(pause, LOOK_EVERY) * 2, LONGEST_PAUSE)
                log.error("the journal cannot be kept: %s; again in %.1f s", bad, pause)
            await asyncio.sleep(pause)

    async def begin(self) -> None:
        """Go on where the database says that the journal was read to."""
        if self._aside.exists():
            await self._finish_aside(0)  # killed while it was put aside; what is written already is not written twice
        async with self.engine.connect() as connection:
            stored = (await connection.execute(select(journal))).first()
        inode = self.path.stat().st_ino if self.path.exists() else 0
        self._offset = stored.offset if stored and stored.inode == inode else 0

    async def step(self) -> bool:
        """Read once, write what is over; whether there may be more to read at once."""
        if (size := self._size()) is None:
            return False
        if size < self._offset:
            self._offset = 0  # another file under the same name
        chunk: Chunk | None = Chunk(events=(), end=self._offset, broken=0)
        if size > self._offset:
            chunk = read(self.path, self._offset) if self.up or self.unwritten < UNWRITTEN else None
        if chunk:
            self._take(chunk)
        self.caught_up = chunk is not None and not chunk.events
        late = time.monotonic() - self._written_at >= self.write_every
        if late or not self.up or self.unwritten >= UNWRITTEN:
            unread = (self._size() or 0) - self._offset
            cut = await self._cut() if unread < NEAR else []  # the end of a silent call may be in what is not read yet
            await self._write([*self._over(), *cut])
        full = self._offset > LARGEST or (self._offset and time.monotonic() - self._begun > OLDEST)
        if full and not self.calls:
            await self._put_aside()
        return bool(chunk and chunk.events)

    def _size(self) -> int | None:
        """Bytes of the file; None: there is none."""
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError:
            return None

    @property
    def unwritten(self) -> int:
        """How many calls are over, and not written down yet."""
        return sum(call.over for call in self.calls.values())

    def now(self, flow: str) -> Iterator[Journey]:
        """What is known of the calls that are in `flow` now."""
        for call in self.calls.values():
            if not call.over and call.place.startswith(f"{flow}.") and (made := journey(call)):
                yield made

    def _take(self, chunk: Chunk) -> None:
        for event in chunk.events:
            call = self.calls.setdefault(event.call, Call(event.call))
            call.add(event)
            self._since.setdefault(event.call, self._offset)
            self._heard[event.call] = time.monotonic()
        self.broken += chunk.broken
        self._offset = chunk.end

    def _over(self) -> list[tuple[Call, bool]]:
        now = time.monotonic()
        return [(call, False) for call in self.calls.values() if call.over and self._later.get(call.id, 0.0) <= now]

    async def _cut(self) -> list[tuple[Call, bool]]:
        """Calls of which nothing was heard and which Asterisk no longer has: it was restarted under them."""
        now = time.monotonic()
        silent = [call for call in self.calls.values() if not call.over and now - self._heard[call.id] > QUIET]
        if not silent:
            return []
        living = await self.living()
        for call in silent:
            self._heard[call.id] = now
        if living is None:
            return []
        return [(call, True) for call in silent if not living & call.channels.keys()]

    async def _write(self, over: Iterable[tuple[Call, bool]]) -> None:
        judged: list[Journey] = []
        ids: set[str] = set()
        away = None if self.up else await self._away()
        for call, cut in over:
            if away and call.id in self._tried:
                continue
            try:
                made = await self._judged(call, cut)
            except SQLAlchemyError as bad:
                away = away or bad
                self._tried.add(call.id)
                continue
            except OSError as bad:  # its mailbox cannot be written: the others' calls must not wait for it
                log.error("call %s is written down later: %s", call.id, bad)
                self._later[call.id] = time.monotonic() + TRY_AGAIN
                self._tried |= {call.id} if away else set()
                continue
            if made is None:  # a call of nobody's: there is nothing to write
                self._forget(call.id)
                continue
            ids.add(call.id)
            judged.append(made)
        if away:
            raise away
        since = [offset for call, offset in self._since.items() if call not in ids]
        keep = self.path.stat().st_ino if self.path.exists() else 0, min(since, default=self._offset)
        if not judged and keep == self._kept and self.up and time.monotonic() - self._kept_at < ASK_EVERY:
            return
        async with self.engine.begin() as connection:
            new = await self._insert(connection, judged) if judged else {}
            await self._keep(connection, *keep)
        self._kept, self._kept_at = keep, time.monotonic()
        self._written_at = self._kept_at if judged else self._written_at
        for id_ in ids:
            self._forget(id_)
        for made, unexpected in new.values():
            self.listener.written(made, unexpected)

    def _forget(self, id_: str) -> None:
        for kept in (self.calls, self._since, self._heard, self._later):
            kept.pop(id_, None)

    async def _away(self) -> Exception | None:
        """Why the database is away still. Once it is back, what was judged meanwhile has to wait no longer."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(select(journal))
        except (OSError, SQLAlchemyError) as bad:
            return bad
        for id_ in self._tried:
            self._later.pop(id_, None)
        self._tried.clear()
        return None

    async def _judged(self, call: Call, cut: bool) -> Journey | None:
        """A bulkhead: a call that we do not understand must not hold up the others for ever."""
        try:
            made = journey(call, cut=cut)
            return await self.listener.finished(made) if made else None
        except (OSError, SQLAlchemyError):
            raise  # a box that cannot be written: this one later; a database that is away: all of them
        except Exception:
            log.exception("call %s is left out of the journal", call.id)
            self.broken += 1
            return None

    async def _insert(self, connection: AsyncConnection, judged: Sequence[Journey]) -> dict[str, tuple[Journey, str]]:
        """Those that were not there, by their ids, each with what is unexpected of it."""
        ids = [made.id for made in judged]
        known = set((await connection.execute(select(journeys.c.id).where(journeys.c.id.in_(ids)))).scalars())
        new = {made.id: (made, self.expect(made)) for made in judged if made.id not in known}
        if new:
            await connection.execute(insert(journeys), [row(made, unexpected) for made, unexpected in new.values()])
        return new

    async def _keep(self, connection: AsyncConnection, inode: int, offset: int) -> None:
        row = {"id": 1, "inode": inode, "offset": offset}
        if not (await connection.execute(update(journal).values(row))).rowcount:
            await connection.execute(insert(journal), [row])

    @property
    def _aside(self) -> Path:
        return self.path.with_suffix(".old")

    async def _put_aside(self) -> None:
        """Everything is read: begin a new file. Asterisk opens it anew for each line, so the old one gets no more."""
        self.path.replace(self._aside)
        await asyncio.sleep(LOOK_EVERY)  # a line that was being written is in the old file
        await self._finish_aside(self._offset)

    async def _finish_aside(self, offset: int) -> None:
        """Read the rest of the file that was put aside, forget how far it was read, and remove it."""
        while (chunk := read(self._aside, offset)).end > offset:
            self._take(chunk)
            offset = chunk.end
        self._offset, self._since, self._begun = 0, dict.fromkeys(self.calls, 0), time.monotonic()
        await self._write(self._over())
        self._aside.unlink()


def row(made: Journey, unexpected: str) -> dict[str, object]:
    """A journey as the table has it."""
    written = {name: getattr(made, name) for name in WRITTEN}
    steps = [[step.place, step.answer, step.at, step.answered_at] for step in made.steps]
    return {**written, "steps": steps, "unexpected": unexpected}


async def forget(engine: AsyncEngine, now: float) -> None:
    """Mask the numbers of old calls and delete older journeys, as the data protection rules of the town say."""
    async with engine.begin() as connection:
        old = journeys.c.began < now - MASK_AFTER
        await connection.execute(update(journeys).where(few("numbers"), old).values(caller=""))
        await connection.execute(delete(journeys).where(journeys.c.began < now - DELETE_AFTER))
        await connection.execute(delete(journeys).where(few("tests"), journeys.c.began < now - TESTS_AFTER))
