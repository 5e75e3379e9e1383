"""`explain` as it is asked: a number in any spelling, extensions that are busy or away, a time as one writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.domain import hot_desks
from orchestrator.domain.codes import SWITCHING
from orchestrator.domain.directory import Directory
from orchestrator.domain.display import Signs
from orchestrator.domain.explain import ENGAGED, Ending, Visit, World, ending, explain
from orchestrator.domain.flow import KEYS, Place
from orchestrator.domain.keypad import digits as digits_of
from orchestrator.domain.outgoing import Route, route
from orchestrator.domain.people import OPEN, Phone
from orchestrator.domain.queues import members
from orchestrator.domain.service_codes import predicted
from orchestrator.domain.spelling import parse
from orchestrator.domain.switches import ABSENT, DESK, FORWARDS, OUTSIDE, On, Outside, Switched, holds, known, rung
from orchestrator.domain.town import CODES
from orchestrator.service.errors import ServiceError

SWITCHING_CODES = frozenset(code.name for code in SWITCHING)
TIME_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Who calls what, when, doing what, and who is in."""

    number: str
    caller: str = ""
    """The extension of ours from whose phone the call comes; empty: it comes from outside."""
    at: str = ""
    """Local time of the town; empty: now."""
    press: str = ""
    """`1,2`: one key per try of a menu; an empty entry (`1,,2`) is a try without a key; a name in one go (`weber#`)."""
    busy: tuple[str, ...] = ()
    talking: tuple[str, ...] = ()
    """Extensions where somebody talks: it rings there once more, unless the telephone takes one call at a time."""
    away: tuple[str, ...] = ()
    """Extensions where it rings and nobody picks up."""
    off: tuple[str, ...] = ()
    """Extensions whose phones are not registered."""
    by: str = ""
    """The extension of ours whose phone puts the caller through, or has parked them; empty: none."""
    pin: str = ""
    """What is dialled where a conference room asks for its PIN."""
    queues: tuple[str, ...] = ()
    """Waiting queues that are `full`, or where `nobody` is logged in: `buergerservice=full`."""
    python: bool = True
    switches: Mapping[str, Switched] = field(default_factory=dict)
    """What is switched on."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The predicted way and what it comes to."""

    extension: str
    at: datetime
    visits: tuple[Visit, ...]
    ending: Ending
    route: Route | None = None
    """For a call from a phone of ours: where its number goes. A call to the outside has no visits."""
    displays: Mapping[Place, str] = field(default_factory=dict)
    """What telephones show, before the caller, that ring at a place."""


def ask(directory: Directory, question: Question) -> Explanation:
    """Answer `question`; raises ServiceError for a number, key or time that makes no sense."""
    world, way = described(directory, question), None
    if question.caller:
        if not re.search(r"[0-9*#]", question.number):
            raise _no_number(question.number)
        phone, turned = _phone(directory, question.caller), question.switches.get(OUTSIDE)
        stopped = turned.only if isinstance(turned, Outside) and holds(turned, world.at) else ""
        guest = hot_desks.guest(directory, question.switches, phone.id, world.at)
        way = route(directory, phone, question.number, stopped, guest)
        if way.kind == "code" and way.group in SWITCHING_CODES:
            world = replace(world, skills={**world.skills, "switching": predicted(directory, phone, way.number, guest)})
            visits = tuple(explain(directory, directory.first(CODES), world))
            return Explanation(extension=way.number, at=world.at, visits=visits, ending=ending(visits), route=way)
        if way.kind != "inside":
            ended = Ending(outcome=way.kind, place=way.place)
            return Explanation(extension=way.number, at=world.at, visits=(), ending=ended, route=way)
        extension = way.number
    else:
        extension = digits(directory, question.number)
    visits = tuple(explain(directory, start(directory, extension), world))
    shown = {place: text for place, text in Signs(directory).shown(extension, visits) if text}
    ended = ending(visits)
    return Explanation(extension=extension, at=world.at, visits=visits, ending=ended, route=way, displays=shown)


def _phone(directory: Directory, extension: str) -> Phone:
    """The phone from which `extension` calls; raises ServiceError if it has none."""
    for phone in phones_of(directory, extension):
        return directory.phones[phone]
    raise ServiceError(f"{extension} has no phone", todo="name the number of a person, a department or a shared phone")


