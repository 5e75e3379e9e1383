"""`evidence`: a page for the auditor, made from the exchange as it runs."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import typer

from orchestrator.cli import output
from orchestrator.domain.deviations import deviations
from orchestrator.service import evidence as service
from orchestrator.service.state import write_whole
from orchestrator.web import evidence as web


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(evidence)


def evidence(
    context: typer.Context,
    out: Path = typer.Option(None, "--out", help="Write the page there, for its owner only, instead of showing it."),
    json: bool = output.Json,
) -> None:
    """What is encrypted, who may do what, versions, open ports, and what is not as it should be (BSI, in German)."""
    with output.failures():
        seen = asyncio.run(service.look(output.state_of(context)))
        found = deviations(seen)
        if json:
            output.dump({**asdict(seen), "deviations": [asdict(each) for each in found]})
        elif out:
            write_whole(out.absolute(), web.page(seen, found))
            output.say(f"{out}: {len(found)} deviations, {len(seen.unseen)} things not seen")
        else:
            typer.echo(web.page(seen, found), nl=False)
        if found:
            raise typer.Exit(output.FOUND_PROBLEMS)
