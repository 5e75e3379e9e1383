"""Rows of what is switched now, and the record of who switched it. Not here: what it means (domain.switches)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.switches import Absence, Forwarding, On, Outside, Switched
from orchestrator.store.codec import from_data, to_data
from orchestrator.store.tables import changes, switched

KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (On, Absence, Forwarding, Outside)}


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
                switched=from_data(KINDS[row["value"]["kind"]], row["value"]),
                at=row["at"],
                who=row["who"],
                why=row["why"],
            )
            for row in found
        ]


async def put(engine: AsyncEngine, row: Row, what: str) -> None:
    """Switch it, whatever it was before, and write down who did."""
    await _replace(engine, row.name, [row], at=row.at, who=row.who, what=what, why=row.why)


async def remove(engine: AsyncEngine, name: str, *, at: float, who: str, what: str, why: str) -> None:
    """Switch it off, and write down who did."""
    await _replace(engine, name, [], at=at, who=who, what=what, why=why)


async def _replace(engine: AsyncEngine, name: str, new: list[Row], **change: object) -> None:
    async with engine.begin() as connection:
        await connection.execute(delete(switched).where(switched.c.name == name))
        for row in new:
            value = {"name": row.name, "value": to_data(row.switched), "at": row.at, "who": row.who, "why": row.why}
            await connection.execute(insert(switched), [value])
        await connection.execute(insert(changes), [change])
