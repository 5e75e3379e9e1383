"""Who is told of what by mail, and under which key: the same thing is never told the same person twice.

Belongs here: the letters that follow from the directory. Not here: when reminders are due (reminders), what a letter
says (composing), where letters wait (outbox).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import OFF, Box, Person
from orchestrator.domain.rights import members
from orchestrator.messages.mailbox import Message

Kind = Literal["message", "full", "overdue", "digest"]
ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?=.{1,253}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
"""A mail address that every server takes (RFC 5321 without quoted names; SMTPUTF8 is not asked for)."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One mail that has to be sent, to one recipient."""

    key: str
    """What it tells whom: unique for ever."""
    kind: Kind
    box: str
    recipient: str
    """A mail address; whether it is one is seen when it is sent."""
    created: float
    """When there was something to tell, seconds since the epoch."""
    message: str = ""
    """The message that it is about; empty for those about a whole box."""


Letters = tuple[Letter, ...]


def address(text: str) -> str:
    """A mail address as it is sent, a domain with umlauts by IDNA; empty for what is none."""
    name, _, domain = text.strip().rpartition("@")
    try:
        found = f"{name}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return ""
    return found if ADDRESS.fullmatch(found) else ""


def letters(directory: Directory, box: Box, message: Message) -> Letters:
    """Who is told of a new message: the box's own address, and nobody where a box has none or mail is off.

    The members of a department are not told of each message: they get the digest.
    """
    return tuple(
        Letter(
            key=f"message:{message.id}:{recipient}",
            kind="message",
            box=box.id,
            recipient=recipient,
            created=message.at,
            message=message.id,
        )
        for recipient in told(directory, box, "message")
    )


def digest(box: Box, day: date, recipient: str, created: float) -> Letter:
    """What is open in a department's box on the morning of `day`."""
    key = f"digest:{box.id}:{day}:{recipient}"
    return Letter(key=key, kind="digest", box=box.id, recipient=recipient, created=created)


def overdue(box: Box, head: Person, message: str, created: float) -> Letter:
    """Tells the head that nobody has dealt with a message in time: once, whatever comes of it."""
    key = f"overdue:{message}:{head.id}"
    return Letter(key=key, kind="overdue", box=box.id, recipient=head.email, created=created, message=message)


def full(box: Box, day: date, recipient: str, created: float) -> Letter:
    """Tells that a box is nearly full: once a day and reader."""
    key = f"full:{box.id}:{day}:{recipient}"
    return Letter(key=key, kind="full", box=box.id, recipient=recipient, created=created)


def readers(directory: Directory, box: Box) -> tuple[str, ...]:
    """Addresses of those who work with a box: its own; else those of its members (rights)."""
    if box.email:
        return (box.email,)
    return tuple(sorted({person.email for person in members(directory, box.id) if person.email}))


def told(directory: Directory, box: Box, kind: Kind) -> tuple[str, ...]:
    """Addresses of those who are to be told this of `box` today. What waits for anybody else is not theirs any more."""
    if kind == "overdue":
        head = directory.people.get(box.head)
        return (head.email,) if head and head.email else ()
    if box.mail == OFF:
        return ()
    if kind == "message":
        return (box.email,) if box.email else ()
    return readers(directory, box)


def is_told(directory: Directory, letter: Letter, box: Box) -> bool:
    """Whether the recipient of a letter that was written down earlier still is to be told of `box`."""
    return address(letter.recipient) in {address(each) for each in told(directory, box, letter.kind)}
