"""What the dialplan's own clock functions say is what the schedule says: at each boundary, to the second.

Every question is a call on a real Asterisk, in a time of its own, to a flow that asks a schedule; the caller is gone as
soon as the exchange has picked up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.domain.flow import Flow, When
from orchestrator.domain.schedule import WEEKDAYS, Block, Schedule, SpecialDay
from orchestrator.journal import cel
from orchestrator.service import wiring
from tests.running_town import Town, running_town, until
from tests.towns import HOURS, small

LATE = Block(start=time(22, 30), end=time.min)
EARLY = Block(start=time.min, end=time(2, 30))
MINUTE = Block(start=time(12, 59), end=time(13))
RANDOM = 60
"""Instants at random for each schedule, besides its boundaries."""
CHANGES = {"berlin": (date(2026, 10, 25), date(2027, 3, 28)), "newyork": (date(2026, 11, 1), date(2027, 3, 14))}
"""The days on which the clocks change."""

SCHEDULES: Mapping[str, Schedule] = {
    "berlin": replace(HOURS, name="berlin"),
    "nights": Schedule(
        name="nights",
        timezone="Europe/Berlin",
        week=dict.fromkeys(WEEKDAYS, (EARLY, MINUTE, LATE)),
        special={
            CHANGES["berlin"][0]: SpecialDay(name="Zeitumstellung", blocks=(Block(start=time(2), end=time(3)),)),
            date(2026, 12, 31): SpecialDay(name="Silvester", blocks=(Block(start=time.min, end=time(0, 1)), LATE)),
            date(2027, 1, 1): SpecialDay(name="Neujahr"),
        },
        known_until=date(2029, 12, 31),
    ),
    "newyork": Schedule(
        name="newyork",
        timezone="America/New_York",
        week={"sun": (Block(start=time(1), end=time(3)),), "mon": (Block(start=time.min, end=time.min),)},
        special={date(2026, 11, 26): SpecialDay(name="Thanksgiving")},
        known_until=date(2029, 12, 31),
    ),
    "kathmandu": Schedule(
        name="kathmandu",
        timezone="Asia/Kathmandu",
        week={"sat": (Block(start=time(10), end=time(10, 15)), Block(start=time(10, 15), end=time(11)))},
        # a boundary inside the hour that Berlin has twice
        special={CHANGES["berlin"][0]: SpecialDay(name="Sonntag", blocks=(Block(start=time(6, 15), end=time(7, 15)),))},
        known_until=date(2029, 12, 31),
    ),
}


def instants(schedule: Schedule) -> list[datetime]:
    """A second before and after each boundary around every special day and change of the clocks, and some more."""
    drawn = random.Random(schedule.name)
    days = [day - timedelta(days=1) for day in (*schedule.special, *CHANGES.get(schedule.name, CHANGES["berlin"]))]
    edges = {edge.astimezone(UTC) for day in days for edge in schedule.boundaries(day, 3)}
    edges |= {datetime.combine(day, time(hour), UTC) for day in days for hour in (24 - 1, 0, 1, 2)}
    somewhere = {
        datetime(2026, 11, 24, tzinfo=UTC) + timedelta(seconds=drawn.randrange(365 * 86400)) for _ in range(RANDOM)
    }
    return sorted({edge + timedelta(seconds=by) for edge in edges for by in (-1, 0, 59)} | somewhere)


@pytest.fixture(scope="module")
def clockwork(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town with a number for each schedule: 4000 asks the first, 4001 the second, …"""
    town = small()
    asking = {
        f"ask_{name}": Flow(
            name=f"ask_{name}",
            start="clock",
            steps={"clock": When(schedule=name, open="town.closed", closed="town.closed", holiday="town.closed")},
        )
        for name in SCHEDULES
    }
    written = replace(
        town,
        schedules={**town.schedules, **SCHEDULES},
        flows={"town": town.flows["town"], **asking},
        numbers={"0": "town", **{f"40{at:02d}": flow for at, flow in enumerate(asking)}},
    )
    with running_town(tmp_path_factory.mktemp("h"), written) as running:
        yield running


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_dialplan_agrees_with_the_schedule(clockwork: Town, name: str) -> None:
    asterisk = Rest(wiring.ari(clockwork.state))
    asked = {f"{name}-{int(at.timestamp())}": at for at in instants(SCHEDULES[name])}
    number = f"40{list(SCHEDULES).index(name):02d}"
    for question, at in asked.items():
        asterisk.ask(
            *("POST", "channels"),
            endpoint=f"Local/{number}*{int(at.timestamp())}@from-test/n",
            context="landing",
            extension="h",
            formats="alaw",
            timeout="5",
            channelId=f"asks-{question}",
            otherChannelId=question,
        )
    until(lambda: len(answers(clockwork, name)) == len(asked), 20)
    expected = {question: SCHEDULES[name].state(at) for question, at in asked.items()}
    said = answers(clockwork, name)
    wrong = {str(at): (said[q], expected[q]) for q, at in asked.items() if said[q] != expected[q]}
    assert not wrong
    until(lambda: not clockwork.left(), 10)


def answers(town: Town, name: str) -> dict[str, str]:
    """Question -> what the dialplan answered."""
    events = cel.read(town.state.journal, 0).events
    said = f"ask_{name}.clock="
    return {
        event.channel: event.mark.removeprefix(said)
        for event in events
        if event.kind == "ANSWER" and event.mark.startswith(said)
    }


def test_the_questions_reach_every_answer() -> None:
    """Otherwise the test above could agree without looking."""
    seen = {schedule.state(at) for schedule in SCHEDULES.values() for at in instants(schedule)}
    assert seen == {"open", "closed", "holiday"}
    assert sum(len(instants(schedule)) for schedule in SCHEDULES.values()) > 300
