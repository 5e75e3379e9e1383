"""`messages`, `pin`, `deletions`: mailboxes as an admin sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from orchestrator.cli import output
from orchestrator.messages.ledger import STATES
from orchestrator.service import boxes
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State

Table = typer.Option(False, "--csv", help="Print a table for a spreadsheet.")


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(messages)
    app.command()(pin)
    app.command()(deletions)


def messages(
    context: typer.Context,
    box: str = typer.Argument("", help="A mailbox; none: all of them, the fullest first."),
    delete: str = typer.Option("", metavar="ID", help="Delete a message; it can be taken back for a day."),
    restore: str = typer.Option("", metavar="ID", help="Take a deletion back."),
    forward: str = typer.Option("", metavar="ID", help="Move a message to another box: --to BOX."),
    to: str = typer.Option("", metavar="BOX", help="With --forward: where to."),
    case: str = typer.Option("", metavar="ID=STATE", help=f"Bring a department's case into: {', '.join(STATES)}."),
    csv: bool = Table,
    json: bool = output.Json,
) -> None:
    """What is in the mailboxes: counted and moved, never heard; callers' numbers are masked."""
    with output.failures():
        state = output.state_of(context)
        if done := asyncio.run(_change(state, box, delete, restore, forward, to, case)):
            output.say(done)
        elif box:
            _print(asyncio.run(boxes.listed(state, box)), csv, json)
        else:
            _print(asyncio.run(boxes.overview(state)), csv, json)


async def _change(state: State, box: str, delete: str, restore: str, forward: str, to: str, case: str) -> str:
    """Do what was wished for, and say it; empty if nothing was."""
    wished = [each for each in (delete, restore, forward, case) if each]
    if len(wished) > 1:
        raise ServiceError("more than one thing at once", todo="give one of --delete, --restore, --forward, --case")
    if (wished or to) and not (box and wished):
        raise ServiceError("of which mailbox, and what?", todo="for example: durchwahl messages 2500 --delete ID")
    if delete:
        await boxes.delete(state, box, delete)
        return f"{delete} is deleted; `durchwahl messages {box} --restore {delete}` takes it back within a day"
    if restore:
        await boxes.restore(state, box, restore)
        return f"{restore} is new again in box {box}"
    if forward:
        moved = await boxes.forward(state, box, forward, to)
        return f"{forward} is in box {to} now, as {moved.id}"
    if case:
        id_, _, wanted = case.rpartition("=")
        if wanted not in STATES:
            raise ServiceError(f"{wanted!r} is no state of a case", todo=f"use one of {', '.join(STATES)}")
        await boxes.deal(state, box, id_, wanted)
        return f"the case of {id_} is {wanted}"
    return ""


def pin(
    context: typer.Context,
    box: str = typer.Argument(help="A mailbox, or the number of a person."),
    forget: bool = typer.Option(False, "--forget", help="For an owner who has forgotten it: the first PIN, unlocked."),
) -> None:
    """The first PIN of a mailbox, until its owner has chosen another: for the letter to a new employee."""
    with output.failures():
        first = asyncio.run(boxes.first_pin(output.state_of(context), box, forget=forget))
        if first:
            output.say(first)
        else:
            output.note(f"the owner of box {box} has chosen a PIN; --forget brings the first one back")
            raise typer.Exit(output.FOUND_PROBLEMS)


def deletions(
    context: typer.Context,
    limit: int = typer.Option(50, min=1, max=100_000, help="How many at most."),
    csv: bool = Table,
    json: bool = output.Json,
) -> None:
    """Which messages are gone for good, when and why: the deletion log for data protection."""
    with output.failures():
        _print(asyncio.run(boxes.gone(output.state_of(context), limit)), csv, json)


def _print(rows: Sequence[Any], csv: bool, json: bool) -> None:
    if json:
        output.dump([asdict(row) for row in rows])
    elif csv:
        output.table(rows)
    else:
        if not rows:
            output.note("nothing")
        for row in rows:
            told = [str(value) for value in asdict(row).values()]
            output.say("  ".join(each for each in told if each))
