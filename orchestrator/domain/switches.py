"""What changes without a rollout: switches, absences, forwardings, waves; and how Asterisk's own database says it.

Belongs here: the types, what they mean at an instant, the entry that the dialplan reads and its grammar. Not here: who
may switch what (service.switching), rows (store), how a step asks (compile).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from orchestrator.domain import outgoing
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import NAME, Announce, Forward, Place, Switch
from orchestrator.domain.house import Screen
from orchestrator.domain.people import Department, Group, Person
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Language
from orchestrator.domain.queues import takers

FAMILY = "switched"
"""The family of Asterisk's database that holds every entry; nothing else does."""
ANNOUNCEMENT = 30.0
"""Seconds that what is spoken for a switch may last at most; the proof reckons with it."""
ABSENT, FORWARD, CLOSED, WAVE = "absent_", "forward_", "closed_", "wave_"
"""Beginnings of the switches that nobody declares; then an extension, a department, a wave."""
DIRECT = "direct_"
"""As these: who has an extension takes the own calls, and their secretary is not rung first."""
SINGLE = "single_"
"""And a telephone: it takes one call at a time."""
BUSY, UNANSWERED, QUIET = "busy_", "unanswered_", "quiet_"
"""As FORWARD, for calls that find the phones busy, or that nobody answers there; and do not disturb."""
DESK, GUEST = "desk_", "guest_"
"""The desk at which who has an extension has logged in; and the same the other way round: a phone, and who is there."""
FORWARDS: Mapping[str, str] = {"always": FORWARD, "busy": BUSY, "no_answer": UNANSWERED}
"""When calls ring elsewhere -> the beginning of the switch."""
OURS = (ABSENT, *FORWARDS.values(), QUIET, DESK, GUEST, DIRECT, SINGLE, CLOSED, WAVE)
PERSONAL = (ABSENT, *FORWARDS.values(), QUIET, DESK)
"""Those that have commands of their own."""
OUTSIDE = "outside"
"""The kill switch of calls to the outside."""
AT_HOME, NOTHING = ONLY = ("no_abroad", "emergency")
"""What it can be besides on: no calls abroad, or none but emergency calls."""
KEY = re.compile(r"[a-z][a-z0-9_]{1,59}")
SOUND = re.compile(r"[a-z0-9_/-]*")
PHONES = re.compile(rf"PJSIP/{NAME.pattern}(&PJSIP/{NAME.pattern})*")
PUBLIC = re.compile(r"\+[1-9][0-9]{2,14}")
LONGEST_ENTRY = 1000
"""Characters of an entry: AMI drops a line of more than 1024, and tells it as if the database could not be reached."""
_ENTRY = re.compile(
    rf"(?P<begins>[0-9]{{1,12}}):(?P<ends>[0-9]{{1,12}}):(?P<sound>{SOUND.pattern}):"
    rf"(?:(?P<phones>{PHONES.pattern})|(?P<public>{PUBLIC.pattern})(?::(?P<payer>{NAME.pattern}):(?P<group>[a-z]+))?|(?P<number>[0-9]{{1,15}}))?"
)


@dataclass(frozen=True, kw_only=True)
class On:
    """A plain switch that is on, from `begins` until just before `ends` (seconds since the epoch; 0: no limit)."""

    begins: int = 0
    ends: int = 0
    texts: Mapping[Language, str] = field(default_factory=dict)
    """What an `Announce` says meanwhile; empty: what the flow says."""


