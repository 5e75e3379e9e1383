"""Opening hours as an admin writes them: `mo-fr: 8:00-12:00, 14:00-16:00`, holidays by the `holidays` library.

Public holidays of a region come from its law by way of the library, for last year to three years ahead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from itertools import pairwise

import holidays

from orchestrator.domain.directory import Town
from orchestrator.domain.schedule import WEEKDAYS, Block, Schedule, SpecialDay
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
YEARS_AHEAD = 3
_TIME = re.compile(r"(\d{1,2})[:.](\d{2})")
_KEYS = ("week", "holidays", "closed", "special", "timezone")


def schedule(name: str, marked: Marked, town: Town, year: int) -> Schedule:
    """One schedule; `year` is the current one."""
    fields = marked.fields(_KEYS, required=("week",))
    region = fields["holidays"].text() if "holidays" in fields else town.region
    special = dict(_public(fields.get("holidays", marked), region, year))
    if "closed" in fields:
        special |= {day: SpecialDay(name=why.text()) for key, why in fields["closed"].items() for day in dates(key)}
    if "special" in fields:
        special |= dict(_special(fields["special"]))
    return Schedule(
        name=name,
        timezone=fields["timezone"].text() if "timezone" in fields else town.timezone,
        week=_week(fields["week"]) if "week" in fields else {},
        special=special,
        known_until=date(year + YEARS_AHEAD, 12, 31),
    )


def _public(at: Marked, region: str, year: int) -> Iterator[tuple[date, SpecialDay]]:
    if region in ("none", "no"):
        return
    years = range(year - 1, year + YEARS_AHEAD + 1)
    try:
        found = holidays.country_holidays("DE", subdiv=region, years=years, language="de")
    except NotImplementedError:
        at.wrong(f"no German state {region!r}", "use BW, BY, HE, RP, … or none")
        return
    for day, name in sorted(found.items()):
        yield day, SpecialDay(name=name)


def _special(marked: Marked) -> Iterator[tuple[date, SpecialDay]]:
    for key, value in marked.items():
        fields = value.fields(("name", "hours"), required=("hours",))
        name = fields["name"].text() if "name" in fields else "besondere Öffnungszeit"
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
