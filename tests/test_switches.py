"""Switches as they are written, read, asked and derived; what stands against them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL

from orchestrator.domain import texts
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, explain
from orchestrator.domain.flow import Announce, Forward, Say, Switch, Transfer
from orchestrator.domain.people import Group
from orchestrator.domain.problems import Problem
from orchestrator.domain.proof import prove
from orchestrator.domain.switches import (
    Absence,
    Entry,
    Forwarding,
    On,
    Outside,
    Switched,
    holds,
    known,
    read,
    rung,
    value,
)
from orchestrator.domain.town import Retired, Trunk, Wave
from orchestrator.service.errors import ServiceError
from orchestrator.service.questions import turned
from orchestrator.store import switched as store
from orchestrator.store.changes import recorded
from orchestrator.store.codec import from_data, to_data
from orchestrator.store.database import open_database
from orchestrator.store.load import last_change
from orchestrator.store.reading import read_files
from orchestrator.store.tables import changes
from tests.test_compile import compiled
from tests.test_import import GOOD
from tests.towns import MONDAY_10, TODAY, prompt, small, town_flow

AT = int(MONDAY_10.timestamp())
SWITCHED = st.one_of(
    st.builds(On, begins=st.integers(0, 10**10), ends=st.integers(0, 10**10)),
    st.builds(Absence, begins=st.integers(0, 10**10), stand_in=st.sampled_from(["", "2500", "30"])),
    st.builds(Forwarding, to=st.sampled_from(["3501", "30", "+491712345678"])),
)


@given(SWITCHED, st.sampled_from(["", "town/0123abcd"]))
def test_what_is_written_is_read_back(switched: Switched, sound: str) -> None:
    written = value(small(), switched, sound, number="2500")
    assert str(read(written)) == written
    assert from_data(type(switched), to_data(switched)) == switched


@given(st.text(max_size=40))
def test_only_entries_of_ours_are_read(text: str) -> None:
    with suppress(ValueError):
        assert str(read(text)) == text


@pytest.mark.parametrize(
    "bad", ["0:0::PJSIP/a,60", "0:0:../x:", "0:0::+49", "0:0::PJSIP/a&SIP/b", "a:0::", "0:0:", "0:0::\n"]
)
def test_what_dial_would_misread_is_no_entry(bad: str) -> None:
    with pytest.raises(ValueError, match="no entry of ours"):
        read(bad)


@pytest.mark.parametrize(
    "bad", [Forwarding(to="999"), Absence(stand_in="x"), Forwarding(to="+1,60"), Outside(only="off")]
)
def test_what_cannot_be_rung_is_not_written(bad: Switched) -> None:
    with pytest.raises(ValueError, match=r"phone|entry|none of"):
        value(small(), bad)


def test_a_crowd_is_not_written_that_asterisk_would_not_keep() -> None:
    crowd = tuple(f"phone_number_{n}" for n in range(60))
    group = Group(id="crowd", name="C", extension="40", phones=crowd, department="buergerbuero")
    with pytest.raises(ValueError, match="more phones"):
        value(small(groups={"crowd": group}), Forwarding(to="40"))


def test_an_entry_says_when_what_and_whom() -> None:
    away = Absence(begins=1, ends=2, stand_in="30")
    written = value(small(), away, "town/ab")
    assert written == "1:2:town/ab:PJSIP/tel2500&PJSIP/tel2501"
    assert read(written) == Entry(begins=1, ends=2, sound="town/ab", target="PJSIP/tel2500&PJSIP/tel2501")
    assert rung(small(), "2501") == ("tel2501",)


@pytest.mark.parametrize(("begins", "ends", "on"), [
    (0, 0, True), (AT, 0, True), (AT + 1, 0, False), (0, AT, False), (0, AT + 1, True),
])  # fmt: skip
def test_it_holds_from_its_first_second_to_before_its_last(begins: int, ends: int, on: bool) -> None:
    assert holds(On(begins=begins, ends=ends), MONDAY_10) is on
    assert holds(Absence(begins=begins, ends=ends), MONDAY_10) is on


def way(directory: Directory, number: str, **world: object) -> list[str]:
    described = World(at=MONDAY_10, **world)  # type: ignore[arg-type]
    start = directory.first(directory.numbers[number])
    return [f"{visit.place}={visit.answer}" for visit in explain(directory, start, described)]


def test_who_is_absent_is_stood_in_for_and_the_call_comes_back() -> None:
    away = {"absent_2500": Absence(stand_in="3501"), "forward_2500": Forwarding(to="30")}
    assert way(small(), "2500", switches=away) == ["n_2500.diverted=talked"]
    for answer, said in (("busy", "busy"), ("nobody", "nobody"), ("unreachable", "failed")):
        steps = way(small(), "2500", switches=away, phones={"tel2501": answer})
        assert steps[:2] == [f"n_2500.diverted={said}", "d_buergerbuero.hours=open"]
    assert way(small(), "2500", switches={"absent_2500": Absence()})[0] == "n_2500.diverted=nobody"
    over = {"absent_2500": Absence(ends=AT), "forward_2500": Forwarding(to="+491712345678")}
    assert way(small(), "2500", switches=over, outside={"+491712345678": "busy"})[0] == "n_2500.diverted=busy"


@pytest.mark.parametrize(("only", "to", "found"), [
    ("emergency", "+491712345678", "failed"),
    ("no_abroad", "+491712345678", "talked"), ("no_abroad", "+3312345678", "failed"),
])  # fmt: skip
def test_the_kill_switch_stops_forwardings(only: str, to: str, found: str) -> None:
    switched = {"outside": Outside(only=only), "forward_2500": Forwarding(to=to)}
    assert way(small(), "2500", switches=switched)[0] == f"n_2500.diverted={found}"
    over = {**switched, "outside": Outside(only=only, ends=AT)}
    town = small(town=replace(small().town, permission="abroad"))
    assert way(town, "2500", switches=over)[0] == "n_2500.diverted=talked"


def test_a_department_closed_at_once_says_so_and_takes_messages() -> None:
    steps = way(small(), "30", switches={"closed_buergerbuero": On()})
    assert steps[:3] == ["d_buergerbuero.hours=open", "d_buergerbuero.closed=on", "d_buergerbuero.box_closed=left"]
    assert way(small(), "30", switches={"forward_30": Forwarding(to="10")})[2] == "d_buergerbuero.diverted=talked"


def waiting(**changed: object) -> Directory:
    """The small town before its first wave."""
    written = small()
    trunks = {**written.trunks, "alt": Trunk(id="alt", host="127.0.0.4", public=False)}
    waves = {"1": Wave(id="1", name="Alle", trunk="alt")}
    flows = {"town": written.flows["town"]}
    bare = replace(written, trunks=trunks, waves=waves, flows=flows, numbers={"0": "town"})
    return derive(replace(bare, **changed))  # type: ignore[arg-type]


def test_a_wave_that_has_not_moved_is_on_the_old_exchange() -> None:
    town = waiting()
    assert prove(town, {}, TODAY).problems == ()
    assert town.graph["n_3501.old"] == Transfer(
        number="3501", trunk="alt", busy="n_3501.box", nobody="n_3501.box", failed="n_3501.box", seconds=45
    )
    assert way(town, "3501") == ["n_3501.wave=off", "n_3501.old=talked"]
    assert way(town, "3501", outside={"3501": "failed"})[2] == "n_3501.box=left"
    assert way(town, "2500", outside={"2500": "busy", "30": "busy"})[1:5] == [
        "n_2500.old=busy",
        "d_buergerbuero.wave=off",
        "d_buergerbuero.old=busy",
        "d_buergerbuero.box=left",
    ]
    assert way(town, "3501", switches={"wave_1": On()})[0:2] == ["n_3501.wave=on", "n_3501.diverted=off"]
    assert known(town)["wave_1"].startswith("Alle has moved")


def test_the_old_exchange_does_not_get_back_what_it_sent() -> None:
    text = compiled(waiting())["asterisk/extensions.conf"]
    assert 'GotoIf($["${CHANNEL:0:16}" = "PJSIP/trunk-alt-"]?old=failed,1)' in text
    assert "Dial(PJSIP/3501@trunk-alt,45,ib(silent-trunk^goes^1))" in text
    switched = text.partition("[switched]")[2].partition("\n[")[0]
    assert "@trunk-alt" not in switched, "forwardings go by public trunks"


def retired(**numbers: Retired) -> Directory:
    written = small()
    found = {number.removeprefix("n"): old for number, old in numbers.items()}
    bare = replace(written, retired=found, flows={"town": written.flows["town"]}, numbers={"0": "town"})
    return derive(bare)


def old(to: str, **more: object) -> Retired:
    return Retired(extension="x", to=to, until=TODAY + timedelta(days=30), **more)  # type: ignore[arg-type]


def test_a_retired_number_says_the_new_one_and_leads_there() -> None:
    town = retired(n2498=old("2499"), n2499=old("2500", announced=True), n2497=old("3501"))
    assert prove(town, {}, TODAY).problems == ()
    assert town.numbers["2497"] == "n_3501"
    assert town.numbers["2498"] == "n_2500"
    assert way(town, "2499")[:2] == ["r_2499.told=said", "n_2500.diverted=off"]
    told = town.graph["r_2499.told"]
    assert isinstance(told, Say)
    assert "zwei, fünf, null, null" in told.prompt.texts["de"]
    assert "two, five, zero, zero" in told.prompt.texts["en"]


def problem(directory: Directory, code: str, today: date = TODAY) -> Problem:
    (found,) = (each for each in prove(directory, {}, today).problems if each.code == code)
    assert found.todo
    return found


def test_retired_numbers_that_lead_nowhere_or_round_are_found() -> None:
    assert problem(retired(n2499=old("9999")), "unknown_extension").where == "retired 2499"
    loop = prove(retired(n2498=old("2499"), n2499=old("2498")), {}, TODAY).problems
    assert [each.code for each in loop] == ["retired_loop", "retired_loop"]
    used = retired(n3501=old("2500"))
    assert "kept free until" in problem(used, "retired_in_use").what
    assert used.numbers["3501"] == "n_3501", "who has it now keeps it"
    assert not prove(used, {}, TODAY + timedelta(days=30)).problems


def test_switches_that_nobody_can_turn_are_found() -> None:
    asks = Switch(name="nigth", on="town.closed", off="town.door")
    assert problem(small(replace(town_flow(night=asks), start="night")), "unknown_switch").where == "town.night"
    assert problem(small(switches={"closed_x": "?"}), "reserved_switch").where == "switch closed_x"
    said = Announce(switch="x", prompt=prompt("town.x", "Hallo.", "Hello."), then="town.door")
    assert problem(small(replace(town_flow(x=said), start="x")), "unknown_switch").where == "town.x"
    to = Forward(number="77", off="town.door", busy="town.box", nobody="town.box", failed="town.box")
    assert problem(small(replace(town_flow(x=to), start="x")), "unknown_number").where == "town.x"


def test_a_question_may_turn_switches() -> None:
    town, now = small(), {"closed_buergerbuero": On(ends=1), "absent_2500": Absence()}
    asked = turned(town, now, ["closed_buergerbuero=on", "absent_2500=off", "outside=on"])
    assert asked == {"closed_buergerbuero": On()}
    for wrong in ("nigth=on", "closed_buergerbuero", "closed_buergerbuero=maybe", "forward_2500=on"):
        with pytest.raises(ServiceError):
            turned(town, {}, [wrong])


STEPS = """\
      door: {switch: night, on: bye_now, off: aside}
      aside: {forward: "0", off: word, otherwise: word}
      word: {announce: night, prompt: {de: Guten Abend., en: Good evening.}, then: hours}
      hours: {when"""
WRITTEN = GOOD.replace("      door: {when", STEPS).replace("numbers:", "switches: {night: Nachtschaltung}\nnumbers:")


def mistakes(tmp_path: Path, text: str) -> str:
    path = tmp_path / "town.yaml"
    path.write_text(text)
    return "\n".join(map(str, read_files([path], 2026).mistakes)).replace(f"{tmp_path}/", "")


def test_switches_are_read_from_a_file(tmp_path: Path) -> None:
    assert not mistakes(tmp_path, WRITTEN)
    graph = derive(read_files([tmp_path / "town.yaml"], 2026).directory).graph
    assert graph["town.door"] == Switch(name="night", on="town.bye_now", off="town.aside")
    assert isinstance(graph["town.word"], Announce)
    aside = {"busy": "town.word", "nobody": "town.word", "failed": "town.word"}
    assert graph["town.aside"] == Forward(number="0", off="town.word", **aside)


@pytest.mark.parametrize(("old", "new", "told"), [
    ("switch: night", "switch: nigth", "town.yaml:16:22: there is no switch 'nigth'"),
    ("on: bye_now, ", "", "does not say where 'on' leads"),
    ('forward: "0"', 'forward: "1"', "town.yaml:17:24: there is no number '1'"),
    ("off: word, ", "", "does not say where 'off' leads"),
    ("announce: night, prompt: {de: Guten Abend., en: Good evening.}", "announce: night", "has no 'prompt'"),
])  # fmt: skip
def test_mistakes_in_them_are_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in WRITTEN
    assert told in mistakes(tmp_path, WRITTEN.replace(old, new, 1))


def test_the_announcement_names_the_last_day_and_the_stand_in() -> None:
    said = texts.absent("Anna Grün", date(2026, 12, 5), "Beate Blau")
    assert said["de"] == (
        "Anna Grün ist bis einschließlich 5. Dezember nicht im Haus."
        " Sie werden mit der Vertretung verbunden: Beate Blau."
    )
    assert "until 5 December inclusive" in said["en"]
    assert texts.absent("Anna Grün", None, "")["de"] == "Anna Grün ist zurzeit nicht im Haus."


async def test_rows_say_who_switched_what_and_the_record_keeps_it(url: URL) -> None:
    engine = open_database(url)
    row = store.Row(
        name="absent_2500", switched=Absence(stand_in="3501", texts={"de": "Weg."}), at=1.0, who="a", why="b"
    )
    try:
        await store.put(engine, replace(row, switched=Absence()), "first")
        await store.put(engine, row, "absent")
        assert await store.rows(engine) == [row]
        await store.remove(engine, row.name, at=2.0, who="c", what="back", why="")
        assert await store.rows(engine) == []
        async with engine.connect() as connection:
            changed = (await connection.execute(changes.select())).mappings().all()
    finally:
        await engine.dispose()
    assert [(each["who"], each["what"]) for each in changed] == [("a", "first"), ("a", "absent"), ("c", "back")]


async def test_what_it_was_before_is_kept_and_is_no_change_of_the_directory(url: URL) -> None:
    engine = open_database(url)
    row = store.Row(name="night", switched=On(), at=1.0, who="a", why="")
    try:
        # On an empty table both find nothing to replace: only one writer at a time may look.
        await asyncio.gather(*(store.put(engine, replace(row, switched=On(ends=ends)), "on") for ends in range(1, 9)))
        await store.put(engine, row, "on")
        await store.put(engine, row, "again")
        await store.remove(engine, "night", at=2.0, who="a", what="off", why="")
        found = await recorded(engine, kinds=("switched",), limit=20)
        assert await last_change(engine) == 0
    finally:
        await engine.dispose()
    assert len(found) == 10, "nothing differs where it is switched to what it is"
    edits = [edit for change in found for edit in change.edits]
    assert edits[0].after is None
    assert edits[-1].before is None
    assert all(newer.before == older.after for newer, older in pairwise(edits))
