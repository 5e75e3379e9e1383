"""A boss and the secretary, on a real Asterisk with telephones: who rings, who comes through, who is rung when nobody
is there, by code and by lamp. But for the codes, Python is down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from orchestrator.domain.switches import Absence, On, Switched
from orchestrator.phone.errors import NothingHappened
from orchestrator.phone.hearing import recognise
from orchestrator.phone.telephone import Telephone
from orchestrator.service import present, switching
from orchestrator.service.history import Past
from orchestrator.service.questions import Question, ask
from tests.boss_town import JOINS, RING, boss_town
from tests.lamp_watcher import watching
from tests.pickup_town import journeys, taken
from tests.putting_through import Desks
from tests.running_town import Town, all_off, running_town, until, world
from tests.side_by_side import always
from tests.towns import MONDAY_10

SOON = 5.0
DESKS = ("tel2500", "tel2510", "tel2600", "tel2700", "tel2800")


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("b"), boss_town()) as town:
        yield town


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    """Nothing is switched before and after."""
    if "attend" not in exchange.processes:
        exchange.begin("attend")
    until(exchange.ready, 30)
    yield exchange
    asyncio.run(all_off(exchange.state))
    until(lambda: not exchange.left(), 20)


@pytest.fixture
def desks(town: Town) -> Desks:
    """With attendants gone."""
    town.end("attend")
    town.used += 10
    return Desks(town, used=town.used)


async def everybody(desks: Desks, stack: AsyncExitStack) -> dict[str, Telephone]:
    return {name: await stack.enter_async_context(desks.line(name)) for name in DESKS}


async def silent(telephone: Telephone, seconds: float = 1.0) -> None:
    with pytest.raises(NothingHappened):
        await telephone.incoming(within=seconds)


async def came(town: Town, known: set[str], caller: str) -> Past:
    return next(past for past in await journeys(town, known, caller) if past.caller == caller)


def explained(town: Town, number: str, caller: str = "", switches: Mapping[str, Switched] | None = None) -> str:
    """The way of a call that is taken where it rings first."""
    asked = Question(number=number, caller=caller, switches=switches or {})
    return ", ".join(f"{visit.place}={visit.answer}" for visit in ask(town.directory, asked).visits)


async def test_a_citizen_comes_to_the_secretary_who_puts_them_through_and_gets_them_back(desks: Desks) -> None:
    """The boss's phone is silent until then, and the display of the secretary says for whom it is."""
    async with AsyncExitStack() as stack:
        phones = await everybody(desks, stack)
        boss, secretary = phones["tel2500"], phones["tel2600"]
        citizen, shown = await stack.enter_async_context(desks.citizen("2500"))
        first = await secretary.incoming(within=SOON)
        assert (first.name, first.number) == (f"für N2500: {shown}", shown)
        await silent(boss)
        await first.answer()
        await citizen.stays(0.5)
        await desks.transfer(secretary, "2500")
        through = await boss.incoming(within=SOON)
        await silent(secretary, 0.5)
        again = await secretary.incoming(within=RING + SOON)
        assert again.name == "zurück: 2500"
        await again.answer()
        await citizen.stays(0.5)
        await desks.transfer(secretary, "2500")
        through = await boss.incoming(within=SOON)
        await through.answer()
        assert await citizen.stays(1)
        await citizen.hang_up()
    past = await desks.past(shown)
    put = "n_2500.screened=direct, n_2500.diverted=off"
    assert past.way == (f"n_2500.screened=on, n_2500.front=talked, {put}, n_2500.ring=back, {put}, n_2500.ring=talked")
    assert (past.outcome, past.place, past.unexpected) == ("answered", "n_2500.front", "")


@pytest.mark.parametrize(("caller", "number", "rings"), always([
    ("2600", "2500", "tel2500"), ("2700", "2500", "tel2600"), ("2800", "2500", "tel2500"),
    ("2700", "2510", "tel2510"), ("2500", "2510", "tel2510"),
], 2))  # fmt: skip
async def test_who_calls_from_a_desk_comes_through_as_the_directory_says(
    desks: Desks, caller: str, number: str, rings: str
) -> None:
    """The secretary and who is named at 2500; everybody of the house at 2510."""
    town, known = desks.town, set(desks.town.written())
    async with AsyncExitStack() as stack:
        phones = await everybody(desks, stack)
        call = await phones[f"tel{caller}"].dial(number)
        ringing = await phones[rings].incoming(within=SOON)
        other = "tel2600" if rings != "tel2600" else "tel2500"
        if other != f"tel{caller}":
            await silent(phones[other])
        await ringing.answer()
        assert await call.stays(0.5)
        await call.hang_up()
    past = await came(town, known, caller)
    assert past.way == explained(town, number, caller)
    assert past.unexpected == ""


