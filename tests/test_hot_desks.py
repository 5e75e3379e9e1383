"""Hot-desking as the directory says it: who is where, what explain tells of it, what is written for Asterisk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from orchestrator.domain.callers import Callers
from orchestrator.domain.card import card
from orchestrator.domain.codes import find
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, explain
from orchestrator.domain.hot_desks import guest, named, night, pin_of, rings, seat, seats
from orchestrator.domain.people import Box, Person
from orchestrator.domain.proof import prove
from orchestrator.domain.service_codes import Judge, Refused
from orchestrator.domain.switches import Absence, Entry, Forwarding, Guest, On, Switched, known, mirrored, read, value
from orchestrator.messages import ledger
from orchestrator.messages.telephone.dialogue import Caller
from orchestrator.messages.telephone.session import begin
from orchestrator.service import directory as directories
from orchestrator.service import hot_desks, present
from orchestrator.service.errors import ServiceError
from orchestrator.service.hot_desks import LoggingIn
from orchestrator.service.questions import Question, ask
from orchestrator.service.state import State
from orchestrator.store import lines
from orchestrator.store import switched as store
from orchestrator.store.changes import recorded
from orchestrator.store.database import open_database
from orchestrator.store.switched import Row
from orchestrator.web.dialogue import Asked
from tests.databases import new_state
from tests.hot_desk_town import ELSEWHERE, hot_desk_town
from tests.on_the_line import Town, town
from tests.test_compile import compiled
from tests.towns import BERLIN, MONDAY_10, TODAY, small

TOWN = derive(hot_desk_town())
ENDS = int((MONDAY_10 + timedelta(hours=17)).timestamp())
AT_GAST: dict[str, Switched] = {"desk_2500": Guest(desk="gast", ends=ENDS)}


def way(number: str, directory: Directory = TOWN, **world: Any) -> list[str]:
    given = {"at": MONDAY_10, "switches": AT_GAST, **world}
    visits = explain(directory, directory.first(directory.numbers[number]), World(**given))
    return [f"{visit.place}={visit.answer}" for visit in visits]


def test_nothing_is_wrong_with_such_a_town() -> None:
    assert not prove(TOWN, {}, TODAY).problems


@pytest.mark.parametrize(("does", "answers"), [
    ("talked", ["n_2500.diverted=talked"]),
    ("busy", ["n_2500.diverted=desk_busy", "n_2500.missed=off", "n_2500.stand_in=talked"]),
    ("nobody", ["n_2500.diverted=desk_nobody", "n_2500.missed=off", "n_2500.stand_in=talked"]),
    ("unreachable", ["n_2500.diverted=off", "n_2500.ring=talked"]),
])  # fmt: skip
def test_the_desk_rings_instead_of_the_own_telephones(does: str, answers: list[str]) -> None:
    assert way("2500", phones={"gast": does}) == answers


def test_what_else_is_switched_comes_first() -> None:
    for name, switched in (("absent", Absence(stand_in="3501")), ("forward", Forwarding(to="3501"))):
        assert way("2500", phones={"gast": "busy"}, switches={**AT_GAST, f"{name}_2500": switched}) == [
            "n_2500.diverted=talked"
        ]
    assert way("2500", switches={**AT_GAST, "quiet_2500": On()})[0] == "n_2500.diverted=quiet"
    busy = {**AT_GAST, "busy_2500": Forwarding(to="40")}
    assert way("2500", phones={"gast": "busy"}, switches=busy)[-1] == "n_2500.missed=talked"
    assert "n_2500.missed=off" in way("2500", phones={"gast": "nobody"}, switches=busy)


def test_the_night_ends_it_and_so_does_the_desk_that_is_none_any_more() -> None:
    assert way("2500", at=MONDAY_10 + timedelta(hours=17))[0] == "n_2500.diverted=off"
    plain = replace(TOWN.phones["gast"], hot_desk=False)
    assert way("2500", derive(replace(hot_desk_town(), phones={**TOWN.phones, "gast": plain})))[0].endswith("=off")


@pytest.mark.parametrize(("switched", "desk_rings"), [
    ({}, True),
    ({"absent_2500": Absence()}, False),
    ({"absent_2500": Absence(ends=1)}, True),
    ({"forward_2500": Forwarding(to="3501")}, False),
    ({"quiet_2500": On()}, False),
    ({"busy_2500": Forwarding(to="3501"), "quiet_3501": On()}, True),
])  # fmt: skip
def test_a_guest_is_told_what_goes_before_the_desk(switched: dict[str, Switched], desk_rings: bool) -> None:
    """As `explain` says where calls go."""
    now = {**AT_GAST, **switched}
    assert rings(now, TOWN.people["p2500"], MONDAY_10) == desk_rings
    asked = way("2500", phones={"gast": "busy", "tel2501": "talked"}, switches=now)
    assert (asked[0] == "n_2500.diverted=desk_busy") == desk_rings


@pytest.mark.parametrize(("at", "ends"), [
    (datetime(2026, 11, 30, 10, tzinfo=BERLIN), datetime(2026, 12, 1, 3, tzinfo=BERLIN)),
    (datetime(2026, 11, 30, 2, 59, tzinfo=BERLIN), datetime(2026, 11, 30, 3, tzinfo=BERLIN)),
    (datetime(2027, 3, 27, 22, tzinfo=BERLIN), datetime(2027, 3, 28, 3, tzinfo=BERLIN)),
])  # fmt: skip
def test_everybody_is_logged_out_at_night(at: datetime, ends: datetime) -> None:
    assert night(at, "Europe/Berlin") == ends.timestamp()


def test_what_asterisk_holds_can_be_read_back() -> None:
    there = Guest(desk="gast", ends=ENDS)
    assert value(TOWN, there) == f"0:{ENDS}::PJSIP/gast"
    assert dict(mirrored("desk_2500", there)) == {"guest_gast": f"0:{ENDS}::2500"}
    assert read(f"0:{ENDS}::2500") == Entry(ends=ENDS, target="2500")
    with pytest.raises(ValueError, match="no desk"):
        value(TOWN, Guest(desk="tel10"))
    assert "desk_2500" in known(TOWN)
    assert not any(name.startswith("desk_") for name in known(derive(small())))


def test_who_is_where() -> None:
    anna = TOWN.people["p2500"]
    assert list(seats(TOWN, AT_GAST, MONDAY_10)) == [(anna, AT_GAST["desk_2500"])]
    assert guest(TOWN, AT_GAST, "gast", MONDAY_10) == anna
    assert guest(TOWN, AT_GAST, "halle", MONDAY_10) is None
    assert guest(TOWN, {"desk_9999": Guest(desk="gast")}, "gast", MONDAY_10) is None
    assert (pin_of(TOWN, anna), pin_of(TOWN, TOWN.people["p40"])) == ("2500", "40")


def test_the_pin_is_ones_own_and_not_that_of_a_mailbox_of_several() -> None:
    def pins(*people: Person, **boxes: Box) -> list[str]:
        there = {**TOWN.people, **{each.id: each for each in people}}
        town = replace(TOWN, people=there, boxes={**TOWN.boxes, **{box.id: box for box in boxes.values()}})
        return [pin_of(town, each) for each in people]

    anna, clara, otto = (TOWN.people[each] for each in ("p2500", "p40", "p3501"))
    assert pins(replace(clara, box="10")) == ["40"], "the department's, which all of it know"
    assert pins(replace(anna, box="10")) == [""], "2500 is a mailbox, and not hers"
    assert pins(replace(clara, box="77"), replace(otto, box="77"), box=Box(id="77", name="Tandem")) == ["40", ""]
    left = Box(id="77", name="Früher", department="buergerbuero")
    assert pins(replace(clara, box="77"), box=left) == ["40"], "kept by the department"
    assert pins(replace(clara, box="77"), box=Box(id="77", name="Rot")) == ["77"]
    moved = replace(TOWN, people={**TOWN.people, "p40": replace(clara, box="10", numbers=("41",))})
    asked = {number: named(moved, number) for number in ("2500", "10", "40", "41", "9999")}
    assert asked == {"2500": "2500", "10": "10", "40": "40", "41": "40", "9999": ""}, "`durchwahl pin`"


async def test_who_hears_that_it_is_not_possible_now_has_not_logged_in(tmp_path: Path) -> None:
    """Asterisk is down: an admin's word is stored for later, a guest is not promised anything."""
    state = new_state(tmp_path / "s")
    state.current.mkdir()
    (state.current / directories.APPLIED).write_text(lines.write(TOWN))
    with pytest.raises(ServiceError, match="2500 Anna Grün could not log in at gast: stored; takes effect when"):
        await hot_desks.take(state, TOWN, TOWN.people["p2500"], TOWN.phones["gast"])
    assert await present.now(state) == {}
    (told,) = await hot_desks.log_in(state, "gast", "2500", why="")
    assert told.endswith(present.LATER)
    seat = (await present.now(state))["desk_2500"]
    assert isinstance(seat, Guest)
    assert (seat.desk, seat.person) == ("gast", "p2500")
    _, gone = await hot_desks.log_in(state, "gast", "3501", why="")
    assert "logged out there: 2500 Anna Grün" in gone
    assert set(await present.now(state)) == {"desk_3501"}


