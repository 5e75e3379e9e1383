"""Where a caller is in the mailbox by telephone, what is known of the boxes there, and what can be done to them.

Belongs here: plain values, and what follows from them. Not here: what a key does (menus), what is said (saying), doing
it (by_telephone).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from orchestrator.domain.directory import Directory
from orchestrator.domain.listening import Desks
from orchestrator.domain.mailbox_keys import Menu, Need
from orchestrator.domain.people import Person
from orchestrator.domain.rights import department_of, in_order
from orchestrator.messages.api import Asker, asker, owner
from orchestrator.messages.greetings import Greeting
from orchestrator.messages.ledger import Case, State
from orchestrator.messages.mailbox import Message
from orchestrator.messages.telephone.dialogue import Caller

At = Literal[
    "box", "pin", "main", "message", "options", "deleted", "case", "to", "forward", "comment", "settings",
    "greetings", "greeting", "greet", "recording", "until", "old_pin", "new_pin", "pin_again", "call",
    "over",
]  # fmt: skip
"""Where a caller can be: asked for something, in a menu, hearing a message (`message`) or done with it (`options`)."""
MENUS: Mapping[At, Menu] = {
    "main": "main",
    "message": "message",
    "options": "message",
    "deleted": "deleted",
    "case": "case",
    "forward": "forward",
    "settings": "settings",
    "greetings": "greetings",
    "greeting": "greeting",
    "recording": "recording",
}
"""Whose keys count where."""


_OUTSIDE = re.compile(r"(\+|0)[0-9]{3,15}")


@dataclass(frozen=True, kw_only=True)
class Session:
    """One caller in the mailbox."""

    caller: Caller
    asker: Asker | None = None
    """Who it is, once that is known."""
    box: str = ""
    at: At = "box"
    turn: int = 0
    said: tuple[str, ...] = ()
    """What is said before anything else: what came of the last key."""
    silent: int = 0
    """Turns in a row in which nothing came, or nothing that means anything."""
    tries: int = 0
    """Wrong PINs of this call, or attempts at a new one."""
    help: bool = False
    """Whether all keys are named."""
    typed: str = field(default="", repr=False)
    """The box that was entered, the new PIN, or the box that a message goes to."""
    forced: bool = False
    """Whether a PIN has to be chosen before anything else."""
    queue: tuple[str, ...] = ()
    """The messages that are gone through, in their order."""
    place: int = 0
    played: bool = False
    """Whether the message could be played: otherwise nobody has heard it."""
    brief: bool = False
    """Whether the message is played without saying when and from whom it is."""
    was_new: bool = False
    """Whether nobody had heard the message that was just deleted."""
    told: bool = False
    """Whether somebody who came has been told to call, or that it is over."""
    greeting: Greeting = "unavail"
    recorded: str = ""
    """Path of what was recorded and is neither used nor dropped."""

    @property
    def message(self) -> str:
        """Id of the current message; empty: there is none."""
        return self.queue[self.place] if 0 <= self.place < len(self.queue) else ""

    def go(self, at: At, *said: str) -> Session:
        """The same caller somewhere else, who hears `said` first."""
        return replace(self, at=at, said=said, help=False, brief=False, told=False)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known while a turn is decided."""

    directory: Directory
    now: datetime
    """In the time zone of the town."""
    messages: tuple[Message, ...] = ()
    """Those of the box that are not deleted, the oldest first."""
    audio: str = ""
    """Path of the current message's audio, without .wav; empty: it cannot be had."""
    case: Case | None = None
    greetings: Mapping[Greeting, str] = field(default_factory=dict)
    """Greeting -> path without .wav."""
    until: date | None = None
    """The last day on which the greeting counts that the caller is at."""

    def current(self, session: Session) -> Message | None:
        """The message that the caller is at, if it is still there."""
        return next((each for each in self.messages if each.id == session.message), None)

    def boxes(self, session: Session) -> tuple[str, ...]:
        """The boxes of the caller, a person's own first."""
        if session.asker is None:
            return ()
        return in_order(self.directory, session.asker.boxes & self.directory.boxes.keys())

    def shared(self, box: str) -> bool:
        """Whether a box is that of a department."""
        return department_of(self.directory, box) is not None

    def needs(self, session: Session) -> frozenset[Need]:
        """What is true of the caller and where they are."""
        shared = self.shared(session.box)
        true: Mapping[Need, bool] = {
            "desk": bool(session.caller.phone),
            "own": bool(session.caller.phone) and not shared,
            "shared": shared,
            "several": len(self.boxes(session)) > 1,
            "absent": session.greeting == "temp",
        }
        return frozenset(need for need, holds in true.items() if holds)


