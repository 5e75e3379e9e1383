"""Which days are off: public holidays by law, from the `holidays` library, and the calendars that schedules share.

Worked out whenever a directory is loaded, so that the years ahead never run out. Not here: opening hours (read_hours).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache

import holidays

from orchestrator.domain.directory import Directory
from orchestrator.domain.schedule import Schedule

NO_REGION = "none"
YEARS_AHEAD = 3


def complete(directory: Directory, year: int) -> Directory:
    """The directory with the days off of every schedule, for last year to three years ahead of `year`."""
    return replace(
        directory,
        schedules={name: _completed(directory, schedule, year) for name, schedule in directory.schedules.items()},
    )


def _completed(directory: Directory, schedule: Schedule, year: int) -> Schedule:
    off = dict(_public(schedule.region, year))
    for name in schedule.calendars:
        if calendar := directory.calendars.get(name):
            off |= calendar.days
    return replace(schedule, off=dict(sorted(off.items())), known_until=date(year + YEARS_AHEAD, 12, 31))


def is_region(region: str) -> bool:
    """Whether the library knows the public holidays of a German state by this name."""
    return region == NO_REGION or region in holidays.DE.subdivisions  # type: ignore[attr-defined]


@cache
def _public(region: str, year: int) -> tuple[tuple[date, str], ...]:
    return tuple(_found(region, year)) if is_region(region) else ()


def _found(region: str, year: int) -> Iterator[tuple[date, str]]:
    if region != NO_REGION:
        years = range(year - 1, year + YEARS_AHEAD + 1)
        yield from sorted(holidays.country_holidays("DE", subdiv=region, years=years, language="de").items())
