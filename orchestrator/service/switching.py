"""Absence, forwarding, switches and waves, as an admin asks for them: judged against the directory that runs.

Belongs here: what may be switched, and what is told. Not here: the way into Asterisk (present).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from orchestrator.domain import hot_desks, outgoing, spelling, switches, texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Announce
from orchestrator.domain.people import Department, Person
from orchestrator.domain.prompts import audible
from orchestrator.domain.switches import (
    ABSENT,
    FORWARD,
    FORWARDS,
    OUTSIDE,
    PERSONAL,
    QUIET,
    SINGLE,
    WAVE,
    Absence,
    Forwarding,
    Guest,
    On,
    Outside,
    Switched,
)
from orchestrator.service import directory as directories
from orchestrator.service import present
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store.marked import suggest
from orchestrator.store.switched import Row, read


class GoesRound(ServiceError):
    """A forwarding would ring a desk at which nobody is."""


class NotAllowed(ServiceError):
    """No phone of the number may call where it is to be forwarded to."""


LONGEST_TEXT = 400
CASES = {"always": "", "busy": " when busy", "no_answer": " when nobody answers"}
"""When calls ring elsewhere -> how that is told."""
KIND = phonenumbers.PhoneNumberType.to_string


@dataclass(frozen=True, kw_only=True)
class Period:
    """From the beginning of `first` (none: now) to the end of `last` (none: until it is ended), in the town's days."""

    first: date | None = None
    last: date | None = None

    def seconds(self, town: ZoneInfo) -> tuple[int, int]:
        """First instant, and the one just after the last; 0 for none. Raises ServiceError for what is over or wrong."""
        if self.last == date.max:
            raise ServiceError(f"{self.last} has no day after it", todo="leave --until out: it lasts until it is ended")
        begins = max(0, int(datetime.combine(self.first, clock.min, town).timestamp())) if self.first else 0
        after = self.last + timedelta(days=1) if self.last else None
        ends = int(datetime.combine(after, clock.min, town).timestamp()) if after else 0
        if ends and (ends <= begins or ends <= time.time()):
            raise ServiceError(f"{self.last} is over before it begins", todo="name a later day with --until")
        return begins, ends


async def absent(
    state: State,
    number: str,
    period: Period,
    *,
    stand_in: str | None,
    text: str,
    why: str,
    who: str = "",
    instead: bool = False,
) -> list[str]:
    """Somebody is away. `stand_in`: None as the directory says, empty nobody. What to tell; raises ServiceError.

    `instead`: even of an absence that is not over and has no day in common with this one.
    """
    directory = await directories.running(state)
    person = person_of(directory, number)
    if stand_in is None:
        named = directory.people.get(person.stand_in)
        stand_in = named.extension if named else ""
    stand_in = _extension(directory, stand_in) if stand_in else ""
    if stand_in == person.extension:
        raise ServiceError(f"{stand_in} cannot stand in for itself", todo="name somebody else with --stand-in")
    begins, ends = period.seconds(ZoneInfo(directory.town.timezone))
    spoken = texts.absent(person.name, period.last, _called(directory, stand_in))
    away = Absence(begins=begins, ends=ends, stand_in=stand_in, texts=_texts(directory, text, spoken))
    now = await present.now(state)
    warnings = [*_instead(directory, now, person, away, instead), *_warnings(now, stand_in, begins, ends)]
    until = f" until {period.last}" if period.last else ""
    told = f"{person.extension} {person.name}: absent{until}, {stand_in or 'nobody'} stands in"
    how = await present.put(state, directory, as_row(ABSENT + person.extension, away, why, who), told)
    return [f"{told}; {how}", *warnings]


def _instead(
    directory: Directory, now: Mapping[str, Switched], person: Person, new: Absence, wished: bool
) -> Iterator[str]:
    """What an absence replaces; raises ServiceError for one that would be lost by an absence of other days."""
    old, today = now.get(ABSENT + person.extension), time.time()
    if not isinstance(old, Absence) or (old.ends and old.ends <= today) or old == new:
        return
    apart = 0 < old.ends <= max(new.begins, today) or 0 < new.ends <= old.begins
    told = f"absent{switches.times(old, directory.town.timezone)}"
    if apart and not wished:
        raise ServiceError(
            f"{person.extension} {person.name} is {told} already, and only one absence of a person is kept",
            todo="set this one when that is over, or replace it: the same command with --instead",
        )
    yield f"instead of: {told}"