@dataclass(frozen=True, kw_only=True)
class Enter:
    """Come in with a PIN. Answers: `right`, `change` (it is the first one), `wrong`, `locked`."""

    box: str
    pin: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A message was heard."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Delete:
    """Delete a message."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Restore:
    """Take a deletion back."""

    id: str
    heard: bool


@dataclass(frozen=True, kw_only=True)
class Forward:
    """Send a message on, with a comment where `comment` is a path."""

    id: str
    to: str
    comment: str


@dataclass(frozen=True, kw_only=True)
class Deal:
    """Say what becomes of a case, and perhaps call."""

    id: str
    state: State
    call: bool = False


@dataclass(frozen=True, kw_only=True)
class ChangePin:
    """Choose a PIN. Answers: `done`, or the weakness of it."""

    pin: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Use a recording as a greeting."""

    greeting: Greeting
    recorded: str


@dataclass(frozen=True, kw_only=True)
class Drop:
    """Throw a recording away."""

    recorded: str


@dataclass(frozen=True, kw_only=True)
class Remove:
    """Take a greeting away."""

    greeting: Greeting


@dataclass(frozen=True, kw_only=True)
class Until:
    """Let a greeting count to the end of a day, or without an end."""

    greeting: Greeting
    day: date | None


Action = Enter | Mark | Delete | Restore | Forward | Deal | ChangePin | Keep | Drop | Remove | Until
"""What a key can ask for. Each answers `done`, or `gone`, `full` or `busy`, where it says nothing else."""
Came = tuple[Session, Action | None]
"""Where the caller is after a key, and what is to be done; what comes of that is told to `menus.answered`."""


def begin(caller: Caller, directory: Directory) -> Session:
    """Somebody comes: at their own telephone straight to their box, from anywhere else with number and PIN."""
    phone, desks = directory.phones.get(caller.phone), Desks(directory)
    whose = directory.people.get(caller.guest) or (desks.whose(phone) if phone else None)
    box = desks.opened_by(whose)
    if not (phone and box):
        return Session(caller=caller)
    who = asker(directory, whose.id) if isinstance(whose, Person) else owner(box)
    return Session(caller=caller, asker=who, box=box, at="main")


def box_at(directory: Directory, number: str) -> str:
    """The box of that number, or of whoever has it as an extension; empty: none."""
    if number in directory.boxes:
        return number
    if person := directory.person_with(number):
        home = directory.departments.get(person.department)
        return person.box or (home.box if home else "")
    return next((home.box for home in directory.departments.values() if number in (home.extension, *home.numbers)), "")


def callable_number(directory: Directory, caller: str) -> str:
    """A caller's number, as it was shown, if somebody can be called back by it; empty: they cannot."""
    ours = caller in directory.used
    return caller if ours or _OUTSIDE.fullmatch(caller) else ""


def digits(directory: Directory, who: str) -> str:
    """How somebody is named who did something (`p2500`, `box 30`): by the extension. Empty: not by telephone."""
    if person := directory.people.get(who):
        return person.extension
    kind, _, box = who.partition(" ")
    return box if kind == "box" and box.isdecimal() else ""


def recording(path: str, spool: Path) -> str:
    """A path that Asterisk may have recorded to, below its spool; empty for any other."""
    return path if path and Path(path).resolve().is_relative_to(spool.resolve()) and Path(path).is_file() else ""
