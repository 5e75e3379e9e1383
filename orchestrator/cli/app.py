"""The command tree and the options that every command shares.

A command imports what it needs and nothing of the others: the whole tree takes a second and a half of a processor, the
shift that begins by it a third of that.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

import typer

MODULES: Mapping[str, Sequence[str]] = {
    "directory": ("init", "check", "audit", "explain"),
    "changes": ("changes", "undo"),
    "numbers": ("free", "card"),
    "calendar": ("calendar", "closed"),
    "exchange": ("import", "export", "edit", "show", "ldap-sync"),
    "mail": ("mail",),
    "queues": ("queues",),
    "bans": ("bans",),
    "certificate": ("certificate",),
    "evidence": ("evidence",),
    "backup": ("backup", "restore"),
    "rollout": ("plan", "apply", "history", "rollback", "drift"),
    "shift": ("attend",),
    "prepare": ("prepare",),
    "running": ("up", "control"),
    "calls": ("call", "journeys"),
    "status": ("status",),
    "switching": (
        *("absent", "back", "forward", "quiet", "desk", "switch", "switched"),
        *("wave", "waves", "old-numbers"),
    ),
    "telephones": ("phone",),
    "secrets": ("renew",),
    "messages": ("messages", "pin", "deletions"),
}
"""Module of this package -> the commands that it has."""


def tree(modules: Iterable[str] = MODULES) -> typer.Typer:
    """The commands of these modules; all of them, if nothing else is said."""
    app = typer.Typer(
        name="durchwahl",
        help="The telephone exchange of a town: a stock Asterisk, driven by Python.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(shared)
    for module in modules:
        import_module(f"orchestrator.cli.{module}").register(app)
    return app


def shared(
    context: typer.Context,
    state: Path = typer.Option(Path("state"), "--state", envvar="DURCHWAHL_STATE", help="The state folder."),
) -> None:
    """Options that stand before the command."""
    context.obj = state


def needed(arguments: Sequence[str]) -> Iterable[str]:
    """The module of the command that is asked for; all, where it is not plain which that is."""
    words = iter(arguments)
    for word in words:
        if word == "--state":
            next(words, "")
        elif not word.startswith("-"):
            return [module for module, names in MODULES.items() if word in names] or MODULES
    return MODULES


def main() -> None:
    """Entry point of the installed command."""
    gc.disable()  # of what is imported nothing goes: to look through it again and again is a seventh of a start
    try:
        commands = tree(needed(sys.argv[1:]))
    finally:
        gc.enable()
    commands()
