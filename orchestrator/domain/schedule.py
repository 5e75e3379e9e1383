"""When an office is open: weekly blocks, days off, and days with hours of their own.

Belongs here: what a schedule says at an instant, and where it changes. Not here: which days are holidays (the
store asks the `holidays` library whenever it loads a directory) and how the dialplan says it (compile).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

OPEN, CLOSED, HOLIDAY = "open", "closed", "holiday"
COMPUTED = {"computed": True}
"""Marks a field that is worked out from others: it is compiled, and not stored."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True, order=True)
class Block:
    """Open from `start` until just before `end`; `end` may be 24:00, written as time.min."""

    start: time
    end: time

    def holds(self, moment: time) -> bool:
        return self.start <= moment and (moment < self.end or self.end == time.min)


@dataclass(frozen=True, kw_only=True)
class SpecialDay:
    """A date that differs from its weekday: with blocks it has hours of its own, without it is a day off."""

    name: str
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Days off that several schedules share: school holidays, bridging days, a works outing."""

    id: str
    name: str
    days: Mapping[date, str] = field(default_factory=dict)
    """Date -> why."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Opening hours. `week` is keyed by weekday name (`mon` … `sun`), dates are those of `timezone`."""

    name: str
    timezone: str
    week: Mapping[str, tuple[Block, ...]]
    special: Mapping[date, SpecialDay] = field(default_factory=dict)
    """Dates of its own, which outweigh calendars and holidays."""
    region: str = "none"
    """Whose public holidays are days off: a German state (`BW`), or `none`."""
    calendars: tuple[str, ...] = ()
    """Calendars whose days are days off."""
    off: Mapping[date, str] = field(default_factory=dict, metadata=COMPUTED)
    """The days off by public holidays and calendars, with their names: filled in when a directory is loaded."""
    known_until: date = field(default=date.min, metadata=COMPUTED)
    """The last day for which holidays are known: beyond it the schedule is a guess."""

    @property
    def dated(self) -> Mapping[date, SpecialDay]:
        """Every date that differs from its weekday."""
        return {**{day: SpecialDay(name=name) for day, name in self.off.items()}, **self.special}

    def state(self, at: datetime) -> str:
        """`open`, `closed` or `holiday` at an aware `at`; raises ValueError for a naive one."""
        if at.tzinfo is None:
            raise ValueError("a schedule needs to know the time zone of the question")
        local = at.astimezone(ZoneInfo(self.timezone))
        blocks = self.blocks(local.date())
        if blocks is None:
            return HOLIDAY
        return OPEN if any(block.holds(local.time()) for block in blocks) else CLOSED

    def blocks(self, day: date) -> tuple[Block, ...] | None:
        """The opening hours of one day; None for a day off."""
        if special := self.special.get(day):
            return special.blocks or None
        if day in self.off:
            return None
        return self.week.get(WEEKDAYS[day.weekday()], ())

    def next_opening(self, at: datetime) -> datetime | None:
        """The next instant after `at` at which a block begins; None if there is none within a year."""
        zone = ZoneInfo(self.timezone)
        local = at.astimezone(zone)
        for offset in range(366):
            day = local.date() + timedelta(days=offset)
            for block in sorted(self.blocks(day) or ()):
                begins = datetime.combine(day, block.start, zone)
                if begins > local:
                    return begins
        return None

    def boundaries(self, start: date, days: int) -> Iterator[datetime]:
        """Each instant at which the state may change, for the `days` from `start` on."""
        zone = ZoneInfo(self.timezone)
        for offset in range(days):
            day = start + timedelta(days=offset)
            yield datetime.combine(day, time.min, zone)
            for block in self.blocks(day) or ():
                yield datetime.combine(day, block.start, zone)
                if block.end != time.min:
                    yield datetime.combine(day, block.end, zone)
