"""The outbox: letters that wait to be sent, with what became of each. A letter's key is unique, so it is sent once.

A row is `waiting`, then `sent`; or `dead` (given up, or refused for good: an admin looks at it), `dropped` by an admin,
or `moot` (nothing was left to tell). Rows that are through stay until no message lives any more: whatever is filed or
found due again meanwhile is not told again. Dead ones stay until an admin retries or drops them.

How long a letter has waited counts from when it was queued: its message may be days old by then. A server that cannot
be reached is no try of any letter, and none is given up for it.

Belongs here: the rows. Not here: sending (postman).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.messages.mail.letters import Letter
from orchestrator.store.tables import outbox

WAITING, SENT, DEAD, DROPPED, MOOT = "waiting", "sent", "dead", "dropped", "moot"
GIVE_UP = 3 * 86400.0
"""Seconds in the outbox after which a letter that was tried often enough is given up."""
TRIES = 8
"""So many tries each letter gets, however old it is: our own machine may have been off for days."""
FORGET = 100 * 86400.0
"""Seconds that a row is kept: longer than any message (people.KEEP_DAYS)."""
AHEAD = 2 * 3600.0
"""No letter is due later than that: one that is was written while the clock was wrong."""
AT_ONCE = 100
"""Rows of one statement; SQLite takes a limited number of values."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A row of the outbox. Times are seconds since the epoch."""

    id: int
    key: str
    kind: str
    box: str
    message: str
    recipient: str
    created: float
    queued: float
    """Since when it waits: queued, or retried by an admin."""
    due: float
    attempts: int
    state: str
    sent: float | None
    error: str
    """What the server said last."""

    @property
    def letter(self) -> Letter:
        """What has to be told whom."""
        return Letter(
            key=self.key,
            kind=self.kind,  # type: ignore[arg-type]  # only letters are queued
            box=self.box,
            recipient=self.recipient,
            created=self.created,
            message=self.message,
        )


@dataclass(frozen=True, kw_only=True)
class Fill:
    """How full the outbox is."""

    waiting: int
    dead: int
    oldest: float
    """Seconds that the oldest waiting letter has waited; 0: there is none."""


async def queue(connection: AsyncConnection, letters: Iterable[Letter], at: float | None = None) -> int:
    """Put `letters` into the outbox in the caller's transaction; how many are new. What is there stays as it is.

    `at`: seconds since the epoch; None: now.
    """
    now = time.time() if at is None else at
    rows = [_row(letter, now) for letter in {letter.key: letter for letter in letters}.values()]
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    new = 0
    for at in range(0, len(rows), AT_ONCE):
        insert = dialect.insert(outbox).values(rows[at : at + AT_ONCE])
        done = await connection.execute(insert.on_conflict_do_nothing(index_elements=["key"]).returning(outbox.c.id))
        new += len(done.all())
    return new


def _row(letter: Letter, at: float) -> dict[str, Any]:
    return {**asdict(letter), "queued": at, "due": at, "attempts": 0, "state": WAITING, "sent": None, "error": ""}


async def due(engine: AsyncEngine, now: float, many: int, but: Collection[int] = ()) -> list[Envelope]:
    """At most `many` letters that are due, the oldest first, without those of the ids `but`."""
    ripe = or_(outbox.c.due <= now, outbox.c.due > now + AHEAD)
    those = (outbox.c.state == WAITING, ripe, outbox.c.id.not_in(list(but)))
    asked = select(outbox).where(*those).order_by(outbox.c.created, outbox.c.id).limit(many)
    async with engine.connect() as connection:
        return [_envelope(row) for row in await connection.execute(asked)]


async def listed(engine: AsyncEngine, states: Sequence[str] = (WAITING, DEAD)) -> list[Envelope]:
    """Every letter in one of `states`, the oldest first."""
    asked = select(outbox).where(outbox.c.state.in_(states)).order_by(outbox.c.created, outbox.c.id)
    async with engine.connect() as connection:
        return [_envelope(row) for row in await connection.execute(asked)]


async def through(engine: AsyncEngine, id: int, state: str, at: float) -> None:
    """A letter was sent, or there is nothing to tell any more (`state`)."""
    done = update(outbox).where(outbox.c.id == id, outbox.c.state != SENT)
    async with engine.begin() as connection:
        await connection.execute(
            done.values(state=state, sent=at if state == SENT else None, attempts=outbox.c.attempts + 1, error="")
        )


async def failed(engine: AsyncEngine, envelope: Envelope, why: str, *, now: float, again: float) -> str:
    """A letter could not be sent: the state that it has now. `again` is when it is tried next; 0: never."""
    gives_up = now - envelope.queued >= GIVE_UP and envelope.attempts + 1 >= TRIES
    state = DEAD if not again or gives_up else WAITING
    put = update(outbox).where(outbox.c.id == envelope.id, outbox.c.state == WAITING)
    async with engine.begin() as connection:
        await connection.execute(put.values(state=state, due=again or now, attempts=outbox.c.attempts + 1, error=why))
    return state


async def put_off(engine: AsyncEngine, envelope: Envelope, why: str, again: float) -> None:
    """Try a letter not before `again`, and do not count this as a try of it: another one shall be first."""
    put = update(outbox).where(outbox.c.id == envelope.id, outbox.c.state == WAITING)
    async with engine.begin() as connection:
        await connection.execute(put.values(due=again, error=why))


async def unreachable(engine: AsyncEngine, why: str, now: float) -> None:
    """No letter can be sent now: all that are due note why. None is given up for it."""
    ripe = or_(outbox.c.due <= now, outbox.c.due > now + AHEAD)
    async with engine.begin() as connection:
        await connection.execute(update(outbox).where(outbox.c.state == WAITING, ripe).values(error=why))


async def retry(engine: AsyncEngine, id: int | None, now: float) -> int:
    """Give dead and waiting letters a new beginning: one, or all (`None`). How many there are."""
    those = outbox.c.state.in_((WAITING, DEAD))
    which = those if id is None else and_(those, outbox.c.id == id)
    return await _change(engine, which, queued=now, due=now, attempts=0)


async def drop(engine: AsyncEngine, id: int) -> int:
    """Never send a letter; how many there are: 1 or 0. Its key stays, so that it does not come back."""
    return await _change(engine, and_(outbox.c.state.in_((WAITING, DEAD)), outbox.c.id == id), state=DROPPED)


async def _change(engine: AsyncEngine, which: ColumnElement[bool], **values: Any) -> int:
    put = update(outbox).where(which).values(**{"state": WAITING, **values}).returning(outbox.c.id)
    async with engine.begin() as connection:
        return len((await connection.execute(put)).all())


async def forget(engine: AsyncEngine, now: float) -> None:
    """Delete the rows of letters that are through and older than `FORGET`."""
    old = func.coalesce(outbox.c.sent, outbox.c.queued) < now - FORGET
    async with engine.begin() as connection:
        await connection.execute(delete(outbox).where(outbox.c.state.in_((SENT, DROPPED, MOOT)), old))


async def fill(engine: AsyncEngine, now: float) -> Fill:
    """How full it is."""
    asked = select(outbox.c.state, func.count(), func.min(outbox.c.queued)).group_by(outbox.c.state)
    async with engine.connect() as connection:
        found = {state: (many, oldest) for state, many, oldest in await connection.execute(asked)}
    waiting, oldest = found.get(WAITING, (0, now))
    return Fill(waiting=waiting, dead=found.get(DEAD, (0, now))[0], oldest=max(0.0, now - oldest))


def _envelope(row: Any) -> Envelope:
    return Envelope(**row._mapping)
