"""Town, sites, trunks, opening hours as an admin writes them: the other way round of read_town and read_hours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from itertools import groupby

from orchestrator.domain.people import Room
from orchestrator.domain.schedule import WEEKDAYS, Block, Calendar, Schedule, SpecialDay
from orchestrator.domain.town import NumberRange, Permission, Retired, Site, Town, Trunk, Wave
from orchestrator.store.read_hours import NAMES, SPECIAL
from orchestrator.store.tables import stored
from orchestrator.store.written import Line, Word, fields, plain

LONGEST_SPAN = 366


def town(town: Town) -> dict[str, object]:
    """Every field, so that an admin sees what there is to decide."""
    data = {field.name: plain(getattr(town, field.name)) for field in stored(Town)}
    return {**data, "area": f"0{town.area}"}


def site(site: Site) -> Line:
    """One site."""
    return fields(site, {"emergency_number": "emergency"}, leave=("id",))


def trunk(trunk: Trunk) -> Line:
    """One trunk, with its port, whose usual value depends on the transport."""
    return Line({**fields(trunk, leave=("id",)), "port": trunk.port})


def permission(permission: Permission) -> Line:
    """One permission."""
    return fields(permission, leave=("id",))


def room(room: Room) -> Line:
    """One conference room."""
    return fields(room, {"extension": "number"}, leave=("id",))


def number_range(span: NumberRange) -> Line:
    """One range."""
    return fields(span, {"first": "from", "last": "to"}, leave=("id",))


def retired(retired: Retired) -> Line:
    """One retired number."""
    return fields(retired, leave=("extension",))


def wave(wave: Wave) -> Line:
    """One wave."""
    return fields(wave, leave=("id",))


def calendar(calendar: Calendar) -> dict[str, object]:
    """One calendar."""
    return {"name": calendar.name, "days": Line(_spans(calendar.days))}


def schedule(schedule: Schedule, town: Town) -> dict[str, object]:
    """Opening hours; what is as in the town is not written."""
    off = {day: special.name for day, special in schedule.special.items() if not special.blocks}
    other = {day: special for day, special in schedule.special.items() if special.blocks}
    data: dict[str, object] = {"week": Line(_week(schedule.week))}
    if schedule.region != town.region:
        data["holidays"] = schedule.region
    if schedule.calendars:
        data["calendars"] = list(schedule.calendars)
    if off:
        data["closed"] = Line(_spans(off))
    if other:
        data["special"] = {Word(day.isoformat()): _special(special) for day, special in sorted(other.items())}
    if schedule.timezone != town.timezone:
        data["timezone"] = schedule.timezone
    return data


def _special(special: SpecialDay) -> Line:
    named = {} if special.name == SPECIAL else {"name": special.name}
    return Line(**named, hours=_hours(special.blocks))


def _week(week: Mapping[str, tuple[Block, ...]]) -> Iterator[tuple[str, str]]:
    """Days that follow each other with the same hours are one: `mo-fr`."""
    days = [(number, _hours(week[name])) for number, name in enumerate(WEEKDAYS) if week.get(name)]
    for _, run in groupby(enumerate(days), key=lambda pair: (pair[1][0] - pair[0], pair[1][1])):
        same = [day for _, day in run]
        first, last = NAMES[same[0][0]][0], NAMES[same[-1][0]][0]
        yield (first if first == last else f"{first}-{last}"), same[0][1]


def _hours(blocks: tuple[Block, ...]) -> str:
    return ", ".join(f"{block.start.hour}:{block.start.minute:02}-{_end(block.end)}" for block in blocks)


def _end(end: time) -> str:
    return "24:00" if end == time.min else f"{end.hour}:{end.minute:02}"


def _spans(days: Mapping[date, str]) -> Iterator[tuple[Word, str]]:
    """Dates that follow each other for the same reason are one: `2026-12-24..2026-12-31`."""
    spans: list[tuple[date, date, str]] = []
    for day, why in sorted(days.items()):
        if spans and spans[-1][2] == why and spans[-1][1] + timedelta(1) == day and _short(spans[-1][0], day):
            spans[-1] = (spans[-1][0], day, why)
        else:
            spans.append((day, day, why))
    for first, last, why in spans:
        yield Word(first.isoformat() if first == last else f"{first}..{last}"), why


def _short(first: date, last: date) -> bool:
    return (last - first).days < LONGEST_SPAN
