"""`bans`: who may not speak SIP with the exchange for a while."""

from __future__ import annotations

import time

import typer

from orchestrator.cli import output
from orchestrator.service import bans as service


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(bans)


def bans(
    context: typer.Context,
    lift: str = typer.Option("", metavar="ADDRESS", help="End the ban of this address."),
    json: bool = output.Json,
) -> None:
    """Addresses at which names or passwords were guessed, and for how long they are banned."""
    with output.failures():
        state = output.state_of(context)
        if lift:
            service.lift(state, lift)
            output.say(f"{lift} is free again within some seconds, while control runs")
            return
        found, now = service.banned(state), time.time()
        if json:
            output.dump([{"address": address, "until": until} for address, until in found.items()])
            return
        for address, until in sorted(found.items(), key=lambda entry: entry[1]):
            output.say(f"{address:<40} {max(0, round((until - now) / 60))} min more")
        if not found:
            output.say("nobody is banned")
