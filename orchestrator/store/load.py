"""Rows ↔ the frozen directory, each in one transaction."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.domain.town import Town
from orchestrator.store import tables
from orchestrator.store.calendar import complete
from orchestrator.store.codec import from_data


class EmptyDirectory(Exception):
    """Nothing was imported yet."""


async def load(engine: AsyncEngine, year: int) -> Directory:
    """The directory as it was saved, not derived, with days off as they are known in `year`; raises EmptyDirectory."""
    async with engine.connect() as connection:
        town = (await connection.execute(select(tables.town))).mappings().first()
        if town is None:
            raise EmptyDirectory
        found: dict[str, Any] = {"town": from_data(Town, dict(town))}
        for name, (table, kind, key) in tables.KINDS.items():
            rows = (await connection.execute(select(table).order_by(table.c[key]))).mappings()
            found[name] = {row[key]: from_data(kind, dict(row)) for row in rows}
        for name, (table, key, value) in tables.PAIRS.items():
            rows = (await connection.execute(select(table).order_by(table.c[key]))).mappings()
            found[name] = {row[key]: row[value] for row in rows}
    return complete(Directory(**found), year)


async def save(engine: AsyncEngine, directory: Directory, *, who: str, what: str, why: str) -> None:
    """Replace the directory by `directory`, and write down who did it, all of it or nothing."""
    async with engine.begin() as connection:
        await _replace(connection, tables.town, [tables.row(directory.town)])
        for name, (table, _, _) in tables.KINDS.items():
            things = getattr(directory, name)
            await _replace(connection, table, [tables.row(things[key]) for key in sorted(things)])
        for name, (table, key, value) in tables.PAIRS.items():
            pairs = sorted(getattr(directory, name).items())
            await _replace(connection, table, [{key: one, value: other} for one, other in pairs])
        change = {"at": time.time(), "who": who, "what": what, "why": why}
        await connection.execute(insert(tables.changes), [change])


async def _replace(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    await connection.execute(delete(table))
    if rows:
        await connection.execute(insert(table), rows)
