"""The months ahead of a schedule: its weekly hours, and each day that differs from its weekday. For people to check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

from orchestrator.domain.schedule import WEEKDAYS, Block, Schedule

DAY_NAMES = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
MONTH_NAMES = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
CLOSED = "geschlossen"


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day that differs from its weekday."""

    day: date
    name: str
    hours: str

    @property
    def written(self) -> str:
        """`Donnerstag, 24.12.`"""
        return f"{DAY_NAMES[self.day.weekday()]}, {self.day:%d.%m.}"


@dataclass(frozen=True, kw_only=True)
class Month:
    """One month, with the days of it that differ."""

    name: str
    days: tuple[Day, ...]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a schedule comes to in the months ahead."""

    schedule: str
    whose: tuple[str, ...]
    """The departments that keep these hours."""
    week: tuple[tuple[str, str], ...]
    months: tuple[Month, ...]


def preview(schedule: Schedule, whose: Sequence[str], first: date, months: int) -> Preview:
    """`months` calendar months, from that of `first` on, without the days before `first`."""
    week = tuple((name, hours(schedule.week.get(key, ()))) for name, key in zip(DAY_NAMES, WEEKDAYS, strict=True))
    ahead = tuple(_month(schedule, year, month, first) for year, month in _ahead(first, months))
    return Preview(schedule=schedule.name, whose=tuple(whose), week=week, months=ahead)


def hours(blocks: Sequence[Block]) -> str:
    """`8:00–12:00, 13:30–16:00 Uhr`."""
    if not blocks:
        return CLOSED
    return ", ".join(f"{_clock(b.start)}–{_clock(b.end, end=True)}" for b in sorted(blocks)) + " Uhr"


def _clock(at: time, *, end: bool = False) -> str:
    return "24:00" if end and at == time.min else f"{at.hour}:{at:%M}"


def _ahead(first: date, months: int) -> Iterator[tuple[int, int]]:
    for at in range(first.month - 1, first.month - 1 + months):
        yield first.year + at // 12, at % 12 + 1


def _month(schedule: Schedule, year: int, month: int, first: date) -> Month:
    dated, days = schedule.dated, []
    day = max(date(year, month, 1), first)
    while day.month == month:
        usual = schedule.week.get(WEEKDAYS[day.weekday()], ())
        if (special := dated.get(day)) and special.blocks != usual:
            days.append(Day(day=day, name=special.name, hours=hours(special.blocks)))
        day += timedelta(days=1)
    return Month(name=f"{MONTH_NAMES[month - 1]} {year}", days=tuple(days))
