"""`free`: the next number that can be given to somebody; `card`: what desks can dial besides numbers."""

from __future__ import annotations

import asyncio

import typer

from orchestrator.cli import output
from orchestrator.domain import card as cards
from orchestrator.domain.numbers import written
from orchestrator.service import directory as directories
from orchestrator.service import numbering


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(free)
    app.command()(card)


def free(
    context: typer.Context,
    department: str = typer.Option("", help="From the range of this department, its parent or its site."),
    site: str = typer.Option("", help="From the ranges of this site."),
    range_: str = typer.Option("", "--range", help="From this range."),
    count: int = typer.Option(1, min=1, max=1000, help="How many."),
    json: bool = output.Json,
) -> None:
    """The next free extensions: not in use, not reserved, not waiting after retirement, not hidden by another."""
    with output.failures():
        directory = asyncio.run(directories.read(output.state_of(context)))
        wanted = numbering.Wanted(department=department, site=site, range_=range_)
        found = numbering.free(directory, wanted, count, directories.today())
        if json:
            output.dump(found)
            return
        for extension in found:
            output.say(f"{extension:<8}{written(directory.town, extension)}")


def card(context: typer.Context) -> None:
    """The card for desks, to be printed (German): emergencies, the operator, the mailbox, every code of this town."""
    with output.failures():
        directory = asyncio.run(directories.read(output.state_of(context)))
        output.say(cards.card(directory).rstrip("\n"))
