"""What a call mostly passes: asked in one line, and by the same answers as if each place had asked for itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from orchestrator.compile.places import landed_at
from orchestrator.compile.usual import LONGEST, chain
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, HangUp, Switch, When
from orchestrator.domain.schedule import WEEKDAYS, Block, Schedule, SpecialDay
from orchestrator.service import present, switching
from orchestrator.service.switching import Period
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
    for asked in ("TESTTIME", "hours-buergerbuero", "IFTIME", "switched/closed_buergerbuero", "switched/forward_51"):
        assert asked in found.asked
    assert found.found == "0open"


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


SWITCHED = "7214"
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
    flows["usual_switched"] = Flow(
        name="usual_switched",
        start="first",
        steps={
            "first": When(schedule="always", open="usual_switched.night", closed=BOX, holiday=BOX),
            "night": Switch(name="usual_night", on=BOX, off="usual_switched.then"),
            "then": When(schedule="usual_open", open=BOX, closed=BOX, holiday=BOX),
        },
    )
    numbers[SWITCHED] = "usual_switched"
    changed = replace(
        directory,
        schedules={**directory.schedules, **schedules},
        flows={**directory.flows, **flows},
        numbers={**directory.numbers, **numbers},
        switches={**directory.switches, "usual_night": "Nacht"},
    )
    with running_town(tmp_path_factory.mktemp("u"), changed) as running:
        yield running


@pytest.mark.parametrize(("number", "kind"), [*enumerate(KINDS, 7210)])
async def test_a_call_goes_where_explain_says_whatever_today_is(town: Town, number: int, kind: str) -> None:
    name = f"usual_{kind}"
    assert f"{name}.first" in landed_at(town.directory)
    answer = {"special": "open"}.get(kind, kind)
    assert await goes(town, str(number)) == [f"{name}.first=open", f"{name}.then={answer}"]
    assert in_one(town, f"{name}.first=open {name}.then=open") == (kind == "open")


async def test_a_switch_on_the_way_is_asked(town: Town) -> None:
    """Switched, for later, and not at all: behind hours, at the true time."""
    tomorrow = datetime.now(BERLIN).date() + timedelta(days=1)
    first, past = "usual_switched.first=open", ["usual_switched.night=off", "usual_switched.then=open"]
    for period, way in ((Period(), ["usual_switched.night=on"]), (Period(first=tomorrow), past)):
        await switching.switch(town.state, "usual_night", "on", period, text="", why="")
        assert await goes(town, SWITCHED) == [first, *way]
        assert not in_one(town, " ".join([first, *past]))
    await switching.switch(town.state, "usual_night", "off", Period(), text="", why="")
    assert await goes(town, SWITCHED) == [first, *past]
    assert in_one(town, " ".join([first, *past]))


async def goes(town: Town, number: str) -> list[str]:
    """What a citizen passes now, before the mailbox; which must be what `explain` says."""
    described = replace(world(datetime.now(BERLIN)), switches=await present.now(town.state))
    journey, different = await town.citizen_calls(described, dialled=f"+49620521{number}", at_box="leaves")
    assert not different, f"{different}\n{journey}"
    return [f"{step.place}={step.answer}" for step in journey.steps if step.place.startswith("usual_")]


def in_one(town: Town, told: str) -> bool:
    """Whether it was ever told so, in one line."""
    return f'""{told}""' in town.state.journal.read_text()
