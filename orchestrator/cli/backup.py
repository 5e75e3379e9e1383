"""`backup` and `restore`: the exchange in one sealed file, and back."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import typer

from orchestrator.cli import output
from orchestrator.service import backup as service
from orchestrator.service import restore as back
from orchestrator.service import sealing
from orchestrator.service.errors import ServiceError

LAST_OF_ALL = 19
"""As nice(1): whatever else has something to do goes first."""


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(backup)
    app.command()(restore)


def backup(
    context: typer.Context,
    folder: Path = typer.Option(None, "--folder", help="Put it there, instead of where the settings say."),
    new_key: Path = typer.Option(None, "--new-key", help="Make a pair of keys; the private one into this new file."),
    verify: Path = typer.Option(None, "--verify", help="Read this whole backup, and say whether it is sound."),
    identity: Path = typer.Option(None, "--identity", help="The file with the private key, for --verify."),
) -> None:
    """Make a backup now, while calls go on: database, messages, secrets, settings, prompts."""
    with output.failures():
        if new_key:
            _pair(new_key)
        elif verify:
            if not identity:
                raise ServiceError("what is sealed opens with a private key only", todo="name it: --identity FILE")
            found = back.verify(verify, identity)
            output.say(f"{verify} is sound: {_what(found)}")
        else:
            os.nice(LAST_OF_ALL)
            made = service.make(output.state_of(context), str(folder.absolute()) if folder else "")
            output.say(f"{made.path}  {_size(made.size)}")
            for name in made.gone:
                output.say(f"removed {name}")
            for told in made.notes:
                output.note(told)


def restore(
    context: typer.Context,
    path: Path = typer.Argument(metavar="FILE", help="The backup."),
    identity: Path = typer.Option(..., "--identity", help="The file with the private key."),
    database: str = typer.Option(
        None, "--database", help=f"Another, empty one: postgresql://user@host/name, or {back.SQLITE}."
    ),
    password: Path = typer.Option(None, "--database-password", help="A file with the password of that database."),
) -> None:
    """Make an exchange out of its backup, in a state folder that is empty or not there."""
    with output.failures():
        root = Path(context.obj)
        where = back.Where(root=root, database=database, password=password)
        found = asyncio.run(back.restore(path, identity, where))
        output.say(f"{root} holds what was there then: {_what(found)}")
        output.note("to do: look at `bind`, the ports and [trunks] in settings.toml: they are those of the old host;")
        output.note("       then `durchwahl apply`, then `durchwahl up`. The old host must not run any more.")


def _pair(path: Path) -> None:
    key = sealing.new_key(path)
    output.say(key)
    output.note(f'write it into settings.toml, under [backup]: keys = ["{key}"]')
    output.note(f"{path} alone opens the backups. Keep it, twice, where the exchange and its backups are not;")
    output.note("whoever has it can read every message and every password. It must not stay on this exchange.")


def _what(found: back.Restored) -> str:
    of = datetime.fromtimestamp(found.manifest.at, UTC).astimezone()
    return f"{of:%Y-%m-%d %H:%M}, {found.files} files, {_size(found.size)}, by version {found.manifest.durchwahl}"


def _size(size: int) -> str:
    return f"{size / 1024**2:.1f} MiB"
