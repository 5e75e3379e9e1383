"""What desks switch by dialling, on a real Asterisk: the code, what is said, then a call that goes where it should."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from orchestrator.apps.dialogue import token
from orchestrator.asterisk.errors import AlreadyOver
from orchestrator.asterisk.rest import Rest
from orchestrator.domain.directory import Directory
from orchestrator.domain.switches import Absence, Forwarding, On
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import Sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import present, switching, wiring
from orchestrator.service.history import Past
from orchestrator.service.questions import Question, ask
from tests.lamp_watcher import watching
from tests.running_town import Town, all_off, running_town, until, world
from tests.side_by_side import always
from tests.switched_town import switched_town
from tests.towns import MONDAY_10

SOON = 20.0
SOME, WHOLE = 0.2, 0.95
"""Part of a sentence that must be heard at least; and that nothing else can have."""


def directory() -> Directory:
    """Not derived: the operator at tel10 turns `night`, and who belongs to the office closes it."""
    return replace(switched_town(), switch_codes={"1": "night", "2": "closed_buergerbuero"})


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("c"), directory()) as running:
        yield running


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    """All of it running, and nothing switched before and after."""
    exchange.complete()
    yield exchange
    asyncio.run(all_off(exchange.state))
    until(lambda: not exchange.left(), 20)


async def dials(town: Town, code: str, prompt: str, phone: str = "tel2500", *, known: bool = True) -> None:
    """`phone` dials, hears the prompt, is hung up on; the call went as `explain` says, if the directory tells."""
    since = time.time()
    password = wiring.secrets(town.state).of(f"sip:{phone}")
    line = Line(number=phone, exchange=town.exchange, password=password)
    async with Telephone(wiring.program("baresip"), line) as telephone:
        call = await telephone.dial(code)
        await call.ends(within=SOON)
        assert said(town, await call.heard(), prompt) == prompt
    await asyncio.to_thread(until, lambda: bool(written(town, since)), SOON)
    (past,) = written(town, since)
    explained = ask(town.directory, Question(number=code, caller=town.directory.phones[phone].extension))
    way = ", ".join(f"{visit.place}={visit.answer}" for visit in explained.visits)
    if known:
        assert (past.outcome, past.way) == (explained.ending.outcome, way)
    assert past.number in (code, code[:4]), "the number behind the code is nobody's business"


def said(town: Town, heard: Sound, expected: str) -> str:
    """Which of all that codes say was heard: the one of which there is most, as a busy machine loses some of it.

    Nothing else is compared where what is `expected` is there nearly whole.
    """
    prompts = [name for name in town.sounds if name.startswith("wish_")]
    shares: dict[str, float] = {}
    for name in sorted(prompts, key=lambda name: name != f"wish_{expected}"):
        shares[name] = recognise(heard, town.prompt(name, "de")).share
        if shares[name] >= WHOLE:
            break
    most = max(shares, key=lambda name: shares[name])
    return most.removeprefix("wish_") if shares[most] > SOME else "nothing"


def written(town: Town, since: float) -> list[Past]:
    return [past for past in town.written().values() if past.began >= since]


async def now(town: Town) -> Mapping[str, object]:
    return await present.now(town.state)


async def goes(town: Town, number: str, phones: Mapping[str, str]) -> list[str]:
    """A test call, which must go where `explain` says: its answers."""
    town.used += 49 - town.used % 50
    switched = {name: each for name, each in (await now(town)).items() if name != "night"}
    described = replace(world(MONDAY_10, phones=phones), switches=switched)  # type: ignore[arg-type]
    journey, different = await town.test_call(described, number=number, at_box="leaves")
    assert not different, f"{different}\n{journey}"
    return [f"{step.place}={step.answer}" for step in journey.steps]


async def test_all_calls_ring_elsewhere_until_it_is_ended(town: Town) -> None:
    phones = {"tel2501": "talked"}
    async with town.staff(phones):
        await dials(town, "*21*3501#", "forward_on")
        assert await now(town) == {"forward_2500": Forwarding(to="3501")}
        (row,) = await present.rows(town.state)
        assert (row.who, row.why) == ("2500 Anna Grün", "dialled *21*")
        assert "n_2500.diverted=talked" in await goes(town, "2500", phones)
        await dials(town, "#21#", "forward_off")
        assert await now(town) == {}
        assert "n_2500.diverted=off" in await goes(town, "2500", phones)


@pytest.mark.parametrize(
    ("code", "does", "off"), always([("*61*3501#", "nobody", "#61#"), ("*67*3501#", "busy", "#67#")])
)
async def test_calls_ring_elsewhere_on_no_answer_and_on_busy(town: Town, code: str, does: str, off: str) -> None:
    """The other case does not take them: the stand-in is rung, who has the same telephone."""
    phones = {"tel2500": does, "tel2501": "talked"}
    name = {"nobody": "unanswered", "busy": "busy"}[does]
    await dials(town, code, f"{name}_on")
    other = "busy" if does == "nobody" else "nobody"
    async with town.staff(phones):
        assert await goes(town, "2500", phones) == [
            "n_2500.diverted=off", f"n_2500.ring={does}", "n_2500.missed=talked",
        ]  # fmt: skip
    async with town.staff(turned := {**phones, "tel2500": other}):
        assert "n_2500.missed=off" in await goes(town, "2500", turned)
    await dials(town, off, f"{name}_off")
    assert await now(town) == {}


async def test_who_is_not_to_be_disturbed_does_not_hear_it_ring(town: Town) -> None:
    phones = {"tel2500": "talked", "tel2501": "talked"}
    await dials(town, "*26#", "quiet_on")
    assert await now(town) == {"quiet_2500": On()}
    async with town.staff(phones):
        assert await goes(town, "2500", phones) == [
            "n_2500.diverted=quiet", "n_2500.missed=off", "n_2500.stand_in=talked",
        ]  # fmt: skip
        await dials(town, "*61*3501#", "unanswered_on", phone="tel2500")
        assert (await goes(town, "2500", phones))[-1] == "n_2500.missed=talked"
    await dials(town, "#26#", "quiet_off")
    async with town.staff({"tel2500": "talked"}):
        assert "n_2500.ring=talked" in await goes(town, "2500", {"tel2500": "talked"})


async def test_one_touch_says_away_and_back(town: Town) -> None:
    await dials(town, "*27", "absent_on")
    (away,) = (await now(town)).values()
    assert isinstance(away, Absence)
    assert away.stand_in == "3501"
    async with town.staff({"tel2501": "talked"}):
        assert "n_2500.diverted=talked" in await goes(town, "2500", {"tel2501": "talked"})
    await dials(town, "*27", "absent_off")
    assert await now(town) == {}


def lamp(town: Town, name: str) -> str:
    return str(Rest(wiring.ari(town.state)).ask("GET", "deviceStates", f"Custom:{name}")["state"])


async def test_operators_switch_the_town_and_see_it_on_a_lamp_also_after_restarts(town: Town) -> None:
    assert lamp(town, "night") == "NOT_INUSE"
    await dials(town, "*281", "night_on", phone="tel10")
    assert await now(town) == {"night": On()}
    assert lamp(town, "night") == "INUSE"
    (row,) = await present.rows(town.state)
    assert (row.who, row.why) == ("10 Platz 10", "dialled *281")
    town.end("asterisk")
    town.begin("asterisk")
    assert lamp(town, "night") == "INUSE"
    town.end("control")
    Rest(wiring.ari(town.state)).ask(
        "POST", "asterisk", "variable", variable="DEVICE_STATE(Custom:night)", value="NOT_INUSE"
    )
    town.begin("control")
    await asyncio.to_thread(until, lambda: lamp(town, "night") == "INUSE", SOON)
    await asyncio.to_thread(until, town.ready, SOON)
    await dials(town, "*281", "night_off", phone="tel10")
    assert lamp(town, "night") == "NOT_INUSE"
    await dials(town, "*282", "closed_buergerbuero_on")
    assert await now(town) == {"closed_buergerbuero": On()}


@pytest.mark.parametrize(("code", "phone", "prompt"), [
    ("*281", "tel2500", "nobody"), ("*289", "tel10", "nothing"), ("*27", "tel10", "nobody"),
    ("*21*2500", "tel2500", "round"), ("*21*3333#", "tel2500", "unknown"),
    ("*21*00900123456#", "tel2500", "forbidden"), ("*21*110#", "tel2500", "forbidden"),
    ("*21*0115#", "tel2500", "forbidden"), ("*61*0003312345678", "tel2501", "forbidden"),
])  # fmt: skip
async def test_what_may_not_be_switched_is_told(town: Town, code: str, phone: str, prompt: str) -> None:
    await dials(town, code, prompt, phone=phone)
    assert await now(town) == {}


async def test_a_time_that_is_set_for_later_is_not_lost_by_a_code(town: Town) -> None:
    later = switching.Period(first=datetime.now(UTC).date() + timedelta(days=2))
    await switching.switch(town.state, "closed_buergerbuero", "on", later, text="", why="")
    before = await now(town)
    await dials(town, "*282", "planned_switch", known=False)
    assert await now(town) == before
    await switching.switch(town.state, "closed_buergerbuero", "off", switching.Period(), text="", why="")


async def test_a_number_outside_is_dialled_as_at_that_telephone(town: Town) -> None:
    await dials(town, "*21*001712345678#", "forward_on")
    assert await now(town) == {"forward_2500": Forwarding(to="+491712345678")}


@pytest.mark.parametrize("down", [("control",), ("attend",), ("control", "attend")])
async def test_without_python_nothing_is_switched_and_that_is_said(town: Town, down: tuple[str, ...]) -> None:
    for name in down:
        town.end(name)
    password = wiring.secrets(town.state).of("sip:tel2500")
    line = Line(number="tel2500", exchange=town.exchange, password=password)
    async with Telephone(wiring.program("baresip"), line) as telephone:
        call = await telephone.dial("*26#")
        await call.ends(within=SOON)
        assert said(town, await call.heard(), "sorry") == "sorry"
    assert await now(town) == {}


async def test_an_attendant_that_is_killed_turns_nothing_back(town: Town) -> None:
    """The next one hears what was decided, and says it again."""
    line = Line(number="tel10", exchange=town.exchange, password=wiring.secrets(town.state).of("sip:tel10"))
    async with Telephone(wiring.program("baresip"), line) as telephone:
        call = await telephone.dial("*281")
        await call.answered(within=SOON)
        while await now(town) != {"night": On()}:
            await asyncio.sleep(0.02)
        for pid in _who_has(town):
            os.kill(pid, signal.SIGKILL)
        await call.ends(within=SOON)
        assert said(town, await call.heard(), "night_on") == "night_on"
    assert await now(town) == {"night": On()}


async def test_what_was_decided_in_a_call_outlives_control(town: Town) -> None:
    """An attendant asks for the same caller before and after control was killed."""
    line = Line(number="tel2501", exchange=town.exchange, password=wiring.secrets(town.state).of("sip:tel2501"))
    async with Telephone(wiring.program("baresip"), line) as telephone:
        call = await telephone.dial("98")
        await call.answered(within=SOON)
        listed = Rest(wiring.ari(town.state)).ask("GET", "channels")
        channel = next(each["id"] for each in listed if each["name"].startswith("PJSIP/tel2501-"))
        for _ in range(2):
            await asyncio.to_thread(until, lambda: asks(town, channel)["then"] == "done", SOON)
            assert await now(town) == {"night": On()}
            town.end("control", signal.SIGKILL)
            town.begin("control")
        await call.hang_up()


def asks(town: Town, channel: str) -> dict[str, Any]:
    """As an attendant asks for who dialled *281 at tel10 in the call of `channel`."""
    told = {"channel": channel, "name": "PJSIP/tel10-1", "number": "", "wish": "switch.1", "asker": "tel10"}
    headers = {"Authorization": f"Bearer {token(wiring.ari(town.state).passwords()[0])}"}
    url = f"http://127.0.0.1:{town.state.settings().web_port}/dialogue"
    with suppress(HTTPError), urlopen(Request(url, json.dumps(told).encode(), headers), timeout=5) as reply:
        return dict(json.loads(reply.read()))
    return {"then": ""}  # control has just begun


def _who_has(town: Town) -> list[int]:
    asterisk = Rest(wiring.ari(town.state))
    found = []
    for worker in json.loads(town.state.shift.read_text())["workers"]:
        with suppress(AlreadyOver):  # it has not come yet
            if asterisk.ask("GET", "applications", f"attendant-{worker['slot']}")["channel_ids"]:
                found.append(worker["pid"])
    return found


async def test_a_lamp_that_is_set_to_the_code_follows_the_switch_also_when_a_command_turns_it(town: Town) -> None:
    with watching(town, "tel2501", "*281") as lamp:
        await asyncio.to_thread(until, lambda: lamp.shows == "terminated", SOON)
        await dials(town, "*281", "night_on", phone="tel10")
        await asyncio.to_thread(until, lambda: lamp.shows == "confirmed", SOON)
        await switching.switch(town.state, "night", "off", switching.Period(), text="", why="")
        await asyncio.to_thread(until, lambda: lamp.shows == "terminated", SOON)
