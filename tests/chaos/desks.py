"""People at their desks for hours: each answers, talks a little, hangs up; a telephone that breaks is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from orchestrator.phone.desk import Answers, Desk
from orchestrator.phone.errors import PhoneError
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from tests.running_town import Town

HABIT = Answers(after=0.5, talks=2.0)
LIFETIME = 300.0
"""Seconds after which somebody gets another telephone: what it hears of each call is on disk as long as it lives."""


@asynccontextmanager
async def desks(town: Town, phones: Sequence[str]) -> AsyncIterator[None]:
    """Everybody is in for as long as the block lasts."""
    sitting = [asyncio.create_task(_sit(town, phone)) for phone in phones]
    try:
        yield
    finally:
        for task in sitting:
            task.cancel()
        await asyncio.gather(*sitting, return_exceptions=True)


async def _sit(town: Town, phone: str) -> None:
    password = wiring.secrets(town.state).of(f"sip:{phone}")
    line = Line(number=phone, exchange=town.exchange, password=password, registers=True)
    while True:
        telephone = Telephone(wiring.program("baresip"), line, lifetime=LIFETIME)
        with suppress(PhoneError, TimeoutError):  # it broke, or Asterisk is away: another one, soon
            async with Desk(telephone, HABIT) as desk:
                await _until_old(desk)
        await asyncio.sleep(0.5)


async def _until_old(desk: Desk) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + LIFETIME - 30
    while loop.time() < until or any(call.ended is None for call in desk.calls):
        if desk.gone or loop.time() > until + 20:
            return
        await asyncio.sleep(0.5)
