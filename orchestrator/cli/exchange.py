"""`import`, `export`, `edit`, `show`: the directory and the files that people keep of it."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import typer

from orchestrator.cli import output
from orchestrator.service import directory as directories
from orchestrator.service import exporting, importing, ldap
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State

Yes = typer.Option(False, "--yes", help="Do not ask.")
Why = typer.Option("", help="Why, for the record.")
Force = typer.Option("", "--force", help="`deletions`: even if more than 30 % of a section would be gone.")
MOST_OPENED = 20
"""How often a text is given back to an editor, which may be a program that writes the same again."""
COMMENT = "#! "
"""Begins the lines that `edit` puts on top of a file, and takes away again."""


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command("import")(import_)
    app.command()(export)
    app.command()(edit)
    app.command()(show)
    app.command("ldap-sync")(ldap_sync)


def import_(
    context: typer.Context,
    files: list[Path] = typer.Argument(help="YAML files or a folder of them (docs/exchange.md), or CSV tables."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Plan and judge, change nothing."),
    merge: bool = typer.Option(False, "--merge", help="Nothing goes away: the files add to what is there."),
    replace: bool = typer.Option(False, "--replace", help="A CSV table is all that there is of its things."),
    force: str = Force,
    yes: bool = Yes,
    why: str = Why,
    json: bool = output.Json,
) -> None:
    """Read files into the directory: a plan, the proof, and then all of it or nothing."""
    output.short_lived()
    with output.failures():
        state = output.state_of(context)
        planned = asyncio.run(importing.plan(state, files, merge=merge, only=replace))
        settle(state, planned, dry_run=dry_run, force=force, yes=yes, why=why, json=json)


def settle(
    state: State,
    planned: importing.Planned,
    *,
    dry_run: bool,
    force: str,
    yes: bool,
    why: str,
    json: bool = False,
    notes: tuple[str, ...] = (),
) -> None:
    """Show a plan and keep it, unless something stands against it; raises typer.Exit 1 then."""
    refused = () if force == "deletions" else planned.refused
    good = not planned.problems and not refused
    saved = good and not dry_run
    if not json:
        for note in notes:
            output.say(f"note: {note}")
        tell(planned, refused)
    if saved and planned.asks and not yes and not json and sys.stdin.isatty():
        saved = typer.confirm("keep this?", err=True)
        good = saved
    if saved:
        asyncio.run(importing.keep(state, planned, why=why))
    if json:
        output.dump(_data(planned, refused, saved, notes))
    elif good:
        counted = ", ".join(f"{count} {kind}" for kind, count in planned.counts.items())
        output.say(f"{'imported' if saved else 'would import'}: {counted}")
    if not good:
        found = f"{len(planned.problems)} problems; " if planned.problems else ""
        output.note(f"{found}nothing was changed")
        raise typer.Exit(output.FOUND_PROBLEMS)


def tell(planned: importing.Planned, refused: tuple[str, ...]) -> None:
    """The plan, one thing a line, and what stands against it."""
    for change in planned.difference.changes:
        output.say(str(change))
    if not planned.problems:
        output.say(f"plan: {planned.difference}")
    for problem in planned.problems:
        output.say(problem)
    for refusal in refused:
        output.say(f"refused: {refusal}\n    to do: is the source whole? if an import is meant: --force deletions")


def _data(planned: importing.Planned, refused: tuple[str, ...], saved: bool, notes: tuple[str, ...]) -> dict[str, Any]:
    changes = [
        {"kind": each.kind, "section": each.section, "thing": each.thing, "fields": each.fields}
        for each in planned.difference.changes
    ]
    told = {"problems": planned.problems, "refused": refused, "notes": notes, "changes": changes}
    return {**told, "counts": dict(planned.counts), "saved": saved}


def export(
    context: typer.Context,
    folder: str = typer.Argument(help="The folder to write into; - prints one YAML file."),
    csv: bool = typer.Option(False, "--csv", help="Tables for a spreadsheet instead of YAML."),
) -> None:
    """Write the directory as files that `import` reads as the same."""
    output.short_lived()
    with output.failures():
        directory = asyncio.run(directories.plain(output.state_of(context)))
        if folder == "-" and not csv:
            output.say(exporting.whole(directory).rstrip("\n"))
            return
        if folder == "-":
            raise ServiceError("tables are several files", todo="name a folder")
        for path in exporting.export(directory, Path(folder), csv=csv):
            output.say(str(path))


def ldap_sync(
    context: typer.Context,
    dry_run: bool = typer.Option(False, "--dry-run", help="Ask, plan and judge, change nothing."),
    force: str = typer.Option("", "--force", help="`deletions`: even if more than 30 % of the people would have left."),
    yes: bool = Yes,
    why: str = Why,
    json: bool = output.Json,
) -> None:
    """Let the people who came from LDAP be as LDAP says; nobody else is touched."""
    output.short_lived()
    with output.failures():
        state = output.state_of(context)
        planned, notes = asyncio.run(ldap.plan(state, output.note, forced=force == "deletions"))
        settle(state, planned, dry_run=dry_run, force="", yes=yes, why=why, json=json, notes=notes)


def show(
    context: typer.Context,
    kind: str = typer.Argument(help="person, department, group, phone, number, …"),
    name: str = typer.Argument(help="Its number or name."),
) -> None:
    """What the directory knows about one thing, and what leads there."""
    with output.failures():
        directory = asyncio.run(directories.plain(output.state_of(context)))
        for line in exporting.show(directory, kind, name):
            output.say(line)


def edit(
    context: typer.Context,
    kind: str = typer.Argument(help="A section (people, flows, …), or person, department, … with a name."),
    name: str = typer.Argument("", help="Its number or name."),
    force: str = Force,
    yes: bool = Yes,
    why: str = Why,
) -> None:
    """Change a part of the directory in $EDITOR; a mistake opens it again."""
    output.short_lived()
    with output.failures():
        state = output.state_of(context)
        directory = asyncio.run(directories.plain(state))
        scope = exporting.scope(directory, kind, name)
        text = exporting.scoped(directory, scope) or f"{scope.section}:\n"
        with tempfile.TemporaryDirectory(prefix="durchwahl-") as folder:
            planned = _until_right(state, scope, Path(folder) / f"{scope.section}.yaml", text)
        if planned is None or not (planned.problems or planned.difference.changes):
            output.say("nothing was changed")
            return
        settle(state, planned, dry_run=False, force=force, yes=yes, why=why)


def _until_right(state: State, scope: importing.Scope, path: Path, text: str) -> importing.Planned | None:
    """Open `text` in the editor until it is right; None if it was left as it is, mistakes and all if it stays wrong."""
    before, planned = text, None
    path.write_text(text, encoding="utf-8")
    for _ in range(MOST_OPENED):
        _open(path)
        after = _without_comments(path.read_text(encoding="utf-8"))
        if after == before:
            return planned
        path.write_text(after, encoding="utf-8")
        planned = asyncio.run(importing.edited(state, path, scope))
        if not planned.problems:
            return planned
        # Twice: the comments move what they tell of further down.
        for _ in range(2):
            told = "".join(f"{COMMENT}{line}\n" for each in planned.problems for line in each.splitlines())
            path.write_text(told + after, encoding="utf-8")
            planned = asyncio.run(importing.edited(state, path, scope))
        before = after
    return planned


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(COMMENT.strip()))


def _open(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        done = subprocess.run([*shlex.split(editor), str(path)], check=False)
    except (FileNotFoundError, ValueError) as bad:
        raise ServiceError(f"the editor {editor!r} cannot be started: {bad}", todo="set EDITOR=nano") from bad
    if done.returncode:
        raise ServiceError(f"{editor} ended with {done.returncode}; nothing was changed", todo="run the command again")
