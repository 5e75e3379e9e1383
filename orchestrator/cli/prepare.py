"""`prepare`: what a first start needs, for whom starts the processes one by one (docs/containers.md)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from orchestrator.cli import output
from orchestrator.service import first_start


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(prepare)


def prepare(
    context: typer.Context,
    directory: Path = typer.Option(None, help="Folder with the files of a directory, for an exchange that has none."),
    bind: str = typer.Option("127.0.0.1", envvar="DURCHWAHL_BIND", help="Address for SIP and RTP, if it is new."),
) -> None:
    """Make what a start needs and is not there yet: state folder, tables, directory, the first tree."""
    with output.failures():
        asyncio.run(first_start.ready(Path(context.obj), bind=bind, folder=directory, say=output.say))
