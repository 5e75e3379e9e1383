"""`status`: how the exchange is."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import typer

from orchestrator.cli import output
from orchestrator.service import watching


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(status)


def status(context: typer.Context, json: bool = output.Json) -> None:
    """What runs, what is registered, what differs from the directory."""
    with output.failures():
        state = output.state_of(context)
        seen = asyncio.run(watching.look(state))
        if json:
            output.dump(asdict(seen))
        else:
            for line in seen.lines():
                output.say(line)
        if seen.problems:
            raise typer.Exit(output.FOUND_PROBLEMS)
