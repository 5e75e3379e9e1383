"""Hot-desking on a real Asterisk: log in by telephone, be called there, call from there, and be logged out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.domain.switches import Guest
from orchestrator.messages import ledger
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import Sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import hot_desks, present, wiring
from orchestrator.service.history import Past
from orchestrator.service.questions import Explanation, Question, ask
from orchestrator.store.database import open_database
from tests.hot_desk_town import hot_desk_town
from tests.running_town import Town, running_town, until, world
from tests.towns import BERLIN

SOON = 20.0
SOME = 0.2
"""Part of a sentence that must be heard at least."""


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("c"), hot_desk_town()) as running:
        yield running


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    """All of it running; nobody has logged in, and no PIN was wrong, before and after."""
    for name in ("asterisk", "control", "attend"):
        if name not in exchange.processes:
            exchange.begin(name)
    until(exchange.ready, 30)
    yield exchange
    asyncio.run(_as_it_was(exchange))
    until(lambda: not exchange.left(), 20)


async def _as_it_was(town: Town) -> None:
    for row in await present.rows(town.state):
        await present.remove(town.state, row.name, what="off", why="")
    engine = open_database(town.state.database)
    try:
        async with engine.begin() as connection:
            for key in ("2500", "3501", "40", "9999", "desk gast", "desk halle"):
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
    shares = {
        name: recognise(heard, town.prompt(f"wish_{name}", "de")).share
        for name in ("desk_on", "desk_off", "desk_wrong", "desk_locked", "desk_silent", "nobody", "sorry")
    }
    return max(shares, key=lambda name: shares[name]) if max(shares.values()) > SOME else "nothing"


async def where(town: Town) -> dict[str, str]:
    """Who has logged in -> where."""
    rows = await present.rows(town.state)
    return {row.name.removeprefix("desk_"): row.switched.desk for row in rows if isinstance(row.switched, Guest)}


async def goes(town: Town, number: str, phones: dict[str, str]) -> list[str]:
    """A test call, which must go where `explain` says: its answers."""
    town.used += 49 - town.used % 50
    boxes = {"10": "too_short", "3501": "too_short", "2500": "too_short"}
    switched = dict(await present.now(town.state))
    described = replace(world(datetime.now(BERLIN), phones=phones), switches=switched, boxes=boxes)  # type: ignore[arg-type]
    journey, different = await town.test_call(described, number=number, says=False)
    assert not different, f"{different}\n{journey}"
    return [f"{step.place}={step.answer}" for step in journey.steps]


def way(explained: Explanation) -> str:
    return ", ".join(f"{visit.place}={visit.answer}" for visit in explained.visits)


def written(town: Town, since: float) -> list[Past]:
    return [past for past in town.written().values() if past.began >= since]


async def test_who_logs_in_is_called_there_and_at_home_again_afterwards(town: Town) -> None:
    since = time.time()
    assert await logs_in(town, "gast", ("2500", pin(town, "2500"))) == "desk_on"
    assert await where(town) == {"2500": "gast"}
    (row,) = await present.rows(town.state)
    assert (row.who, row.why) == ("2500 Anna Grün", "dialled at gast")
    await asyncio.to_thread(until, lambda: bool(written(town, since)), SOON)
    (past,) = written(town, since)
    explained = ask(town.directory, Question(number="*55", caller="61"))
    assert (past.number, past.outcome, past.way) == ("*55", explained.ending.outcome, way(explained))
    phones = {"gast": "talked", "tel2500": "talked", "tel2501": "talked"}
    async with town.staff(phones):
        assert await goes(town, "2500", phones) == ["n_2500.diverted=talked"]
        async with at(town, "gast") as telephone:
            call = await telephone.dial("#55")
            await call.ends(within=SOON)
            assert last(town, await call.heard()) == "desk_off"
        assert await where(town) == {}
        assert (await goes(town, "2500", phones))[-1] == "n_2500.ring=talked"


@pytest.mark.parametrize("does", ["busy", "nobody", "unreachable"])
async def test_what_is_found_at_the_desk_leads_on_as_explain_says(town: Town, does: str) -> None:
    """Who talks to nobody there goes on as behind the own telephones; a desk that is not there is as none."""
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    phones = {"gast": does, "tel2500": "talked", "tel2501": "talked"}
    async with town.staff({phone: each for phone, each in phones.items() if each != "unreachable"}):
        found = await goes(town, "2500", phones)
    answer = {"busy": "desk_busy", "nobody": "desk_nobody", "unreachable": "off"}[does]
    assert found[0] == f"n_2500.diverted={answer}"
    assert found[-1] == ("n_2500.ring=talked" if does == "unreachable" else "n_2500.stand_in=talked")


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


async def test_inside_it_is_the_guest_who_calls(town: Town) -> None:
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    async with town.staff({"tel2501": "talked"}):
        seen, past = await dials(town, "gast", "3501")
        assert (seen["connected"]["number"], seen["connected"]["name"]) == ("2500", "Anna Grün")
        assert (past.caller, past.outcome) == ("2500", "answered")
        await hot_desks.log_out(town.state, "2500", why="")
        seen, past = await dials(town, "gast", "3501")
        assert (seen["connected"]["number"], seen["connected"]["name"]) == ("61", "Gast 1")
        assert past.caller == "61"
