"""Rows ↔ the frozen directory, each in one transaction. A save writes only what differs, and writes down what that was.

Not here: what differs (difference), reading the record of it (changes).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.domain.town import Town
from orchestrator.store import tables
from orchestrator.store.calendar import complete
from orchestrator.store.codec import from_data
from orchestrator.store.database import alone, snapshot
from orchestrator.store.difference import SWITCHED, TOWN, Edit, Row, difference, rows

STORED: dict[str, tuple[Table, str]] = {
    TOWN: (tables.town, "name"),
    **{name: (table, key) for name, (table, _, key) in tables.KINDS.items()},
    **{name: (table, key) for name, (table, key, _) in tables.PAIRS.items()},
}
"""Kind -> its table and the column of its key."""


LAST = select(func.max(tables.edits.c.change)).where(tables.edits.c.kind != SWITCHED)
"""The last change of the directory."""


class EmptyDirectory(Exception):
    """Nothing was imported yet."""


@dataclass(kw_only=True, eq=False)
class Overtaken(Exception):
    """The directory was changed by somebody else since it was read; nothing was saved."""

    id: int
    at: float
    who: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A directory as it was saved, and by which change; 0: before the first."""

    directory: Directory
    revision: int


async def load(engine: AsyncEngine, year: int) -> Directory:
    """The directory as it was saved, not derived, with days off as they are known in `year`; raises EmptyDirectory."""
    return (await load_stored(engine, year)).directory


async def load_stored(engine: AsyncEngine, year: int) -> Stored:
    """The same with its revision, for a save that must not overwrite somebody else's change."""
    async with snapshot(engine) as connection:
        town = (await connection.execute(select(tables.town))).mappings().first()
        if town is None:
            raise EmptyDirectory
        found: dict[str, Any] = {"town": from_data(Town, town)}
        for name, (table, kind, key) in tables.KINDS.items():
            found[name] = {row[key]: from_data(kind, row) for row in await _rows(connection, table, key)}
        for name, (table, key, value) in tables.PAIRS.items():
            found[name] = {row[key]: row[value] for row in await _rows(connection, table, key)}
        revision = await _revision(connection)
    return Stored(directory=complete(Directory(**found), year), revision=revision)


async def last_change(engine: AsyncEngine) -> int:
    """The revision of what is stored; 0: nothing yet."""
    async with snapshot(engine) as connection:
        return await _revision(connection)


async def town_of(engine: AsyncEngine) -> Town:
    """The town alone; raises EmptyDirectory."""
    async with snapshot(engine) as connection:
        town = (await connection.execute(select(tables.town))).mappings().first()
    if town is None:
        raise EmptyDirectory
    return from_data(Town, town)


async def _revision(connection: AsyncConnection) -> int:
    """Switches and applies are changes too, but not of the directory: only those count that touched a thing of it."""
    return (await connection.execute(LAST)).scalar() or 0


async def save(
    engine: AsyncEngine, directory: Directory, *, who: str, what: str, why: str, since: int | None = None
) -> int:
    """Store `directory` and write down who did what and why, all of it or nothing; the number of the change.

    It is 0, and nothing is written, if nothing differs. `since` is the revision that `directory` was made from: if
    somebody saved another one meanwhile, raises Overtaken. None: whatever is there is replaced.
    """
    wanted = {kind: rows(directory, kind) for kind in STORED}
    async with engine.begin() as connection:
        await connection.run_sync(alone)
        if since is not None and since != await _revision(connection):
            raise await _overtaken(connection)
        edits = {kind: difference(kind, await _stored(connection, kind), wanted[kind]) for kind in STORED}
        if not any(edits.values()):
            return 0
        change = {"at": time.time(), "who": who, "what": what, "why": why}
        added = await connection.execute(insert(tables.changes).returning(tables.changes.c.id), change)
        number: int = added.scalar_one()
        for kind, differing in edits.items():
            if differing:
                await _write(connection, kind, differing)
                written = [{"change": number, **vars(edit)} for edit in differing]
                await connection.execute(insert(tables.edits), written)
    return number


async def _overtaken(connection: AsyncConnection) -> Overtaken:
    changes = tables.changes.c
    asked = select(changes.id, changes.at, changes.who, changes.what).where(changes.id == LAST.scalar_subquery())
    found = (await connection.execute(asked)).mappings().one()
    return Overtaken(**found)


async def _stored(connection: AsyncConnection, kind: str) -> dict[str, Row]:
    table, key = STORED[kind]
    return {TOWN if kind == TOWN else row[key]: row for row in await _rows(connection, table, key)}


async def _rows(connection: AsyncConnection, table: Table, key: str) -> list[dict[str, Any]]:
    """Plain dictionaries: faster than SQLAlchemy's own mappings, and with keys that are nothing but texts."""
    names = [str(column.name) for column in table.c]
    found = await connection.execute(select(table).order_by(table.c[key]))
    return [dict(zip(names, values, strict=True)) for values in found]


async def _write(connection: AsyncConnection, kind: str, edits: Sequence[Edit]) -> None:
    """Bring the rows of one kind to what they are after `edits`."""
    table, key = STORED[kind]
    gone = [{"of": (edit.before or {})[key]} for edit in edits if edit.after is None]
    new = [dict(edit.after) for edit in edits if edit.before is None and edit.after is not None]
    changed = [{"of": edit.before[key], **edit.after} for edit in edits if edit.before and edit.after]
    if gone:
        await connection.execute(delete(table).where(table.c[key] == bindparam("of")), gone)
    if new:
        await connection.execute(insert(table), new)
    if changed:
        columns: dict[str, Any] = {column.name: bindparam(column.name) for column in table.c}
        await connection.execute(update(table).where(table.c[key] == bindparam("of")).values(columns), changed)
