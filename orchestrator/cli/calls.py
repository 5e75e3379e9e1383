"""`call`, `journeys`: calls to try, and those that were."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from orchestrator.cli import output
from orchestrator.journal.journeys import Journey, trace
from orchestrator.service import directory as directories
from orchestrator.service import history, testcall
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.questions import when


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(call)
    app.command()(journeys)


def call(
    context: typer.Context,
    number: str = typer.Argument(help="In any usual spelling."),
    press: str = typer.Option("", help="Keys, one per try of a menu: 1,2; an empty one is none; a name: weber#."),
    at: str = typer.Option("", help='Another time, "2026-12-25 10:00".'),
    hangup_after: float = typer.Option(0.0, help="Seconds after the answer."),
    says: Path = typer.Option(None, help="A WAV file that the caller speaks at a mailbox; default: a sentence."),
    silent: bool = typer.Option(False, "--silent", help="Say nothing at a mailbox."),
    json: bool = output.Json,
) -> None:
    """Place a real test call: the journey, and expected against actual."""
    with output.failures():
        state = output.state_of(context)
        if says and not says.is_file():
            raise ServiceError(f"{says} does not exist", todo="name a mono 16-bit WAV file, or leave --says out")
        spoken = None if silent else says or testcall.words(state)
        wish = testcall.Wish(number=number, press=press, at=at, hangup_after=hangup_after, says=spoken)

        async def run() -> testcall.Placed:
            directory = await directories.running(state)
            return await testcall.place(state, directory, directories.spoken(state, directory), wish)

        placed = asyncio.run(run())
        if json:
            output.dump(asdict(placed))
        else:
            show(placed.journey)
            output.say(f"expected: {placed.difference or 'the same'}")
        if placed.difference:
            raise typer.Exit(output.FOUND_PROBLEMS)


def show(journey: Journey) -> None:
    """A journey for a person."""
    for step in journey.steps:
        output.say(f"  {step.at - journey.began:6.1f} s  {step.place:<28} {step.answer}")
    waited = f" after {journey.wait:.1f} s" if journey.wait is not None else ""
    output.say(f"  outcome: {journey.outcome} at {journey.place}{waited}")


def journeys(
    context: typer.Context,
    since: str = typer.Option("", help='Local time, "2026-11-23 08:00"; default: all that are kept.'),
    limit: int = typer.Option(50, min=1, max=10000),
    unexpected: bool = typer.Option(False, "--unexpected", help="Only those that went another way than they should."),
    tests: bool = typer.Option(False, "--tests", help="Test calls too."),
    json: bool = output.Json,
) -> None:
    """What happened to calls, the newest first."""
    with output.failures():
        state = output.state_of(context)

        async def run() -> tuple[list[history.Past], ZoneInfo]:
            timezone = (await directories.read(state)).town.timezone
            began = when(since, timezone).timestamp() if since else 0.0
            async with opened(state) as engine:
                asked = history.past(engine, since=began, limit=limit, tests=tests, unexpected=unexpected)
                return await asked, ZoneInfo(timezone)

        found, zone = asyncio.run(run())
        if json:
            output.dump([{**asdict(past), "trace": trace(past.id)} for past in found])
            return
        for past in found:
            waited = f"{past.wait:5.1f} s" if past.wait is not None else "      –"
            began = f"{datetime.fromtimestamp(past.began, zone):%Y-%m-%d %H:%M:%S}"
            output.say(f"{began}  {past.number:<16} {past.outcome:<10} {waited}  {past.way}")
            if past.unexpected:
                output.say(f"    unexpected: {past.unexpected}")
