"""`mail`: what waits to be mailed, what could not be, and a mail to try it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from orchestrator.cli import output
from orchestrator.messages.mail.outbox import DEAD, Envelope
from orchestrator.service import mail as service
from orchestrator.service.errors import ServiceError

TELLS = {
    "message": "new message",
    "full": "box nearly full",
    "overdue": "overdue message",
    "digest": "digest",
}


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(mail)


def mail(
    context: typer.Context,
    retry: str = typer.Option("", help='Try a mail anew: its number, or "all".'),
    drop: str = typer.Option("", help="Never send a mail: its number."),
    test: str = typer.Option("", help="Send a test mail to this address now, and say what happened."),
    json: bool = output.Json,
) -> None:
    """Mail that waits or was given up; exit code 1 if there is any that was given up."""
    with output.failures():
        state = output.state_of(context)
        if sum(map(bool, (retry, drop, test))) > 1:
            raise ServiceError("--retry, --drop and --test are three commands", todo="give one of them")
        if test:
            output.say(asyncio.run(service.test(state, test)))
        elif retry:
            many = asyncio.run(service.retry(state, retry))
            output.say(f"{many} mails are tried anew: within seconds, or once the mail server is reachable")
        elif drop:
            asyncio.run(service.drop(state, drop))
            output.say(f"mail {drop} is not sent any more")
        else:
            _list(asyncio.run(service.listed(state)), json)


def _list(found: list[Envelope], json: bool) -> None:
    if json:
        output.dump([asdict(each) for each in found])
    else:
        for each in found:
            output.say(_line(each))
        dead = sum(each.state == DEAD for each in found)
        output.say(f"{len(found) - dead} waiting, {dead} dead")
    if any(each.state == DEAD for each in found):
        raise typer.Exit(output.FOUND_PROBLEMS)


def _line(each: Envelope) -> str:
    since = datetime.fromtimestamp(each.created, UTC).astimezone()
    tries = "not tried yet" if not each.attempts else f"tried {each.attempts} times, last: {each.error or 'nothing'}"
    what = f"{TELLS.get(each.kind, each.kind)} of box {each.box}"
    return f"{each.id}  {each.state}  {since:%Y-%m-%d %H:%M}  {what} to {each.recipient}: {tries}"
