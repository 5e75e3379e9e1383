"""`up`, `control`: what runs an exchange."""

from __future__ import annotations

import asyncio
import json as json_
import signal

import typer

from orchestrator.apps.loop import run_fast
from orchestrator.cli import output
from orchestrator.service import logs, up
from orchestrator.service.control import run as run_control


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command("up")(up_)
    app.command()(control)


def up_(context: typer.Context) -> None:
    """Run Asterisk, a shift of attendants and control in the foreground; Ctrl-C ends all of it."""
    with output.failures():
        state = output.state_of(context)
        logs.unfailing("up")

        async def run() -> None:
            async with up.running(state, output.note):
                ready = json_.loads(state.ready.read_text())
                output.say(f"taking calls: SIP {ready['sip']}, status page {ready['http']}/; Ctrl-C ends it")
                await asyncio.Event().wait()

        asyncio.run(up.until_signal(run()))
        output.say("ended")


def control(context: typer.Context) -> None:
    """Run control alone: journal, messages, metrics, status page."""
    with output.failures():
        state = output.state_of(context)
        logs.unfailing("control")

        async def run() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await run_control(state, stop)

        run_fast(run())
