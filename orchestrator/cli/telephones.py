"""`phone`: what is typed into a telephone so that it registers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict

import typer

from orchestrator.cli import output
from orchestrator.service import telephones as service

REGISTERED = {True: "registered now", False: "not registered", None: "not known: Asterisk does not answer"}


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(phone)


def phone(
    context: typer.Context,
    name: str = typer.Argument(metavar="NAME-OR-NUMBER", help="Of the telephone, of a person or an office."),
    secret: bool = typer.Option(False, "--secret", help="Print the password: mind who looks over your shoulder."),
    json: bool = output.Json,
) -> None:
    """What a telephone needs to register: server, user, password; what rings there, and whether it is registered."""
    with output.failures():
        found = asyncio.run(service.find(output.state_of(context), name, secret=secret))
        if json:
            output.dump([asdict(each) for each in found.telephones])
        else:
            for each in found.telephones:
                output.say(f"{each.id}  {each.label}".rstrip())
                for title, told in _lines(each):
                    output.say(f"  {title:<12}{told}")
        for note in found.notes:
            output.note(f"note: {note}")


def _lines(each: service.Telephone) -> Iterator[tuple[str, str]]:
    """What is told of one telephone; the words on the left are those of its own menu where it has such a field."""
    yield "owner", each.owner or "nobody's own"
    yield "site", each.site or "none"
    for server in each.servers:
        yield "server", f"{server.address} port {server.port} ({server.transport})"
    yield "user", each.user
    yield "password", each.password or "shown with --secret"
    yield "codecs", ", ".join(each.codecs)
    yield "shows", each.shown
    for number in each.numbers:
        yield "rings for", f"{number.extension} {number.whose}"
    if each.places:
        yield "rings at", ", ".join(each.places)
    if each.mailbox:
        yield "messages", each.mailbox + (f" (lamp: mailbox {each.box})" if each.box else "")
    yield "state", REGISTERED[each.registered]
