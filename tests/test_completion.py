"""Call completion on a real Asterisk: who reached nobody is rung when the other is free. Python is down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import pytest

from orchestrator.compile import completion, lamps
from orchestrator.domain.directory import Directory
from orchestrator.phone.call import Call
from orchestrator.phone.errors import CallOver, NothingHappened
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import read_sound
from orchestrator.phone.telephone import Telephone
from orchestrator.service import completions, wiring
from tests.console import console
from tests.pickup_town import journeys
from tests.putting_through import Desks, putting_town
from tests.running_town import Town, running_town
from tests.side_by_side import always
from tests.test_ami import connected

SOON = 5.0
SENTENCES = (completion.SET, completion.OFF, completion.NONE)
DESKS = ("tel10", "tel2500", "tel2600", "tel2700")


def directory() -> Directory:
    """At 2700 is a hall, where anybody can stand; 2500 has a name that a dialplan could take for its own."""
    town = putting_town()
    phones = {**town.phones, "tel10": replace(town.phones["tel10"], kind="hall")}
    people = {**town.people, "p2500": replace(town.people["p2500"], last_name='$[1+1] & Söhne, "Co" ${EXTEN}')}
    return replace(town, phones=phones, people=people)


@pytest.fixture(
    scope="module", params=[pytest.param(lamps.MOST, id="each"), pytest.param(0, id="asked", marks=pytest.mark.long)]
)
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """With a hint for each number, and as a large house has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lamps, "MOST", request.param)
        with running_town(tmp_path_factory.mktemp("k"), directory()) as running:
            running.end("attend")
            yield running


@pytest.fixture
async def phones(town: Town) -> AsyncIterator[dict[str, Telephone]]:
    """Everybody's telephone; afterwards no wish is left."""
    desks = Desks(town)
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(desks.line(name)) for name in DESKS}
    for family in (completion.WISHES, completion.UNREACHED):
        await asyncio.to_thread(console, town, f"database deltree {family}")
    async with asyncio.timeout(20):
        while town.left():
            await asyncio.sleep(0.2)


async def hears(town: Town, telephone: Telephone, code: str) -> str:
    """Which of the sentences is said at `code`."""
    call = await telephone.dial(code)
    await call.ends(within=15)
    heard = await call.heard()
    sounds = {each: read_sound(town.state.sounds / "de" / f"{each}.alaw") for each in SENTENCES}
    return max(SENTENCES, key=lambda each: recognise(heard, sounds[each]).share)


@asynccontextmanager
async def talking(telephone: Telephone) -> AsyncIterator[None]:
    """Somebody talks there, in a conference room."""
    call = await telephone.dial("3901")
    await call.answered(within=SOON)
    yield
    await call.hang_up()


async def reaches_nobody(telephone: Telephone, number: str, seconds: float = 1.0) -> None:
    call = await telephone.dial(number)
    with suppress(CallOver):  # busy
        await call.rings(within=SOON)
    await asyncio.sleep(seconds)
    await call.hang_up()


async def silent(telephone: Telephone, seconds: float) -> None:
    with pytest.raises(NothingHappened):
        await telephone.incoming(within=seconds)


async def talks(back: Call, other: Telephone) -> Call:
    """Who is rung picks up, and so does the other: the call that the other has."""
    await back.answer()
    rings = await other.incoming(within=SOON)
    await rings.answer()
    assert await back.stays(0.5)
    return rings


async def test_who_found_it_busy_is_rung_when_the_other_is_free(town: Town, phones: dict[str, Telephone]) -> None:
    """Then it is a call like any that was dialled there: with the own name and number, and a journey of its own."""
    caller, other = phones["tel2500"], phones["tel2600"]
    async with talking(other):
        await reaches_nobody(caller, "2600")
        assert await hears(town, caller, "*37#") == completion.SET
        await silent(caller, 5)
    back = await caller.incoming(within=SOON)
    assert (back.name, back.number) == ("jetzt frei", "2600")
    known = set(town.written())
    rings = await talks(back, other)
    assert rings.number == "2500"
    assert rings.name.startswith("Anna $[1+1] & Söhne")
    await back.hang_up()
    (past,) = await journeys(town, known, "2500")
    assert (past.outcome, past.number, past.way, past.unexpected) == (
        "answered", "2600", "n_2600.diverted=off, n_2600.ring=talked", "",
    )  # fmt: skip
    await silent(caller, 5)


async def test_who_was_not_answered_is_rung_when_the_other_has_talked(town: Town, phones: dict[str, Telephone]) -> None:
    caller, other = phones["tel2500"], phones["tel2600"]
    await reaches_nobody(caller, "2600", 2)
    assert await hears(town, caller, "*37") == completion.SET
    await silent(caller, 5)
    async with talking(other):
        await silent(caller, 3)
    back = await caller.incoming(within=SOON)
    await talks(back, other)
    await back.hang_up()