async def test_whom_a_colleague_puts_through_comes_to_the_secretary_and_from_who_may_to_the_boss(desks: Desks) -> None:
    """At 2510, who lets all of the house through, an outsider whom somebody put through is none of the house."""
    for desk, number, rings in (("2700", "2500", "tel2600"), ("2700", "2510", "tel2600"), ("2800", "2500", "tel2500")):
        async with AsyncExitStack() as stack:
            phones = await everybody(desks, stack)
            citizen, _ = await stack.enter_async_context(desks.citizen(desk))
            await (await phones[f"tel{desk}"].incoming(within=SOON)).answer()
            await citizen.stays(0.5)
            await desks.transfer(phones[f"tel{desk}"], number)
            await (await phones[rings].incoming(within=SOON)).answer()
            assert await citizen.stays(0.5)
            await citizen.hang_up()


ALL_GONE = {"tel2500": "nobody", "tel2600": "busy", "tel2700": "nobody"}


@pytest.mark.parametrize(("phones", "ends"), always([
    ({"tel2500": "talked", "tel2600": "busy", "tel2700": "talked"}, "n_2500.deputy=talked"),
    ({"tel2500": "talked"}, "n_2500.ring=talked"),
    (ALL_GONE, "n_2500.box="),
    ({"tel2500": "talked", "tel2600": "talked", "tel2700": "talked"}, "n_2500.front=talked"),
    ({"tel2500": "talked", "tel2600": "nobody", "tel2700": "talked"}, "n_2500.deputy=talked"),
    ({"tel2500": "talked", "tel2700": "talked"}, "n_2500.deputy=talked"),
    ({"tel2500": "talked", "tel2600": "busy", "tel2700": "busy"}, "n_2500.ring=talked"),
    ({"tel2500": "busy"}, "n_2500.box="),
    ({}, "n_2500.box="),
], 3), ids=lambda value: value if isinstance(value, str) else "-".join(value.values()) or "none")  # fmt: skip
async def test_no_caller_is_lost_because_nobody_is_in_the_front_office(
    desks: Desks, phones: dict[str, str], ends: str
) -> None:
    town = desks.town
    described = world(MONDAY_10, phones=phones)
    async with town.staff(phones):
        journey, different = await town.test_call(described, number="2500", at_box="leaves")
    assert not different, different
    ways = [f"{step.place}={step.answer}" for step in journey.steps]
    assert ways[0] == "n_2500.screened=on"
    assert ends in ways


async def test_a_secretary_who_is_absent_is_not_rung(desks: Desks) -> None:
    town, phones = desks.town, {"tel2500": "talked", "tel2600": "talked", "tel2700": "talked"}
    period = switching.Period()
    await switching.absent(town.state, "2600", period, stand_in="", text="", why="")
    away: dict[str, Switched] = {"absent_2600": Absence()}
    described = replace(world(MONDAY_10, phones=phones), switches=away)
    async with town.staff(phones):
        journey, different = await town.test_call(described, number="2500", at_box="leaves")
    assert not different, different
    assert [f"{step.place}={step.answer}" for step in journey.steps] == [
        "n_2500.screened=on", "n_2500.front=unreachable", "n_2500.deputy=talked",
    ]  # fmt: skip


@pytest.mark.parametrize("away", [False, True])
async def test_a_boss_who_wishes_it_rings_along_unless_absent(desks: Desks, away: bool) -> None:
    if away:
        await switching.absent(desks.town.state, "2510", switching.Period(), stand_in="", text="", why="")
    async with AsyncExitStack() as stack:
        phones = await everybody(desks, stack)
        citizen, shown = await stack.enter_async_context(desks.citizen("2510"))
        await phones["tel2600"].incoming(within=SOON)
        await silent(phones["tel2510"], JOINS - 2)
        if away:
            await silent(phones["tel2510"], 4)
            again = await phones["tel2600"].incoming(within=SOON)
        else:
            again = await phones["tel2510"].incoming(within=SOON)
            assert again.name.startswith("für N2510: ")
        await again.answer()
        assert await citizen.stays(0.5)
        await citizen.hang_up()
    past = await desks.past(shown)
    assert past.way == "n_2510.screened=on, n_2510.front=nobody, n_2510.together=talked"
    assert past.unexpected == ""


