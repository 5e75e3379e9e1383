"""Hot-desking: who works at somebody else's desk today logs in there, and has their own telephone.

Their calls ring there instead of at their own telephones; calls from there are theirs, with what they may call, their
budget, number and name; so are its codes and the mailbox. Emergency calls stay those of the place. It ends by code, by
logging in elsewhere, when the next one logs in there, at night, and by an admin.
Belongs here: which telephones, who is where, until when, what is said. Not here: PINs and logging in
(service.hot_desks), how calls get there (switches, compile.hot_desks).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Person
from orchestrator.domain.place import DESK_BUSY, DESK_NOBODY, Answer
from orchestrator.domain.prompts import Prompt
from orchestrator.domain.rights import shared
from orchestrator.domain.switches import ABSENT, DESK, FORWARD, QUIET, Guest, Switched, holds

NIGHT = time(3)
"""When everybody is logged out, in the time of the town: every site has it."""
FOUND: Mapping[Answer, Answer] = {
    "talked": "talked", "busy": DESK_BUSY, "nobody": DESK_NOBODY, "unreachable": "off",
}  # fmt: skip
"""What the telephone there does -> the answer of who is called there."""
DIGITS = 12
"""Of a number or a PIN that is typed, at most."""
_TEXTS: Mapping[str, tuple[str, str]] = {
    "desk_number": ("Bitte wählen Sie Ihre Durchwahl, dann die Raute.",
                    "Please dial your extension, then the hash key."),
    "desk_pin": ("Bitte wählen Sie Ihre Geheimzahl, dann die Raute.",
                 "Please dial your PIN, then the hash key."),
    "desk_on": ("Sie sind angemeldet. Ihre Anrufe klingeln jetzt an diesem Telefon.",
                "You are logged in. Your calls now ring at this telephone."),
    "desk_still": ("Sie sind angemeldet. Ihre Umleitung, Abwesenheit oder Ruhe gilt weiter.",
                   "You are logged in. Your forwarding, absence or do not disturb goes on."),
    "desk_off": ("Sie sind abgemeldet. Ihre Anrufe klingeln wieder an Ihrem eigenen Telefon.",
                 "You are logged out. Your calls ring at your own telephone again."),
    "desk_wrong": ("Durchwahl oder Geheimzahl stimmen nicht.", "The extension or the PIN is wrong."),
    "desk_locked": ("Nach zu vielen Versuchen ist die Anmeldung eine Zeit lang gesperrt.",
                    "After too many attempts, logging in is locked for some time."),
    "desk_silent": ("Sie haben nichts gewählt. Bitte versuchen Sie es noch einmal.",
                    "You have dialled nothing. Please try again."),
}  # fmt: skip
PROMPTS: Mapping[str, Prompt] = {
    name: Prompt(name=f"wish_{name}", texts={"de": german, "en": english}) for name, (german, english) in _TEXTS.items()
}
"""What is said where there are such desks."""


def is_desk(directory: Directory, phone: str) -> bool:
    """Whether people may log in at `phone`, which may be gone."""
    return phone in directory.phones and directory.phones[phone].hot_desk


def sits(directory: Directory, name: str, guest: Guest) -> bool:
    """Whether who has logged in still has the number of the switch `name`."""
    person = directory.people.get(guest.person)
    return not guest.person or (person is not None and DESK + person.extension == name)


def seats(directory: Directory, now: Mapping[str, Switched], at: datetime) -> Iterator[tuple[Person, Guest]]:
    """Who has logged in where at `at`."""
    found = {name: each for name, each in now.items() if isinstance(each, Guest) and holds(each, at)}
    people = {DESK + person.extension: person for person in directory.people.values()} if found else {}
    for name, guest in sorted(found.items()):
        if name in people and sits(directory, name, guest) and is_desk(directory, guest.desk):
            yield people[name], guest


def seat(directory: Directory, now: Mapping[str, Switched], number: str, at: datetime) -> str:
    """The desk at which who has `number` has logged in; empty: none."""
    guest = now.get(name := DESK + number)
    if not isinstance(guest, Guest) or not holds(guest, at) or not sits(directory, name, guest):
        return ""
    return guest.desk if is_desk(directory, guest.desk) else ""


def guest(directory: Directory, now: Mapping[str, Switched], phone: str, at: datetime) -> Person | None:
    """Who has logged in at `phone`."""
    return next((person for person, seat in seats(directory, now, at) if seat.desk == phone), None)


def rings(now: Mapping[str, Switched], person: Person, at: datetime) -> bool:
    """Whether calls to a guest come to the desk at all: absence, forwarding and do not disturb come first."""
    first = (now.get(beginning + person.extension) for beginning in (ABSENT, FORWARD, QUIET))
    return not any(switched and holds(switched, at) for switched in first)


def night(at: datetime, timezone: str) -> int:
    """When who logs in at `at` is logged out, in seconds since the epoch."""
    local = at.astimezone(ZoneInfo(timezone))
    day = local.date() if local.time() < NIGHT else local.date() + timedelta(days=1)
    return int(datetime.combine(day, NIGHT, local.tzinfo).timestamp())


def pin_of(directory: Directory, person: Person) -> str:
    """The mailbox whose PIN is that of `person` alone; without one, what it would be called.

    Empty: it would be called like a mailbox of others, who know its PIN.
    """
    box = person.box
    several = sum(each.box == box for each in directory.people.values()) > 1 or box in shared(directory)
    return box if box and not several else "" if person.extension in directory.boxes else person.extension


def named(directory: Directory, number: str) -> str:
    """Whose PIN an admin means by `number`: that of a mailbox, else of who has the number; empty: of nobody."""
    if number in directory.boxes:
        return number
    person = directory.person_with(number)
    return pin_of(directory, person) if person else ""
