"""`calendar import|export|preview` and `closed`: days off, and what the months ahead look like."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import date
from pathlib import Path

import typer

from orchestrator.cli import output
from orchestrator.domain.preview import Preview
from orchestrator.service import calendars
from orchestrator.service import directory as directories
from orchestrator.service.changing import Changed
from orchestrator.service.errors import ServiceError
from orchestrator.web import printed

calendar = typer.Typer(help="Days off: iCalendar in and out, and the months ahead.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    calendar.command("import")(import_)
    calendar.command()(export)
    calendar.command()(preview)
    app.add_typer(calendar, name="calendar")
    app.command()(closed)


def import_(
    context: typer.Context,
    file: Path = typer.Argument(help="An iCalendar file; every event in it must last whole days."),
    into: str = typer.Option(..., "--into", help="The calendar that gets these days in place of its own: schule."),
    name: str = typer.Option("", help="What it is called: Schulferien."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read and judge, change nothing."),
    why: str = typer.Option("", help="Why, for the record."),
) -> None:
    """Read the days off of an iCalendar file into a calendar: all of it or nothing."""
    with output.failures():
        made = asyncio.run(
            calendars.import_file(output.state_of(context), file, into=into, name=name, why=why, dry_run=dry_run)
        )
        for mistake in made.mistakes:
            output.say(str(mistake))
        if made.mistakes or made.changed is None:
            output.note(f"{len(made.mistakes)} mistakes; nothing was changed")
            raise typer.Exit(output.FOUND_PROBLEMS)
        _tell(made.changed, f"calendar {into}: {made.days} days off, {made.past} of them past", dry_run)
        held = [s.name for s in made.changed.directory.schedules.values() if into in s.calendars]
        unused = f"no schedule keeps it yet: name it there, calendars: [{into}]"
        output.say(f"kept by: {', '.join(held)}" if held else unused)


def export(
    context: typer.Context,
    name: str = typer.Argument(help="A calendar, or a schedule: its holidays, days off and special hours."),
    file: Path = typer.Option(None, "--to", help="Write it there instead of to standard output."),
) -> None:
    """Write a calendar or the special days of a schedule as iCalendar."""
    with output.failures():
        text = calendars.exported(asyncio.run(directories.read(output.state_of(context))), name)
        if file:
            file.write_bytes(text)
        else:
            typer.echo(text, nl=False)


def preview(
    context: typer.Context,
    department: str = typer.Option("", help="Only the hours of this department."),
    schedule: str = typer.Option("", help="Only this schedule."),
    months: int = typer.Option(12, min=1, max=24, help="How many, this one included."),
    html: Path = typer.Option(None, "--html", help="Write a page for printing there."),
    json: bool = output.Json,
) -> None:
    """The months ahead: the weekly hours, and each day that differs from its weekday."""
    with output.failures():
        directory, today = asyncio.run(directories.read(output.state_of(context))), directories.today()
        found = calendars.previews(directory, department=department, schedule=schedule, months=months, first=today)
        if html:
            html.write_text(printed.hours(directory.town.name, found, today), encoding="utf-8")
            output.say(f"{html}: {len(found)} schedules")
        elif json:
            output.dump([asdict(each) for each in found])
        else:
            for each in found:
                _show(each)


def _show(each: Preview) -> None:
    output.say(f"{each.schedule}: {', '.join(each.whose)}" if each.whose else each.schedule)
    for name, hours in each.week:
        output.say(f"  {name:<12}{hours}")
    for month in each.months:
        output.say(f"  {month.name}")
        for day in month.days:
            output.say(f"    {day.written:<22}{day.hours:<28}{day.name}")
        if not month.days:
            output.say("    –")
    output.say()


def closed(
    context: typer.Context,
    day: str = typer.Argument(help="The first day: 2026-12-28."),
    until: str = typer.Option("", help="The last day; default: that one day."),
    name: str = typer.Option(..., "--name", help="Why the office is closed: Betriebsferien."),
    department: str = typer.Option("", help="Only this department."),
    schedule: str = typer.Option("", help="All who keep this schedule."),
    everywhere: bool = typer.Option(False, "--all", help="Every office."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Judge, change nothing."),
    why: str = typer.Option("", help="Why this is changed, for the record."),
) -> None:
    """Close offices on single days; the next apply makes it real."""
    with output.failures():
        closure = calendars.Closure(
            first=_date(day),
            last=_date(until or day),
            name=name,
            department=department,
            schedule=schedule,
            everywhere=everywhere,
        )
        made, names = asyncio.run(calendars.close(output.state_of(context), closure, why=why, dry_run=dry_run))
        _tell(made, f"closed {closure.first} to {closure.last} ({name}): {', '.join(names)}", dry_run)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ServiceError(f"{text!r} is not a date", todo="write 2026-12-28") from None


def _tell(made: Changed, what: str, dry_run: bool) -> None:
    output.problems(made.problems)
    if made.problems:
        output.note(f"{len(made.problems)} problems; nothing was changed")
        raise typer.Exit(output.FOUND_PROBLEMS)
    if dry_run:
        output.say(f"would change: {what}")
    elif made.saved:
        output.say(what)
        output.say("next: durchwahl apply; until then callers meet the hours as they are")
    else:
        output.say(f"nothing to change: {what}")