async def test_a_desk_has_one_guest_also_after_a_race(url: URL) -> None:
    """Of two who log in at once, each may have looked before the other one was there."""
    engine = open_database(url)
    row = Row(name="desk_2500", switched=Guest(desk="gast", ends=ENDS), at=1.0, who="a", why="")
    away = replace(row, name="desk_40", switched=Guest(desk="halle", ends=ENDS))
    numbers = ("2500", "3501", "10", "30")
    try:
        await store.put(engine, away, "another desk")
        racing = (replace(row, name=f"desk_{number}") for number in numbers)
        done = await asyncio.gather(*(store.put(engine, each, "in") for each in racing))
        left = [each.name for each in await store.rows(engine)]
        assert len(left) == 2
        assert "desk_40" in left
        gone = sorted(name for each in done for name in each.gone)
        assert sorted([*gone, *left]) == sorted(["desk_40", *(f"desk_{number}" for number in numbers)])
        found = await recorded(engine, kinds=("switched",), limit=20)
        assert len(found) == 8, "who was logged out is written down by itself, so that it can be taken back"
        assert all(len(each.edits) == 1 for each in found)
        told = sorted(each.what for each in found if "logged out" in each.what)
        assert [each.split(":")[0] for each in told] == [name.removeprefix("desk_") for name in gone]
    finally:
        await engine.dispose()


