"""Schedules in the dialplan's own time functions: they are needed exactly when Python is down.

One context per schedule, called by Gosub; `state` returns `open`, `closed` or `holiday`, and each dated exception has
an extension of its own. `GotoIfTime` includes the end minute, so every block is written one minute shorter.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile.escape import IDENTIFIER, ZONE, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.domain.schedule import CLOSED, HOLIDAY, OPEN, WEEKDAYS, Block, Schedule

NOW = '${IF($["${TESTTIME}" = ""]?${EPOCH}:${TESTTIME})}'
"""Epoch seconds of the call's clock: a test call brings its own."""
MANY = 6
"""Blocks of a week that one line asks for."""


def context(schedule: Schedule) -> Context:
    """The context `hours-<name>` of one schedule."""
    name, zone = _named(schedule)
    today = [
        Line(f"Set(DAY=d${{STRFTIME({NOW},{zone},%Y%m%d)}})"),
        Line(f"GotoIf(${{DIALPLAN_EXISTS({name},${{DAY}},1)}}?${{DAY}},1)"),
    ]
    days = [Extension("state", (*today, *_hours(_week(schedule), zone)))]
    for date, special in sorted(schedule.dated.items()):
        blocks = [(block, "*") for block in special.blocks]
        lines = tuple(_hours(blocks, zone)) if blocks else (Line(f"Return({HOLIDAY})"),)
        days.append(Extension(f"d{date:%Y%m%d}", lines))
    return Context(name=name, extensions=tuple(days))


def usual(schedule: Schedule) -> tuple[str, str]:
    """What is asked in one expression, and what it is while an ordinary day is open: not of a test call, for IFTIME()
    knows but one time. Empty where no day is ever open, or the line would be too long to be read.
    """
    name, zone = _named(schedule)
    week = _week(schedule)
    if not 0 < len(week) <= MANY:
        return "", ""
    dated = f"${{DIALPLAN_EXISTS({name},d${{STRFTIME(${{EPOCH}},{zone},%Y%m%d)}},1)}}"
    times = "".join(f"${{IFTIME({_time(block, days, zone)}?{OPEN})}}" for block, days in week)
    return f"${{TESTTIME}}{dated}{times}", f"0{OPEN}"


def _named(schedule: Schedule) -> tuple[str, str]:
    """Its context and its zone."""
    return f"hours-{fit(schedule.name, IDENTIFIER)}", fit(schedule.timezone, ZONE)


def _week(schedule: Schedule) -> list[tuple[Block, str]]:
    """Each block with the weekdays that have it: `mon&tue`."""
    days: dict[Block, list[str]] = {}
    for day in WEEKDAYS:
        for block in schedule.week.get(day, ()):
            days.setdefault(block, []).append(day)
    return [(block, "&".join(having)) for block, having in sorted(days.items())]


def _hours(blocks: list[tuple[Block, str]], zone: str) -> Iterator[Line]:
    for block, days in blocks:
        yield Line(f"GotoIfTime({_time(block, days, zone)}?open)")
    yield Line(f"Return({CLOSED})")
    if blocks:
        yield Line(f"Return({OPEN})", label="open")


def _time(block: Block, days: str, zone: str) -> str:
    return f"{block.start:%H:%M}-{_last_minute(block)},{days},*,*,{zone}"


def _last_minute(block: Block) -> str:
    minutes = (block.end.hour * 60 + block.end.minute - 1) % (24 * 60)  # 24:00 is written as 00:00
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
