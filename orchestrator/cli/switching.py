"""What changes without a rollout: `absent`, `back`, `forward`, `desk`, `switch`, `switched`, `wave`, `waves`,
`old-numbers`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import assert_never
from zoneinfo import ZoneInfo

import typer

from orchestrator.cli import output
from orchestrator.domain import switches
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import Visit
from orchestrator.domain.flow import Announce, Forward, Ring, Switch
from orchestrator.domain.house import Screen
from orchestrator.domain.switches import Absence, Forwarding, Guest, On, Outside, Switched
from orchestrator.service import directory as directories
from orchestrator.service import hot_desks, present, switching
from orchestrator.service import waves as service
from orchestrator.service.errors import ServiceError
from orchestrator.service.questions import when
from orchestrator.service.state import State
from orchestrator.store.switched import Row

Why = typer.Option("", help="Why, for the record.")
From = typer.Option("", "--from", help="First day, 2026-12-01; default: from now on.")
Until = typer.Option("", help="Last day, 2026-12-05; default: until it is ended.")
Text = typer.Option("", help="What callers hear in the town's first language, instead of the usual sentence.")


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(absent)
    app.command()(back)
    app.command()(forward)
    app.command()(quiet)
    app.command()(desk)
    app.command()(switch)
    app.command()(switched)
    wave = typer.Typer(no_args_is_help=True, help="Move a wave here from the old exchange, or back.")
    wave.command()(move)
    wave.command("back")(move_back)
    app.add_typer(wave, name="wave")
    app.command()(waves)
    app.command("old-numbers")(old_numbers)


def absent(
    context: typer.Context,
    number: str = typer.Argument(help="The number of a person."),
    until: str = Until,
    first: str = From,
    stand_in: str = typer.Option(None, help="Who is rung instead; default: as the directory says; none: nobody."),
    text: str = Text,
    instead: bool = typer.Option(False, "--instead", help="Even if an absence of other days is lost by it."),
    why: str = Why,
) -> None:
    """Somebody is away: callers hear it and reach the stand-in, the mailbox or the department."""
    with output.failures():
        named = "" if stand_in == "none" else stand_in
        state, period = output.state_of(context), _period(first, until)
        _tell(switching.absent(state, number, period, stand_in=named, text=text, why=why, instead=instead))


def back(context: typer.Context, number: str = typer.Argument(help="The number of a person."), why: str = Why) -> None:
    """Somebody who was absent is back."""
    with output.failures():
        _tell(switching.back(output.state_of(context), number, why=why))


def forward(
    context: typer.Context,
    number: str = typer.Argument(help="The number of a person or department."),
    to: str = typer.Argument(help="A number of ours, a public number, or off."),
    when: str = typer.Option("always", help="always; busy, when its phones are; no_answer, or no phone is there."),
    why: str = Why,
) -> None:
    """Calls to a number ring elsewhere; who is not reached there comes back to the mailbox or the department."""
    with output.failures():
        _tell(switching.forward(output.state_of(context), number, to, when=when, why=why))


def quiet(
    context: typer.Context,
    number: str = typer.Argument(help="The number of a person."),
    to: str = typer.Argument(help="on or off."),
    why: str = Why,
) -> None:
    """Do not disturb: calls to a person do not ring, and go on as if nobody had answered."""
    with output.failures():
        _tell(switching.quiet(output.state_of(context), number, to, why=why))


def desk(
    context: typer.Context,
    name: str = typer.Argument("", help="A telephone where people may log in; without one, all are listed."),
    to: str = typer.Argument("", help="The number of who is to sit there, or off."),
    why: str = Why,
    json: bool = output.Json,
) -> None:
    """Hot-desking: who sits where today; have somebody sit at a desk, or log them out."""
    with output.failures():
        state = output.state_of(context)
        if to:
            _tell(hot_desks.clear(state, name, why=why) if to == "off" else hot_desks.log_in(state, name, to, why=why))
            return
        seats = [seat for seat in asyncio.run(hot_desks.seats(state)) if not name or seat.desk == name]
        if name and not seats:
            raise ServiceError(f"{name!r} is no desk at which people may log in", todo="see `durchwahl desk`")
        if json:
            output.dump([asdict(seat) for seat in seats])
            return
        zone = ZoneInfo(asyncio.run(directories.running(state)).town.timezone)
        for seat in seats:
            until = f" until {datetime.fromtimestamp(seat.until, zone):%Y-%m-%d %H:%M}" if seat.until else ""
            output.say(f"{seat.desk:<20} {seat.who + until if seat.who else 'nobody':<44} {seat.label}, {seat.site}")


def switch(
    context: typer.Context,
    name: str = typer.Argument("", help="Without one, all switches are listed."),
    to: str = typer.Argument("", help="on or off; for outside: on, no_abroad or emergency."),
    until: str = Until,
    first: str = From,
    text: str = Text,
    why: str = Why,
) -> None:
    """Turn a switch: night service, a department closed at once, calls to the outside."""
    with output.failures():
        state = output.state_of(context)
        if name and to:
            _tell(switching.switch(state, name, to, _period(first, until), text=text, why=why))
            return
        if until or first or text:
            raise ServiceError(
                "days and a text are for a switch that is turned", todo="write on or off behind its name"
            )
        directory, rows = asyncio.run(_present(state))
        if name:
            switching.must_exist(directory, name)
        turned = {row.name: row.switched for row in rows}
        hidden = switches.PERSONAL if name else (*switches.PERSONAL, switches.SINGLE)
        for known, meaning in sorted(switches.known(directory).items()):
            if known.startswith(hidden) or (name and known != name):
                continue
            zone = directory.town.timezone
            now = described(turned[known], zone) if known in turned else "on" if known == switches.OUTSIDE else "off"
            output.say(f"{known:<32} {now:<24} {meaning}")


def switched(context: typer.Context, json: bool = output.Json) -> None:
    """All that is switched now: what, by whom, since when, why."""
    with output.failures():
        directory, rows = asyncio.run(_present(output.state_of(context)))
        if json:
            output.dump([asdict(row) for row in rows])
            return
        known = switches.known(directory)
        for row in rows:
            lost = "" if row.name in known else "  (the directory does not know it any more)"
            since = f"{_local(directory, row.at):%Y-%m-%d %H:%M}"
            what = described(row.switched, directory.town.timezone)
            output.say(f"{row.name:<32} {what:<40} {row.who} since {since}  {row.why}{lost}")


def move(context: typer.Context, wave: str, why: str = Why) -> None:
    """Move a wave to this exchange: its numbers ring here from the next call on."""
    with output.failures():
        _tell(switching.move(output.state_of(context), wave, moved=True, why=why))


def move_back(context: typer.Context, wave: str, why: str = Why) -> None:
    """Move a wave back: its numbers are put through to the old exchange again."""
    with output.failures():
        _tell(switching.move(output.state_of(context), wave, moved=False, why=why))


def waves(context: typer.Context, json: bool = output.Json) -> None:
    """What is in each wave, and whether its phones are registered here already."""
    with output.failures():
        found = asyncio.run(service.waves(output.state_of(context)))
        if json:
            output.dump([asdict(wave) for wave in found])
            return
        for wave in found:
            day = f", planned for {wave.day}" if wave.day else ""
            where = "moved here" if wave.moved else f"on {wave.trunk}"
            output.say(f"wave {wave.id} ({wave.name}): {where}{day}")
            output.say(f"  {len(wave.numbers)} numbers: {', '.join(wave.numbers)}")
            output.say(f"  {wave.registered} of {wave.phones} phones registered")
            if wave.missing:
                output.say(f"  nobody would answer: {', '.join(wave.missing)}")


def old_numbers(
    context: typer.Context,
    since: str = typer.Option("", help='Local time, "2026-11-23 08:00"; default: all calls that are kept.'),
    json: bool = output.Json,
) -> None:
    """Who still dials numbers that are retired; test calls are not counted."""
    with output.failures():
        state = output.state_of(context)
        directory = asyncio.run(directories.running(state))
        began = when(since, directory.town.timezone).timestamp() if since else 0.0
        found = asyncio.run(service.old_numbers(state, began))
        if json:
            output.dump([asdict(old) for old in found])
            return
        for old in found:
            last = f", last {_local(directory, old.last):%Y-%m-%d %H:%M}" if old.calls else ""
            by = f" by {', '.join(old.callers)}" if old.callers else ""
            output.say(f"{old.number} (now {old.to}, kept free until {old.until}): {old.calls} calls{last}{by}")


def described(switched: Switched, timezone: str) -> str:
    """What is switched, for a person."""
    match switched:
        case On():
            return f"on{switches.times(switched, timezone)}"
        case Absence(stand_in=stand_in):
            return f"absent{switches.times(switched, timezone)}, {stand_in or 'nobody'} stands in"
        case Forwarding(to=to):
            return f"to {to}"
        case Outside(only=only):
            return f"{only}{switches.times(switched, timezone)}"
        case Guest(desk=desk):
            return f"at {desk}{switches.times(switched, timezone)}"
        case _:
            assert_never(switched)


def switched_on(directory: Directory, visits: Iterable[Visit], now: Mapping[str, Switched]) -> Iterator[str]:
    """What is switched and was asked on the way, for a person."""
    for visit in visits:
        match directory.graph[visit.place]:
            case Switch(name=name) | Announce(switch=name):
                names = [name]
            case Forward() as forward:
                names = [*switches.asked(forward)]
            case Screen(number=number):
                names = [switches.DIRECT + number]
            case Ring(away=away):
                names = [*dict.fromkeys(name for asked in away.values() for name in asked)]
            case _:
                names = []
        yield from (f"{name} {described(now[name], directory.town.timezone)}" for name in names if name in now)


def _period(first: str, last: str) -> switching.Period:
    return switching.Period(first=_day(first), last=_day(last))


def _day(text: str) -> date | None:
    written = "-".join(part.zfill(2) for part in reversed(text.split("."))) if "." in text else text
    try:
        return date.fromisoformat(written) if text else None
    except ValueError:
        raise ServiceError(f"{text!r} is not a day", todo="write it as 2026-12-05 or 05.12.2026") from None


def _local(directory: Directory, at: float) -> datetime:
    return datetime.fromtimestamp(at, ZoneInfo(directory.town.timezone))


async def _present(state: State) -> tuple[Directory, list[Row]]:
    return await directories.running(state), await present.rows(state)


def _tell(done: Coroutine[None, None, list[str]]) -> None:
    for line in asyncio.run(done):
        output.say(line)