async def restore(state: State, name: str, before: Mapping[str, Any] | None, *, what: str, why: str) -> present.Turned:
    """Switch `name` to what the record says that it was; None: off. Raises ServiceError for what cannot be any more."""
    if before is None:
        return await present.remove(state, name, what=what, why=plain(why))
    directory = await directories.running(state)
    if name not in switches.known(directory):
        raise ServiceError(f"the directory knows no switch {name} any more", todo="see `durchwahl switch`")
    switched = read(before)
    if isinstance(switched, Guest) and not switches.holds(switched, datetime.now(ZoneInfo(directory.town.timezone))):
        raise ServiceError(f"that was over when the night came: {name}", todo="they log in again at a desk")
    if isinstance(switched, Guest) and not hot_desks.sits(directory, name, switched):
        raise ServiceError(f"somebody else has the number now: {name}", todo="they log in at a desk themselves")
    if isinstance(switched, Forwarding) and name.startswith(FORWARD) and not switched.to.startswith("+"):
        _goes_on(directory, await present.now(state), switches.forwarder(name), switched.to)
    return await present.put(state, directory, as_row(name, switched, why), what)


async def back(state: State, number: str, *, who: str = "", why: str) -> list[str]:
    """Who was absent is back; raises ServiceError if nobody was."""
    person = person_of(await directories.running(state), number)
    await must_be(state, ABSENT + person.extension, f"{person.extension} {person.name} is not absent")
    told = f"{person.extension} {person.name}: back"
    how = await present.remove(state, ABSENT + person.extension, what=told, who=who, why=plain(why))
    return [f"{told}; {how}"]


async def forward(state: State, number: str, to: str, *, when: str = "always", who: str = "", why: str) -> list[str]:
    """The calls of a number ring elsewhere; `off` ends it. What to tell; raises ServiceError."""
    if when not in FORWARDS:
        raise ServiceError(
            f"{when!r} is no case in which calls ring elsewhere", todo=f"use one of {', '.join(FORWARDS)}"
        )
    directory = await directories.running(state)
    extension = _extension(directory, number)
    name, case = FORWARDS[when] + extension, CASES[when]
    if name not in switches.known(directory):
        raise ServiceError(f"calls to {extension} cannot be forwarded", todo="name a person or a department")
    if to == "off":
        await must_be(state, name, f"{extension} is not forwarded{case}")
        told = f"{extension}: no longer forwarded{case}"
        return [f"{told}; {await present.remove(state, name, what=told, who=who, why=plain(why))}"]
    target = inside(directory, to) or _outside(directory, extension, to)
    now = await present.now(state)
    _elsewhere(directory, extension, target)
    if when == "always":  # in the other cases its own phones ring first: two may take each other's calls
        _goes_on(directory, now, extension, target)
    told = f"{extension}: forwarded to {target}{case}"
    how = await present.put(state, directory, as_row(name, Forwarding(to=target), why, who), told)
    return [f"{told}; {how}", *_empty(directory, now, target)]


async def quiet(state: State, number: str, to: str, *, who: str = "", why: str) -> list[str]:
    """Do not disturb, `on` or `off`. What to tell; raises ServiceError."""
    if to not in ("on", "off"):
        raise ServiceError(f"do not disturb cannot be {to!r}", todo="use on or off")
    directory = await directories.running(state)
    person = person_of(directory, number)
    name = QUIET + person.extension
    told = f"{person.extension} {person.name}: {'not to be disturbed' if to == 'on' else 'may be disturbed again'}"
    if to == "off":
        await must_be(state, name, f"{person.extension} {person.name} may be disturbed")
        return [f"{told}; {await present.remove(state, name, what=told, who=who, why=plain(why))}"]
    return [f"{told}; {await present.put(state, directory, as_row(name, On(), why, who), told)}"]


def _elsewhere(directory: Directory, extension: str, target: str) -> None:
    """Raises ServiceError for a forwarding to the same phones."""
    if set(switches.rung(directory, target)) == set(switches.rung(directory, extension)):
        raise GoesRound(f"{extension} would be forwarded to itself", todo="name somebody else")


