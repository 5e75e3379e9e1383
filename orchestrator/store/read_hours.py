"""Opening hours and calendars as an admin writes them: `mo-fr: 8:00-12:00, 14:00-16:00`, days off, special days."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date, time, timedelta
from itertools import pairwise

from orchestrator.domain.schedule import WEEKDAYS, Block, Calendar, Schedule, SpecialDay
from orchestrator.domain.town import Town
from orchestrator.store.calendar import NO_REGION, is_region
from orchestrator.store.marked import Marked

NAMES = (
    ("mo", "montag", "mon", "monday"),
    ("di", "dienstag", "tue", "tuesday"),
    ("mi", "mittwoch", "wed", "wednesday"),
    ("do", "donnerstag", "thu", "thursday"),
    ("fr", "freitag", "fri", "friday"),
    ("sa", "samstag", "sat", "saturday"),
    ("so", "sonntag", "sun", "sunday"),
)
DAYS = {name: number for number, names in enumerate(NAMES) for name in names}
_TIME = re.compile(r"(\d{1,2})[:.](\d{2})")
SPECIAL = "besondere Öffnungszeit"
"""What a special day is called that has no name."""
_KEYS = ("week", "holidays", "calendars", "closed", "special", "timezone")


def schedule(name: str, marked: Marked, town: Town, calendars: Collection[str]) -> Schedule:
    """One schedule, not completed by holidays."""
    fields = marked.fields(_KEYS, required=("week",))
    special: dict[date, SpecialDay] = {}
    if "closed" in fields:
        special |= {day: SpecialDay(name=why.text()) for key, why in fields["closed"].items() for day in dates(key)}
    if "special" in fields:
        special |= dict(_special(fields["special"]))
    return Schedule(
        name=name,
        timezone=fields["timezone"].text() if "timezone" in fields else town.timezone,
        week=_week(fields["week"]) if "week" in fields else {},
        special=special,
        region=_region(fields["holidays"]) if "holidays" in fields else town.region,
        calendars=tuple(each.one_of(calendars, "calendar") for each in fields["calendars"].values())
        if "calendars" in fields
        else (),
    )


def calendar(name: str, marked: Marked) -> Calendar:
    """One calendar: `{name: Schulferien, days: {2026-12-23..2027-01-09: Weihnachtsferien}}`."""
    fields = marked.fields(("name", "days"), required=("days",))
    days = {day: why.text() for key, why in fields["days"].items() for day in dates(key)} if "days" in fields else {}
    return Calendar(id=name, name=fields["name"].text() if "name" in fields else name, days=days)


def _region(marked: Marked) -> str:
    region = NO_REGION if marked.text() == "no" else marked.text()
    if not is_region(region):
        marked.wrong(f"no German state {region!r}", "use BW, BY, HE, RP, … or none")
    return region


def _special(marked: Marked) -> Iterator[tuple[date, SpecialDay]]:
    for key, value in marked.items():
        fields = value.fields(("name", "hours"), required=("hours",))
        name = fields["name"].text() if "name" in fields else SPECIAL
        hours = blocks(fields["hours"]) if "hours" in fields else ()
        _apart(value, key.text(), hours)
        for day in dates(key):
            yield day, SpecialDay(name=name, blocks=hours)


def _week(marked: Marked) -> dict[str, tuple[Block, ...]]:
    week: dict[str, tuple[Block, ...]] = {}
    for key, value in marked.items():
        for day in weekdays(key):
            week[day] = tuple(sorted((*week.get(day, ()), *blocks(value))))
    for day, having in week.items():
        _apart(marked, day, having)
    return week


def _apart(marked: Marked, day: str, having: tuple[Block, ...]) -> None:
    """Blocks of one day, in their order, must not overlap."""
    for one, next_ in pairwise(having):
        if one.end > next_.start or one.end == time.min:
            marked.wrong(f"{day}: {one.start:%H:%M} and {next_.start:%H:%M} overlap", "let one end before the next")


def weekdays(marked: Marked) -> list[str]:
    """`mo-fr`, `do`, `mo,mi` -> names of weekdays."""
    days: list[str] = []
    for part in marked.text().lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if not all(day in DAYS for day in (first, last or first)):
            marked.wrong(f"{part!r} is not a weekday", "write mo, di, mi, do, fr, sa, so or mon … sun, or mo-fr")
            continue
        start, end = DAYS[first], DAYS[last or first]
        if end < start:
            marked.wrong(f"{part!r} goes backwards", "write it from Monday to Sunday")
        days += WEEKDAYS[start : end + 1]
    return days


def blocks(marked: Marked) -> tuple[Block, ...]:
    """`8:00-12:00, 14:00-16:00` -> blocks."""
    found = []
    for part in (part.strip() for part in marked.text().split(",")):
        start, _, end = part.partition("-")
        first, last = _clock(start.strip()), _clock(end.strip())
        if first is None or last is None:
            marked.wrong(f"{part!r} is not an opening time", "write it as 8:00-12:00")
            continue
        if (last <= first and last != time.min) or start.strip() == "24:00":
            marked.wrong(f"{part!r} ends before it begins", "split it at midnight")
            continue
        found.append(Block(start=first, end=last))
    return tuple(sorted(found))


def _clock(text: str) -> time | None:
    if text == "24:00":
        return time.min
    found = _TIME.fullmatch(text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    return time(int(found[1]), int(found[2]))


def dates(marked: Marked) -> list[date]:
    """`2026-12-24` or `2026-12-24..2026-12-31` -> each day."""
    first, _, last = marked.text().partition("..")
    try:
        start, end = date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())
    except ValueError:
        marked.wrong(f"{marked.text()!r} is not a date", "write 2026-12-24 or 2026-12-24..2026-12-31")
        return []
    if end < start or (end - start).days > 366:
        marked.wrong(f"{marked.text()!r} is not a span of at most a year")
        return []
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]
