"""`init`, `check`, `explain`: the directory and what it means for a call."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import typer

from orchestrator.cli import output
from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import written
from orchestrator.domain.outgoing import Route
from orchestrator.service import directory as service
from orchestrator.service import questions
from orchestrator.service.state import State, create


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(init)
    app.command()(check)
    app.command()(explain)


def init(
    context: typer.Context,
    bind: str = typer.Option("127.0.0.1", help="Address on which Asterisk takes SIP and RTP."),
) -> None:
    """Make a new state folder: settings, secrets, an empty directory."""
    with output.failures():
        state = create(Path(context.obj), bind=bind)
        asyncio.run(service.prepare(state))
        output.say(f"{state.root}: a new exchange; settings in settings.toml")
        output.say("next: durchwahl import FILE…")


def check(context: typer.Context, json: bool = output.Json) -> None:
    """Prove that no call goes nowhere; each problem with a caller who would meet it."""
    with output.failures():
        proof = asyncio.run(service.check(output.state_of(context)))
        if json:
            output.dump(asdict(proof))
        else:
            output.problems(proof.problems)
            output.say(
                f"{proof.numbers} numbers, {proof.places} places, {len(proof.problems)} problems; a caller who does"
                f" nothing waits {proof.worst_wait:.0f} s at most (number {proof.worst_number}),"
                f" {proof.worst_hung:.0f} s if every attendant on the way hangs"
            )
        if proof.problems:
            raise typer.Exit(output.FOUND_PROBLEMS)


def explain(
    context: typer.Context,
    number: str = typer.Argument(help="In any usual spelling: 21-0, 2500, +49 6205 21-2500."),
    caller: str = typer.Option("", "--from", help="The extension of ours that calls; default: a citizen outside."),
    at: str = typer.Option("", help='Local time, "2026-12-25 10:00"; default now.'),
    press: str = typer.Option("", help="Keys, one per try of a menu: 1,2; an empty one is a try without a key."),
    busy: list[str] = typer.Option([], help="Extensions that are busy."),
    away: list[str] = typer.Option([], help="Extensions where nobody picks up."),
    off: list[str] = typer.Option([], help="Extensions whose phones are not registered."),
    no_python: bool = typer.Option(False, "--no-python", help="As if every Python process were dead."),
    planned: bool = typer.Option(False, "--planned", help="After the next apply, not now."),
    json: bool = output.Json,
) -> None:
    """What would happen to a call."""
    with output.failures():
        question = questions.Question(
            number=number,
            caller=caller,
            at=at,
            press=press,
            busy=tuple(busy),
            away=tuple(away),
            off=tuple(off),
            python=not no_python,
        )
        directory = asyncio.run(_asked(output.state_of(context), planned))
        explained = questions.ask(directory, question)
        if json:
            output.dump(asdict(explained))
            return
        if explained.route and explained.route.kind != "inside":
            output.say(_outside(caller, explained.route))
            return
        output.say(f"{written(directory.town, explained.extension)} on {explained.at:%A %Y-%m-%d %H:%M}")
        for visit in explained.visits:
            output.say(f"  {visit.place:<32} {visit.answer}")
        output.say(f"ends: {explained.ending.outcome} at {explained.ending.place}")


async def _asked(state: State, planned: bool) -> Directory:
    """The directory that callers meet now, or after the next apply."""
    imported = await service.read(state)
    if planned or not (state.current / service.APPLIED).exists():
        return imported
    applied = await service.running(state)
    if applied != imported:
        output.note("the directory was changed and not applied: --planned tells what would be then")
    return applied


def _outside(caller: str, route: Route) -> str:
    if route.kind == "refused":
        return f"{caller} dials outside {route.number}: refused, with an announcement"
    return f"{caller} calls {route.number} by the trunk ({route.kind}), showing {route.shown}"
