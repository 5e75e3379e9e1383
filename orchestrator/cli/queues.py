"""`queues`: who waits in the queues of the running exchange, and who is there for them."""

from __future__ import annotations

import asyncio

import typer

from orchestrator.cli import output
from orchestrator.service import queues as service


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(queues)


def queues(context: typer.Context, json: bool = output.Json) -> None:
    """The waiting queues now: callers, the longest wait, members logged in, free and paused."""
    with output.failures():
        found = asyncio.run(service.now(output.state_of(context)))
        if json:
            output.dump([each._asdict() for each in found])
            return
        for each in found:
            output.say(
                f"{each.queue:<24} {each.waiting} waiting, longest {each.longest} s; "
                f"{each.members} members, {each.free} free, {each.paused} paused"
                + (f"; {each.promised} to be called back" if each.promised else "")
            )
        if not found:
            output.say("there are no waiting queues")
