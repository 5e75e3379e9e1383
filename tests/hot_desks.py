"""What the tests of hot-desking do at telephones of a running town: log in, call, and see who is where.

Not here: the town (hot_desk_town), what is expected (the tests).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

from orchestrator.asterisk.rest import Rest
from orchestrator.domain.switches import Guest
from orchestrator.messages import ledger
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import Sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import present, wiring
from orchestrator.service.history import Past
from orchestrator.service.questions import Explanation
from orchestrator.store.database import open_database
from tests.running_town import Town, all_off, until, world
from tests.towns import BERLIN

SOON = 20.0
LAST = 8.0
"""Seconds before the end in which it is said."""
SOME = 0.2
"""Part of a sentence that must be heard at least."""


async def as_it_was(town: Town) -> None:
    await all_off(town.state)
    engine = open_database(town.state.database)
    try:
        async with engine.begin() as connection:
            for key in ("2500", "3501", "40", "nobody 9999", "desk gast", "desk halle"):
                await ledger.guessed_right(connection, key)
    finally:
        await engine.dispose()


def pin(town: Town, box: str) -> str:
    return wiring.secrets(town.state).pin(box)


def at(town: Town, phone: str, *, registers: bool = False) -> Telephone:
    password = wiring.secrets(town.state).of(f"sip:{phone}")
    line = Line(number=phone, exchange=town.exchange, password=password, registers=registers)
    return Telephone(wiring.program("baresip"), line)


async def logs_in(town: Town, phone: str, *tries: tuple[str, str]) -> str:
    """Dials the code and types each number and PIN; the last of what was said."""
    async with at(town, phone) as telephone:
        call = await telephone.dial("*55")
        await call.answered(within=SOON)
        for number, secret in tries:
            await asyncio.sleep(1.5)
            await call.press(f"{number}#")
            await asyncio.sleep(1.5)
            await call.press(f"{secret}#")
        await call.ends(within=SOON)
        return last(town, await call.heard())


def last(town: Town, heard: Sound) -> str:
    """Which of the sentences that end it was heard."""
    heard = heard.part(max(0.0, heard.seconds - LAST))
    shares = {
        name: recognise(heard, town.prompt(f"wish_{name}", "de")).share
        for name in ("desk_on", "desk_still", "desk_off", "desk_wrong", "desk_locked", "desk_silent", "nobody", "sorry")
    }
    return max(shares, key=lambda name: shares[name]) if max(shares.values()) > SOME else "nothing"


async def where(town: Town) -> dict[str, str]:
    """Who has logged in -> where."""
    rows = await present.rows(town.state)
    return {row.name.removeprefix("desk_"): row.switched.desk for row in rows if isinstance(row.switched, Guest)}


async def goes(town: Town, number: str, phones: dict[str, str]) -> list[str]:
    """A test call, which must go where `explain` says: its answers."""
    town.used += 49 - town.used % 50
    switched = dict(await present.now(town.state))
    described = replace(world(datetime.now(BERLIN), phones=phones), switches=switched)  # type: ignore[arg-type]
    journey, different = await town.test_call(described, number=number, at_box="leaves")
    assert not different, f"{different}\n{journey}"
    return [f"{step.place}={step.answer}" for step in journey.steps]


def way(explained: Explanation) -> str:
    return ", ".join(f"{visit.place}={visit.answer}" for visit in explained.visits)


def written(town: Town, since: float) -> list[Past]:
    return [past for past in town.written().values() if past.began >= since]


async def dials(town: Town, phone: str, number: str) -> tuple[dict[str, Any], Past]:
    """A call from `phone` that somebody picks up: what is seen of it outside or inside, and what was written."""
    since = time.time()
    async with at(town, phone) as telephone:
        call = await telephone.dial(number)
        await call.answered(within=SOON)
        await asyncio.sleep(0.5)
        listed = Rest(wiring.ari(town.state)).ask("GET", "channels")
        await call.hang_up()
    await asyncio.to_thread(until, lambda: bool(written(town, since)), SOON)
    (past,) = written(town, since)
    return next(each for each in listed if not each["name"].startswith(f"PJSIP/{phone}-")), past