def test_two_at_one_desk_are_the_same_one_everywhere(tmp_path: Path) -> None:
    """What a race of an older version has left."""
    rows = [
        Row(name=f"desk_{number}", switched=Guest(desk="gast", ends=ENDS), at=0.0, who="", why="")
        for number in ("2500", "3501")
    ]
    there = guest(TOWN, {row.name: row.switched for row in rows}, "gast", MONDAY_10)
    entries = present.entries(State(tmp_path), TOWN, rows)
    assert there
    assert read(entries["guest_gast"]).target == there.extension


def test_whoever_gets_the_number_of_a_guest_does_not_get_their_seat(tmp_path: Path) -> None:
    """Anna logged in as 2500, and the next apply swaps her number and Beate's."""
    row = Row(name="desk_2500", switched=Guest(desk="gast", ends=ENDS, person="p2500"), at=0.0, who="", why="")
    now = {row.name: row.switched}
    assert guest(TOWN, now, "gast", MONDAY_10) == TOWN.people["p2500"]
    assert present.entries(State(tmp_path), TOWN, [row]).keys() == {"desk_2500", "guest_gast"}
    anna, beate = TOWN.people["p2500"], TOWN.people["p3501"]
    swapped = {**TOWN.people, "p2500": replace(anna, extension="3501"), "p3501": replace(beate, extension="2500")}
    after = replace(TOWN, people=swapped)
    assert guest(after, now, "gast", MONDAY_10) is None
    assert {seat(after, now, number, MONDAY_10) for number in ("2500", "3501")} == {""}
    assert present.entries(State(tmp_path), after, [row]) == {}
    assert guest(after, AT_GAST, "gast", MONDAY_10) == swapped["p3501"], "an older row goes by the number"


def test_a_guest_calls_as_at_home_and_in_an_emergency_from_the_place() -> None:
    def goes(number: str, switches: dict[str, Switched]) -> Any:
        return ask(TOWN, Question(number=number, caller="61", at="2026-11-30 10:00", switches=switches)).route

    assert goes("000331234567", {}).kind == "refused"
    abroad = goes("000331234567", AT_GAST)
    assert (abroad.kind, abroad.shown) == ("outside", "+496205212500")
    for switches in ({}, AT_GAST):
        emergency = goes("112", switches)
        assert (emergency.kind, emergency.shown) == ("emergency", ELSEWHERE)
    caller = Callers(TOWN).at_desk(TOWN.phones["gast"], TOWN.people["p3501"])
    assert (caller.permission, caller.shown, caller.emergency) == ("mobile", "+496205213501", ELSEWHERE)


def test_codes_are_those_of_the_guest() -> None:
    judge = Judge(TOWN)

    def wish(phone: str, dialled: str, who: str = "") -> Any:
        found = find(TOWN.town, dialled)
        assert found
        return judge.wish(TOWN.phones[phone], found.code, found.given, TOWN.people.get(who))

    assert wish("gast", "*55").dialled == "*55"
    assert wish("gast", "*26#", "p2500").name == "quiet_2500"
    assert wish("gast", "*21*000331234567#", "p2500").target == "+331234567"
    assert wish("halle", "*21*3501#", "p2500").target == "3501"
    for dialled in ("*21*000331234567#", "*61*000331234567#", "*67*000331234567#"):
        with pytest.raises(Refused, match=r"^forbidden$"):  # by whoever comes along the hall
            wish("halle", dialled, "p2500")
    assert wish("gast", "#55", "p2500").name == wish("tel2500", "#55").name == "desk_2500"
    for phone, dialled in (("tel10", "*55"), ("tel2500", "*55"), ("gast", "*26#"), ("gast", "#55"), ("halle", "*281")):
        with pytest.raises(Refused, match=r"^nobody$"):
            wish(phone, dialled)


