"""Rows of what is switched now, and the record of who switched it. Not here: what it means (domain.switches)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.switches import DESK, Absence, Forwarding, Guest, On, Outside, Switched
from orchestrator.store.codec import from_data, to_data
from orchestrator.store.database import alone
from orchestrator.store.difference import SWITCHED
from orchestrator.store.tables import changes, edits, switched

KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (On, Absence, Forwarding, Outside, Guest)}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that is switched, by whom, since when (seconds since the epoch), and why."""

    name: str
    switched: Switched
    at: float
    who: str
    why: str


async def rows(engine: AsyncEngine) -> list[Row]:
    """Everything that is switched, by name."""
    async with engine.connect() as connection:
        found = (await connection.execute(select(switched).order_by(switched.c.name))).mappings()
        return [
            Row(
                name=row["name"],
                switched=read(row["value"]),
                at=row["at"],
                who=row["who"],
                why=row["why"],
            )
            for row in found
        ]


@dataclass(frozen=True, kw_only=True)
class Put:
    """What came of switching something."""

    change: int
    """Its number in the record."""
    before: Switched | None
    gone: Mapping[str, Switched]
    """Who was logged out, as somebody else logged in at that desk."""


async def put(engine: AsyncEngine, row: Row, what: str) -> Put:
    """Switch it, whatever it was before, and write down who did and what it was.

    A desk has one guest: who else is there is logged out in the same instant, and that is written down before.
    """
    change = {"at": row.at, "who": row.who, "why": row.why}
    async with engine.begin() as connection:
        await connection.run_sync(alone)
        gone = await _others(connection, row)
        for name, guest in gone.items():
            told = f"{name.removeprefix(DESK)}: logged out at {guest.desk}, as {row.name.removeprefix(DESK)} logs in"
            await _replace(connection, name, None, {**change, "what": told})
        number, before = await _replace(connection, row.name, row, {**change, "what": what})
    return Put(change=number, before=before, gone=gone)


async def remove(engine: AsyncEngine, name: str, *, at: float, who: str, what: str, why: str) -> int:
    """Switch it off, and write down who did and what it was; the number of the change."""
    async with engine.begin() as connection:
        await connection.run_sync(alone)
        number, _ = await _replace(connection, name, None, {"at": at, "who": who, "what": what, "why": why})
    return number


def read(value: Mapping[str, Any]) -> Switched:
    """What a value of the table, or of the record, says is switched; raises KeyError or TypeError for another one."""
    found: Switched = from_data(KINDS[value["kind"]], value)
    return found


async def _others(connection: AsyncConnection, row: Row) -> dict[str, Guest]:
    """Who else is at the desk at which somebody logs in."""
    if not isinstance(row.switched, Guest):
        return {}
    asked = select(switched.c.name, switched.c.value).where(switched.c.name.startswith(DESK, autoescape=True))
    found = [(name, read(value)) for name, value in await connection.execute(asked.order_by(switched.c.name))]
    desk = row.switched.desk
    return {name: each for name, each in found if isinstance(each, Guest) and each.desk == desk and name != row.name}


async def _replace(
    connection: AsyncConnection, name: str, new: Row | None, change: Mapping[str, object]
) -> tuple[int, Switched | None]:
    """The number of the change, and what was switched before; `connection` holds off all other writers."""
    after = to_data(new.switched) if new else None
    asked = select(switched.c.value).where(switched.c.name == name)
    before = (await connection.execute(asked)).scalar()
    await connection.execute(delete(switched).where(switched.c.name == name))
    if new:
        value = {"name": name, "value": after, "at": new.at, "who": new.who, "why": new.why}
        await connection.execute(insert(switched), [value])
    number: int = (await connection.execute(insert(changes).returning(changes.c.id), change)).scalar_one()
    if before != after:
        edit = {"change": number, "kind": SWITCHED, "key": name, "before": before, "after": after}
        await connection.execute(insert(edits), [edit])
    return number, read(before) if before else None
