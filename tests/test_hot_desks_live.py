"""Hot-desking on a real Asterisk: log in by telephone, be called there, call from there, and be logged out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.domain.switches import Guest
from orchestrator.phone.errors import NothingHappened
from orchestrator.service import changes, hot_desks, present, signals, switching, wiring
from orchestrator.service.questions import Question, ask
from orchestrator.service.running import connected
from tests.console import console
from tests.hot_desk_town import hot_desk_town
from tests.hot_desks import SOON, as_it_was, at, dials, goes, last, logs_in, pin, way, where, written
from tests.lamp_watcher import watching
from tests.pickup_town import citizen
from tests.preloaded import durchwahl
from tests.running_town import Town, running_town, until


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("c"), hot_desk_town()) as running:
        yield running


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    """All of it running; nobody has logged in, and no PIN was wrong, before and after."""
    exchange.complete()
    yield exchange
    asyncio.run(as_it_was(exchange))
    until(lambda: not exchange.left(), 20)


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


async def test_a_second_guest_takes_the_desk_and_one_who_moves_has_one(town: Town) -> None:
    assert await logs_in(town, "gast", ("2500", pin(town, "2500"))) == "desk_on"
    assert await logs_in(town, "gast", ("3501", pin(town, "3501"))) == "desk_on"
    assert await where(town) == {"3501": "gast"}
    assert await logs_in(town, "halle", ("40", pin(town, "40"))) == "desk_on", "without a mailbox, but with a PIN"
    assert await logs_in(town, "halle", ("3501", pin(town, "3501"))) == "desk_on"
    assert await where(town) == {"3501": "halle"}
    phones = {"gast": "talked", "halle": "talked", "tel2500": "talked", "tel40": "talked"}
    async with town.staff(phones):
        assert (await goes(town, "2500", phones))[-1] == "n_2500.ring=talked"
        assert (await goes(town, "40", phones))[-1] == "n_40.ring=talked"
        assert await goes(town, "3501", phones) == ["n_3501.diverted=talked"]


async def test_the_lamp_of_the_guest_shows_what_is_at_the_desk_and_colleagues_pick_up(town: Town) -> None:
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    with watching(town, "tel2501", "2500") as lamp:
        async with citizen(town) as caller, at(town, "gast", registers=True) as desk, at(town, "tel2501") as colleague:
            for code in ("*8", "**2500"):
                call = await caller.dial("06205212500")
                ringing = await desk.incoming(within=5)
                lamp.becomes("early", within=2)
                picked = await colleague.dial(code)
                await picked.answered(within=5)
                await call.answered(within=2)
                await ringing.ends(within=2)
                lamp.becomes("terminated", within=2)
                await call.hang_up()
                await picked.ends(within=2)
            call = await caller.dial("06205212500")
            ringing = await desk.incoming(within=5)
            await ringing.answer()
            lamp.becomes("confirmed", within=2)
            await call.hang_up()
            lamp.becomes("terminated", within=2)
        async with town.staff({"tel2501": "talked"}), at(town, "gast") as desk:
            call = await desk.dial("3501")
            await call.answered(within=SOON)
            lamp.becomes("confirmed", within=2)
            await call.hang_up()
            lamp.becomes("terminated", within=2)


@pytest.mark.long
async def test_whom_a_guest_did_not_reach_is_nothing_for_the_next_one(town: Town) -> None:
    """Call completion: the wish ends with the guest, whose call it would be; who is still there calls as the guest."""
    async with at(town, "gast", registers=True) as desk, at(town, "tel2501", registers=True) as other:
        for stays in (False, True):
            await hot_desks.log_in(town.state, "gast", "2500", why="")
            call = await desk.dial("3501")
            await other.incoming(within=5)
            await call.hang_up()
            await (await desk.dial("*37#")).ends(within=SOON)
            if not stays:
                await hot_desks.log_out(town.state, "2500", why="")
            talks = await other.dial("61")
            rings = await desk.incoming(within=5)
            await rings.answer()
            await asyncio.sleep(2.5)
            await talks.hang_up()
            await rings.ends(within=5)
            if not stays:
                with pytest.raises(NothingHappened):
                    await desk.incoming(within=5)
                continue
            back = await desk.incoming(within=6)
            await back.answer()
            seen = await other.incoming(within=5)
            assert (seen.number, seen.name) == ("2500", "Anna Grün")
            await back.hang_up()


@pytest.mark.long
async def test_it_is_not_said_that_calls_ring_there_where_they_do_not(town: Town) -> None:
    right = ("2500", pin(town, "2500"))
    await switching.quiet(town.state, "2500", "on", why="")
    assert await logs_in(town, "gast", right) == "desk_still"
    phones = {"gast": "talked", "tel2501": "talked"}
    async with town.staff(phones):
        assert (await goes(town, "2500", phones))[0] == "n_2500.diverted=quiet"
    await switching.quiet(town.state, "2500", "off", why="")
    assert await logs_in(town, "halle", right) == "desk_on"
    assert await where(town) == {"2500": "halle"}


async def test_no_lamp_stays_lit_of_a_call_that_is_gone(town: Town) -> None:
    """Asterisk died in a call, and who had it has logged out, or sits there still; one who talks is left alone."""

    def lamp(number: str) -> str:
        return str(Rest(wiring.ari(town.state)).ask("GET", "deviceStates", f"Custom:guest_{number}")["state"])

    await hot_desks.log_in(town.state, "gast", "2500", why="")
    for number in ("40", "3501"):
        console(town, f"devstate change Custom:guest_{number} INUSE")
    await hot_desks.log_in(town.state, "halle", "3501", why="")
    async with town.staff({"tel10": "talked"}), at(town, "gast") as desk:
        call = await desk.dial("10")
        await call.answered(within=SOON)
        assert [lamp(number) for number in ("2500", "3501", "40")] == ["INUSE"] * 3
        async with connected(town.state) as running:
            assert running
            rest, now = Rest(wiring.ari(town.state)), await present.now(town.state)
            await signals.rest_desks(rest, running.ami, town.directory, now)
        assert [lamp(number) for number in ("2500", "3501", "40")] == ["INUSE", "NOT_INUSE", "NOT_INUSE"]
        await call.hang_up()
    await asyncio.to_thread(until, lambda: lamp("2500") == "NOT_INUSE", SOON)


async def test_the_codes_of_the_desk_are_those_of_the_guest(town: Town) -> None:
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    async with at(town, "gast") as telephone:
        call = await telephone.dial("*26#")
        await call.ends(within=SOON)
    now = await present.now(town.state)
    assert set(now) == {"desk_2500", "quiet_2500"}
    row = next(row for row in await present.rows(town.state) if row.name == "quiet_2500")
    assert row.who == "2500 Anna Grün"


async def test_the_night_logs_out_and_is_written_down(town: Town) -> None:
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    (row,) = await present.rows(town.state)
    over = replace(row, switched=Guest(desk="gast", ends=int(time.time()) - 1))
    await present.put(town.state, town.directory, over, "as if the night had come")
    phones = {"gast": "talked", "tel2500": "talked"}
    async with town.staff(phones):
        assert (await goes(town, "2500", phones))[-1] == "n_2500.ring=talked", "before anybody has tidied up"
    await hot_desks.at_night(town.state)
    assert await where(town) == {}


def test_an_admin_sees_who_sits_where_and_changes_it(town: Town) -> None:
    def says(*words: str) -> str:
        done = durchwahl("--state", str(town.state.root), "desk", *words, timeout=60)
        return done.stdout + done.stderr

    assert "in force at once" in says("gast", "2500", "--why", "forgot her PIN")
    assert "gast                 2500 Anna Grün until" in says()
    assert "logged out there: 2500 Anna Grün" in says("61", "3501", "--why", "visits")
    assert "logged out" in says("gast", "off", "--why", "went home")
    assert "nobody has logged in at gast" in says("gast", "off")
    assert "no desk at which people may log in" in says("tel10", "2500")


async def test_what_was_logged_in_or_out_by_mistake_is_taken_back(town: Town) -> None:
    """Whoever sits there by then is logged out, too: a desk has one guest."""
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    await hot_desks.log_out(town.state, "2500", why="")
    (out,) = await changes.past(town.state, since="", of="", kind="switched", limit=1, whole=False)
    await hot_desks.log_in(town.state, "gast", "3501", why="")
    await changes.undo(town.state, out.change.id, why="by mistake", dry_run=False)
    assert await where(town) == {"2500": "gast"}
    assert "/guest_gast" in console(town, "database show switched")
    phones = {"gast": "talked", "tel2501": "talked"}
    async with town.staff(phones):
        assert await goes(town, "2500", phones) == ["n_2500.diverted=talked"]
        assert (await goes(town, "3501", phones))[-1] == "n_3501.ring=talked"
