"""`plan`, `apply`, `rollback`: the desired exchange against the running one."""

from __future__ import annotations

import asyncio

import typer

from orchestrator.cli import output
from orchestrator.service import rollout as service


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(plan)
    app.command()(apply)
    app.command()(rollback)


def plan(context: typer.Context, json: bool = output.Json) -> None:
    """What an apply would change, and what stands against it."""
    with output.failures(), output.progress("speaking prompts") as bar:
        planned = asyncio.run(service.plan(output.state_of(context), bar))
    _show(planned, json)
    if planned.refusals:
        raise typer.Exit(output.FOUND_PROBLEMS)


def apply(
    context: typer.Context,
    checksum: str = typer.Argument("", help="Of the plan that you read; empty: whatever the plan is now."),
    force: list[str] = typer.Option([], help="Names of refusals to go past: deletions, problems, emergency, operator."),
    json: bool = output.Json,
) -> None:
    """Make the directory real: prove, compile, swap, reload, read back; put back what was if it differs."""
    with output.failures(), output.progress("speaking prompts") as bar:
        applied = asyncio.run(service.apply(output.state_of(context), bar, checksum=checksum, force=tuple(force)))
    if json:
        output.dump(applied.as_data())
    else:
        for line in applied.lines():
            output.say(line)
    if not applied.done:
        raise typer.Exit(output.FOUND_PROBLEMS)


def rollback(
    context: typer.Context,
    steps: int = typer.Argument(1, min=1, help="How many applies to go back."),
    force: list[str] = typer.Option([], help="Names of refusals to go past: deletions, emergency, operator."),
) -> None:
    """Go back to a tree that ran before."""
    with output.failures():
        applied = asyncio.run(service.rollback(output.state_of(context), steps, force=tuple(force)))
        for line in applied.lines():
            output.say(line)
    if not applied.done:
        raise typer.Exit(output.FOUND_PROBLEMS)


def _show(planned: service.Planned, json: bool) -> None:
    if json:
        output.dump(planned.as_data())
        return
    for line in planned.lines():
        output.say(line)
