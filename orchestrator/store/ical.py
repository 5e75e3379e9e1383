"""Calendars as iCalendar files (RFC 5545): whole days off in, and what a schedule has of special days out.

Belongs here: the format. Not here: what a day off does to a schedule (calendar), which calendar it goes into (service).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar as File
from icalendar import Event

from orchestrator.domain.schedule import Schedule, SpecialDay
from orchestrator.store.marked import Mistake

DAY = timedelta(days=1)
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
MOST_DAYS = 1100
"""Days off in one calendar: three years of them."""
NAMELESS = "geschlossen"
Found = dict[date, str]


class Refused(Exception):
    """One event that is no day off; the text says what and why, `todo` what to do."""

    def __init__(self, what: str, todo: str) -> None:
        super().__init__(what)
        self.todo = todo


def read(file: str, content: bytes, zone: ZoneInfo, first: date, last: date) -> tuple[Found, list[Mistake]]:
    """The days off that a file names from `first` to `last`, and everything in it that is none.

    Events of whole days, from midnight to midnight of `zone` too; repeated ones are written out.
    """
    try:
        events = list(File.from_ical(content).walk("VEVENT"))
    except (ValueError, KeyError, IndexError, TypeError) as bad:
        line = _line_of(content, str(bad))
        return {}, [Mistake(file=file, line=line, column=1, what=f"no iCalendar file: {bad}", todo="export it anew")]
    lines = _beginnings(content)
    days: Found = {}
    mistakes = []
    for number, event in enumerate(events, 1):
        name = " ".join(str(event.get("SUMMARY", "")).split()) or NAMELESS
        try:
            found = _read(event, zone, first, last)
        except Refused as refused:
            what = f"event {number}, {name!r}, {refused}"
            line = lines[number - 1] if len(lines) == len(events) else 1
            mistakes.append(Mistake(file=file, line=line, column=1, what=what, todo=refused.todo))
            continue
        for day in found:
            days[day] = name if days.get(day, name) == name else f"{days[day]}, {name}"
    if len(days) > MOST_DAYS:
        what = f"has {len(days)} days off, more than {MOST_DAYS}"
        mistakes.append(Mistake(file=file, line=1, column=1, what=what, todo="name the days off, not all others"))
    return dict(sorted(days.items())), mistakes


def _beginnings(content: bytes) -> list[int]:
    """The lines, from 1, in which an event begins."""
    lines = enumerate(re.split(rb"\r?\n", content), 1)
    return [number for number, line in lines if line.strip().upper() == b"BEGIN:VEVENT"]


def _line_of(content: bytes, told: str) -> int:
    """The line, from 1, that an error of the parser quotes; 1 if it quotes none."""
    quoted = [each.encode() for each in re.findall(r"'([^']+)'", told)]
    lines = enumerate(re.split(rb"\r?\n", content), 1)
    return next((number for number, line in lines if any(line.startswith(each) for each in quoted)), 1)


def _read(event: Any, zone: ZoneInfo, first: date, last: date) -> list[date]:
    try:
        return list(_days(event, zone, first, last))
    except (AttributeError, ValueError, TypeError, KeyError, OverflowError) as bad:
        raise Refused(f"cannot be read: {bad}", "make it anew in your calendar") from bad


def _days(event: Any, zone: ZoneInfo, first: date, last: date) -> Iterator[date]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    start, end = _span(event, zone)
    length = (end - start).days
    skipped = {_day(each.dt, zone) for each in _dates(event, "EXDATE")}
    added = [_day(each.dt, zone) for each in _dates(event, "RDATE")]
    for begins in {*_repeated(event, start, first - timedelta(days=length), last), *added} - skipped:
        for offset in range(length):
            if first <= (day := begins + offset * DAY) <= last:
                yield day


def _span(event: Any, zone: ZoneInfo) -> tuple[date, date]:
    """The first day, and the one after the last (DTEND is exclusive)."""
    if "DTSTART" not in event:
        raise Refused("has no beginning", "give it a date")
    start = event["DTSTART"].dt
    whole = not isinstance(start, datetime)
    if "DTEND" in event:
        end = event["DTEND"].dt
    elif "DURATION" in event:
        end = start + event["DURATION"].dt
    elif whole:
        end = start + DAY
    else:
        raise Refused(f"at {start:%Y-%m-%d %H:%M}, is a moment and no day off", "make it an event of the whole day")
    begins, ends = _day(start, zone), _day(end, zone)
    if not whole and (_clock(start, zone) or _clock(end, zone)):
        raise Refused(
            f"at {start:%Y-%m-%d %H:%M}, lasts some hours and no whole day",
            "make it an event of the whole day, or write hours under `special` of a schedule",
        )
    if ends <= begins or (ends - begins).days > 366:
        raise Refused(f"from {begins} to {ends}, is no span of 1 to 366 days", "correct its end")
    return begins, ends


def _repeated(event: Any, start: date, first: date, last: date) -> Iterator[date]:
    """The first days of an event that its rule repeats, `start` among them."""
    if not (rule := event.get("RRULE")):
        yield start
        return
    if isinstance(rule, list) or (frequency := str(rule.get("FREQ", [""])[0]).upper()) not in FREQUENCIES:
        raise Refused("repeats in a way that is not known", f"repeat it {', '.join(FREQUENCIES).lower()}")
    if any(int(every) < 1 for every in rule.get("INTERVAL", [])):
        raise Refused("repeats without going on", "repeat it each year")
    parts = {key: values for key, values in rule.items() if key not in ("UNTIL", "FREQ")}
    text = ";".join([f"FREQ={frequency}", *(f"{key}={','.join(map(str, values))}" for key, values in parts.items())])
    until = [each.date() if isinstance(each, datetime) else each for each in rule.get("UNTIL", [])]
    beginning = datetime.combine(start, time.min)
    try:
        found = rrulestr(text, dtstart=beginning).between(
            datetime.combine(first, time.min), datetime.combine(min([last, *until]), time.min), inc=True
        )
    except (ValueError, TypeError, OverflowError) as bad:
        raise Refused(f"repeats in a way that is not known ({bad})", "write each day as an event") from bad
    for each in found:
        yield each.date()


def _dates(event: Any, key: str) -> Iterator[Any]:
    value = event.get(key, [])
    for each in value if isinstance(value, list) else [value]:
        yield from each.dts


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone) if moment.tzinfo else moment


def _day(moment: date | datetime, zone: ZoneInfo) -> date:
    return _local(moment, zone).date() if isinstance(moment, datetime) else moment


def _clock(moment: date | datetime, zone: ZoneInfo) -> bool:
    """Whether it is another time than midnight."""
    return isinstance(moment, datetime) and _local(moment, zone).time() != time.min


def written(id_: str, name: str, days: Mapping[date, str]) -> bytes:
    """The days off of a calendar; those in a row with one name are one event. The same days give the same file."""
    file = _file(name)
    for event in _events(id_, days):
        file.add_component(event)
    return bytes(file.to_ical())


def schedule(held: Schedule) -> bytes:
    """What a schedule has of days off, by law, by calendars and of its own, and of days with hours of their own."""
    file = _file(held.name)
    own = {day: special for day, special in held.special.items() if special.blocks}
    off = {day: special.name for day, special in held.dated.items() if not special.blocks}
    for event in (*_events(held.name, off), *_hours(held, own)):
        file.add_component(event)
    return bytes(file.to_ical())


def _events(id_: str, days: Mapping[date, str]) -> Iterator[Event]:
    def run(numbered: tuple[int, tuple[date, str]]) -> tuple[str, int]:
        at, (day, name) = numbered
        return name, day.toordinal() - at

    for (name, _), group in groupby(enumerate(sorted(days.items())), key=run):
        row = [day for _, (day, _) in group]
        yield _event(f"{id_}-{row[0]:%Y%m%d}", name, row[0], row[-1] + DAY, row[0])


def _hours(held: Schedule, own: Mapping[date, SpecialDay]) -> Iterator[Event]:
    zone = ZoneInfo(held.timezone)
    for day, special in sorted(own.items()):
        for block in special.blocks:
            end = datetime.combine(day + DAY if block.end == time.min else day, block.end, zone)
            start = datetime.combine(day, block.start, zone)
            yield _event(f"{held.name}-{start:%Y%m%dT%H%M}", special.name, start, end, day)


def _file(name: str) -> File:
    file = File()
    for key, value in (("prodid", "-//Durchwahl//DE"), ("version", "2.0"), ("x-wr-calname", name)):
        file.add(key, value)
    return file


def _event(uid: str, name: str, start: date, end: date, stamp: date) -> Event:
    event = Event()
    event.add("uid", f"{uid}@durchwahl")
    event.add("dtstamp", datetime.combine(stamp, time.min, UTC))
    for key, value in (("summary", name), ("dtstart", start), ("dtend", end), ("transp", "TRANSPARENT")):
        event.add(key, value)
    return event
