"""Callers who are put through by hand, on a real Asterisk with real telephones: by REFER, parked, fetched, and back.

Python is down from the beginning on: all of it is Asterisk's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from orchestrator.phone.call import Call
from orchestrator.phone.errors import NothingHappened
from orchestrator.phone.hearing import recognise
from orchestrator.phone.telephone import Telephone
from tests.lamp_watcher import Watcher, watching
from tests.putting_through import BACK, PARKED, Desks, putting_town
from tests.running_town import running_town
from tests.side_by_side import always


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    with running_town(tmp_path_factory.mktemp("t"), putting_town()) as town:
        town.end("attend")
        yield Desks(town)


async def test_whom_nobody_takes_comes_back_and_the_display_says_from_where(desks: Desks) -> None:
    async with desks.line("tel2500") as puts, desks.citizen("2500") as (citizen, shown):
        await (await puts.incoming(within=10)).answer()
        await citizen.stays(0.5)
        await desks.transfer(puts, "2600")  # no phone is registered there
        again = await puts.incoming(within=10)
        assert (again.name, again.number) == ("zurück: 2600", shown)
        await again.answer()
        assert await citizen.stays(0.5)
        await again.hang_up()
        await citizen.ends(within=15)
    past = await desks.past(shown)
    assert past.way.endswith("n_2500.ring=talked, n_2600.diverted=off, n_2600.ring=back")
    assert (past.outcome, past.place, past.unexpected) == ("answered", "n_2500.ring", "")


@pytest.mark.parametrize(("does", "answer"), always([("nobody", "nobody"), ("busy", "busy")]))
async def test_who_put_somebody_through_and_is_gone_too_leaves_them_to_the_mailbox(
    desks: Desks, does: str, answer: str
) -> None:
    async with desks.town.desk("tel2600", does) as other, desks.line("tel2500") as puts:
        async with desks.citizen("2500") as (citizen, shown):
            await (await puts.incoming(within=10)).answer()
            await citizen.stays(0.5)
            await desks.transfer(puts, "2600")
            again = await puts.incoming(within=15)
            assert again.name == "zurück: 2600"
            with pytest.raises(NothingHappened):  # it rings once, not for ever
                await puts.incoming(within=BACK + 3)
            assert again.ended is not None
            await citizen.hang_up()
        assert len(other.calls) == 1
    past = await desks.past(shown)
    assert f"n_2500.ring=talked, n_2600.diverted=off, n_2600.ring={answer}, n_2600.missed=off, n_2600.box" in past.way
    assert (past.outcome, past.unexpected) == ("answered", "")


async def test_two_who_put_a_caller_through_to_each_other_come_to_an_end(desks: Desks) -> None:
    """2500 to 2700, who does not pick up; back at 2500, and once more: each time a human did it. Then nobody does."""
    async with desks.line("tel2500") as puts, desks.citizen("2500") as (citizen, shown):
        for _ in range(3):
            await (await puts.incoming(within=15)).answer()
            await citizen.stays(0.5)
            await desks.transfer(puts, "2700")
        last = await puts.incoming(within=15)
        await last.hang_up()
        await citizen.stays(2)
        assert citizen.ended is None  # goes on to the office of 2700
        await citizen.hang_up()
    past = await desks.past(shown)
    assert past.way.count("n_2700.ring=back") == 2
    assert "n_2700.ring=unreachable, n_2700.missed=off, d_buergerbuero.hours" in past.way
    assert past.unexpected == ""


async def parked(desks: Desks, puts: Telephone, place: str) -> str:
    """The place that the phone is told after it parked its caller at `place`."""
    await desks.transfer(puts, place)
    told = await puts.incoming(within=10)
    assert told.name.startswith("geparkt *7")
    await told.answer()
    await told.ends(within=20)
    heard = await told.heard()
    town = desks.town
    assert recognise(heard, town.prompt("parked", "de")).recognised
    return told.name.removeprefix("geparkt ")


async def test_a_parked_caller_hears_music_and_is_fetched_anywhere(desks: Desks) -> None:
    async with desks.line("tel2500") as puts, desks.citizen("2500") as (citizen, shown):
        await (await puts.incoming(within=10)).answer()
        await citizen.stays(0.5)
        place = await parked(desks, puts, "*70")
        music = await citizen.heard()
        assert max(abs(sample) for sample in music.samples[-16000:]) > 500
        async with desks.line("tel2700", registers=False) as fetches:
            call = await fetches.dial(place)
            await call.answered(within=5)
            assert await citizen.stays(PARKED)
            await call.hang_up()
        await citizen.ends(within=15)
    past = await desks.past(shown)
    assert past.way.endswith("n_2500.ring=talked, park.keep=fetched")
    assert (past.outcome, past.place, past.unexpected) == ("answered", "n_2500.ring", "")


async def test_whom_nobody_fetches_comes_back_and_then_goes_on_to_the_office(desks: Desks) -> None:
    with watching(desks.town, "tel2700", "*74") as lamp:
        await whom_nobody_fetches(desks, lamp)


async def whom_nobody_fetches(desks: Desks, lamp: Watcher) -> None:
    """A caller at place 74, whose `lamp` is lit as long as they are there."""
    async with desks.line("tel2500") as puts, desks.citizen("2500") as (citizen, shown):
        await (await puts.incoming(within=10)).answer()
        await citizen.stays(0.5)
        assert lamp.shows == "terminated"
        await desks.transfer(puts, "*74")
        await asyncio.to_thread(lamp.becomes, "confirmed", 3)
        again = await puts.incoming(within=PARKED + 6)
        await asyncio.to_thread(lamp.becomes, "terminated", 1)
        assert (again.name, again.number) == ("zurück: *74", shown)
        await again.hang_up()
        await citizen.stays(2)
        assert citizen.ended is None
        await citizen.hang_up()
    past = await desks.past(shown)
    assert "park.keep=nobody, park.back=d_buergerbuero, d_buergerbuero.hours" in past.way
    assert (past.outcome, past.place, past.unexpected) == ("answered", "n_2500.ring", "")


async def test_a_place_that_is_taken_takes_nobody_else(desks: Desks) -> None:
    async with (
        desks.line("tel2500") as puts,
        desks.line("tel2700") as other,
        desks.citizen("2500") as (first, one),
        desks.citizen("2700") as (second, two),
    ):
        for phone, citizen in ((puts, first), (other, second)):
            await (await phone.incoming(within=10)).answer()
            await citizen.stays(0.5)
        await desks.transfer(puts, "*75")
        await first.stays(1)
        await desks.transfer(other, "*75")
        again = await other.incoming(within=5)
        assert again.number == two
        await again.answer()
        await second.stays(0.5)
        await again.hang_up()
        await first.hang_up()
    assert (await desks.past(two)).way.endswith("park.keep=full, park.back=talked")
    assert (await desks.past(one)).way.endswith("park.keep")


async def test_nobody_waits_at_an_empty_place(desks: Desks) -> None:
    async with desks.line("tel2700", registers=False) as fetches:
        call = await fetches.dial("*79")
        await call.ends(within=15)
        heard = await call.heard()
    assert recognise(heard, desks.town.prompt("not_parked", "de")).recognised


async def test_a_caller_is_put_through_after_a_word_and_the_journey_says_who_answered(desks: Desks) -> None:
    async with (
        desks.line("tel2500") as puts,
        desks.line("tel2500", registers=False, trace=True) as asks,
        desks.line("tel2600") as other,
        desks.citizen("2500") as (citizen, shown),
    ):
        await (await puts.incoming(within=10)).answer()
        await asks.dial("2600")
        taken = await other.incoming(within=10)
        await taken.answer()
        await asyncio.sleep(0.5)
        await desks.join(puts, asks, "2600")
        await asks.calls[-1].ends(within=15)
        assert await citizen.stays(1)
        assert taken.ended is None
        assert (desks.talking("tel2500"), desks.talking("tel2600")) == (0, 1)
        await taken.hang_up()
        await citizen.ends(within=15)
    past = await desks.past(shown)
    assert past.way.endswith("n_2500.ring=talked, by_hand.tel2600=talked")
    assert (past.outcome, past.place, past.unexpected) == ("answered", "n_2500.ring", "")
    await desks.over()


async def test_who_hangs_up_while_the_other_rings_has_put_the_caller_through(desks: Desks) -> None:
    async with (
        desks.line("tel2500") as puts,
        desks.line("tel2500", registers=False, trace=True) as asks,
        desks.line("tel2600") as other,
        desks.citizen("2500") as (citizen, shown),
    ):
        await (await puts.incoming(within=10)).answer()
        call = await asks.dial("2600")
        taken = await other.incoming(within=10)
        await call.rings(within=5)
        await desks.join(puts, asks, "2600")
        await asyncio.sleep(0.5)
        await taken.answer()
        assert await citizen.stays(1)
        assert taken.ended is None
        assert (desks.talking("tel2500"), desks.talking("tel2600")) == (0, 1)
        await citizen.hang_up()
        await taken.ends(within=15)
    past = await desks.past(shown)
    assert past.way.endswith("n_2500.ring=talked, n_2600.ring=talked")
    assert (past.outcome, past.place, past.unexpected) == ("answered", "n_2500.ring", "")
    assert "failed" not in {each.outcome for each in desks.town.written().values()}
    await desks.over()


async def test_whom_nobody_takes_who_was_put_through_while_it_rang_comes_back_too(desks: Desks) -> None:
    async with (
        desks.town.desk("tel2600", "nobody") as other,
        desks.line("tel2500") as puts,
        desks.line("tel2500", registers=False, trace=True) as asks,
        desks.citizen("2500") as (citizen, shown),
    ):
        await (await puts.incoming(within=10)).answer()
        call = await asks.dial("2600")
        await call.rings(within=5)
        await desks.join(puts, asks, "2600")
        again = await puts.incoming(within=15)
        assert (again.name, again.number) == ("zurück: 2600", shown)
        await again.answer()
        assert await citizen.stays(1)
        await again.hang_up()
        await citizen.ends(within=15)
        assert len(other.calls) == 1
    past = await desks.past(shown)
    assert past.way.endswith("n_2500.ring=talked, n_2600.ring=back")
    assert (past.outcome, past.place, past.unexpected) == ("answered", "n_2500.ring", "")
    await desks.over()


@asynccontextmanager
async def parked_by_the_second_key(desks: Desks) -> AsyncIterator[tuple[Telephone, Call, str]]:
    """`*70` on the second line tells the place; then the caller is put through to it. Gives who did it, and whom."""
    async with (
        desks.line("tel2500") as puts,
        desks.line("tel2500", registers=False, trace=True) as asks,
        desks.citizen("2500") as (citizen, shown),
    ):
        await (await puts.incoming(within=10)).answer()
        call = await asks.dial("*70")
        await call.answered(within=5)
        await call.stays(6)  # the place was told
        await desks.join(puts, asks, "*70")
        await call.ends(within=15)
        assert await citizen.stays(0.5)
        yield puts, citizen, shown


async def test_who_was_parked_by_the_second_key_is_fetched(desks: Desks) -> None:
    with ExitStack() as stack:
        lamps = {place: stack.enter_context(watching(desks.town, "tel2700", f"*{place}")) for place in range(71, 80)}
        async with parked_by_the_second_key(desks) as (_, citizen, shown):
            (place,) = (place for place, lamp in lamps.items() if lamp.shows == "confirmed")
            async with desks.line("tel2700", registers=False) as fetches:
                call = await fetches.dial(f"*{place}")
                await call.answered(within=5)
                assert await citizen.stays(1)
                await call.hang_up()
            await citizen.ends(within=15)
    past = await desks.past(shown)
    assert past.way.endswith("n_2500.ring=talked, park.keep=fetched")
    assert (past.outcome, past.place, past.unexpected) == ("answered", "n_2500.ring", "")


async def test_who_was_parked_by_the_second_key_comes_back(desks: Desks) -> None:
    async with parked_by_the_second_key(desks) as (puts, citizen, shown):
        again = await puts.incoming(within=PARKED + 5)
        assert again.name.startswith("zurück: *7")
        await again.answer()
        await citizen.stays(0.5)
        await again.hang_up()
    past = await desks.past(shown)
    assert past.way.endswith("n_2500.ring=talked, park.keep=nobody, park.back=talked")
    assert (past.outcome, past.place, past.unexpected) == ("answered", "n_2500.ring", "")
    await desks.over()
