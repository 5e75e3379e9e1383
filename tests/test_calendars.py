"""Calendars: iCalendar in and out, closed days as audited changes, and the months ahead as people read them."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar as File
from typer.testing import CliRunner

from orchestrator.cli.app import tree
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Box
from orchestrator.domain.preview import preview
from orchestrator.domain.proof import prove
from orchestrator.domain.schedule import Block, Calendar, SpecialDay
from orchestrator.domain.town import NumberRange
from orchestrator.service import directory as directories
from orchestrator.service.changing import change
from orchestrator.service.state import State
from orchestrator.store import ical
from orchestrator.store.calendar import complete
from orchestrator.store.database import brief
from orchestrator.store.load import save
from orchestrator.web import printed
from tests.databases import new_state
from tests.towns import HOURS, TODAY, small

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = date(2025, 1, 1), date(2029, 12, 31)


def read(*events: str) -> tuple[Mapping[date, str], list[str]]:
    body = "".join(f"BEGIN:VEVENT\r\nUID:{n}\r\n{event.strip()}\r\nEND:VEVENT\r\n" for n, event in enumerate(events))
    body = re.sub(r"\r?\n *", "\r\n", body)
    content = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{body}END:VCALENDAR\r\n".encode()
    days, mistakes = ical.read("ferien.ics", content, BERLIN, FIRST, LAST)
    return days, [str(mistake) for mistake in mistakes]


@pytest.mark.parametrize(("event", "days"), [
    ("DTSTART;VALUE=DATE:20261224\nSUMMARY:Heiligabend", ["2026-12-24"]),
    ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", ["2026-12-24", "2026-12-25", "2026-12-26"]),
    ("DTSTART;VALUE=DATE:20261224\nDURATION:P2D", ["2026-12-24", "2026-12-25"]),
    ("DTSTART;TZID=Europe/Berlin:20261224T000000\nDTEND;TZID=Europe/Berlin:20261225T000000", ["2026-12-24"]),
    ("DTSTART:20261223T230000Z\nDTEND:20261224T230000Z", ["2026-12-24"]),
    ("DTSTART:20260327T230000Z\nDTEND:20260330T220000Z", ["2026-03-28", "2026-03-29", "2026-03-30"]),
    ("DTSTART;VALUE=DATE:20200229\nRRULE:FREQ=YEARLY", ["2028-02-29"]),
    ("DTSTART;VALUE=DATE:20200224\nRRULE:FREQ=YEARLY;UNTIL=20260224", ["2025-02-24", "2026-02-24"]),
    ("DTSTART;VALUE=DATE:20200224\nRRULE:FREQ=YEARLY;UNTIL=20250301T000000Z", ["2025-02-24"]),
    ("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;VALUE=DATE:20260112",
     ["2026-01-05", "2026-01-19"]),
    ("DTSTART;VALUE=DATE:20260105\nRDATE;VALUE=DATE:20260110", ["2026-01-05", "2026-01-10"]),
    ("DTSTART;VALUE=DATE:20241230\nDTEND;VALUE=DATE:20250103\nRRULE:FREQ=YEARLY;COUNT=1", ["2025-01-01", "2025-01-02"]),
    ("DTSTART;VALUE=DATE:20261224\nSTATUS:CANCELLED", []),
])  # fmt: skip
def test_whole_days_are_read(event: str, days: list[str]) -> None:
    found, mistakes = read(event)
    assert (mistakes, [day.isoformat() for day in found]) == ([], days)


@pytest.mark.parametrize(("event", "what", "todo"), [
    ("DTSTART:20261224T080000Z\nDTEND:20261224T100000Z\nSUMMARY:Kürzer", "'Kürzer', at 2026-12-24 08:00", "whole day"),
    ("DTSTART;TZID=America/New_York:20261224T000000\nDTEND;TZID=America/New_York:20261225T000000",
     "hours", "whole day"),
    ("DTSTART:20261224T080000Z", "is a moment", "whole day"),
    ("SUMMARY:x", "has no beginning", "a date"),
    ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261224", "no span", "correct its end"),
    ("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=SECONDLY", "repeats", "yearly"),
    ("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY;INTERVAL=0", "without going on", "each year"),
    ("DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=YEARLY\nRRULE:FREQ=DAILY", "repeats", "yearly"),
    ("DTSTART;VALUE=DATE:20261224\nDTSTART;VALUE=DATE:20261225", "cannot be read", "anew"),
    ("DTSTART;VALUE=DATE:99991231", "cannot be read", "anew"),
])  # fmt: skip
def test_what_is_no_day_off_is_refused_with_its_place(event: str, what: str, todo: str) -> None:
    good = "DTSTART;VALUE=DATE:20270101\nSUMMARY:Neujahr"
    _, (told,) = read(good, event)
    assert told.startswith("ferien.ics:9:1: event 2, ")
    assert what in told
    assert todo in told.partition("to do: ")[2]


def test_a_line_that_is_none_of_a_calendar_is_named() -> None:
    content = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nnonsense\r\nEND:VCALENDAR\r\n"
    _, (told,) = ical.read("x.ics", content, BERLIN, FIRST, LAST)
    assert (told.line, "nonsense" in told.what) == (4, True)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"BEGIN:VCALENDAR", b"hello", b"BEGIN:VEVENT\r\nEND:VCALENDAR\r\n"]
)
def test_what_is_no_calendar_names_no_day(content: bytes) -> None:
    assert ical.read("x.ics", content, BERLIN, FIRST, LAST)[0] == {}


DAYS = st.dictionaries(
    st.integers(0, 1000).map(lambda n: date(2026, 1, 1) + timedelta(days=n)),
    st.sampled_from(["Ferien", "Brückentag; frei", "a, b", "Umlaut äöü\\n"]),
    max_size=30,
)


@settings(deadline=None)
@given(DAYS)
def test_what_is_written_is_read_again(days: dict[date, str]) -> None:
    text = ical.written("schule", "Schulferien", days)
    assert ical.read("x.ics", text, BERLIN, FIRST, LAST) == (dict(sorted(days.items())), [])
    again = ical.written("schule", "Schulferien", dict(sorted(days.items(), reverse=True)))
    assert again == text
    uids = [str(event["UID"]) for event in File.from_ical(text).walk("VEVENT")]
    assert len(set(uids)) == len(uids)


def test_a_schedule_is_written_with_holidays_days_off_and_special_hours() -> None:
    held = replace(HOURS, region="BW", special={**HOURS.special, date(2026, 12, 28): SpecialDay(name="Betriebsferien")})
    directory = complete(replace(small(), schedules={"rathaus": held}), 2026)
    text = ical.schedule(directory.schedules["rathaus"])
    days, mistakes = ical.read("x.ics", text, BERLIN, FIRST, LAST)
    off = {day: special.name for day, special in directory.schedules["rathaus"].dated.items() if not special.blocks}
    assert days == off
    assert days[date(2026, 12, 28)] == "Betriebsferien"
    assert days[date(2027, 1, 6)] == "Heilige Drei Könige"
    assert ["Heiligabend" in str(mistake) for mistake in mistakes] == [True]  # from 8 to 10: hours of its own


def test_the_months_ahead() -> None:
    late = {date(2026, 12, 31): SpecialDay(name="Lang", blocks=(Block(start=time(8), end=time.min),))}
    off = {date(2026, 11, 1): "vorbei", date(2026, 12, 27): "Sonntag", date(2027, 1, 1): "Neujahr"}
    held = replace(HOURS, special={**HOURS.special, **late}, off=off)
    seen = preview(held, ["Bürgerbüro"], TODAY, 3)
    assert [month.name for month in seen.months] == ["November 2026", "Dezember 2026", "Januar 2027"]
    assert seen.week[3] == ("Donnerstag", "8:00–12:00, 14:00–18:00 Uhr")
    assert seen.week[6] == ("Sonntag", "geschlossen")
    assert [(d.written, d.hours, d.name) for month in seen.months for d in month.days] == [
        ("Donnerstag, 24.12.", "8:00–10:00 Uhr", "Heiligabend"),
        ("Freitag, 25.12.", "geschlossen", "1. Weihnachtstag"),
        ("Donnerstag, 31.12.", "8:00–24:00 Uhr", "Lang"),
        ("Freitag, 01.01.", "geschlossen", "Neujahr"),
    ]


def test_the_printed_page_needs_nothing_and_escapes_everything() -> None:
    held = replace(HOURS, special={date(2026, 12, 1): SpecialDay(name="<script>x</script>")})
    page = printed.hours('Stadt "<b>"', [preview(held, ["A & B"], TODAY, 2)], TODAY)
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "A &amp; B" in page
    assert "<script" not in page
    assert "size: A4" in page
    assert not re.search(r"""(src|href|url\(|@import|https?:)""", page)


def test_unknown_and_outdated_calendars_are_told() -> None:
    town = small()
    lost = replace(town, schedules={"rathaus": replace(HOURS, calendars=("schule",))})
    (problem,) = prove(lost, {}, TODAY).problems
    assert (problem.code, problem.where) == ("unknown_calendar", "schedule rathaus")
    over = Calendar(id="schule", name="Schule", days={date(2026, 1, 2): "Ferien"})
    empty = Calendar(id="leer", name="Leer")
    proof = prove(replace(town, calendars={"schule": over, "leer": empty}), {}, TODAY)
    assert proof.problems == ()
    assert {(note.code, note.where) for note in proof.notes} == {
        ("calendar_over", "calendar schule"),
        ("calendar_over", "calendar leer"),
    }


# The commands


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = new_state(tmp_path / "s")
    kept = replace(HOURS, calendars=("schule",))
    office = small().departments["buergerbuero"]
    town = replace(
        small(),
        schedules={"rathaus": kept, "amt": replace(HOURS, name="amt")},
        departments={
            "buergerbuero": office,
            "kasse": replace(office, id="kasse", extension="31", box="31"),
            "amt": replace(office, id="amt", extension="32", schedule="amt", box="32"),
        },
        boxes={**small().boxes, **{id_: Box(id=id_, name=id_) for id_ in ("31", "32")}},
        calendars={"schule": Calendar(id="schule", name="Schule", days={date(2020, 1, 1): "alt"})},
        flows={"town": small().flows["town"]},
        numbers={"0": "town"},
    )

    async def begin() -> None:
        await save(brief(made.database), town, who="tests", what="town", why="tests")

    asyncio.run(begin())
    return made


def run(state: State, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(tree(), ["--state", str(state.root), *words])
    return done.exit_code, done.output


def changes(state: State) -> list[tuple[str, str]]:
    with sqlite3.connect(state.root / "directory.db") as database:
        return list(database.execute("SELECT what, why FROM changes ORDER BY id"))


def coming(days: int) -> date:
    return directories.today() + timedelta(days=days)


def test_an_icalendar_file_becomes_a_calendar_and_comes_out_again(state: State, tmp_path: Path) -> None:
    days = {coming(at): "Ferien" for at in (-3, 10, 11, 40)}
    (tmp_path / "f.ics").write_bytes(ical.written("x", "x", days))
    words = ("calendar", "import", str(tmp_path / "f.ics"), "--into", "schule", "--name", "Schulferien", "--why", "neu")
    code, said = run(state, *words, "--dry-run")
    assert (code, len(changes(state))) == (0, 1)
    code, said = run(state, *words)
    assert code == 0, said
    assert "4 days off, 1 of them past" in said
    assert "kept by: rathaus" in said
    assert "next: durchwahl apply" in said
    assert changes(state)[-1] == ("calendar schule from f.ics", "neu")
    code, _ = run(state, "calendar", "export", "schule", "--to", str(tmp_path / "out.ics"))
    assert code == 0
    code, said = run(state, "calendar", "import", str(tmp_path / "out.ics"), "--into", "schule")
    assert code == 0
    assert "nothing to change" in said
    code, said = run(state, "calendar", "export", "schul")
    assert (code, "did you mean 'schule'" in said) == (2, True)


def test_a_file_with_a_timed_event_changes_nothing(state: State, tmp_path: Path) -> None:
    text = ical.written("x", "x", {coming(10): "Ferien"}).replace(b";VALUE=DATE", b"")
    text = re.sub(rb"(DTSTART|DTEND):(\d{8})", rb"\1:\2T080000", text)
    (tmp_path / "f.ics").write_bytes(text)
    code, said = run(state, "calendar", "import", str(tmp_path / "f.ics"), "--into", "schule")
    assert (code, "lasts some hours" in said) == (1, True)
    assert len(changes(state)) == 1
    (tmp_path / "empty.ics").write_bytes(ical.written("x", "x", {}))
    code, said = run(state, "calendar", "import", str(tmp_path / "empty.ics"), "--into", "schule")
    assert (code, "names no day" in said) == (1, True)


def test_closing_offices(state: State) -> None:
    first, last = coming(20), coming(22)
    words = ("closed", str(first), "--until", str(last), "--name", "Betriebsferien")
    code, said = run(state, *words, "--department", "buergerbuero")
    assert (code, "in common with kasse" in said, "--schedule rathaus" in said) == (2, True, True)
    code, said = run(state, *words, "--department", "amt", "--why", "Umzug")
    assert code == 0, said
    assert "amt" in said
    assert "next: durchwahl apply" in said
    assert changes(state)[-1] == (f"closed {first} to {last}: Betriebsferien", "Umzug")
    assert "nothing to change" in run(state, *words, "--department", "amt")[1]
    code, said = run(state, "calendar", "preview", "--department", "amt", "--months", "2")
    assert (code, "Betriebsferien" in said) == (0, True)
    assert "Betriebsferien" not in run(state, "calendar", "preview", "--schedule", "rathaus")[1]
    assert run(state, *words, "--all")[0] == 0
    assert "Betriebsferien" in run(state, "calendar", "preview", "--schedule", "rathaus")[1]
    count = len(changes(state))
    for wrong in (
        ("closed", str(coming(-1)), "--name", "x", "--all"),
        ("closed", str(first), "--until", str(first - timedelta(days=1)), "--name", "x", "--all"),
        ("closed", str(first), "--name", "x"),
        ("closed", str(first), "--name", "x", "--all", "--schedule", "amt"),
        ("closed", str(first), "--name", "x", "--schedule", "ampt"),
        ("closed", "24.12.2026", "--name", "x", "--all"),
    ):
        code, said = run(state, *wrong)
        assert (code, "to do:" in said) == (2, True), wrong
    assert len(changes(state)) == count


def test_a_page_for_printing(state: State, tmp_path: Path) -> None:
    code, _ = run(state, "calendar", "preview", "--html", str(tmp_path / "hours.html"))
    page = (tmp_path / "hours.html").read_text()
    assert (code, page.count("<section>")) == (0, 2)
    assert "Bürgerbüro" in page


def test_free_numbers_are_named(state: State, tmp_path: Path) -> None:
    code, said = run(state, "free", "--department", "amt")
    assert (code, "no range of numbers" in said) == (2, True)
    code, said = run(state, "free", "--department", "ampt")
    assert (code, "did you mean 'amt'?" in said) == (2, True)

    def edit(directory: Directory) -> Directory:
        span = NumberRange(id="amt", first="2499", last="2502", department="amt")
        return replace(directory, ranges={"amt": span})

    asyncio.run(change(state, edit, what="range", why=""))
    code, said = run(state, "free", "--department", "amt", "--count", "5")
    assert (code, said.split()) == (0, ["2499", "06205", "21-2499", "2502", "06205", "21-2502"])
    assert run(state, "free", "--range", "amt")[1].split()[:1] == ["2499"]


def test_a_change_that_makes_a_problem_is_refused(state: State) -> None:
    def edit(directory: Directory) -> Directory:
        return replace(directory, numbers={**directory.numbers, "110": "town"})

    made = asyncio.run(change(state, edit, what="police", why=""))
    assert (made.saved, [problem.code for problem in made.problems]) == (False, ["reserved_number"])
    assert len(changes(state)) == 1
