"""An apply or a way back, written down among the changes of the directory: who, when, what, why."""

from __future__ import annotations

import time

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.store import tables


async def record(engine: AsyncEngine, *, who: str, what: str, why: str) -> None:
    """Write down that something was done which changed no row."""
    async with engine.begin() as connection:
        await connection.execute(insert(tables.changes), [{"at": time.time(), "who": who, "what": what, "why": why}])
