"""What a call mostly passes: asked in one line, and by the same answers as if each place had asked for itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time

import pytest

from orchestrator.compile.places import landed_at
from orchestrator.compile.usual import LONGEST, chain
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, HangUp, Switch, When
from orchestrator.domain.schedule import WEEKDAYS, Block, Schedule, SpecialDay
from tests import hurry
from tests.running_town import Town, running_town, world
from tests.towns import BERLIN, small

ALL_DAY = Block(start=time(0), end=time(0))
BYE = HangUp()
BOX = "town.box"


def flow(**steps: When | Switch | HangUp) -> Directory:
    return small(Flow(name="town", start="door", steps={**steps, "bye": BYE}))


def hours(name: str, today: str = "open") -> Schedule:
    """A schedule by which it is today what `today` says, at every hour."""
    now = datetime.now(BERLIN).date()
    week = {day: (ALL_DAY,) for day in WEEKDAYS if today != "closed" or WEEKDAYS.index(day) != now.weekday()}
    special = {"holiday": {now: SpecialDay(name="Feiertag")}, "special": {now: SpecialDay(name="x", blocks=(ALL_DAY,))}}
    dated = special.get(today, {})
    return Schedule(
        name=name, timezone="Europe/Berlin", week=week, special=dated, known_until=date(now.year + 3, 12, 31)
    )


def test_hours_a_switch_and_a_forwarding_are_one() -> None:
    found = chain(derive(hurry.directory()), "d_buergerbuero.hours")
    assert found is not None
    assert found.passed == (
        ("d_buergerbuero.hours", "open"),
        ("d_buergerbuero.closed", "off"),
        ("d_buergerbuero.diverted", "off"),
    )
    assert found.onward == "d_buergerbuero.ring"


@pytest.mark.parametrize("next_", ["town.bye", "town.door"])
def test_what_leads_to_what_was_passed_ends_there(next_: str) -> None:
    directory = flow(
        door=Switch(name="night", on="town.bye", off="town.next"), next=Switch(name="late", on="town.bye", off=next_)
    )
    found = chain(directory, "town.door")
    assert found is not None
    assert found.passed == (("town.door", "off"), ("town.next", "off"))
    assert found.onward == next_


def test_a_switch_alone_is_one_line_already() -> None:
    assert chain(flow(door=Switch(name="night", on="town.bye", off="town.bye")), "town.door") is None


def test_where_a_call_waits_there_is_none() -> None:
    assert chain(flow(door=BYE), "town.door") is None


def test_a_line_stays_one_that_asterisk_reads() -> None:
    names = [f"s{number}" for number in range(200)]
    steps = {
        name: Switch(name=f"a_switch_with_a_long_name_{name}", on="town.bye", off=f"town.{onward}")
        for name, onward in zip(["door", *names], [*names, "bye"], strict=True)
    }
    found = chain(flow(**steps), "town.door")
    assert found is not None
    assert 1 < len(found.passed) < 200
    assert len(found.asked) <= LONGEST
    assert found.onward == f"town.s{len(found.passed) - 1}"


KINDS = ("open", "closed", "holiday", "special")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Four numbers: hours behind hours that are always open, each with another today."""
    directory = hurry.directory()
    schedules, flows, numbers = {"always": hours("always")}, {}, {}
    for number, kind in enumerate(KINDS, 7210):
        name = f"usual_{kind}"
        schedules[name] = hours(name, kind)
        steps = {
            "first": When(schedule="always", open=f"{name}.then", closed=BOX, holiday=BOX),
            "then": When(schedule=name, open=BOX, closed=BOX, holiday=BOX),
        }
        flows[name] = Flow(name=name, start="first", steps=steps)
        numbers[str(number)] = name
    changed = replace(
        directory,
        schedules={**directory.schedules, **schedules},
        flows={**directory.flows, **flows},
        numbers={**directory.numbers, **numbers},
    )
    with running_town(tmp_path_factory.mktemp("u"), changed) as running:
        yield running


@pytest.mark.parametrize(("number", "kind"), [*enumerate(KINDS, 7210)])
async def test_a_call_goes_where_explain_says_whatever_today_is(town: Town, number: int, kind: str) -> None:
    name, before = f"usual_{kind}", town.state.journal.stat().st_size if town.state.journal.exists() else 0
    assert f"{name}.first" in landed_at(town.directory)
    journey, different = await town.citizen_calls(
        world(datetime.now(BERLIN)), dialled=f"+49620521{number}", at_box="leaves"
    )
    assert not different, f"{different}\n{journey}"
    answer = {"special": "open"}.get(kind, kind)
    assert [(step.place, step.answer) for step in journey.steps][:2] == [
        (f"{name}.first", "open"),
        (f"{name}.then", answer),
    ]
    told = town.state.journal.read_text()[before:]
    in_one = json.dumps(f"{name}.first=open {name}.then=open").replace('"', '""')
    assert (in_one in told) == (kind == "open"), told
