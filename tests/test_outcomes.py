"""What a plan tells of edits and of calls: reasons in one line, and before and after for each number and hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.domain.directory import Directory
from orchestrator.domain.edits import edits
from orchestrator.domain.explain import World, explain
from orchestrator.domain.flow import Ring, When
from orchestrator.domain.hours import Hours, hours
from orchestrator.domain.outcomes import NEXT, WORLDS, outcomes, words
from orchestrator.domain.schedule import WEEKDAYS, Block, Schedule, SpecialDay
from orchestrator.domain.town import Wave
from orchestrator.rollout.account import account
from orchestrator.rollout.plan import plan, things
from orchestrator.service import directory as directories
from orchestrator.store import lines
from tests.test_compile import compiled
from tests.towns import AFTERNOON, BERLIN, HOURS, MORNING, TODAY, small, town_flow

NOON = Block(start=time(8), end=time(14))


def told(before: Directory, after: Directory) -> list[str]:
    return [outcome.told(after) for outcome in outcomes(before, after, TODAY)]


def reasons(before: Directory, after: Directory) -> list[str]:
    return [str(edit) for edit in edits(before, after)]


def person(**changed: Any) -> Directory:
    town = small()
    return small(people={**town.people, "p2500": replace(town.people["p2500"], **changed)})


def test_each_edit_has_its_reason() -> None:
    assert reasons(small(), person(stand_in="")) == ["person 2500: stand-in 3501 → –"]
    assert reasons(small(), person(last_name="Gelb")) == ["person 2500: last-name Grün → Gelb"]
    longer = small(schedules={"rathaus": replace(HOURS, week={**HOURS.week, "mon": (NOON,)})})
    assert reasons(small(), longer) == ["schedule rathaus: mon 08:00–12:00 → 08:00–14:00"]
    later = replace(HOURS, off={date(2030, 1, 1): "Neujahr"}, known_until=date(2030, 12, 31))
    assert reasons(small(), small(schedules={"rathaus": later})) == []  # another year began
    town = small()
    new = replace(town.people["p2500"], id="p2599", extension="2599", first_name="Änne", phones=("tel10",))
    more = small(people={**town.people, "p2599": new})
    assert reasons(town, more) == ["person 2599 is new: Änne Grün", "number 2599 is new: Änne Grün"]
    assert reasons(more, town) == ["person 2599 is gone: Änne Grün", "number 2599 is gone: Änne Grün"]
    moved = small(
        people={"p3501": replace(town.people["p3501"], extension="2500"), "p2500": replace(new, id="p2500")},
    )
    assert {"number 2599 is new: Änne Grün", "number 3501 is gone: Beate Blau"} <= set(reasons(town, moved))
    box = small(boxes={**town.boxes, "3501": replace(town.boxes["3501"], quota=7)})
    assert reasons(town, box) == ["mailbox 3501: quota 100 → 7"]
    line = small(trunks={"provider": replace(town.trunks["provider"], host="192.0.2.1")})
    assert reasons(town, line) == ["trunk provider: host 127.0.0.1 → 192.0.2.1"]
    flow = small(town_flow(desk=Ring(phones=("tel2500",), busy="town.box", nobody="town.box", unreachable="town.box")))
    assert reasons(town, flow) == ["flow town: desk changed"]
    assert reasons(town, replace(town, town=replace(town.town, longest_wait=99))) == [
        "town Kleinstadt: longest-wait 240 → 99"
    ]
    assert reasons(town, small()) == []


def test_what_asterisk_gets_stands_under_its_edit() -> None:
    town = small()
    new = replace(town.people["p2500"], id="p2599", extension="2599", first_name="Änne", phones=("tel10",))
    more = small(people={**town.people, "p2599": new})
    found = account(edits(town, more), plan(compiled(more), compiled(town)).changes)
    got = {str(edit).split(" is")[0]: {change.name for change in changes} for edit, changes in found.of.items()}
    assert "flow-n_2599 ring" in got["person 2599"]
    assert "tel10" in got["person 2599"]
    assert got["number 2599"] == {"numbers-1 2599", "circle-all 2599", "circle-d_buergerbuero 2599"}
    assert not found.follows
    dropped = person(stand_in="p3501", phones=("tel10",))
    assert any(
        each.name == "flow-n_2500 ring"
        for changes in account(edits(town, dropped), plan(compiled(dropped), compiled(town)).changes).of.values()
        for each in changes
    )


def test_longer_hours_are_told_as_hours() -> None:
    week = {**HOURS.week, "mon": (NOON,), "thu": (NOON, AFTERNOON), "sat": (MORNING,)}
    longer = small(schedules={"rathaus": replace(HOURS, week=week)})
    assert (
        "06205 21-30, Mon, Thu 12–14 h and Sat 8–12 h, everyone picks up:"
        " was mailbox 10, becomes department buergerbuero"
    ) in [line.replace(" (not 2026-12-24)", "") for line in told(small(), longer)]


def test_a_dated_closure_is_told_as_a_date() -> None:
    closed = small(
        schedules={
            "rathaus": replace(HOURS, special={**HOURS.special, date(2026, 12, 28): SpecialDay(name="Betriebsausflug")})
        }
    )
    assert "06205 21-30, 2026-12-28 8–12 h, everyone picks up: was department buergerbuero, becomes mailbox 10" in told(
        small(), closed
    )


def test_numbers_that_come_and_go_and_stand_ins() -> None:
    town = small()
    new = replace(town.people["p3501"], id="p2599", extension="2599", phones=("tel10",))
    more = small(people={**town.people, "p2599": new})
    assert "06205 21-2599, every day, everyone picks up: was nobody's number (flow town), becomes phone 10" in told(
        town, more
    )
    assert "06205 21-2599, every day, everyone picks up: was phone 10, becomes nobody's number (flow town)" in told(
        more, town
    )
    assert any(line.startswith("06205 21-2500") and NEXT in line for line in told(town, person(stand_in="")))


def test_what_changes_no_call_is_told_as_no_call() -> None:
    assert told(small(), person(last_name="Gelb", ring_seconds=9)) == []
    assert told(small(), small()) == []


def waved(**changed: Any) -> Directory:
    """The small town, in which Anna Grün moves in the second wave."""
    town = small()
    waves = {"2": Wave(id="2", name="Schulen", trunk="provider")}
    return small(people={**town.people, "p2500": replace(town.people["p2500"], wave=2, **changed)}, waves=waves)


def test_what_changes_behind_a_wave_is_told_for_the_day_when_it_has_moved() -> None:
    lines = told(waved(), waved(phones=("tel10",)))
    assert lines == [
        "06205 21-2500, every day, once wave 2 has moved, everyone picks up: was phone 2500, becomes phone 10",
    ]
    assert (
        "06205 21-2500, every day, before wave 2 has moved, everyone picks up:"
        " was phone 2500, becomes 2500 at the old exchange"
    ) in [line.replace(" or only those who are rung next pick up", "") for line in told(small(), waved())]
    assert not any("once" in line for line in told(small(), waved()))


def test_a_change_far_away_reaches_every_number_that_leads_there() -> None:
    town = small()
    department = replace(town.departments["buergerbuero"], phones=("tel10",))
    elsewhere = small(departments={"buergerbuero": department})
    numbers = {outcome.number for outcome in outcomes(town, elsewhere, TODAY)}
    assert numbers == set()  # a department stays that department, whoever sits there
    closed = town_flow(door=When(schedule="rathaus", open="d_buergerbuero.ring", closed="town.box", holiday="town.box"))
    assert {outcome.number for outcome in outcomes(town, small(closed), TODAY)} >= {"0", "10", "2501"}


TIMES = st.integers(0, 47).map(lambda half: time(half // 2, 30 * (half % 2)))


@st.composite
def schedules(draw: Any) -> Schedule:
    def blocks() -> tuple[Block, ...]:
        edges = sorted(draw(st.sets(TIMES, max_size=4)))
        return tuple(Block(start=one, end=two) for one, two in zip(edges[::2], edges[1::2], strict=False))

    days = draw(st.sets(st.integers(0, 300), max_size=4))
    special = {TODAY + timedelta(days=day): SpecialDay(name="x", blocks=blocks()) for day in days}
    week = {day: blocks() for day in ("mon", "tue", "sat")}
    zone = draw(st.sampled_from(("Europe/Berlin", "Europe/London", "Europe/Helsinki")))
    return Schedule(name="rathaus", timezone=zone, week=week, special=special, known_until=date(2029, 12, 31))


def held(found: Hours, at: datetime) -> bool:
    local = at.astimezone(BERLIN)
    return any(begin <= local.hour * 60 + local.minute < end for begin, end in found.on(local.date()))


@given(one=schedules(), two=schedules(), state=st.sampled_from(("open", "closed")), minutes=st.integers(0, 500_000))
@example(
    one=Schedule(
        name="rathaus",
        timezone="Europe/London",
        week={"mon": (Block(start=time(22), end=time(23, 30)),)},
        special={date(2026, 11, 24): SpecialDay(name="x", blocks=(Block(start=time(0), end=time(0)),))},
        known_until=date(2029, 12, 31),
    ),
    two=Schedule(
        name="rathaus", timezone="Europe/Berlin", week={d: (Block(start=time(0), end=time(0)),) for d in WEEKDAYS}
    ),
    state="open",
    minutes=2 * 24 * 60 - 30,  # 00:30 in Berlin, still the special day in London
)
@settings(max_examples=200, deadline=None)
def test_hours_hold_exactly_when_the_schedules_say_so(one: Schedule, two: Schedule, state: str, minutes: int) -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minutes)
    found = hours([(one, state), (two, "open")], ZoneInfo("Europe/Berlin"), TODAY)
    assert held(found, at) == (one.state(at) == state and two.state(at) == "open"), (str(found), at)


@given(one=schedules(), two=schedules(), minutes=st.integers(0, 500_000))
@settings(max_examples=100, deadline=None)
def test_outcomes_are_what_explain_says_before_and_after(one: Schedule, two: Schedule, minutes: int) -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minutes)
    before, after = small(schedules={"rathaus": one}), small(schedules={"rathaus": two})
    found = list(outcomes(before, after, TODAY))
    for world in set(WORLDS) - {NEXT}:
        for number in before.numbers:
            seen = World(at=at, others=WORLDS[world].others)
            was, becomes = (
                words(town, tuple(explain(town, town.first(town.numbers[number]), seen))) for town in (before, after)
            )
            said = [
                (each.was, each.becomes)
                for each in found
                if each.number == number and world in each.worlds and held(each.hours, at)
            ]
            assert said == ([(was, becomes)] if was != becomes else []), (number, world, at)


NAMES = st.sampled_from(("Grün", "Blau", "Gelb", "Rot"))


@st.composite
def towns(draw: Any) -> Directory:
    """The small town after some random edits: people come, go, are renamed and get other phones and stand-ins."""
    town = small()
    people = {}
    for number in draw(st.sets(st.sampled_from(("2500", "3501", "2600", "2601", "2602")), max_size=5)):
        own = draw(st.booleans())
        people[f"p{number}"] = replace(
            town.people["p2500"],
            id=f"p{number}",
            extension=number,
            last_name=draw(NAMES),
            phones=(draw(st.sampled_from(("tel10", "tel2500", "tel2501"))),),
            box=number if own else "",
            stand_in="",
            ring_seconds=draw(st.integers(5, 9)),
        )
    boxes = {**town.boxes, **{each.box: replace(town.boxes["10"], id=each.box) for each in people.values() if each.box}}
    labels = {name: replace(phone, label=draw(NAMES)) for name, phone in town.phones.items()}
    return small(people=people, boxes=boxes, phones=labels)


@given(one=towns(), two=towns())
@settings(max_examples=60, deadline=None)
def test_a_plan_leads_from_any_directory_to_any_other_and_back(one: Directory, two: Directory) -> None:
    old, new = compiled(one), compiled(two)
    change = plan(new, old)
    was, becomes = dict(things(old)), dict(things(new))
    assert {(each.kind, each.name) for each in change.changes} == {
        thing for thing in was.keys() | becomes if was.get(thing) != becomes.get(thing)
    }
    assert change.before == len(was)
    assert change.empty == (old == new)
    back = plan(old, new)
    flipped = {"create": "delete", "delete": "create", "update": "update"}
    assert {(each.kind, each.name, flipped[each.action]) for each in back.changes} == {
        (each.kind, each.name, each.action) for each in change.changes
    }
    found = account(edits(one, two), change.changes)
    listed = [each for changes in (*found.of.values(), *found.follows.values()) for each in changes]
    assert sorted(listed) == sorted(change.changes), "each change stands in the plan exactly once"
    assert bool(tuple(edits(one, two))) == (one != two)


@given(one=towns(), two=towns())
@settings(max_examples=30, deadline=None)
def test_the_directory_of_a_tree_is_read_as_it_was_written(one: Directory, two: Directory) -> None:
    tree = {directories.APPLIED: lines.write(one)}
    assert directories.of_tree(tree) == one
    beside = directories.of_tree(tree, beside=two)
    assert beside == one
    assert all(beside.flows[name] is two.flows[name] for name in one.flows if two.flows.get(name) == one.flows[name])
    assert list(edits(beside, two)) == list(edits(one, two))
