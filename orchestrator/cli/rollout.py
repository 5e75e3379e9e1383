"""`plan`, `apply`, `rollback`, `history`, `drift`: the desired exchange against the running one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from orchestrator.cli import output
from orchestrator.service import directory as directories
from orchestrator.service import drift as drifting
from orchestrator.service import rollout as service
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.planned import Planned
from orchestrator.service.state import State

STYLES = {
    "heading": "bold",
    "create": "green",
    "update": "yellow",
    "delete": "red",
    "outcome": "cyan",
    "total": "bold",
    "note": "magenta",
    "refusal": "bold red",
}
All = typer.Option(False, "--all", help="List everything, however much it is.")
Why = typer.Option("", "--why", help="For the record.")
Yes = typer.Option(False, "--yes", help="Do not ask: whatever the plan is.")


UNASKED = "an apply without the checksum of a plan, and nobody can be asked here; nothing was changed"
READ_IT = "read `durchwahl plan`, then run `durchwahl apply CHECKSUM` with the checksum in it; --yes applies any plan"


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    for command in (plan, apply, rollback, history, drift):
        app.command()(command)


def plan(context: typer.Context, everything: bool = All, json: bool = output.Json) -> None:
    """What an apply would change and why, which calls would end elsewhere, and what stands against it."""
    output.short_lived()
    with output.failures(), output.progress("speaking prompts") as bar:
        planned = asyncio.run(service.plan(output.state_of(context), bar))
    if json:
        output.dump(planned.as_data())
    else:
        _show(planned, everything)
    if planned.refusals:
        raise typer.Exit(output.FOUND_PROBLEMS)


def apply(
    context: typer.Context,
    checksum: str = typer.Argument("", help="Of the plan that you read; without it you are asked, on a terminal."),
    force: list[str] = typer.Option([], help="Names of refusals to go past: deletions, problems, emergency, operator."),
    yes: bool = Yes,
    why: str = Why,
    json: bool = output.Json,
) -> None:
    """Make the directory real: prove, compile, swap, reload, read back; put back what was if it differs."""
    output.short_lived()
    with output.failures():
        state = output.state_of(context)
        if not checksum and not yes:
            if not _asks(json):
                raise ServiceError(UNASKED, todo=READ_IT)
            with output.progress("speaking prompts") as bar:
                planned = asyncio.run(service.plan(state, bar))
            checksum = _agreed(planned, force)
        with output.progress("speaking prompts") as bar:
            applied = asyncio.run(service.apply(state, bar, checksum=checksum, force=tuple(force), why=why))
    _tell(applied, json)


def rollback(
    context: typer.Context,
    to: str = typer.Argument("1", help="How many applies to go back, or the name of a tree from `history`."),
    force: list[str] = typer.Option([], help="Names of refusals to go past: deletions, emergency, operator."),
    yes: bool = Yes,
    why: str = Why,
    json: bool = output.Json,
) -> None:
    """Go back to a tree that ran before; the plan of the way back is shown."""
    output.short_lived()
    with output.failures():
        state: State = output.state_of(context)
        back = int(to) if to.isdigit() and len(to) < 3 else to
        planned = asyncio.run(service.way_back(state, back))
        if not yes and _asks(json):
            checksum = _agreed(planned, force)
        else:
            checksum = planned.plan.checksum
            if not json:
                _show(planned, False)
        applied = asyncio.run(service.rollback(state, back, checksum=checksum, force=tuple(force), why=why))
    _tell(applied, json)


def history(context: typer.Context, json: bool = output.Json) -> None:
    """What was applied and gone back to, the last first; `rollback` takes the number of a tree that is kept."""
    with output.failures():
        state = output.state_of(context)
        happened = service.history(state)
        for doubt in service.doubts(wiring.trees(state)):
            output.note(f"{doubt.where}: {doubt.what}\n  to do: {doubt.todo}")
        if json:
            output.dump([{"number": n, "name": each.name, "at": each.at, **each.note} for n, each in happened])
            return
        if not happened:
            output.say("nothing was applied yet")
            return
        zone = ZoneInfo(asyncio.run(directories.running(state)).town.timezone)
        for number, each in happened:
            at = f"{datetime.fromtimestamp(each.at, zone):%Y-%m-%d %H:%M}" if each.at else f"{'–':<16}"
            counts = "/".join(str(each.note.get(action, "–")) for action in ("create", "update", "delete"))
            did, who = each.note.get("did", "–"), each.note.get("who", "–")
            what = each.note.get("what", "–") + (f" ({each.note['why']})" if each.note.get("why") else "")
            shown = "" if number is None else number
            output.say(f"{shown:>2}  {at}  {did:<8}  {each.name:<18}  {who:<10} {counts:<12} {what}")


def drift(context: typer.Context, json: bool = output.Json) -> None:
    """What the running Asterisk has that the directory does not say, and the other way round. Exit code 1 if any.

    What could not be looked at is told; if that is all there is to tell, the exit code is 2.
    """
    with output.failures():
        found = asyncio.run(drifting.look(output.state_of(context)))
    count = sum(each.kind != "unseen" for each in found)
    if json:
        output.dump([asdict(each) for each in found])
    else:
        for each in found:
            output.say(str(each))
        output.say(f"{count} differences" if found else "no drift: Asterisk is as the directory says")
    if found:
        raise typer.Exit(output.FOUND_PROBLEMS if count else output.COULD_NOT_RUN)


def _asks(json: bool) -> bool:
    """Whether somebody is there to be asked."""
    return not json and sys.stdin.isatty() and sys.stdout.isatty()


def _agreed(planned: Planned, force: list[str]) -> str:
    """The checksum of a plan that was shown and agreed to; ends the command if it was not."""
    _show(planned, False)
    nothing = planned.plan.empty and not planned.edits
    refused = any(refusal.name not in force for refusal in planned.refusals)
    if not nothing and not refused and not typer.confirm("apply this?"):
        output.say(service.NOTHING)
        raise typer.Exit(output.FOUND_PROBLEMS)
    return planned.plan.checksum


def _show(planned: Planned, everything: bool) -> None:
    """The plan: in colour on a terminal, plain in a pipe."""
    print_: Callable[..., None] = Console(highlight=False, soft_wrap=True).print
    for line in planned.lines(everything=everything):
        print_(line.text, style=STYLES.get(line.kind), markup=False)


def _tell(applied: service.Applied, json: bool) -> None:
    if json:
        output.dump(applied.as_data())
    else:
        for line in applied.lines():
            output.say(line)
    if not applied.done:
        raise typer.Exit(output.FOUND_PROBLEMS)
