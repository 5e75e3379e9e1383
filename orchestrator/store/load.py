"""Rows ↔ the frozen directory, each in one transaction."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.directory import Directory, Town
from orchestrator.store import tables
from orchestrator.store.codec import from_data, to_data


class EmptyDirectory(Exception):
    """Nothing was imported yet."""


async def load(engine: AsyncEngine) -> Directory:
    """The directory as it was saved, not derived; raises EmptyDirectory."""
    async with engine.connect() as connection:
        town = (await connection.execute(select(tables.town))).mappings().first()
        if town is None:
            raise EmptyDirectory
        kinds: dict[str, Any] = {}
        for name, (table, kind, key) in tables.KINDS.items():
            found = (await connection.execute(select(table).order_by(table.c[key]))).mappings()
            kinds[name] = {row[key]: from_data(kind, dict(row)) for row in found}
        numbers = (await connection.execute(select(tables.numbers).order_by(tables.numbers.c.extension))).all()
    return Directory(town=from_data(Town, dict(town)), numbers={row.extension: row.flow for row in numbers}, **kinds)


async def save(engine: AsyncEngine, directory: Directory, *, who: str, what: str, why: str) -> None:
    """Replace the directory by `directory`, and write down who did it, all of it or nothing."""
    async with engine.begin() as connection:
        await _replace(connection, tables.town, [directory.town])
        for name, (table, _, _) in tables.KINDS.items():
            await _replace(connection, table, tables.rows(getattr(directory, name)))
        await connection.execute(delete(tables.numbers))
        if directory.numbers:
            numbers = [{"extension": number, "flow": flow} for number, flow in sorted(directory.numbers.items())]
            await connection.execute(insert(tables.numbers), numbers)
        change = {"at": time.time(), "who": who, "what": what, "why": why}
        await connection.execute(insert(tables.changes), [change])


async def _replace(connection: AsyncConnection, table: Any, things: list[Any]) -> None:
    await connection.execute(delete(table))
    if things:
        values = [{name: value for name, value in to_data(thing).items() if name != "kind"} for thing in things]
        await connection.execute(insert(table), values)