@pytest.mark.long
async def test_who_talks_meanwhile_is_rung_afterwards(town: Town, phones: dict[str, Telephone]) -> None:
    caller, other = phones["tel2500"], phones["tel2600"]
    async with talking(other):
        await reaches_nobody(caller, "2600")
        assert await hears(town, caller, "*37#") == completion.SET
    async with talking(caller):
        await asyncio.sleep(5)
    back = await caller.incoming(within=SOON)
    assert back.number == "2600"
    await back.hang_up()
    await silent(caller, 5)


async def test_it_is_wished_no_more_by_code_and_the_last_wish_counts(town: Town, phones: dict[str, Telephone]) -> None:
    caller = phones["tel2500"]
    async with talking(phones["tel2600"]), talking(phones["tel2700"]):
        for number in ("2600", "2700"):
            await reaches_nobody(caller, number)
            assert await hears(town, caller, "*37#") == completion.SET
    back = await caller.incoming(within=SOON)
    assert back.number == "2700"
    await back.hang_up()
    await silent(caller, 5)
    async with talking(phones["tel2600"]):
        await reaches_nobody(caller, "2600")
        assert await hears(town, caller, "*37#") == completion.SET
        assert await hears(town, caller, "#37#") == completion.OFF
    await silent(caller, 6)


@pytest.mark.parametrize(("desk", "dialled"), [
    ("tel10", "2600"), ("tel2500", ""), ("tel2500", "3901"), ("tel2500", "98"), ("tel2500", "30"), ("tel2500", "0115"),
    ("tel2500", "001712345678"), ("tel2500", "006221123456"),
])  # fmt: skip
async def test_of_what_is_nobodys_telephone_there_is_none(
    town: Town, phones: dict[str, Telephone], desk: str, dialled: str
) -> None:
    """Nor in the hall, nor of an office; nor after a call to the outside of whom was called before it."""
    if dialled == "006221123456":
        await reaches_nobody(phones[desk], "2600")
    if dialled:
        await reaches_nobody(phones[desk], dialled)
    assert await hears(town, phones[desk], "*37#") == completion.NONE


@pytest.mark.long
async def test_who_picks_the_ring_up_elsewhere_calls_nobody(town: Town, phones: dict[str, Telephone]) -> None:
    """They have dialled nothing; and the wish is over."""
    caller, other, picks = phones["tel2500"], phones["tel2600"], phones["tel2700"]
    async with talking(other):
        await reaches_nobody(caller, "2600")
        assert await hears(town, caller, "*37#") == completion.SET
    await caller.incoming(within=SOON)
    picked = await picks.dial("**2500")
    await picked.ends(within=SOON)
    await silent(other, 3)
    assert "tel2500" not in await asyncio.to_thread(console, town, f"database show {completion.WISHES}")


@pytest.mark.parametrize("switch", always(["forward", "absent", "quiet"]))
async def test_where_calls_ring_elsewhere_no_telephone_tells_when_to_call(
    town: Town, phones: dict[str, Telephone], switch: str
) -> None:
    await reaches_nobody(phones["tel2500"], "2600")
    await asyncio.to_thread(console, town, f"database put switched {switch}_2600 0:0::")
    try:
        assert await hears(town, phones["tel2500"], "*37#") == completion.NONE
    finally:
        await asyncio.to_thread(console, town, f"database del switched {switch}_2600")
    assert await hears(town, phones["tel2500"], "*37#") == completion.SET


async def test_what_does_not_count_any_more_is_forgotten(town: Town, phones: dict[str, Telephone]) -> None:
    """Wishes that a restart has ended, and whom desks did not reach long ago."""
    await reaches_nobody(phones["tel2500"], "2600")
    assert await hears(town, phones["tel2500"], "*37#") == completion.SET
    for family in (completion.UNREACHED, completion.WISHES):
        await asyncio.to_thread(console, town, f"database put {family} tel10 2600:{int(time.time()) - 3000}:10")
    await asyncio.to_thread(console, town, f"database put {completion.NAMES} tel10 N")
    async with connected(wiring.ami(town.state)) as ami:
        await completions.sweep(ami, time.time())
    for family in (completion.UNREACHED, completion.WISHES, completion.NAMES):
        left = await asyncio.to_thread(console, town, f"database show {family}")
        assert ("tel2500" in left, "tel10" in left) == (True, False), left


async def test_whom_one_has_talked_to_is_not_called_back(town: Town, phones: dict[str, Telephone]) -> None:
    """Nor who was called in vain before."""
    await reaches_nobody(phones["tel2500"], "2600")
    await phones["tel2600"].calls[-1].ends(within=SOON)
    call = await phones["tel2500"].dial("2600")
    await (await phones["tel2600"].incoming(within=SOON)).answer()
    await call.answered(within=SOON)
    await call.hang_up()
    await asyncio.sleep(0.5)
    assert await hears(town, phones["tel2500"], "*37#") == completion.NONE