def _goes_on(directory: Directory, now: Mapping[str, Switched], extension: str, target: str) -> None:
    """Raises ServiceError for a forwarding to itself, at once or by way of others: each would ring an empty desk."""
    _elsewhere(directory, extension, target)
    way = switches.onward(directory, now, extension, target)
    if len(set(way)) < len(way):
        raise GoesRound(
            f"forwardings would go round: {' → '.join(way)}; each rings a desk at which nobody is",
            todo=f"end one of them first, `durchwahl forward {way[-2]} off`, or name somebody else",
        )


def _empty(directory: Directory, now: Mapping[str, Switched], target: str) -> Iterator[str]:
    """Why nobody may be at the phones of `target` just now."""
    number = switches.chief(directory, target)
    away, further = now.get(ABSENT + number), now.get(FORWARD + number)
    if isinstance(away, Absence) and switches.holds(away, datetime.now(ZoneInfo(directory.town.timezone))):
        yield f"warning: {number} is absent now"
    if isinstance(further, Forwarding):
        yield f"warning: {number} is forwarded to {further.to}: its own phones ring all the same"


async def switch(state: State, name: str, to: str, period: Period, *, text: str, who: str = "", why: str) -> list[str]:
    """Turn a switch `on` or `off`; `outside` is `on`, `no_abroad` or `emergency`. Raises ServiceError."""
    directory = await directories.running(state)
    must_exist(directory, name)
    values = ("on", *switches.ONLY) if name == OUTSIDE else ("on", "off")
    if to not in values:
        raise ServiceError(f"{name} cannot be {to!r}", todo=f"use one of {', '.join(values)}")
    ended = to == ("on" if name == OUTSIDE else "off")
    _have_effect(directory, name, "" if ended else to, period, text)
    told = f"switch {name}: {to}{f' until {period.last}' if period.last else ''}"
    if ended:
        return [f"{told}; {await present.remove(state, name, what=told, who=who, why=plain(why))}"]
    begins, ends = period.seconds(ZoneInfo(directory.town.timezone))
    spoken = {directory.town.languages[0]: text} if text else {}
    turned: Switched = On(begins=begins, ends=ends, texts=_texts(directory, text, spoken))
    if name == OUTSIDE:
        turned = Outside(only=to, ends=ends)
    return [f"{told}; {await present.put(state, directory, as_row(name, turned, why, who), told)}"]


def must_exist(directory: Directory, name: str) -> None:
    """Raises ServiceError for a switch that nobody can turn by its name."""
    known = [known for known in switches.known(directory) if not known.startswith(PERSONAL)]
    if name not in known:
        listed = sorted(each for each in known if not each.startswith(SINGLE))  # there is one for each telephone
        todo = suggest(name, known) or f"use one of {', '.join(listed)}"
        raise ServiceError(f"there is no switch {name!r}", todo=todo)


def _have_effect(directory: Directory, name: str, to: str, period: Period, text: str) -> None:
    """Raises ServiceError for a day or a text that would be forgotten; `to` is empty where the switch is ended."""
    wave, announced = name.startswith(WAVE), (step for step in directory.graph.values() if isinstance(step, Announce))
    if (period.first or period.last) and (wave or not to):
        what = "a wave that moved does not move back by itself" if wave else f"{name} is switched at once, for no days"
        raise ServiceError(what, todo="leave out --from and --until; on the day itself give the command again")
    if period.first and name == OUTSIDE:
        raise ServiceError("outside is switched at once", todo="leave out --from; --until may end it")
    if text and (not to or all(step.switch != name for step in announced)):
        raise ServiceError(f"nobody would hear this text: no step announces {name}", todo="leave out --text")


async def move(state: State, wave: str, *, moved: bool, why: str) -> list[str]:
    """Move a wave to this exchange, or back to the old one; raises ServiceError for an unknown one."""
    directory = await directories.running(state)
    if wave not in directory.waves:
        raise ServiceError(
            f"there is no wave {wave!r}", todo=f"declared are: {', '.join(sorted(directory.waves)) or 'none'}"
        )
    name, told = WAVE + wave, f"wave {wave} ({directory.waves[wave].name}): {'moved here' if moved else 'moved back'}"
    if moved == (name in await present.now(state)):
        where = "here already" if moved else f"on {directory.waves[wave].trunk}"
        raise ServiceError(f"wave {wave} ({directory.waves[wave].name}) is {where}", todo="see `durchwahl waves`")
    if moved:
        return [f"{told}; {await present.put(state, directory, as_row(name, On(), why), told)}"]
    return [f"{told}; {await present.remove(state, name, what=told, why=plain(why))}"]


