"""`renew`: other passwords for telephones, for ARI and AMI, or for everything."""

from __future__ import annotations

import asyncio
import sys

import typer

from orchestrator.cli import output
from orchestrator.service import keys as service
from orchestrator.service.errors import ServiceError


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(renew)


def renew(
    context: typer.Context,
    what: list[str] = typer.Argument(
        metavar="WHAT…",
        help="ari, ami, testcall, links, master, a trunk; or telephones: NAME-OR-NUMBER, as for `phone`.",
    ),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    why: str = typer.Option("", "--why", help="For the record."),
) -> None:
    """Give a secret another value, while calls go on: a lost telephone, a password that somebody has seen."""
    output.short_lived()
    with output.failures():
        state = output.state_of(context)
        renewal = asyncio.run(service.look(state, what))
        for line in renewal.lines():
            output.note(line)
        if not yes:
            if not (sys.stdin.isatty() and sys.stdout.isatty()):
                raise ServiceError("nobody can be asked here; nothing was changed", todo="read the above, then --yes")
            if not typer.confirm("Renew?"):
                raise typer.Exit(output.FOUND_PROBLEMS)
        done = asyncio.run(service.renew(state, renewal, why))
        for line in done.lines():
            output.say(line)
    if not done.done:
        raise typer.Exit(output.FOUND_PROBLEMS)
