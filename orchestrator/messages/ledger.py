"""What the spool cannot hold of messages: cases of departments, the deletion log, wrong PINs.

Each function works in the transaction of its caller, so that what belongs together is written together. Belongs here:
rows. Not here: who may do what (api), mail (outbox).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, and_, delete, insert, select, update
from sqlalchemy import case as case_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.messages.mailbox import Message
from orchestrator.store.tables import cases, deletions, lockouts

State = Literal["open", "taken", "called_back", "done"]
STATES: tuple[State, ...] = get_args(State)
SETTLED: tuple[State, ...] = ("called_back", "done")
"""Of these nobody has to be reminded: the caller was spoken to."""
Why = Literal["deleted", "aged"]
"""Why a message is gone: somebody deleted it; it was too old."""
GUESSES = 5
"""Wrong PINs in a row after which a box is locked."""
FIRST_LOCK, LONGEST_LOCK = 15 * 60.0, 24 * 3600.0
"""Seconds that it is locked: doubled with each further wrong PIN."""
LAPSES = 24 * 3600.0
"""Seconds after which wrong PINs are forgotten that no right one takes back."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A message to a department as something that somebody has to deal with."""

    message: str
    box: str
    opened: float
    """When the message was left, in seconds since the epoch."""
    state: State
    who: str
    """Who has it; empty while it is open."""
    changed: float
    escalated: float | None = None
    """When the head was told of it."""
    comment: str = ""
    before: str = ""
    """What it was before its message was deleted; empty: it is not."""


async def open_case(connection: AsyncConnection, message: Message, state: State = "open") -> None:
    """Begin a case, in `state`; one that exists stays as it is."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {
        "message": message.id,
        "box": message.box,
        "opened": message.at,
        "state": state,
        "who": "",
        "changed": message.at,
        "escalated": None,
        "comment": "",
        "before": "",
    }
    await connection.execute(dialect.insert(cases).values(row).on_conflict_do_nothing())


async def case(connection: AsyncConnection, message: str) -> Case | None:
    """The case of a message."""
    row = (await connection.execute(select(cases).where(cases.c.message == message))).mappings().first()
    return Case(**row) if row else None


async def cases_of(connection: AsyncConnection, boxes: Iterable[str], *states: State) -> list[Case]:
    """The cases of `boxes` in `states` (in any), the oldest first."""
    wanted = select(cases).where(cases.c.box.in_(list(boxes)), cases.c.state.in_(states or STATES))
    rows = await connection.execute(wanted.order_by(cases.c.opened, cases.c.message))
    return [Case(**row) for row in rows.mappings()]


async def set_case(
    connection: AsyncConnection,
    box: str,
    message: str,
    state: State,
    *,
    who: str,
    at: float,
    comment: str | None = None,
) -> bool:
    """Bring a case of `box` into `state`; False if there is none. A copy in another box may have the same id."""
    values: dict[str, Any] = {"state": state, "who": "" if state == "open" else who, "changed": at, "before": ""}
    if comment is not None:
        values["comment"] = comment
    done = await connection.execute(update(cases).where(_of(box, message)).values(values))
    return done.rowcount > 0


def _of(box: str, message: str) -> ColumnElement[bool]:
    """A copy in another box may have the same id."""
    return and_(cases.c.message == message, cases.c.box == box)


async def rest_case(connection: AsyncConnection, box: str, message: str, *, who: str, at: float) -> None:
    """The message is deleted: its case is done, until that is taken back."""
    values = {"before": cases.c.state, "state": "done", "who": who, "changed": at}
    await connection.execute(update(cases).where(_of(box, message), cases.c.before == "").values(values))


async def wake_case(connection: AsyncConnection, box: str, message: str, *, at: float) -> None:
    """The deletion is taken back: the case is what it was, and nobody's if it was open."""
    was = cases.c.before
    who = case_((was == "open", ""), else_=cases.c.who)
    values = {"state": was, "who": who, "changed": at, "before": ""}
    await connection.execute(update(cases).where(_of(box, message), was != "").values(values))


async def close_cases(connection: AsyncConnection, messages: Iterable[str]) -> None:
    """Forget the cases of messages that are gone."""
    await connection.execute(delete(cases).where(cases.c.message.in_(list(messages))))


async def deleted(connection: AsyncConnection, messages: Sequence[Message], why: Why, *, who: str, at: float) -> None:
    """Write into the deletion log that messages are gone for good, once, and end their cases."""
    ids = [each.id for each in messages]
    known = select(deletions.c.message, deletions.c.box).where(deletions.c.message.in_(ids))
    logged = {(row.message, row.box) for row in await connection.execute(known)}
    rows = [
        {"at": at, "box": each.box, "message": each.id, "received": each.at, "why": why, "who": who}
        for each in messages
        if (each.id, each.box) not in logged
    ]
    if rows:
        await connection.execute(insert(deletions), rows)
    for each in messages:
        await connection.execute(delete(cases).where(_of(each.box, each.id)))


async def locked_until(connection: AsyncConnection, box: str, now: float | None = None) -> float:
    """Until when no PIN counts for a box (seconds since the epoch); 0: any time.

    Longer than the longest from `now` on it cannot be: then the clock was wrong when it was locked.
    """
    found = (await connection.execute(select(lockouts.c.until).where(lockouts.c.box == box))).scalar_one_or_none()
    return 0.0 if not found or (now is not None and found > now + LONGEST_LOCK) else float(found)


async def locks(connection: AsyncConnection, now: float) -> Mapping[str, float]:
    """Box -> until when it is locked, of those that are."""
    rows = await connection.execute(select(lockouts.c.box, lockouts.c.until).where(lockouts.c.until > now))
    return {row.box: row.until for row in rows if row.until <= now + LONGEST_LOCK}


async def guessed_wrong(connection: AsyncConnection, box: str, now: float, *, lapses: bool = False) -> float:
    """Count a wrong PIN; until when the box is locked for it, 0 if it is not.

    `lapses`: they are forgotten a day after the last one, or after the end of its lock.
    """
    found = (await connection.execute(select(lockouts).where(lockouts.c.box == box))).one_or_none()
    counts = found is not None and not (lapses and found.until < now - LAPSES)
    failed = (found.failed if found and counts else 0) + 1
    until = now + min(FIRST_LOCK * 2 ** (failed - GUESSES), LONGEST_LOCK) if failed >= GUESSES else 0.0
    row = {"box": box, "failed": failed, "until": until or (now if lapses else 0.0)}
    written = update(lockouts).where(lockouts.c.box == box) if found else insert(lockouts)
    await connection.execute(written.values(row))
    return until


async def guessed_right(connection: AsyncConnection, box: str) -> None:
    """Forget the wrong PINs of a box."""
    await connection.execute(delete(lockouts).where(lockouts.c.box == box))