@dataclass(frozen=True, kw_only=True)
class Absence:
    """Somebody is away from `begins` until just before `ends` (seconds since the epoch; 0: no limit)."""

    begins: int = 0
    ends: int = 0
    stand_in: str = ""
    """The extension that is rung instead; empty: callers go on to the mailbox or the department."""
    texts: Mapping[Language, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Forwarding:
    """The calls of a number ring elsewhere, until it is ended."""

    to: str
    """An extension, or E.164 with `+`."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What is left of calls to the outside."""

    only: str
    """Of `ONLY`."""
    ends: int = 0
    """Seconds since the epoch just before which it ends; 0: when it is ended."""


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Somebody has logged in at a desk of the house, and is called there."""

    desk: str
    """Id of the telephone."""
    ends: int = 0
    """Seconds since the epoch just before which they are logged out; 0: when they do so."""
    person: str = ""
    """Id of who has logged in: the number may be somebody else's later; empty: whoever has the number."""


Switched = On | Absence | Forwarding | Outside | Guest


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One value of Asterisk's database: `begins:ends:sound:target`, and `:payer:group` of a call to the outside."""

    begins: int = 0
    ends: int = 0
    sound: str = ""
    """As Asterisk plays it; empty: what the step says in general."""
    target: str = ""
    """What Dial() rings, a public number, or the extension of who is at a desk; empty for a plain switch."""
    payer: str = ""
    """The phone whose permission and budget a call to `target` is; empty where everybody may call it."""
    group: str = ""
    """The class of `target` that the payer must be allowed to call."""

    def __str__(self) -> str:
        payer = f":{self.payer}:{self.group}" if self.payer else ""
        return f"{self.begins}:{self.ends}:{self.sound}:{self.target}{payer}"


def read(text: str) -> Entry:
    """What `str(Entry)` was; raises ValueError for anything else."""
    if not (found := _ENTRY.fullmatch(text)):
        raise ValueError(f"{text!r} is no entry of ours")
    target = found["phones"] or found["public"] or found["number"] or ""
    begins, ends = int(found["begins"]), int(found["ends"])
    payer, group = found["payer"] or "", found["group"] or ""
    return Entry(begins=begins, ends=ends, sound=found["sound"], target=target, payer=payer, group=group)


def value(directory: Directory, switched: Switched, sound: str = "", *, number: str = "") -> str:
    """What Asterisk's database holds for `switched`; raises ValueError for what the dialplan must not read.

    `number`: whose calls a forwarding is about; its phones answer for calls to the outside.
    """
    match switched:
        case Outside(only=only, ends=ends):
            if only not in ONLY:
                raise ValueError(f"{only!r} is none of {', '.join(ONLY)}")
            return f"{only}:{int(ends)}" if ends else only
        case On(begins=begins, ends=ends):
            written = str(Entry(begins=begins, ends=ends, sound=sound))
        case Absence(begins=begins, ends=ends, stand_in=stand_in):
            target = _target(directory, stand_in) if stand_in else ""
            written = str(Entry(begins=begins, ends=ends, sound=sound, target=target))
        case Forwarding(to=to):
            payer, group = _payer(directory, number, to) if to.startswith("+") else ("", "")
            written = str(Entry(target=_target(directory, to), payer=payer, group=group))
        case Guest(desk=desk, ends=ends):
            if desk not in directory.phones or not directory.phones[desk].hot_desk:
                raise ValueError(f"{desk} is no desk to log in at")
            written = str(Entry(ends=ends, target=f"PJSIP/{desk}"))
        case _:
            assert_never(switched)
    if len(written) > LONGEST_ENTRY:
        raise ValueError("more phones would ring than Asterisk can keep in one entry")
    return str(read(written))


def mirrored(name: str, switched: Switched | None) -> Iterator[tuple[str, str]]:
    """What Asterisk's database holds besides `value`: who has logged in at a desk, by the desk."""
    if isinstance(switched, Guest):
        entry = Entry(ends=switched.ends, target=name.removeprefix(DESK))
        yield GUEST + switched.desk, str(read(str(entry)))


def _target(directory: Directory, number: str) -> str:
    if number.startswith("+"):
        return number
    if not (phones := rung(directory, number)):
        raise ValueError(f"{number} has no phone")
    return "&".join(f"PJSIP/{phone}" for phone in phones)


def forwarder(name: str) -> str:
    """The number that a forwarding is about, of the name of its switch; empty for any other switch."""
    return next((name.removeprefix(each) for each in FORWARDS.values() if name.startswith(each)), "")


def asked(step: Forward) -> tuple[str, ...]:
    """The switches that a step asks, in turn."""
    if step.missed:
        return BUSY + step.number, UNANSWERED + step.number
    away = (ABSENT + step.number,) if step.absent else ()
    quiet = (QUIET + step.number,) if step.quiet else ()
    return (*away, FORWARD + step.number, *quiet, *((DESK + step.number,) if step.desk else ()))


def _payer(directory: Directory, number: str, to: str) -> tuple[str, str]:
    """The phone that answers for calls forwarded to a public number, and their class; empty where everybody may."""
    group = outgoing.group(directory.town, to)
    if group in outgoing.COSTLY and group not in outgoing.BUDGETED:
        raise ValueError(f"{to} costs too much")
    if group == outgoing.SERVICE:
        return "", ""
    if not (payer := outgoing.payer(directory, rung(directory, number), group)):
        raise ValueError(f"no phone of {number or 'nobody'} answers for calls to {to}")
    return payer, group


def rung(directory: Directory, extension: str) -> tuple[str, ...]:
    """The phones that ring first for an extension, whoever has it; empty if nobody does."""
    if owner := _owner(directory, extension):
        return takers(directory, owner)
    return tuple(phone.id for phone in directory.phones.values() if phone.extension == extension)


def chief(directory: Directory, extension: str) -> str:
    """The number under which the calls of an extension are switched: the first that its owner has."""
    owner = _owner(directory, extension)
    return owner.extension if owner else extension


def _owner(directory: Directory, extension: str) -> Person | Department | Group | None:
    owners: tuple[Person | Department | Group, ...] = (
        *directory.people.values(),
        *directory.departments.values(),
        *directory.groups.values(),
    )
    for owner in owners:
        if extension == owner.extension or (not isinstance(owner, Group) and extension in owner.numbers):
            return owner
    return None


def onward(directory: Directory, now: Mapping[str, Switched], extension: str, to: str) -> tuple[str, ...]:
    """`extension`, then `to`, then where that one is forwarded and so on; in a ring the last one stands there twice."""
    way = [extension]
    while not to.startswith("+"):
        way.append(chief(directory, to))
        further = now.get(FORWARD + way[-1])
        if way[-1] in way[:-1] or not isinstance(further, Forwarding):
            return tuple(way)
        to = further.to
    return (*way, to)


def holds(switched: Switched, at: datetime) -> bool:
    """Whether it is in force at `at`."""
    match switched:
        case On(begins=begins, ends=ends) | Absence(begins=begins, ends=ends):
            return begins <= at.timestamp() and (not ends or at.timestamp() < ends)
        case Outside(ends=ends) | Guest(ends=ends):
            return not ends or at.timestamp() < ends
        case Forwarding():
            return True
        case _:
            assert_never(switched)


def times(switched: On | Absence | Outside | Guest, timezone: str) -> str:
    """` from 2026-12-01 00:00 until 2026-12-06 00:00`, in local time; empty without limits."""
    limits = (("from", getattr(switched, "begins", 0)), ("until", switched.ends))
    local = {word: datetime.fromtimestamp(at, ZoneInfo(timezone)) for word, at in limits if at}
    return "".join(f" {word} {at:%Y-%m-%d %H:%M}" for word, at in local.items())


def known(directory: Directory) -> dict[str, str]:
    """Every switch that a call may meet -> what it is for, declared or not."""
    found = {OUTSIDE: "calls to the outside"}
    for step in directory.graph.values():
        match step:
            case Switch(name=name) | Announce(switch=name):
                found[name] = _meaning(directory, name)
            case Forward(number=number):
                found |= {name: _about(name, number) for name in asked(step)}
            case Screen(number=number):
                found[DIRECT + number] = f"calls to {number} ring there at once and not at the secretary's"
            case _:
                pass
    single = {SINGLE + id_: f"telephone {id_} takes one call at a time" for id_ in directory.phones}
    return {**found, **single, **directory.switches}


def _about(name: str, number: str) -> str:
    """What a switch of one number is for."""
    return {
        FORWARD: f"calls to {number} ring elsewhere",
        BUSY: f"calls to {number} that find it busy ring elsewhere",
        UNANSWERED: f"calls to {number} that nobody answers ring elsewhere",
        QUIET: f"calls to {number} do not ring: do not disturb",
        DESK: f"who has {number} has logged in at another desk",
    }.get(name.removesuffix(number), f"who has {number} is away")


def _meaning(directory: Directory, name: str) -> str:
    if department := directory.departments.get(name.removeprefix(CLOSED)):
        return f"{department.name} is closed"
    if wave := directory.waves.get(name.removeprefix(WAVE)):
        return f"{wave.name} has moved here from the old exchange"
    return ""


def problems(directory: Directory) -> Iterator[Problem]:
    """Switches with names that are ours, and steps that ask what can never be switched."""
    turned = known(directory)
    for digit, name in directory.switch_codes.items():
        if name == OUTSIDE or name not in turned or name.startswith((*PERSONAL, SINGLE, WAVE)):
            yield _unknown(f"switch code {digit}", "switch", name, "name one of `switches:`, or closed_<department>")
    for name in directory.switches:
        if name == OUTSIDE or name.startswith(OURS):
            yield Problem(
                code="reserved_switch",
                where=f"switch {name}",
                what="is a name that the exchange uses itself",
                todo="give the switch another name",
            )
    ours = {CLOSED + id_ for id_ in directory.departments} | {WAVE + id_ for id_ in directory.waves}
    for place, step in directory.graph.items():
        match step:
            case Switch(name=name) | Announce(switch=name) if name not in ours and name not in directory.switches:
                yield _unknown(place, "switch", name, "declare it under `switches:`")
            case Forward(number=number) if number not in directory.numbers:
                yield _unknown(place, "number", number, "name a number of ours")
            case _:
                pass


def _unknown(place: Place, kind: str, name: str, todo: str) -> Problem:
    return Problem(code=f"unknown_{kind}", where=place, what=f"there is no {kind} {name!r}", todo=todo)
