"""`changes`, `undo`: who changed what in the directory, when and why; and taking it back."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import typer

from orchestrator.cli import output
from orchestrator.service import changes as service

NUMBERS = 2**31 - 1
"""The largest number that a change can have."""


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(changes)
    app.command()(undo)


def changes(
    context: typer.Context,
    since: str = typer.Option("", help='Local time, "2026-11-23 08:00"; default: all.'),
    of: str = typer.Option("", help="Only those of one thing: person:p2500, department:buergerbuero, town."),
    kind: str = typer.Option("", help="Only those of one kind of thing: people, phones, flows …"),
    limit: int = typer.Option(20, min=1, max=10000, help="How many at most."),
    json: bool = output.Json,
) -> None:
    """What was changed in the directory, the newest first."""
    with output.failures():
        state = output.state_of(context)
        found = asyncio.run(service.past(state, since=since, of=of, kind=kind, limit=limit, whole=json))
        if json:
            output.dump([{**asdict(past.change), "at": past.at.isoformat()} for past in found])
            return
        for past in found:
            for line in past.lines():
                output.say(line)


def undo(
    context: typer.Context,
    change: int = typer.Argument(min=1, max=NUMBERS, help="Its number in `durchwahl changes`."),
    why: str = typer.Option("", help="Why, for the record."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what would be, change nothing."),
    json: bool = output.Json,
) -> None:
    """Take one change back, also an older one, by a new change: a switch at once, all else with the next apply."""
    with output.failures():
        undone = asyncio.run(service.undo(output.state_of(context), change, why=why, dry_run=dry_run))
        if json:
            output.dump(asdict(undone))
        else:
            output.problems(undone.problems)
            if not undone.problems:
                for line in service.told(undone.edits[: service.SHOWN], len(undone.edits)):
                    output.say(line)
                how = f"; {undone.how}" if undone.how else ""
                done = f"change {undone.number} takes" if undone.number else "would take"
                output.say(f"{done} back change {change}{how}")
        if undone.problems:
            output.note(f"{len(undone.problems)} problems; nothing was changed")
            raise typer.Exit(output.FOUND_PROBLEMS)
