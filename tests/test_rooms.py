"""Conference rooms on a real Asterisk: who comes in, who hears whom, how long a PIN can be guessed.

Python is down from the beginning on: all of it is Asterisk's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from orchestrator.compile.rooms import MOST_WRONG
from orchestrator.domain.people import Room
from orchestrator.phone.call import Call
from orchestrator.phone.errors import CallOver
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import read_sound
from orchestrator.service import rollout
from orchestrator.store.database import open_database
from orchestrator.store.load import save
from tests.putting_through import PIN, Desks, putting_town
from tests.running_town import running_town

PAUSE = 1.5
"""Seconds until a caller who was asked for the PIN begins to dial it."""


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    with running_town(tmp_path_factory.mktemp("t"), putting_town()) as town:
        town.end("attend")
        yield Desks(town)


async def dials(call: Call, pin: str) -> None:
    await call.answered(within=5)
    await call.stays(PAUSE)
    await call.press(f"{pin}#")


async def test_desks_and_callers_with_the_pin_hear_each_other_and_leave_by_a_key(desks: Desks) -> None:
    async with desks.line("tel2500", registers=False) as desk, desks.citizen("3900") as (citizen, shown):
        inside = await desk.dial("3900")
        await inside.answered(within=5)  # nobody asks a desk for a PIN
        assert await inside.stays(2)
        await dials(citizen, PIN)
        assert await citizen.stays(6)
        await citizen.say(desks.town.words)
        await inside.stays(1)
        heard = await inside.heard()
        assert recognise(heard, read_sound(desks.town.words)).recognised
        await citizen.press("0")
        await citizen.ends(within=10)
        assert recognise(await citizen.heard(), desks.town.prompt("room_left", "de")).recognised
        assert inside.ended is None
        await inside.hang_up()
    past = await desks.past(shown)
    assert past.way == "c_saal.door=right, c_saal.room=met, c_saal.left=said, c_saal.goodbye=gone"
    assert (past.outcome, past.place, past.unexpected) == ("served", "c_saal.room", "")
    past = await desks.past("2500")
    assert (past.way, past.outcome) == ("c_saal.door=right, c_saal.room=met", "served")
    await desks.over()


async def test_who_is_alone_hears_music(desks: Desks) -> None:
    async with desks.line("tel2500", registers=False) as desk:
        call = await desk.dial("3901")
        await call.answered(within=5)
        await call.stays(8)
        heard = await call.heard()
        assert max(abs(sample) for sample in heard.samples[-24000:]) > 500
        await call.hang_up()


async def test_a_telephone_that_anybody_can_use_is_asked_for_the_pin(desks: Desks) -> None:
    async with desks.line("halle", registers=False) as anybody:
        call = await anybody.dial("3900")
        await dials(call, PIN)
        assert await call.stays(4)
        await call.hang_up()
        call = await anybody.dial("3901")
        await call.ends(within=20)
        assert recognise(await call.heard(), desks.town.prompt("room_inside", "de")).recognised
    await desks.past("9500")
    ways = {past.way for past in (await asyncio.to_thread(desks.town.written)).values() if past.caller == "9500"}
    assert "c_saal.door=right, c_saal.room=met" in ways
    await desks.over()


async def test_a_room_without_a_pin_is_closed_to_callers_from_outside(desks: Desks) -> None:
    async with desks.citizen("3901") as (citizen, shown):
        await citizen.ends(within=20)
        assert recognise(await citizen.heard(), desks.town.prompt("room_inside", "de")).recognised
    past = await desks.past(shown)
    assert past.way == "c_innen.door=wrong, c_innen.refused=said, c_innen.goodbye=gone"
    assert (past.outcome, past.unexpected) == ("told", "")


async def test_a_full_room_says_so(desks: Desks) -> None:
    async with (
        desks.line("tel2500", registers=False) as one,
        desks.line("tel2600", registers=False) as two,
        desks.line("tel2700", registers=False) as three,
        desks.line("tel10", registers=False) as four,
    ):
        for telephone in (one, two, three):
            await (await telephone.dial("3900")).answered(within=5)
            await telephone.calls[-1].stays(1)
        late = await four.dial("3900")
        await late.ends(within=20)
        assert recognise(await late.heard(), desks.town.prompt("room_full", "de")).recognised
        for telephone in (one, two, three):
            await telephone.calls[-1].hang_up()
    assert (await desks.past("10")).way.startswith("c_saal.door=right, c_saal.room=full, c_saal.full=said")
    await desks.over()


async def test_a_new_room_and_another_time_of_parking_need_no_restart(desks: Desks) -> None:
    written = putting_town()
    rooms = {**written.rooms, "neu": Room(id="neu", name="Neu", extension="3902", most=2)}
    state = desks.town.state
    engine = open_database(state.database)
    town = replace(written.town, parked=60)
    await save(engine, replace(written, rooms=rooms, town=town), who="tests", what="a room", why="tests")
    await engine.dispose()
    applied = await rollout.apply(state, lambda done, total: None, checksum="", force=())
    assert applied.done, applied.told
    async with desks.line("tel2500", registers=False) as desk:
        call = await desk.dial("3902")
        await call.answered(within=5)
        assert await call.stays(2)
        await call.hang_up()
    assert (await desks.past("2500")).unexpected == ""
    await desks.over()


@pytest.mark.long
async def test_nobody_guesses_on_in_one_call_nor_by_calling_again(desks: Desks) -> None:
    """Last: it locks the room. Three tries a call; after `MOST_WRONG` of all callers not even the right one counts."""
    calls = 0
    while True:
        async with desks.citizen("3900") as (citizen, shown):
            await citizen.answered(within=5)
            await citizen.stays(PAUSE)
            for _ in range(3):
                if citizen.ended is None and await citizen.stays(1.2):
                    await citizen.press("999999#")
            await citizen.ends(within=20)
            heard = await citizen.heard()
        past = await desks.past(shown)
        if "c_saal.door=locked" in past.way:
            assert recognise(heard, desks.town.prompt("room_locked", "de")).recognised
            break
        assert "c_saal.door=wrong, c_saal.refused=said" in past.way
        assert (past.outcome, past.unexpected) == ("told", "")
        calls += 1
        assert calls < MOST_WRONG  # twice the calls that it takes: an hour may begin meanwhile
    assert calls >= MOST_WRONG // 3
    async with desks.citizen("3900") as (citizen, shown):
        with suppress(CallOver):  # the exchange says so, and listens to nothing
            await dials(citizen, PIN)
        await citizen.ends(within=20)
    assert "c_saal.door=locked" in (await desks.past(shown)).way
    async with desks.line("tel2500", registers=False) as desk:
        call = await desk.dial("3900")
        await call.answered(within=5)
        assert await call.stays(3)
        await call.hang_up()
    await desks.over()
