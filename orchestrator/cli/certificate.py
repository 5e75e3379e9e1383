"""`certificate`: what the exchange shows to those who call it over TLS."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from orchestrator.cli import output
from orchestrator.rollout.trees import Busy
from orchestrator.service import certificate as service
from orchestrator.service.errors import ServiceError
from orchestrator.service.renewal import have_shown
from orchestrator.service.running import connected
from orchestrator.service.state import State


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(certificate)


def certificate(
    context: typer.Context,
    take_over: bool = typer.Option(False, "--take-over", help="Take over now what lies in secrets, and have it shown."),
    json: bool = output.Json,
) -> None:
    """The certificate in force, until when it is good, and whether Asterisk shows it."""
    with output.failures():
        state = output.state_of(context)
        if take_over:
            asyncio.run(_taken(state))
        found, now, seen = service.in_force(state), datetime.now(UTC), service.seen(state)
        problems = list(service.problems(state, now))
        if found and service.used(state) and seen and seen != found.fingerprint:
            problems.append("Asterisk shows another certificate: see control's log")
        if json:
            output.dump({"in_force": asdict(found) if found else None, "seen": seen, "problems": problems})
        else:
            _say(found, seen, now)
            for problem in problems:
                output.say(f"problem      {problem}")
        if problems:
            raise typer.Exit(output.FOUND_PROBLEMS)


def _say(found: service.Certificate | None, seen: str, now: datetime) -> None:
    if found is None:
        output.say("there is no certificate: put tls.crt and tls.key into secrets, then `durchwahl apply`")
        return
    output.say(f"subject      {found.subject}")
    output.say(f"names        {', '.join(found.names) or 'none: telephones that look for one will refuse it'}")
    output.say(f"issuer       {found.issuer}")
    output.say(f"good until   {found.until:%Y-%m-%d %H:%M} UTC, {found.days(now):.0f} days")
    output.say(f"fingerprint  {found.fingerprint}")
    output.say(f"shown        {'yes' if seen == found.fingerprint else 'no' if seen else 'no: nothing listens'}")


async def _taken(state: State) -> None:
    """Have what lies in secrets shown; raises ServiceError where it is no good, and everything stays as it was."""
    if (found := await asyncio.to_thread(service.take_over, state)) is None or not service.used(state):
        return
    async with connected(state) as running:
        if running:
            try:
                await have_shown(state, running.ami, found)
            except Busy as busy:
                raise ServiceError(str(busy), todo="wait for it, then try again") from busy