def as_row(name: str, switched: Switched, why: str, who: str = "") -> Row:
    """What is switched from now on, and by whom."""
    return Row(name=name, switched=switched, at=time.time(), who=who or directories.who(), why=plain(why))


def plain(why: str) -> str:
    """A reason as one line."""
    return "".join(each for each in " ".join(why.split()) if each.isprintable())


async def must_be(state: State, name: str, otherwise: str) -> None:
    if name not in await present.now(state):
        raise ServiceError(otherwise, todo="see `durchwahl switched`")


def person_of(directory: Directory, number: str) -> Person:
    if person := directory.person_with(spelling.extension(directory, number)):
        return person
    raise ServiceError(f"{number} is nobody's number", todo="name the number of a person")


def inside(directory: Directory, number: str) -> str:
    """The extension that `number` means, if somebody has it; else empty."""
    extension = spelling.extension(directory, number)
    return extension if switches.rung(directory, extension) else ""


def _extension(directory: Directory, number: str) -> str:
    extension = inside(directory, number) or spelling.extension(directory, number)
    if not switches.rung(directory, extension) and extension not in directory.numbers:
        raise ServiceError(f"nobody has number {number}", todo="check the digits")
    return extension


def _called(directory: Directory, extension: str) -> str:
    owners: tuple[Person | Department, ...] = (*directory.people.values(), *directory.departments.values())
    for owner in owners:
        if owner.extension == extension:
            return owner.name
    return ", ".join(extension)


def _outside(directory: Directory, extension: str, to: str) -> str:
    """The public number that `to` means, in E.164, if a phone of `extension` may call it; raises ServiceError."""
    unknown = NotAllowed(f"{to!r} is no number that calls can be forwarded to", todo="write 2510 or 0171 1234567")
    if not to.strip().startswith(("0", "+")):  # what may be dialled in the town alone is taken for a wrong extension
        raise unknown
    try:
        parsed = phonenumbers.parse(to, "DE" if directory.town.country == "49" else None)
    except phonenumbers.NumberParseException:
        raise unknown from None
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_possible_number(parsed) or not switches.PUBLIC.fullmatch(number):
        raise unknown
    if ours := outgoing.inside(directory, outgoing.canonical(number)):
        raise ServiceError(
            f"{number} is a number of ours, {ours}, and nobody has it", todo="name one that somebody has"
        )
    if kind := outgoing.costly(parsed.country_code or 0, KIND(phonenumbers.number_type(parsed))):
        raise NotAllowed(f"{number} costs too much to be forwarded to ({kind})", todo="name another")
    if not any(trunk.public for trunk in directory.trunks.values()):
        raise ServiceError("there is no trunk to the public network", todo="forward to a number of ours")
    country = directory.town.country
    public = f"0{number[1 + len(country) :]}" if number.startswith(f"+{country}") else f"00{number[1:]}"
    for phone in switches.rung(directory, extension):
        if outgoing.route(directory, directory.phones[phone], directory.town.outside + public).kind == "outside":
            return number
    raise NotAllowed(
        f"the phones of {extension} may not call {number}", todo="give them the permission, or name another number"
    )


def _texts(directory: Directory, text: str, otherwise: Mapping[str, str]) -> Mapping[str, str]:
    """`text` for who hears the town's first language; the others hear what the exchange says of itself."""
    said = " ".join(text.split())
    if not text:
        return otherwise
    if not audible(said) or not said.isprintable() or len(said) > LONGEST_TEXT:
        raise ServiceError(
            "this text cannot be spoken", todo=f"write a sentence of at most {LONGEST_TEXT} characters, without signs"
        )
    return {**otherwise, directory.town.languages[0]: said}


def _warnings(now: Mapping[str, Switched], stand_in: str, begins: int, ends: int) -> Iterator[str]:
    """Whether the stand-in is absent, too, at some time of an absence, or has calls ring elsewhere."""
    match now.get(ABSENT + stand_in):
        case Absence(begins=from_, ends=until) if (not ends or from_ < ends) and (not until or begins < until):
            yield f"warning: {stand_in} is absent, too"
        case _:
            pass
    if isinstance(further := now.get(FORWARD + stand_in), Forwarding):
        yield f"warning: {stand_in} is forwarded to {further.to}: its own phones ring all the same"