def digits(directory: Directory, number: str) -> str:
    """The extension that `number` means, whether somebody has it or not; raises ServiceError for any other number."""
    if not (meant := parse(directory, number)):
        raise _no_number(number)
    if meant.number:
        raise ServiceError(
            f"{number} is no number of ours: its calls never come here",
            todo="name one of ours, or ask with `explain --from EXTENSION` what becomes of it when a desk dials it",
        )
    return meant.extension


def _no_number(number: str) -> ServiceError:
    return ServiceError(f"{number!r} is not a number", todo="write it as 2500, 21-2500 or +49 6205 21-2500")


def start(directory: Directory, extension: str) -> Place:
    """Where a call to `extension` begins; unknown ones begin at the catch-all."""
    flow = directory.numbers.get(extension, directory.town.catch_all)
    if flow not in directory.flows:
        raise ServiceError(f"{extension} leads to flow {flow!r}, which does not exist", todo="run `durchwahl check`")
    return directory.first(flow)


def described(directory: Directory, question: Question) -> World:
    """The world that `question` describes."""
    phones = {
        phone: answer
        for extensions, answer in (
            (question.busy, "busy"),
            (question.talking, ENGAGED),
            (question.away, "nobody"),
            (question.off, "unreachable"),
        )
        for extension in extensions
        for phone in phones_of(directory, extension)
    }
    return World(
        at=when(question.at, directory.town.timezone),
        keys=keys(question.press),
        phones=phones,
        python=question.python,
        caller=question.caller,
        inside=bool(question.caller),
        shared=bool(question.caller) and _phone(directory, question.caller).kind in OPEN,
        queues=dict(_standing(directory, queue) for queue in question.queues),
        by=_phone(directory, question.by).id if question.by else "",
        pin=question.pin,
        phone=_phone(directory, question.caller).id if question.caller else "",
        switches=question.switches,
    )


def _standing(directory: Directory, said: str) -> tuple[str, str]:
    queue, _, how = said.partition("=")
    if queue not in directory.queues or how not in ("full", "nobody"):
        known = ", ".join(sorted(directory.queues)) or "there is none"
        raise ServiceError(f"{said!r} says nothing of a waiting queue", todo=f"write NAME=full or NAME=nobody; {known}")
    return queue, how


def turned(directory: Directory, present: Mapping[str, Switched], wished: Iterable[str]) -> Mapping[str, Switched]:
    """`present` as if each of `wished` (`night=on`) were so; raises ServiceError for a switch that nothing asks."""
    found = dict(present)
    for wish in wished:
        name, _, to = wish.partition("=")
        if name not in known(directory) or to not in ("on", "off"):
            raise ServiceError(f"{wish!r} is no switch", todo="write --switch night=on or --switch night=off")
        if to == "off" or name == OUTSIDE:
            found.pop(name, None)
        elif not name.startswith((ABSENT, *FORWARDS.values(), DESK)):
            found[name] = On()
        elif name not in found:
            raise ServiceError(f"{wish!r} does not say to whom", todo="set it, or leave it out of the question")
    return found


def phones_of(directory: Directory, extension: str) -> Iterable[str]:
    """The phones that ring first for `extension`; raises ServiceError if it is nobody's."""
    for queue in directory.queues.values():
        if queue.extension == extension:
            return members(directory, queue)
    if not (found := rung(directory, extension)):
        raise ServiceError(f"nobody has extension {extension}", todo="check the digits")
    return found


def keys(press: str) -> tuple[str, ...]:
    """`1,,2` -> one key per try; `weber#` -> the keys of a name. Raises ServiceError for what is not a key."""
    pressed = tuple(key.strip() for key in press.split(",")) if press else ()
    return tuple("".join(_key(sign) for sign in entry) for entry in pressed)


def _key(sign: str) -> str:
    if not (key := sign if sign in KEYS else digits_of(sign)):
        raise ServiceError(f"{sign!r} is not a key of a telephone", todo="write --press 1,2 with 0-9, * and #")
    return key


def when(text: str, timezone: str) -> datetime:
    """A local time as a person writes it; raises ServiceError for any other."""
    zone = ZoneInfo(timezone)
    if not text:
        return datetime.now(zone)
    for pattern in TIME_FORMATS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=zone)
        except ValueError:
            continue
    raise ServiceError(f"{text!r} is not a time", todo='write it as "2026-12-25 10:00" or "25.12.2026 10:00"')