async def dials(town: Town, code: str, phone: str) -> str:
    """Which of all that codes say `phone` hears."""
    async with Desks(town).line(phone, registers=False) as telephone:
        call = await telephone.dial(code)
        await call.ends(within=20)
        heard = await call.heard()
    names = [name for name in town.sounds if name.startswith("wish_")]
    return max(names, key=lambda name: recognise(heard, town.prompt(name, "de")).share).removeprefix("wish_")


@pytest.mark.long
async def test_boss_and_secretary_turn_it_by_code_and_see_it_on_a_lamp_also_after_a_restart(town: Town) -> None:
    phones = {"tel2500": "talked", "tel2600": "talked"}
    code = "*29*2500"
    with watching(town, "tel2600", code) as first, watching(town, "tel2500", code) as second:
        for phone, said, lamp, way in (
            ("tel2500", "direct_on", "confirmed", "n_2500.ring=talked"),
            ("tel2600", "direct_off", "terminated", "n_2500.front=talked"),
            ("tel2600", "direct_on", "confirmed", "n_2500.ring=talked"),
        ):
            assert await dials(town, f"{code}#", phone) == said
            for each in (first, second):
                await asyncio.to_thread(until, lambda each=each, lamp=lamp: each.shows == lamp, SOON)
            async with town.staff(phones):
                described = replace(world(MONDAY_10, phones=phones), switches=await present.now(town.state))
                journey, different = await town.test_call(described, number="2500", at_box="leaves")
                assert not different, different
            assert f"{journey.steps[-1].place}={journey.steps[-1].answer}" == way
    (row,) = await present.rows(town.state)
    assert (row.name, row.switched, row.who, row.why) == ("direct_2500", On(), "2600 tel2600", "dialled *29*2500")
    town.end("asterisk")
    town.begin("asterisk")
    with watching(town, "tel2600", code) as lamp:
        await asyncio.to_thread(until, lambda: lamp.shows == "confirmed", SOON)
    assert explained(town, "2500", switches={"direct_2500": On()}).endswith("n_2500.ring=talked")


@pytest.mark.parametrize(("code", "phone"), always([
    ("*29*2500#", "tel2700"), ("*29*2500#", "tel2510"), ("*29*2600#", "tel2600"), ("*29*9999", "tel2600"),
]))  # fmt: skip
async def test_nobody_else_turns_it(town: Town, code: str, phone: str) -> None:
    assert await dials(town, code, phone) == "nobody"
    assert await present.rows(town.state) == []


async def test_both_see_each_others_lamp_and_pick_up(desks: Desks) -> None:
    """They are of different offices. The boss takes a call that rings at the secretary's, and the other way round."""
    town = desks.town
    with watching(town, "tel2600", "2500") as of_boss, watching(town, "tel2500", "2600") as of_secretary:
        async with desks.line("tel2500") as boss, desks.line("tel2600") as secretary:
            async with desks.citizen("2500") as (citizen, shown):
                ringing = await secretary.incoming(within=SOON)
                await asyncio.to_thread(until, lambda: of_secretary.shows == "early", SOON)
                picked = await boss.dial("**2600")
                await taken(citizen, picked, ringing)
                await asyncio.to_thread(until, lambda: of_boss.shows == "confirmed", SOON)
                await citizen.hang_up()
            assert (await desks.past(shown)).way.endswith("n_2500.front=talked")
            await switching.switch(town.state, "direct_2500", "on", switching.Period(), text="", why="")
            async with desks.citizen("2500") as (citizen, shown):
                ringing = await boss.incoming(within=SOON)
                await asyncio.to_thread(until, lambda: of_boss.shows == "early", SOON)
                picked = await secretary.dial("**2500")
                await taken(citizen, picked, ringing)
                await citizen.hang_up()
            assert (await desks.past(shown)).way.endswith(
                "n_2500.screened=off, n_2500.diverted=off, n_2500.ring=talked"
            )
