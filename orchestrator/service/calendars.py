"""Calendars and closures as the office handles them: iCalendar in and out, single closed days, the months ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import NAME, NAME_HINT
from orchestrator.domain.preview import Preview, preview
from orchestrator.domain.schedule import Calendar, SpecialDay
from orchestrator.service import directory as directories
from orchestrator.service.changing import Changed, change
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store import ical
from orchestrator.store.calendar import YEARS_AHEAD
from orchestrator.store.marked import Mistake, suggest

LARGEST = 10_000_000
"""Bytes of an iCalendar file that is read."""
LONGEST = 366
"""Days of one closure."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an iCalendar file came to; nothing is saved if there are mistakes or problems."""

    mistakes: tuple[Mistake, ...]
    days: int
    past: int
    """How many of them are over."""
    changed: Changed | None


async def import_file(state: State, file: Path, *, into: str, name: str, why: str, dry_run: bool) -> Imported:
    """Make the days off of an iCalendar file the calendar `into`, in place of what it had."""
    if not NAME.fullmatch(into):
        raise ServiceError(f"{into!r} is no name of a calendar", todo=NAME_HINT)
    content = await asyncio.to_thread(_content, file)
    town = (await directories.read(state)).town
    today = directories.today()
    first, last = date(today.year - 1, 1, 1), date(today.year + YEARS_AHEAD, 12, 31)
    days, found = ical.read(str(file), content, ZoneInfo(town.timezone), first, last)
    if not found and not days:
        found = [
            Mistake(file=str(file), line=1, column=1, what=f"names no day from {first} to {last}", todo="look at it")
        ]
    if found:
        return Imported(mistakes=tuple(found), days=len(days), past=0, changed=None)

    def edit(directory: Directory) -> Directory:
        former = directory.calendars.get(into)
        made = Calendar(id=into, name=name or (former.name if former else into), days=days)
        return replace(directory, calendars={**directory.calendars, into: made})

    made = await change(state, edit, what=f"calendar {into} from {file.name}", why=why, dry_run=dry_run)
    return Imported(mistakes=(), days=len(days), past=sum(day < today for day in days), changed=made)


def _content(file: Path) -> bytes:
    if not file.is_file() or file.stat().st_size > LARGEST:
        raise ServiceError(f"{file} is no iCalendar file", todo="name the .ics file that your calendar exported")
    return file.read_bytes()


def exported(directory: Directory, name: str) -> bytes:
    """The calendar or, where there is none of this name, the special days of the schedule `name` as iCalendar."""
    if calendar := directory.calendars.get(name):
        return ical.written(calendar.id, calendar.name, calendar.days)
    if schedule := directory.schedules.get(name):
        return ical.schedule(schedule)
    known = (*directory.calendars, *directory.schedules)
    raise ServiceError(f"there is no calendar or schedule {name!r}", todo=suggest(name, known) or "see your files")


def previews(directory: Directory, *, department: str, schedule: str, months: int, first: date) -> Sequence[Preview]:
    """The months ahead of one department, one schedule, or all schedules."""
    names = [department_schedule(directory, department)] if department else [schedule] if schedule else []
    whose: dict[str, list[str]] = {name: [] for name in directory.schedules}
    for each in directory.departments.values():
        whose.setdefault(each.schedule, []).append(each.name)
    for name in names:
        _known_schedule(directory, name)
    return [preview(directory.schedules[name], whose[name], first, months) for name in names or directory.schedules]


@dataclass(frozen=True, kw_only=True)
class Closure:
    """Days on which offices are closed; exactly one of the three says which."""

    first: date
    last: date
    name: str
    department: str = ""
    schedule: str = ""
    everywhere: bool = False


async def close(state: State, closure: Closure, *, why: str, dry_run: bool) -> tuple[Changed, tuple[str, ...]]:
    """Make the days of `closure` days off; the second value names the schedules that were changed."""
    if not directories.today() <= closure.first <= closure.last < closure.first + timedelta(days=LONGEST):
        raise ServiceError(
            f"{closure.first} to {closure.last} is no closure ahead",
            todo=f"name days from today on, the last not before the first, {LONGEST} at most",
        )
    if [bool(closure.department), bool(closure.schedule), closure.everywhere].count(True) != 1:
        raise ServiceError("which offices are closed?", todo="name --department X, --schedule Y or --all")
    names: list[str] = []

    def edit(directory: Directory) -> Directory:
        names[:] = _closed(directory, closure)
        days = [closure.first + timedelta(days=at) for at in range((closure.last - closure.first).days + 1)]
        off = dict.fromkeys(days, SpecialDay(name=closure.name))
        held = directory.schedules
        closed = {name: replace(held[name], special={**held[name].special, **off}) for name in names}
        return replace(directory, schedules={**held, **closed})

    what = f"closed {closure.first} to {closure.last}: {closure.name}"
    return await change(state, edit, what=what, why=why, dry_run=dry_run), tuple(names)


def _closed(directory: Directory, closure: Closure) -> list[str]:
    if closure.everywhere:
        return list(directory.schedules)
    if closure.schedule:
        return [_known_schedule(directory, closure.schedule)]
    name = department_schedule(directory, closure.department)
    others = [d.id for d in directory.departments.values() if d.schedule == name and d.id != closure.department]
    if others:
        raise ServiceError(
            f"{closure.department} has its hours, {name}, in common with {', '.join(others)}",
            todo=f"close all of them with --schedule {name}, or give {closure.department} a schedule of its own",
        )
    return [name]


def department_schedule(directory: Directory, department: str) -> str:
    """The schedule of a department; raises ServiceError for an unknown one."""
    if department not in directory.departments:
        todo = suggest(department, directory.departments) or "name it by its id, as in your files"
        raise ServiceError(f"there is no department {department!r}", todo=todo)
    return directory.departments[department].schedule


def _known_schedule(directory: Directory, name: str) -> str:
    if name not in directory.schedules:
        todo = suggest(name, directory.schedules) or f"known: {', '.join(directory.schedules)}"
        raise ServiceError(f"there is no schedule {name!r}", todo=todo)
    return name
