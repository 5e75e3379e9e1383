"""Every hour of two years: the opening hours of the example town are right, on holidays and when the clocks change too.

Judged by who shares nothing with the product: the example is read here once more, the clock changes by the rule of
directive 2000/84/EC, and holidays are those of the Feiertagsgesetz of Baden-Württemberg, counted from Easter. The
`holidays` library, which the product asks, is held against that law as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import holidays
import pytest
import yaml

from orchestrator.store.reading import read_files
from tests.hurry import EXAMPLE

YEARS = (2026, 2027)
WEEK = ("mo", "di", "mi", "do", "fr", "sa", "so")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def easter(year: int) -> date:
    """Easter Sunday, by the rule of Gauss as Lichtenberg completed it (PTB: Osterdatum)."""
    century, moon = year // 100, year % 19
    shift = 15 + (3 * century + 3) // 4 - (8 * century + 13) // 25
    sun = 2 - (3 * century + 3) // 4
    seed = (19 * moon + shift) % 30
    full = 21 + seed - (seed + moon // 11) // 29
    sunday = 7 - (year + year // 4 + sun) % 7
    return date(year, 3, 1) + timedelta(days=full + 7 - (full - sunday) % 7 - 1)


def by_law(year: int) -> set[date]:
    """FTG Baden-Württemberg § 1."""
    fixed = ((1, 1), (1, 6), (5, 1), (10, 3), (11, 1), (12, 25), (12, 26))
    moving = (-2, 1, 39, 50, 60)  # Karfreitag, Ostermontag, Himmelfahrt, Pfingstmontag, Fronleichnam
    return {date(year, *day) for day in fixed} | {easter(year) + timedelta(days=days) for days in moving}


def local(at: datetime) -> datetime:
    """Wall clock of Central Europe: an hour ahead, two from the last Sunday of March to that of October, 01:00 UTC."""

    def turns(month: int) -> datetime:
        last = date(at.year, month, 31)
        return datetime(at.year, month, 31 - (last.weekday() + 1) % 7, 1, tzinfo=UTC)

    return (at + (2 if turns(3) <= at < turns(10) else 1) * HOUR).replace(tzinfo=None)


def minutes(text: str) -> list[tuple[int, int]]:
    """`8:00-12:00, 13:30-16:00` in minutes of the day."""
    found = re.findall(r"(\d+):(\d+)-(\d+):(\d+)", text)
    return [(int(a) * 60 + int(b), int(c) * 60 + int(d)) for a, b, c, d in found]


def days(written: Mapping[Any, Any]) -> dict[date, Any]:
    """Dates and ranges of dates as the example writes them."""
    found: dict[date, Any] = {}
    for key, value in written.items():
        first, _, last = str(key).partition("..")
        day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        while day <= end:
            found[day] = value
            day += DAY
    return found


def expected(schedule: Mapping[str, Any], off: set[date], at: datetime) -> str:
    """What the text of the example says of an instant."""
    now, special = local(at), days(schedule.get("special", {}))
    if (day := now.date()) in special:
        blocks = minutes(special[day]["hours"])
    elif day in off:
        return "holiday"
    else:
        blocks = []
        for key, text in schedule["week"].items():
            first, _, last = key.partition("-")
            if WEEK.index(first) <= day.weekday() <= WEEK.index(last or first):
                blocks += minutes(text)
    minute = now.hour * 60 + now.minute
    return "open" if any(start <= minute < end for start, end in blocks) else "closed"


def hours() -> Iterator[datetime]:
    """Each hour of the two years, and half an hour and a second before the next."""
    at = datetime(YEARS[0], 1, 1, tzinfo=UTC) - HOUR
    while at < datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC):
        yield from (at, at + HOUR / 2, at + HOUR - SECOND)
        at += HOUR


@pytest.mark.parametrize("year", range(2020, 2040))
def test_the_holidays_are_those_of_the_law(year: int) -> None:
    assert set(holidays.country_holidays("DE", subdiv="BW", years=year)) == by_law(year)


@pytest.mark.long
def test_every_hour_of_two_years_is_as_the_example_says() -> None:
    found = read_files([EXAMPLE], 2026)
    assert not found.mistakes
    whole = yaml.safe_load((EXAMPLE / "schedules.yaml").read_text(encoding="utf-8"))
    law = {day for year in (*YEARS, YEARS[-1] + 1) for day in by_law(year)}  # the last hour is of the next year
    asked, states = list(hours()), set[str]()
    for name, schedule in found.directory.schedules.items():
        written = whole["schedules"][name]
        calendars = (days(whole["calendars"][each]["days"]) for each in written.get("calendars", ()))
        off = law.union(*calendars, days(written.get("closed", {})))
        wrong = []
        for at in asked:
            if (state := schedule.state(at)) != (right := expected(written, off, at)):
                wrong.append(f"{at:%Y-%m-%d %H:%M:%S} UTC: {state}, not {right}")
            states.add(state)
        assert wrong == [], f"{name}: {wrong[:5]}"
    assert states == {"open", "closed", "holiday"}
    assert len(asked) > 3 * 2 * 8760


def test_both_hours_that_a_clock_change_has_or_has_not_are_told_apart() -> None:
    twice = [local(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]
    assert [each.hour for each in twice] == [2, 2]
    assert [local(datetime(2027, 3, 28, hour, 30, tzinfo=UTC)).hour for hour in (0, 1)] == [1, 3]
    assert [easter(year) for year in YEARS] == [date(2026, 4, 5), date(2027, 3, 28)]
