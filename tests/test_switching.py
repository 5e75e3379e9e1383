"""What changes without a rollout, on a real Asterisk: from the next call on, without Python too, after restarts too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from orchestrator.asterisk import database
from orchestrator.domain.switches import FAMILY
from orchestrator.journal.journeys import Journey
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import Sound, read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import present, switching, wiring
from orchestrator.service import waves as moving
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import connected
from orchestrator.service.switching import Period
from tests.far_exchange import ASKED, FarExchange
from tests.running_town import PYTHON, Town, all_off, running_town, until, world
from tests.switched_town import ABROAD, OUT, switched_town
from tests.towns import BERLIN, MONDAY_10

ALWAYS = Period()


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("w"), switched_town()) as running:
        yield running


def far(town: Town, trunk: str) -> FarExchange:
    """The other end of a trunk."""
    return FarExchange(town.directory.trunks[trunk].host, town.directory.trunks[trunk].port)


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    """All of it running, and nothing switched before and after."""
    exchange.complete()
    yield exchange
    for name in ("asterisk", "control"):
        if name not in exchange.processes:
            exchange.begin(name)
    asyncio.run(all_off(exchange.state))
    until(lambda: not exchange.left(), 10)


async def goes(
    town: Town,
    number: str,
    at: datetime = MONDAY_10,
    phones: Mapping[str, str] | None = None,
    outside: str = "talked",
    press: str = "",
) -> list[str]:
    """A test call at exactly `at`, which must go where `explain` says: its answers."""
    town.used += 49 - town.used % 50  # test calls at the same time are told apart by their second: this one is alone
    described = world(at, press, phones=phones or {}, outside={OUT: outside, ABROAD: outside, "9110": outside})
    described = replace(described, switches=await present.now(town.state))
    journey, different = await town.test_call(described, number=number, at_box="leaves")
    assert not different, f"{different}\n{journey}"
    return answers(journey)


def answers(journey: Journey) -> list[str]:
    return [f"{step.place}={step.answer}" for step in journey.steps]


async def entries(town: Town) -> dict[str, str]:
    async with connected(town.state) as running:
        assert running
        return await database.entries(running.ami, FAMILY)


async def qualified(town: Town, trunk: str) -> None:
    """Have Asterisk look whether the other end of a trunk is there; first what it asked before must have timed out."""
    await asyncio.sleep(ASKED)
    async with connected(town.state) as running:
        assert running
        await running.ami.action("PJSIPQualify", Endpoint=f"trunk-{trunk}")
    await asyncio.sleep(0.5)


@pytest.mark.parametrize("python", PYTHON)
async def test_each_switch_counts_from_the_next_call_on(town: Town, python: bool) -> None:
    """Without Python nothing of ours runs when the call comes: it was set before."""
    phones = {"tel2501": "talked"}
    steps = (
        (lambda: switching.switch(town.state, "night", "on", ALWAYS, text="", why=""), "0", "town.night=on"),
        (
            lambda: switching.absent(town.state, "2500", ALWAYS, stand_in="3501", text="", why=""),
            "2500",
            "n_2500.diverted=talked",
        ),
        (
            lambda: switching.absent(town.state, "2500", ALWAYS, stand_in="", text="", why=""),
            "2500",
            "n_2500.diverted=nobody",
        ),
        (
            lambda: switching.switch(town.state, "closed_buergerbuero", "on", ALWAYS, text="", why=""),
            "30",
            "d_buergerbuero.closed=on",
        ),
        (lambda: switching.back(town.state, "2500", why=""), "2500", "n_2500.diverted=off"),
        (lambda: switching.forward(town.state, "2500", "3501", why=""), "2500", "n_2500.diverted=talked"),
        (lambda: switching.forward(town.state, "2500", "off", why=""), "2500", "n_2500.diverted=off"),
        (lambda: switching.switch(town.state, "night", "off", ALWAYS, text="", why=""), "0", "town.night=off"),
    )
    if not python:
        town.end("attend")
        town.end("control")
    async with town.staff(phones):
        for do, number, expected in steps:
            (told, *_) = await do()
            assert told.endswith(present.AT_ONCE), told
            assert expected in await goes(town, number, phones=phones)


@pytest.mark.long
async def test_every_switch_counts_behind_a_second_try_of_an_attended_menu(town: Town) -> None:
    """Asterisk trusts a call in which an attendant did anything with its database as it trusts any other."""
    phones = {"tel2501": "talked"}
    steps = (
        (lambda: switching.switch(town.state, "lunch", "on", ALWAYS, text="", why=""), "3", "town.counter=on"),
        (
            lambda: switching.switch(town.state, "closed_buergerbuero", "on", ALWAYS, text="", why=""),
            "1",
            "d_buergerbuero.closed=on",
        ),
        (
            lambda: switching.absent(town.state, "2500", ALWAYS, stand_in="3501", text="", why=""),
            "2",
            "n_2500.diverted=talked",
        ),
        (lambda: switching.back(town.state, "2500", why=""), "2", "n_2500.diverted=off"),
        (lambda: switching.forward(town.state, "2500", "3501", why=""), "2", "n_2500.diverted=talked"),
    )
    async with town.staff(phones):
        for do, key, expected in steps:
            before = further_tries(town)
            await do()
            assert expected in await goes(town, "0", phones=phones, press=f"5,{key}")
            assert further_tries(town) == before + 1, "no attendant offered the menu once more"
    assert "Dangerous function" not in (town.state.log / "full").read_text()


def further_tries(town: Town) -> float:
    """How often an attendant left a menu without an answer."""
    pages = [town.page("/metrics", town.state.settings().metrics_port + n) for n in range(2)]
    lines = [line for page in pages for line in page.splitlines()]
    return sum(float(line.split()[-1]) for line in lines if 'steps_total{answer="next"' in line)


async def test_an_absence_begins_and_ends_at_its_second(town: Town) -> None:
    first, last = date(2026, 11, 30), date(2026, 12, 4)
    period = Period(first=first, last=last)
    await switching.absent(town.state, "2500", period, stand_in="", text="", why="")
    begins = datetime.combine(first, datetime.min.time(), BERLIN)
    ends = datetime.combine(last + timedelta(days=1), datetime.min.time(), BERLIN)
    for at, expected in (
        (begins - timedelta(seconds=1), "off"),
        (begins, "nobody"),
        (ends - timedelta(seconds=1), "nobody"),
        (ends, "off"),
    ):
        assert (await goes(town, "2500", at))[0] == f"n_2500.diverted={expected}", at


@pytest.mark.parametrize(
    ("first", "last"),
    [(None, date.max), (None, date(2020, 1, 1)), (date(2027, 1, 2), date(2027, 1, 1)), (date.min, date.min)],
)
def test_a_period_that_nobody_can_mean_is_refused(first: date | None, last: date) -> None:
    with pytest.raises(ServiceError):
        Period(first=first, last=last).seconds(BERLIN)


def test_a_period_may_have_begun_before_there_were_clocks() -> None:
    assert Period(first=date(1960, 1, 1)).seconds(BERLIN) == (0, 0)


async def test_callers_hear_what_was_spoken_for_the_absence(town: Town) -> None:
    words = "Frau Grün ist im Urlaub und kommt am Montag wieder."
    await switching.absent(town.state, "2500", ALWAYS, stand_in="", text=words, why="")
    sound = (await entries(town))["absent_2500"].split(":")[2]
    heard = await listened(town, "2500")
    assert recognise(heard, read_sound(town.state.sounds / "de" / f"{sound}.alaw")).recognised
    assert not recognise(heard, town.prompt("absent", "de")).recognised
    for path in town.state.sounds.glob(f"*/{sound}.*"):
        path.unlink()
    assert recognise(await listened(town, "2500"), town.prompt("absent", "de")).recognised


async def listened(town: Town, number: str) -> Sound:
    """What a caller of `number` hears in the first seconds."""
    password = wiring.secrets(town.state).of("sip:testcall")
    line = Line(number="testcall", exchange=town.exchange, password=password)
    async with Telephone(wiring.program("baresip"), line) as telephone:
        call = await telephone.dial(f"{number}*{int(MONDAY_10.timestamp())}")
        await call.answered(within=5)
        await call.stays(5.0)
        await call.hang_up()
        return await telephone.calls[0].heard()


async def test_calls_are_forwarded_outside_with_an_own_number_and_come_back(town: Town) -> None:
    (told,) = await switching.forward(town.state, "2500", "0171 2345678", why="Außendienst")
    assert OUT in told
    async with far(town, "amt") as provider:
        await qualified(town, "amt")
        for status, found in ((200, "talked"), (486, "busy"), (180, "nobody"), (503, "failed")):
            provider.status = status
            assert (await goes(town, "2500", outside=found))[0] == f"n_2500.diverted={found}"
        assert provider.called == [(OUT, "+4962052125" + "00")] * 4
        await switching.switch(town.state, "outside", "emergency", ALWAYS, text="", why="Missbrauch")
        assert (await goes(town, "2500"))[0] == "n_2500.diverted=failed"
        assert len(provider.called) == 4, "the kill switch stops forwardings too"


@pytest.mark.long
async def test_calls_forwarded_abroad_spend_the_budget_of_a_phone_of_the_forwarder(town: Town) -> None:
    """The caller is nobody: the phone of whom it is forwarded by answers for it, by the hour and at once."""
    await switching.forward(town.state, "2500", ABROAD, why="Auslandsreise")
    assert (await entries(town))["forward_2500"] == f"0:0::{ABROAD}:tel2500:abroad"
    hour = MONDAY_10 + timedelta(hours=1)
    async with far(town, "amt") as provider:
        await qualified(town, "amt")
        for at, found in ((MONDAY_10, "talked"), *((hour, "talked"),) * 3, (hour, "failed")):
            way = await goes(town, "2500", at, outside=found)
            assert way[0] == f"n_2500.diverted={found}", at
        assert way[1] == "d_buergerbuero.hours=open", "who cannot be put through abroad is not left alone"
        assert provider.called == [(ABROAD, "+4962052125" + "00")] * 4
        provider.status = 180
        later = hour + timedelta(hours=1)
        rings = asyncio.create_task(goes(town, "2500", later, outside="nobody"))
        await asyncio.to_thread(until, lambda: len(provider.called) == 5, 10)
        assert (await goes(town, "2500", later + timedelta(hours=1), outside="failed"))[0] == "n_2500.diverted=failed"
        assert (await rings)[0] == "n_2500.diverted=nobody"
        assert len(provider.called) == 5, "one at once"
        await switching.forward(town.state, "2500", OUT, why="")
        provider.status = 200
        assert (await goes(town, "2500", later))[0] == "n_2500.diverted=talked", "at home no budget counts"


async def test_a_step_to_the_outside_fails_over_shows_the_operator_and_stops_with_the_kill_switch(town: Town) -> None:
    async with far(town, "amt") as provider:
        await qualified(town, "amt")
        for status, found in ((200, "talked"), (486, "busy"), (503, "failed")):
            provider.status = status
            assert (await goes(town, "71", outside=found))[0] == f"out.to={found}"
        assert provider.called == [(OUT, "+4962052" + "10")] * 3
        await switching.switch(town.state, "outside", "no_abroad", ALWAYS, text="", why="")
        provider.status = 200
        assert (await goes(town, "71"))[0] == "out.to=talked"
        await switching.switch(town.state, "outside", "emergency", ALWAYS, text="", why="")
        assert (await goes(town, "71"))[0] == "out.to=failed"
        assert len(provider.called) == 4


async def test_a_wave_moves_there_and_back(town: Town) -> None:
    async with far(town, "alt") as old, town.staff({"tel9110": "talked"}):
        await qualified(town, "alt")
        assert await goes(town, "9110") == ["n_9110.wave=off", "n_9110.old=talked"]
        assert [number for number, _ in old.called] == ["9110"]
        (wave,) = await moving.waves(town.state)
        assert (wave.moved, wave.numbers, wave.registered, wave.missing) == (False, ("9110",), 1, ())
        await switching.move(town.state, "2", moved=True, why="")
        expected = ["n_9110.wave=on", "n_9110.diverted=off", "n_9110.ring=talked"]
        assert await goes(town, "9110", phones={"tel9110": "talked"}) == expected
        await restarted(town)
        assert (await entries(town)).keys() == {"wave_2"}
        await switching.move(town.state, "2", moved=False, why="")
        await qualified(town, "alt")
        old.status = 486
        assert (await goes(town, "9110", outside="busy"))[:3] == [
            "n_9110.wave=off",
            "n_9110.old=busy",
            "n_9110.box=",
        ]
        assert len(old.called) == 2


async def restarted(town: Town) -> None:
    """Asterisk anew; from the main thread, for what a thread started ends with it (leash)."""
    town.end("asterisk")
    town.begin("asterisk")


async def test_what_is_switched_outlives_asterisk_and_its_database(town: Town) -> None:
    await switching.switch(town.state, "night", "on", ALWAYS, text="", why="")
    await switching.forward(town.state, "2500", "3501", why="")
    wanted = await entries(town)
    await restarted(town)
    assert "town.night=on" in await goes(town, "0")
    town.end("control")
    town.end("asterisk")
    for path in (town.state.root / "lib").glob("astdb*"):
        path.unlink()
    (told,) = await switching.absent(town.state, "3501", ALWAYS, stand_in="", text="", why="")
    assert present.LATER in told
    town.begin("asterisk")
    assert await entries(town) == {}
    town.begin("control")
    await asyncio.to_thread(until, lambda: asyncio.run(entries(town)).keys() == wanted.keys() | {"absent_3501"}, 10)
    assert "n_3501.diverted=nobody" in await goes(town, "3501")
    metric = next(line for line in town.page("/metrics").splitlines() if line.startswith("durchwahl_switch_corr"))
    assert float(metric.split()[1]) >= 3


async def test_control_takes_out_what_others_wrote(town: Town) -> None:
    await switching.switch(town.state, "night", "on", ALWAYS, text="", why="")
    wanted = await entries(town)
    async with connected(town.state) as running:
        assert running
        await database.put(running.ami, FAMILY, "forward_2500", "0:0::PJSIP/nobody")
        await database.put(running.ami, FAMILY, "night", "no entry of ours")
        assert await present.correct(town.state, running.ami, town.directory) == 2
    assert await entries(town) == wanted


async def test_a_retired_number_tells_the_new_one_and_is_counted(town: Town) -> None:
    async with town.staff({"tel2500": "talked"}):
        journey, _ = await town.citizen_calls(world(datetime.now(BERLIN)), dialled="+49620521" + "2499")
    assert answers(journey) == ["r_2499.told=said", "n_2500.diverted=off", "n_2500.ring=talked"]
    await asyncio.to_thread(until, lambda: journey.id in town.written(), 15)
    (old,) = await moving.old_numbers(town.state, 0.0)
    assert (old.number, old.calls, old.to) == ("2499", 1, "2500")
    assert old.callers[0].endswith("···")
    (later,) = await moving.old_numbers(town.state, old.last + 1)
    assert (later.calls, later.callers) == (0, ())


HOSTILE = (
    "x\r\nAction: Originate\r\nChannel: Local/0@from-trunk",
    "2500:0:0:",
    "${SHELL(id)}",
    "a\0b",
    "PJSIP/a&PJSIP/b",
)


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_text_becomes_anything_else(town: Town, text: str) -> None:
    """As reason, announcement, number, name and value: refused, or spoken and written down as what it is."""
    for number, to in (("2500", text), (text, "3501")):
        with pytest.raises(ServiceError):
            await switching.forward(town.state, number, to, why="")
    for name, to in ((text, "on"), ("night", text), ("outside", text)):
        with pytest.raises(ServiceError):
            await switching.switch(town.state, name, to, ALWAYS, text="", why="")
    with pytest.raises(ServiceError):
        await switching.absent(town.state, "2500", ALWAYS, stand_in=text, text="", why="")
    try:
        await switching.absent(town.state, "2500", ALWAYS, stand_in="3501", text=text, why=text)
    except ServiceError:
        await switching.absent(town.state, "2500", ALWAYS, stand_in="3501", text="", why=text)
    found = await entries(town)
    assert found.keys() == {"absent_2500"}
    assert found["absent_2500"].split(":")[3] == "PJSIP/tel2501"
    (row,) = await present.rows(town.state)
    assert row.why.isprintable()
    assert not town.left()
