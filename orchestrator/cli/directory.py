"""`init`, `check`, `audit`, `explain`: the directory and what it means for a call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import typer

from orchestrator.cli import output
from orchestrator.cli.switching import switched_on
from orchestrator.domain import audit as audits
from orchestrator.domain.codes import FIRST, NAMED
from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import written
from orchestrator.domain.outgoing import BUDGETED, Route
from orchestrator.domain.switches import Switched
from orchestrator.domain.town import Permission
from orchestrator.service import directory as service
from orchestrator.service import present, questions
from orchestrator.service.database import prepare
from orchestrator.service.state import State, create


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(init)
    app.command()(check)
    app.command()(audit)
    app.command()(explain)


def init(
    context: typer.Context,
    bind: str = typer.Option("127.0.0.1", help="Address on which Asterisk takes SIP and RTP."),
) -> None:
    """Make a new state folder: settings, secrets, an empty directory."""
    with output.failures():
        state = create(Path(context.obj), bind=bind)
        asyncio.run(prepare(state))
        output.say(f"{state.root}: a new exchange; settings in settings.toml")
        output.say("next: durchwahl import FILE…")


def check(context: typer.Context, json: bool = output.Json) -> None:
    """Prove that no call goes nowhere; each problem with a caller who would meet it."""
    output.short_lived()
    with output.failures():
        proof = asyncio.run(service.check(output.state_of(context)))
        if json:
            output.dump(asdict(proof))
        else:
            output.problems(proof.problems)
            for noted in proof.notes:
                output.say(f"note: {noted}")
            output.say(
                f"{proof.numbers} numbers, {proof.places} places, {len(proof.problems)} problems; a caller who does"
                f" nothing waits {proof.worst_wait:.0f} s at most (number {proof.worst_number}),"
                f" {proof.worst_hung:.0f} s if every attendant on the way hangs"
            )
        if proof.problems:
            raise typer.Exit(output.FOUND_PROBLEMS)


def audit(
    context: typer.Context,
    json: bool = output.Json,
    csv: bool = typer.Option(False, "--csv", help="Print the list as CSV, with semicolons, for a spreadsheet."),
) -> None:
    """Each phone, its site and address, what its emergency calls show and where they go; what is missing."""
    output.short_lived()
    with output.failures():
        judged = audits.audit(asyncio.run(service.read(output.state_of(context))))
        if json:
            output.dump(asdict(judged))
        elif csv:
            output.table(judged.entries)
            for finding in judged.findings:
                output.note(str(finding))
        else:
            for entry in judged.entries:
                output.say(_audited(entry))
            output.problems(judged.findings)
            output.say(f"{len(judged.entries)} phones, {len(judged.findings)} findings")
        if judged.findings:
            raise typer.Exit(output.FOUND_PROBLEMS)


def _audited(entry: audits.Entry) -> str:
    place = f"{entry.site}, {entry.address}" if entry.site else "no site"
    return (
        f"{entry.phone:<16} {entry.extension:<6} {place:<44} emergency {entry.emergency or 'none'}"
        f" by {entry.trunks or 'no trunk'}; may call {entry.permission}, shows {entry.shown}"
    )


def explain(
    context: typer.Context,
    number: str = typer.Argument(help="In any usual spelling: 21-0, 2500, +49 6205 21-2500."),
    caller: str = typer.Option("", "--from", help="The extension of ours that calls; default: a citizen outside."),
    at: str = typer.Option("", help='Local time, "2026-12-25 10:00"; default now.'),
    press: str = typer.Option("", help="Keys, one per try of a menu: 1,2; an empty one is none; a name: weber#."),
    busy: list[str] = typer.Option([], help="Extensions that are busy."),
    talking: list[str] = typer.Option([], help="Extensions where somebody talks: it rings if call waiting is on."),
    away: list[str] = typer.Option([], help="Extensions where nobody picks up."),
    off: list[str] = typer.Option([], help="Extensions whose phones are not registered."),
    by: str = typer.Option("", help="The extension of ours that puts the caller through to it."),
    queue: list[str] = typer.Option([], help="A waiting queue and how it is: NAME=full, or NAME=nobody (logged in)."),
    pin: str = typer.Option("", help="What is dialled where a conference room asks for its PIN."),
    switch: list[str] = typer.Option([], help="As if a switch were otherwise than now: night=on."),
    no_python: bool = typer.Option(False, "--no-python", help="As if every Python process were dead."),
    planned: bool = typer.Option(False, "--planned", help="After the next apply, not now."),
    json: bool = output.Json,
) -> None:
    """What would happen to a call."""
    with output.failures():
        question = questions.Question(
            number=number,
            caller=caller,
            at=at,
            press=press,
            busy=tuple(busy),
            talking=tuple(talking),
            away=tuple(away),
            off=tuple(off),
            by=by,
            queues=tuple(queue),
            pin=pin,
            python=not no_python,
        )
        directory, now = asyncio.run(_asked(output.state_of(context), planned))
        question = replace(question, switches=questions.turned(directory, now, switch))
        explained = questions.ask(directory, question)
        if json:
            output.dump(asdict(explained))
            return
        route = explained.route
        lines = _way(directory, question, explained)
        if route and not explained.visits:
            lines = _outside(caller, route)
        for line in lines:
            output.say(line)


def _way(directory: Directory, question: questions.Question, explained: questions.Explanation) -> Iterator[str]:
    """Each place of a call, and what it comes to. A code that a desk dials is told as it was dialled."""
    coded = explained.route is not None and explained.route.kind == "code"
    dialled = explained.extension if coded else written(directory.town, explained.extension)
    yield f"{dialled} on {explained.at:%A %Y-%m-%d %H:%M}"
    if not coded and explained.extension not in directory.numbers:
        yield f"  nobody has {explained.extension}: the catch-all {directory.town.catch_all} answers"
    for visit in explained.visits:
        shown = explained.displays.get(visit.place, "")
        yield f"  {visit.place:<32} {visit.answer}" + (f" (the display shows {shown!r})" if shown else "")
    for told in switched_on(directory, explained.visits, question.switches):
        yield f"  switched: {told}"
    yield f"ends: {explained.ending.outcome} at {explained.ending.place}"


async def _asked(state: State, planned: bool) -> tuple[Directory, Mapping[str, Switched]]:
    """The directory that callers meet now, or after the next apply; and what is switched now."""
    return await _directory(state, planned), await present.now(state)


async def _directory(state: State, planned: bool) -> Directory:
    imported = await service.read(state)
    if planned or not (state.current / service.APPLIED).exists():
        return imported
    applied = await service.running(state)
    if applied != imported:
        output.note("the directory was changed and not applied: --planned tells what would be then")
    return applied


REFUSED = {
    "no_number": "it is no number, or hides another behind it",
    "switch": "calls of the class {group} are switched off for the whole house",
    "permission": "the permission {permission} of this phone does not have the class {group}",
    "no_code": "there is no such code",
    "no_queue": "callers of no queue, or not of that one, may be taken from this phone",
    "no_pickup": "nothing rings at that number, or not for colleagues of this phone",
}
"""Why a call is refused, as an admin reads it."""


def _outside(caller: str, route: Route) -> Iterator[str]:
    by = ", then ".join(route.trunks) or "no trunk at all"
    named = route.permission.id if route.permission else ""
    if route.kind == "code":
        code = NAMED[route.group]
        yield f"{caller} dials the code {route.number} ({code.name}): {code.card}"
        return
    if route.kind == "refused":
        where = "" if route.number.startswith(FIRST) else "outside "
        yield f"{caller} dials {where}{route.number}: refused, with an announcement"
        yield f"  why: {REFUSED[route.why].format(permission=named, group=route.group)}"
    else:
        yield f"{caller} calls {route.number} by the trunk ({route.kind}), showing {route.shown}"
        yield f"  trunks: {by}"
    if route.group and route.group not in NAMED:
        yield f"  class: {route.group}"
    if route.permission:
        yield f"  permission: {named} ({', '.join(route.permission.classes) or 'nothing outside'})"
        if route.kind == "outside" and route.group in BUDGETED:
            yield f"  budget: {_budget(route.permission)}"


def _budget(permission: Permission) -> str:
    limits = {
        "an hour": permission.per_hour,
        "at once": permission.at_once,
        "a night (20:00 to 6:00)": permission.nightly,
    }
    return ", ".join(f"{limit} {what}" for what, limit in limits.items() if limit) or "no limit"
