"""What the status page shows: how the parts are, and the calls of today. Numbers of callers are masked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain import outgoing
from orchestrator.domain.town import Town
from orchestrator.service import history
from orchestrator.web.server import Call, Status


async def status(engine: AsyncEngine, town: Town, parts: Sequence[tuple[str, str, bool]]) -> Status:
    """The page with `parts`: name, what it says, whether that is well. Raises SQLAlchemyError."""
    zone = ZoneInfo(town.timezone)
    midnight = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    return Status(
        town=town.name,
        parts=parts,
        outcomes=await history.outcomes(engine, midnight),
        calls=[
            Call(
                began=f"{datetime.fromtimestamp(past.began, zone):%d.%m. %H:%M:%S}",
                caller=outgoing.masked(past.caller),
                number=past.number,
                way=past.way,
                outcome=past.outcome,
            )
            for past in await history.past(engine, limit=20, tests=False)
        ],
    )