def test_the_mailbox_opens_for_the_guest() -> None:
    def opened(phone: str, guest: str = "") -> tuple[str, str]:
        session = begin(Caller(channel="1.1", phone=phone, number="61", guest=guest), TOWN)
        return session.at, session.box

    assert opened("gast", "p2500") == opened("tel2500") == ("main", "2500")
    assert opened("gast", "p40") == opened("tel40")
    assert opened("gast") == ("box", "")
    assert opened("halle", "p3501") == ("main", "3501")


def test_only_such_a_desk_has_a_guest_whatever_asterisk_holds() -> None:
    plain = replace(TOWN.phones["halle"], hot_desk=False)
    less = derive(replace(hot_desk_town(), phones={**TOWN.phones, "halle": plain}))
    for directory, places in ((TOWN, {"gast", "halle"}), (less, {"gast"})):
        text = compiled(directory)["asterisk/extensions.conf"]
        found = re.findall(r"^\[guest-places-(..)\]\nexten => (\w+),1,Return\(\)$", text, re.MULTILINE)
        assert {phone for _, phone in found} == places
        assert all(phone.endswith(last) for last, phone in found)
        who = text.partition("exten => who,1,Set(GUEST=)\n")[2].partition("\n")[0]
        assert "${DIALPLAN_EXISTS(guest-places-${ARG1:-2},${ARG1},1)}?:over" in who


def test_nothing_of_it_is_written_where_there_is_no_such_desk() -> None:
    text = compiled(small())
    assert "guest" not in text["asterisk/pjsip.conf"]
    assert text["asterisk/extensions.conf"].count("guest") == 1
    assert "[from-guests]\ninclude => from-phones\n" in text["asterisk/extensions.conf"]
    assert "Gastarbeitsplatz" in card(TOWN)
    assert "Gastarbeitsplatz" not in card(derive(small()))
    written = compiled(TOWN)
    assert written["asterisk/pjsip.conf"].count("context = from-guests") == 2


@pytest.fixture
async def line(url: URL, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(url, tmp_path) as there:
        yield there


async def test_a_success_does_not_unlock_the_desk_for_guesses_at_others(line: Town) -> None:
    """Else who works here tries four PINs of others, logs in, and so on."""
    line.pins.change("40", "271828")

    async def tries(box: str, pin: str, *, desk: str = "gast") -> str:
        return await line.dialogues.knows(box, pin, known=True, also=f"desk {desk}")

    assert [await tries("3501", "314159") for _ in range(3)] == ["wrong"] * 3
    assert await tries("40", "161803") == "wrong"
    assert await tries("40", "271828") == "right"
    assert await tries("10", "314159") == "locked", "the fifth one at this desk"
    assert await tries("40", "271828", desk="halle") == "right"
    line.clock.now += 16 * 60
    assert await tries("40", "271828") == "right"
    line.clock.now += 2 * 86400
    assert [await tries("10", "314159") for _ in range(3)] == ["wrong"] * 3, "a day later they are forgotten"
    assert await tries("10", "314159") == "locked", "which those of a mailbox are not"


async def test_the_number_of_a_mailbox_typed_at_a_desk_does_not_lock_it(line: Town) -> None:
    logging_in = LoggingIn(state=State(Path("/nowhere")), directory=lambda: TOWN, knows=line.dialogues.knows)
    said = []
    for call in range(6):
        asked = Asked(channel=f"1.{call}", name="PJSIP/gast-1", number="61", at=None, came=True)
        turn = await logging_in.turn(asked, TOWN.phones["gast"], 9.0)
        for keys in ("10", "314159"):
            assert turn
            asked = replace(asked, came=False, turn=turn.number, keys=keys)
            turn = await logging_in.turn(asked, TOWN.phones["gast"], 9.0)
        assert turn
        said.append(turn.said[0])
    assert said == ["desk_wrong"] * 4 + ["desk_locked"] * 2
    async with line.messages.engine.connect() as connection:
        assert set(await ledger.locks(connection, line.clock.now)) == {"nobody 10", "desk gast"}
