"""The command tree and the options that every command shares."""

from __future__ import annotations

from pathlib import Path

import typer

from orchestrator.cli import (
    calendar,
    changes,
    directory,
    exchange,
    mail,
    messages,
    numbers,
    queues,
    rollout,
    running,
    switching,
    telephones,
)

app = typer.Typer(
    name="durchwahl",
    help="The telephone exchange of a town: a stock Asterisk, driven by Python.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
directory.register(app)
changes.register(app)
numbers.register(app)
calendar.register(app)
exchange.register(app)
mail.register(app)
queues.register(app)
rollout.register(app)
running.register(app)
switching.register(app)
telephones.register(app)
messages.register(app)


@app.callback()
def shared(
    context: typer.Context,
    state: Path = typer.Option(Path("state"), "--state", envvar="DURCHWAHL_STATE", help="The state folder."),
) -> None:
    """Options that stand before the command."""
    context.obj = state


def main() -> None:
    """Entry point of the installed command."""
    app()
