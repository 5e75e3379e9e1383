"""Journeys as they were written down: listed for the command line and the status page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, desc, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.store.tables import few, journeys


@dataclass(frozen=True, kw_only=True)
class Past:
    """One call that is over. Times are seconds since the epoch."""

    id: str
    began: float
    ended: float
    caller: str
    number: str
    outcome: str
    place: str
    wait: float | None
    steps: tuple[tuple[str, str], ...]
    unexpected: str

    @property
    def way(self) -> str:
        """`town.door=open, town.welcome=key_1, …`"""
        return ", ".join(f"{place}={answer}" if answer else place for place, answer in self.steps)


async def past(
    engine: AsyncEngine,
    *,
    since: float = 0.0,
    limit: int = 50,
    id: str = "",
    tests: bool = True,
    unexpected: bool = False,
) -> list[Past]:
    """Calls that began after `since`, the newest first: with test calls or without, all or the unexpected ones."""
    asked = select(journeys).where(journeys.c.began >= since).order_by(desc(journeys.c.began)).limit(limit)
    if id:
        asked = asked.where(journeys.c.id == id)
    if not tests:
        asked = asked.where(journeys.c.test.is_(False))
    if unexpected:
        asked = asked.where(few("unexpected"))
    async with engine.connect() as connection:
        return [_past(row) for row in (await connection.execute(asked)).mappings()]


async def called(engine: AsyncEngine, channel: str) -> tuple[str, float] | None:
    """Who called on a channel, and when, if the journal has it: its box could not take the message then.

    Where the disk was full the call came to another end than a message: then it is known by the channel that began.
    """
    this = or_(and_(few("recording"), journeys.c.recording == channel), journeys.c.id == channel)
    async with engine.connect() as connection:
        row = (await connection.execute(select(journeys.c.caller, journeys.c.began).where(this))).first()
    return (row.caller, row.began) if row else None


async def outcomes(engine: AsyncEngine, since: float) -> list[tuple[str, int]]:
    """How many calls since `since` came to what; test calls are none."""
    asked = (
        select(journeys.c.outcome, func.count())
        .where(journeys.c.began >= since, journeys.c.test.is_(False))
        .group_by(journeys.c.outcome)
        .order_by(journeys.c.outcome)
    )
    async with engine.connect() as connection:
        return [(outcome, count) for outcome, count in await connection.execute(asked)]


def _past(row: Any) -> Past:
    return Past(
        id=row["id"],
        began=row["began"],
        ended=row["ended"],
        caller=row["caller"],
        number=row["number"],
        outcome=row["outcome"],
        place=row["place"],
        wait=row["wait"],
        steps=tuple((place, answer) for place, answer, *_ in row["steps"]),
        unexpected=row["unexpected"],
    )
