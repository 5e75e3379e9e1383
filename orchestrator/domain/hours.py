"""When something holds: hours of an ordinary week and dates that differ from it, worked out of schedules, and in words.

Belongs here: sets of times. Not here: what holds then (outcomes), what a schedule says at one instant (schedule).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from orchestrator.domain.schedule import CLOSED, OPEN, WEEKDAYS, Schedule

Span = tuple[int, int]
"""Minutes since midnight, from and until just before."""
Condition = tuple[Schedule, str]
"""A schedule and what it must say: `open`, `closed` or `holiday`."""
DAY = 24 * 60
NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHOWN = 3
"""Dates that are named one by one."""


@dataclass(frozen=True, kw_only=True)
class Hours:
    """A set of times: spans of each weekday in a week without exceptions, and of each date that differs from it."""

    week: tuple[tuple[Span, ...], ...] = ((),) * 7
    dates: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.week) or any(self.dates.values())

    def on(self, day: date) -> tuple[Span, ...]:
        """The spans of one day."""
        return self.dates.get(day, self.week[day.weekday()])

    def __or__(self, other: Hours) -> Hours:
        days = sorted(self.dates.keys() | other.dates.keys())
        return Hours(
            week=tuple(_merged((*one, *two)) for one, two in zip(self.week, other.week, strict=True)),
            dates={day: _merged((*self.on(day), *other.on(day))) for day in days},
        )

    def __str__(self) -> str:
        """`weekdays 12–14 h and 2026-12-24 8–12 h`."""
        more = {day: spans for day, spans in self.dates.items() if spans and spans != self.week[day.weekday()]}
        less = [day for day, spans in self.dates.items() if not spans and self.week[day.weekday()]]
        parts = [*_weekly(self.week), *_dated(more)]
        if not parts:
            return "never"
        return " and ".join(parts) + (f" (not {_days(less)})" if less else "")


def hours(conditions: Iterable[Condition], zone: ZoneInfo, today: date, days: int = 366) -> Hours:
    """The times of the `days` from `today` on at which every one of `conditions` holds, on clocks in `zone`."""
    wanted = list(conditions)
    monday = today - timedelta(days=today.weekday())
    week = [_spans(wanted, zone, monday + timedelta(days=number), _ordinary) for number in range(7)]
    year = [today + timedelta(days=number) for number in range(days)]
    dated = {near for schedule, _ in wanted for day in schedule.dated for near in _near(schedule, zone, day)}
    exceptions = {day: _spans(wanted, zone, day, Schedule.state) for day in year if day in dated}
    return Hours(week=tuple(week), dates=exceptions)


def _ordinary(schedule: Schedule, at: datetime) -> str:
    """What `schedule` says in a week without exceptions."""
    local = at.astimezone(ZoneInfo(schedule.timezone))
    blocks = schedule.week.get(WEEKDAYS[local.weekday()], ())
    return OPEN if any(block.holds(local.time()) for block in blocks) else CLOSED


def _spans(wanted: list[Condition], zone: ZoneInfo, day: date, says: object) -> tuple[Span, ...]:
    """When on `day` all of `wanted` hold."""
    midnight = datetime.combine(day, time.min, zone)
    cuts = {0, DAY}
    for schedule, _ in wanted:
        for near in _near(schedule, zone, day):
            blocks = (*(schedule.blocks(near) or ()), *schedule.week.get(WEEKDAYS[near.weekday()], ()))
            for edge in {time.min, *(edge for block in blocks for edge in (block.start, block.end))}:
                local = datetime.combine(near, edge, ZoneInfo(schedule.timezone)).astimezone(zone)
                if local.date() == day:
                    cuts.add(local.hour * 60 + local.minute)
    return _merged(
        (begin, end)
        for begin, end in pairwise(sorted(cuts))
        if all(says(schedule, midnight + timedelta(minutes=begin)) == state for schedule, state in wanted)  # type: ignore[operator]
    )


def _near(schedule: Schedule, zone: ZoneInfo, day: date) -> tuple[date, ...]:
    """The days of one zone that have hours in common with `day` in the other: its neighbours too, if they differ."""
    if schedule.timezone == zone.key:
        return (day,)
    return (day - timedelta(days=1), day, day + timedelta(days=1))


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return tuple(found)


def _weekly(week: tuple[tuple[Span, ...], ...]) -> Iterator[str]:
    """Days with the same spans are told together, in the order of the first of them."""
    alike: dict[tuple[Span, ...], list[int]] = {}
    for number, spans in enumerate(week):
        if spans:
            alike.setdefault(spans, []).append(number)
    for spans, having in alike.items():
        at = _clock(spans)
        yield f"{_weekdays(having)}{f' {at}' if at else ''}"


def _weekdays(numbers: list[int]) -> str:
    match numbers:
        case [0, 1, 2, 3, 4, 5, 6]:
            return "every day"
        case [0, 1, 2, 3, 4]:
            return "weekdays"
        case [5, 6]:
            return "at weekends"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{NAMES[run[0]]}–{NAMES[run[-1]]}" if len(run) > 2 else ", ".join(NAMES[number] for number in run)
        for run in runs
    )


def _dated(dates: Mapping[date, tuple[Span, ...]]) -> Iterator[str]:
    alike: dict[tuple[Span, ...], list[date]] = {}
    for day, spans in sorted(dates.items()):
        alike.setdefault(spans, []).append(day)
    for spans, having in alike.items():
        at = _clock(spans)
        yield f"{_days(having)}{f' {at}' if at else ''}"


def _days(days: list[date]) -> str:
    named = ", ".join(f"{day:%Y-%m-%d}" for day in days[:SHOWN])
    return named + (f" and {len(days) - SHOWN} more days" if len(days) > SHOWN else "")


def _clock(spans: tuple[Span, ...]) -> str:
    """`8–12, 13:30–16 h`; empty for the whole day."""
    if spans == ((0, DAY),):
        return ""
    return ", ".join(f"{_minute(begin)}–{_minute(end)}" for begin, end in spans) + " h"


def _minute(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02d}" if minute % 60 else str(minute // 60)
