"""Lamps on a real Asterisk: right within a second, for whom they are for, and after whatever was started anew."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from urllib.parse import quote

import pytest

from orchestrator.compile import lamps
from orchestrator.service import directory as directories
from orchestrator.service import rollout, switching
from orchestrator.store.database import brief
from orchestrator.store.load import save
from tests.lamp_watcher import NotShown, Watcher, watching
from tests.pickup_town import PHONES, citizen, directory, running, telephone
from tests.running_town import Town, until

SOON = 1.0
"""Seconds within which a lamp must be right."""


@pytest.fixture(scope="module", params=[lamps.MOST, 0], ids=["each", "asked"])
def exchange(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """With a hint for each number, and as a large house has it: with hints that are made when somebody asks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lamps, "MOST", request.param)
        with running(tmp_path_factory.mktemp("l")) as town:
            yield town


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    exchange.complete()
    yield exchange
    until(lambda: "asterisk" not in exchange.processes or not exchange.left(), 10)


async def shows(lamp: Watcher, state: str, within: float = SOON) -> float:
    return await asyncio.to_thread(lamp.becomes, state, within)


async def applied(town: Town, changed: object) -> None:
    """The directory is `changed` now, and what it says runs."""
    await save(brief(town.state.database), changed, who="tests", what="lamps", why="tests")  # type: ignore[arg-type]
    done = await rollout.apply(town.state, lambda done, total: None, checksum="", force=())
    assert done.done, done.told
    town.directory = await directories.read(town.state)


async def test_a_lamp_is_right_within_a_second_in_every_state(town: Town) -> None:
    """Of a person (one telephone) and of an office (two), in both formats that telephones ask for."""
    with (
        watching(town, "tel2501", "2500") as person,
        watching(town, "tel2501", "2500", event="presence") as present,
        watching(town, "tel2501", "30") as office,
        watching(town, "tel10", "2500") as operators,
    ):
        await shows(present, "Unavailable")
        async with telephone(town, "tel2500") as desk, citizen(town) as caller:
            await shows(present, "Ready")
            assert person.shows == office.shows == operators.shows == "terminated"
            call = await caller.dial("0620521" + "2500")
            ringing = await desk.incoming(within=5)
            for lamp in (person, office, operators):
                await shows(lamp, "early")
            await shows(present, "Ringing")
            await ringing.answer()
            for lamp in (person, office, operators):
                await shows(lamp, "confirmed")
            await shows(present, "On the phone")
            await call.hang_up()
            for lamp in (person, office, operators):
                await shows(lamp, "terminated")
            await shows(present, "Ready")
            await ringing.ends(within=2)
            calling = await desk.dial("3501")
            await shows(person, "confirmed", 2)
            await calling.hang_up()
            await shows(person, "terminated")


async def test_an_office_is_free_as_long_as_one_of_its_telephones_rings(town: Town) -> None:
    """Its lamp tells the most of what any of them tells."""
    with watching(town, "tel2500", "30", event="presence") as office:
        async with telephone(town, "tel2500"), telephone(town, "tel2501") as second, citizen(town) as caller:
            await shows(office, "Ready")
            call = await caller.dial("06205213501")
            await second.incoming(within=5)
            await shows(office, "Ringing")
            await call.hang_up()
            await shows(office, "Ready")


MAY = {
    "tel10": {"0", "10", "2500", "2501", "30", "3501", "4000", "4001", "4100", "50", "51", "60"},
    "tel2500": {"2500", "2501", "30", "3501", "4000"},
    "tel2501": {"2500", "2501", "30", "3501", "4000", "50", "51"},
    "tel4000": {"4000", "4001", "60", "50", "51", "2501"},
    "tel4001": {"4000", "4001", "60", "50", "51"},
    "lift": set(),
}
"""Telephone -> the numbers that it may watch."""


async def test_who_may_watch_whom(town: Town) -> None:
    async with AsyncExitStack() as stack:
        for phone in PHONES:
            await stack.enter_async_context(telephone(town, phone))
        for phone, numbers in MAY.items():
            asked = sorted({*MAY["tel10"], "9999", "*8", "s"})
            assert {number for number in asked if await is_shown(town, phone, number)} == numbers, phone


async def test_a_telephone_watches_switches_beside_its_colleagues(town: Town) -> None:
    """In one circle, in several, with all, with none."""
    with ExitStack() as stack:
        lit = [stack.enter_context(watching(town, phone, "*281")) for phone in ("tel4001", "tel2501", "tel10", "lift")]
        for to, state in (("on", "confirmed"), ("off", "terminated")):
            await switching.switch(town.state, "closed_bauamt", to, switching.Period(), text="", why="")
            for lamp in lit:
                await shows(lamp, state, 5)


