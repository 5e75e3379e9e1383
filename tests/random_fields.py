"""What the fields of things in a directory can become, drawn at random; and how one is put in or taken out.

Belongs here: values. Not here: whole edits (random_edits).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, time, timedelta
from random import Random
from typing import Any

from orchestrator.domain.callers import CLASSES
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import FINDABLE, MAILS, ORDERS
from orchestrator.domain.queues import STRATEGIES
from orchestrator.domain.schedule import Block
from tests.full_town import HEAD
from tests.towns import AFTERNOON, MONDAY_10, MORNING

Value = Callable[[Random, Directory], Any]
HOSTILE = (
    "Grün; #include x",
    "${SHELL(id)}",
    'Groß"Klein"',
    "#include <x.conf>",
    "[phone](!)",
    "$[1+1] & Söhne",
    "a,b|c=d",
    "Öz\\n> x",
    "%d 'x' ¿?",
    "Ðuro 😀",
)
"""Names that a configuration file, the dialplan or a shell could take for its own."""
BLOCKS = (
    (MORNING,),
    (MORNING, AFTERNOON),
    (Block(start=time(7, 30), end=time(12, 15)),),
    (Block(start=time(0), end=time(0)),),
)


def put(directory: Directory, section: str, key: str, thing: Any) -> Directory:
    """`directory` with one thing new or otherwise; None takes it out."""
    things = {**getattr(directory, section), key: thing}
    changed: Any = {section: {name: each for name, each in things.items() if each is not None}}
    return replace(directory, **changed)


def pick(rng: Random, things: Mapping[str, Any]) -> str:
    """One of the names; raises IndexError if there is none."""
    return rng.choice(sorted(things))


def fresh(rng: Random, directory: Directory) -> str:
    """An extension that nobody has or had."""
    used = {extension for extension, _ in directory.owners()}
    return rng.choice([number for number in map(str, range(2600, 2700)) if number not in used])


def of(*values: Any) -> Value:
    return lambda rng, directory: rng.choice(values)


def name_in(section: str, *more: str) -> Value:
    return lambda rng, directory: rng.choice([*sorted(getattr(directory, section)), *more])


def further(rng: Random, directory: Directory) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fresh(rng, directory) for _ in range(rng.randrange(3))))


def phones(rng: Random, directory: Directory) -> tuple[str, ...]:
    return tuple(rng.sample(sorted(directory.phones), rng.randint(1, 3)))


def members(rng: Random, directory: Directory) -> tuple[str, ...]:
    return tuple(rng.sample(sorted(directory.people), min(rng.randrange(3), len(directory.people))))


def classes(rng: Random, directory: Directory) -> tuple[str, ...]:
    return tuple(rng.sample(CLASSES, rng.randrange(4)))


def days(rng: Random) -> date:
    """A day within those of the calls."""
    return MONDAY_10.date() + timedelta(days=rng.randrange(60))


NAME, SECONDS = of(*HOSTILE), of(4, 5, 6, 7)
MAY = of("", "internal", "town", "national", "sparsam")
FIELDS: Mapping[str, Value] = {
    "people.first_name": NAME,
    "people.last_name": NAME,
    "people.department": name_in("departments"),
    "people.site": name_in("sites"),
    "people.stand_in": name_in("people", ""),
    "people.ring_seconds": SECONDS,
    "people.numbers": further,
    "people.phones": phones,
    "people.language": of("de", "en"),
    "people.permission": MAY,
    "people.findable": of("", *FINDABLE),
    "people.wave": of(0, 2),
    "people.secretary": members,
    "people.direct": members,
    "people.direct_inside": of(True, False),
    "people.joins": of(0, 5),
    "departments.name": NAME,
    "departments.schedule": name_in("schedules"),
    "departments.phones": phones,
    "departments.order": of(*ORDERS),
    "departments.stand_in": name_in("departments", ""),
    "departments.ring_seconds": SECONDS,
    "departments.numbers": further,
    "departments.permission": MAY,
    "departments.findable": of(*FINDABLE),
    "departments.short": of("", "Amt", "Bürgerbüro Süd"),
    "groups.phones": phones,
    "groups.order": of(*ORDERS),
    "groups.department": name_in("departments"),
    "departments.queue": name_in("queues", ""),
    "rooms.name": NAME,
    "rooms.pin": of("", "815274", "90417365"),
    "rooms.most": of(2, 9, 30),
    "queues.name": NAME,
    "queues.phones": phones,
    "queues.department": name_in("departments"),
    "queues.strategy": of(*STRATEGIES),
    "queues.longest": of(30, 60, 90),
    "queues.most": of(1, 5, 20),
    "queues.announce": of(0, 20, 30),
    "queues.log_in": of(True, False),
    "queues.full": of("", "d_buergerbuero.box", "town.box"),
    "phones.label": NAME,
    "phones.permission": MAY,
    "phones.site": name_in("sites"),
    "phones.call_waiting": of(True, False),
    "phones.hot_desk": of(True, False),
    "boxes.name": NAME,
    "boxes.quota": of(1, 7, 99),
    "boxes.limit": of(10, 60, 600),
    "boxes.language": of("de", "en"),
    "boxes.mail": of(*MAILS),
    "boxes.members": members,
    "boxes.head": name_in("people", ""),
    "boxes.overdue": of(0, 4, 24),
    "boxes.keep": of(1, 30, 90),
    "schedules.region": of("BW", "BY", "none"),
    "schedules.calendars": of((), ("ferien",)),
    "sites.emergency_number": of(f"{HEAD}0", f"{HEAD}30", f"{HEAD}31"),
    "sites.trunk": of("", "provider", "amt"),
    "sites.address": of("Ring 3", "Allee 4"),
    "trunks.order": of(1, 2, 3),
    "trunks.host": of("127.0.0.7", "127.0.0.8"),
    "permissions.classes": classes,
    "permissions.per_hour": of(0, 2, 5),
    "ranges.last": of("2799", "2899"),
    "retired.to": name_in("numbers"),
    "retired.announced": of(True, False),
    "waves.name": NAME,
    "waves.day": of(None, date(2027, 4, 1)),
    "town.outside": of("", "0", "8"),
    "town.longest_wait": of(800, 1000),
    "town.catch_all": name_in("flows"),
    "town.name": NAME,
    "town.mailbox": of("", "97", "98"),
    "town.permission": of("town", "mobile"),
    "town.heads": of((), ("+49620555",)),
}
"""Section and field -> what it can become."""
