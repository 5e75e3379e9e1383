"""`attend`: the shift, by itself. Small, for it begins anew whenever somebody ends it."""

from __future__ import annotations

import os
import sys

import typer

from orchestrator.cli import output
from orchestrator.service import wiring


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(attend)


def attend(context: typer.Context) -> None:
    """Run the shift alone: the parent and its attendants."""
    with output.failures():
        state = output.state_of(context)
        address, settings = wiring.ari(state), state.settings()
        argv = (
            *(sys.executable, "-m", "orchestrator.apps.shift"),
            *("--workers", str(settings.attendants), "--attend", str(state.current / "attend.json")),
            *("--url", address.url, "--user", address.user, "--conf", str(address.conf)),
            *("--status", str(state.shift)),
            *("--", sys.executable, "-m", "orchestrator.service.attendant"),
            *("--metrics-port", str(settings.metrics_port)),
            *("--dialogue", f"http://127.0.0.1:{settings.web_port}/dialogue"),
        )
    os.execve(argv[0], argv, {**os.environ, "DURCHWAHL_ARI_PASSWORD": address.password})  # noqa: S606