async def is_shown(town: Town, phone: str, number: str) -> bool:
    """Whether `phone` learns that `number`, whose telephones are all there, is free; else it is refused or untold."""
    try:
        with watching(town, phone, number, event="presence", expires=60) as lamp:
            await asyncio.to_thread(until, lambda: lamp.told, 10 if lamps.MOST else 0.4)
            return lamp.shows == "Ready"
    except TimeoutError:
        assert not lamps.MOST, f"{number} is neither told nor refused"
        return False
    except NotShown as refused:
        if "404" not in str(refused):
            raise
        return False


async def test_nobody_watches_others_by_what_a_number_is_written_with(town: Town) -> None:
    """The number that is asked for stands in an expression, where hints are made when somebody asks."""
    async with telephone(town, "tel4001"), telephone(town, "tel2500"):
        assert await is_shown(town, "tel2501", "2500")
        for phone in ("tel2501", "tel2500"):
            assert not await is_shown(town, phone, quote('9"|"x&PJSIP/tel4001&x"|"x', safe=""))


async def test_lamps_survive_control_and_attendants(town: Town) -> None:
    """Nothing of it needs Python."""
    with watching(town, "tel2501", "2500") as lamp:
        await shows(lamp, "terminated")
        for name in ("attend", "control"):
            town.end(name, signal.SIGKILL)
        async with telephone(town, "tel2500") as desk, citizen(town) as caller:
            call = await caller.dial("06205212500")
            await desk.incoming(within=5)
            await shows(lamp, "early")
            for name in ("control", "attend"):
                town.begin(name)
            assert lamp.shows == "early"
            await call.hang_up()
            await shows(lamp, "terminated")


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
async def test_lamps_are_right_after_asterisk_was_started_anew(town: Town, by: signal.Signals) -> None:
    """The subscription outlives it: the telephone does nothing, and its lamp is right."""
    with (
        watching(town, "tel2501", "2500", event="presence") as lamp,
        watching(town, "tel2501", "3501", event="presence") as other,
    ):
        await shows(other, "Unavailable")
        async with telephone(town, "tel2500") as desk, citizen(town) as caller:
            await shows(lamp, "Ready")
            await caller.dial("06205212500")
            ringing = await desk.incoming(within=5)
            await ringing.answer()
            await shows(lamp, "On the phone")
            await asyncio.sleep(2)  # Asterisk writes its database down once a second
            town.end("asterisk", by)
            began = time.time()
            town.begin("asterisk")
            took = await shows(lamp, "Ready", 10)
            print(f"right {time.time() - began:.2f} s after Asterisk was started, {took:.2f} s after it answered")
            assert other.shows == "Unavailable"
            assert not lamp.ended
        async with telephone(town, "tel2500") as desk, citizen(town) as caller:
            call = await caller.dial("06205212500")
            await desk.incoming(within=5)
            await shows(lamp, "Ringing")
            await call.hang_up()
            await shows(lamp, "Ready")


async def test_an_apply_that_gives_a_number_other_telephones_is_shown(town: Town) -> None:
    """2500 has a telephone that is not registered, then another one that is, then only the first again."""
    before = directory()
    anna = before.people["p2500"]
    with (
        watching(town, "tel2501", "2500", event="presence") as lamp,
        watching(town, "tel2501", "3501", event="presence") as other,
        watching(town, "tel10", "2500", event="presence") as operators,
    ):
        async with telephone(town, "tel4001"):
            await shows(lamp, "Unavailable")
            await applied(
                town, replace(before, people={**before.people, "p2500": replace(anna, phones=("tel2500", "tel4001"))})
            )
            for each in (lamp, operators):
                await shows(each, "Ready")
            assert other.shows == "Unavailable"
            await applied(town, before)
            for each in (lamp, operators):
                await shows(each, "Unavailable")
            assert not lamp.ended
            assert not other.ended
        async with telephone(town, "tel2500"):
            await shows(lamp, "Ready")


async def test_a_number_that_is_gone_ends_its_lamp(town: Town) -> None:
    """In a large house when the telephone asks again."""
    before = directory()
    people = {**before.people, "p4000": replace(before.people["p4000"], extension="4010")}
    phones = {**before.phones, "tel4000": replace(before.phones["tel4000"], extension="4010")}
    async with telephone(town, "tel4000"):
        assert await is_shown(town, "tel4001", "4000")
        with watching(town, "tel4001", "4000") as lamp, watching(town, "tel4001", "60") as other:
            await shows(lamp, "terminated")
            await applied(town, replace(before, people=people, phones=phones))
            if lamps.MOST:
                await asyncio.to_thread(until, lambda: lamp.ended, SOON)
            assert not other.ended
            assert not await is_shown(town, "tel4001", "4000")
            assert await is_shown(town, "tel4001", "4010")
            await applied(town, before)


async def test_the_town_says_whose_lamps_are_shown(town: Town) -> None:
    try:
        async with telephone(town, "tel4001"):
            for setting, may in {"nobody": set(), "operators": {"tel10"}, "house": {"tel10", "tel2500"}}.items():
                await applied(town, directory(setting))
                shown = [phone for phone in ("tel10", "tel2500", "lift") if await is_shown(town, phone, "4001")]
                assert set(shown) == may, setting
    finally:
        await applied(town, directory())
