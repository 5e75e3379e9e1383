"""Who is reached where: departments, people, groups, their phones and mailboxes.

Belongs here: the objects. Not here: how a call finds them (derive).
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.domain.prompts import Language

ALL_AT_ONCE, IN_TURN, LONGEST_IDLE = "all", "in_turn", "longest_idle"
ORDERS = (ALL_AT_ONCE, IN_TURN, LONGEST_IDLE)
"""How several phones ring: all at once; one after the other as written; one after the other, and first the one that
has not talked for the longest time."""
ATTACHMENT, COMPRESSED, LINK, TEXT, OFF = "attachment", "compressed", "link", "text", "off"
MAILS = (ATTACHMENT, COMPRESSED, LINK, TEXT, OFF)
"""What is mailed of a new message: the recording as WAV; as a smaller file; a link; that it is there; nothing."""
BY_NAME, BY_DEPARTMENT, NOT_AT_ALL = "name", "department", "no"
FINDABLE = (BY_NAME, BY_DEPARTMENT, NOT_AT_ALL)
"""How callers who type somebody's name find them: with their name; only the department, which is offered instead; not
at all."""
KEEP_DAYS = 90
"""Days after which a message is deleted at the latest: what the greetings say (docs/decisions/0006)."""
SHARED_KINDS = ("meeting_room", "lift", "gate", "fax", "hall", "other")
OPEN = ("hall", "lift", "gate")
"""Kinds of shared phones that anybody can use."""


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A SIP endpoint: a desk phone, a softphone, a shared phone."""

    id: str
    site: str
    label: str
    extension: str
    """What its calls show as caller id, and where its lamp belongs."""
    kind: str = ""
    """For a shared phone, one of `SHARED_KINDS`; empty for somebody's own."""
    permission: str = ""
    """What it may call; empty: as its owner, else the department, else the town."""
    call_waiting: bool = True
    """Whether it rings when somebody talks there already; else it is busy then (compile.waiting)."""
    hot_desk: bool = False
    """Whether people of the house may log in here, and have their own telephone then (domain.hot_desks)."""

    @property
    def flow(self) -> str:
        """Name of the derived flow, if nobody else has its number."""
        return f"t_{self.extension}"


@dataclass(frozen=True, kw_only=True)
class Box:
    """A mailbox of app_voicemail."""

    id: str
    """Digits: the mailbox number."""
    name: str
    language: Language = "de"
    email: str = ""
    limit: int = 120
    """Seconds that one message may last."""
    quota: int = 100
    """Messages until it is full."""
    department: str = ""
    """The department that keeps this box for a person who has left; empty: it is somebody's own."""
    mail: str = ATTACHMENT
    """Of `MAILS`."""
    members: tuple[str, ...] = ()
    """Ids of the people who work with the messages of a department; empty: all of it."""
    head: str = ""
    """Id of the person who is told of messages that nobody has dealt with in time; empty: nobody is."""
    overdue: int = 0
    """Hours within which somebody must have dealt with a message; 0: that is not watched."""
    keep: int = KEEP_DAYS
    """Days after which a message is deleted, whoever has heard it."""


@dataclass(frozen=True, kw_only=True)
class Department:
    """An office of the administration, reachable under its own number."""

    id: str
    name: str
    site: str
    extension: str
    schedule: str
    box: str
    phones: tuple[str, ...] = ()
    """Phones that ring for the department."""
    parent: str = ""
    stand_in: str = ""
    """Department whose phones ring when nobody here picks up."""
    ring_seconds: int = 20
    """How long they ring; each of them, where they ring in turn."""
    order: str = ALL_AT_ONCE
    """Of `ORDERS`."""
    queue: str = ""
    """The waiting queue (domain.queues) in which its callers wait, instead of its phones ringing."""
    numbers: tuple[str, ...] = ()
    """Further extensions that lead here."""
    answer_within: int = 30
    """Seconds within which a call should be answered (the yardstick of 115: 75 % within 30 s)."""
    permission: str = ""
    short: str = ""
    """What displays call it (domain.display); empty: its name, cut where it is too long."""
    findable: str = BY_NAME
    """Of `FINDABLE`: how its people are found by name who say nothing of their own."""

    @property
    def flow(self) -> str:
        """Name of its derived flow."""
        return f"d_{self.id}"


@dataclass(frozen=True, kw_only=True)
class Person:
    """An employee with a direct number."""

    id: str
    first_name: str
    last_name: str
    department: str
    site: str
    extension: str
    phones: tuple[str, ...]
    box: str = ""
    """Own mailbox; empty: the department's."""
    email: str = ""
    language: Language = "de"
    function: str = ""
    stand_in: str = ""
    """Person whose phones ring next."""
    ring_seconds: int = 20
    numbers: tuple[str, ...] = ()
    """Further extensions that lead here."""
    wave: int = 0
    """When this person moves to the new exchange; 0: with the site."""
    permission: str = ""
    source: str = ""
    """Who maintains this entry: `ldap:` and the key that it has there; empty: an admin, and nobody else touches it."""
    findable: str = ""
    """Of `FINDABLE`; empty: as the department says."""
    secretary: tuple[str, ...] = ()
    """Ids of the people whose phones ring first for who calls this person (domain.secretaries)."""
    direct: tuple[str, ...] = ()
    """Ids of the people who come through at once, besides the secretaries."""
    direct_inside: bool = False
    """Whether whoever calls from a phone of the house does."""
    joins: int = 0
    """Seconds after which the own phones ring along with the secretary's; 0: only when nobody there picked up."""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def flow(self) -> str:
        """Name of the derived flow."""
        return f"n_{self.extension}"


@dataclass(frozen=True, kw_only=True)
class Group:
    """A hunt group: several phones under one number, whoever they belong to."""

    id: str
    name: str
    extension: str
    phones: tuple[str, ...]
    department: str
    """Where a call goes that nobody takes."""
    order: str = ALL_AT_ONCE
    ring_seconds: int = 20
    """How long they ring; each of them, where they ring in turn."""

    @property
    def flow(self) -> str:
        """Name of its derived flow."""
        return f"g_{self.id}"


@dataclass(frozen=True, kw_only=True)
class Room:
    """A conference room: whoever dials it hears all others who have."""

    id: str
    name: str
    extension: str
    pin: str = ""
    """What callers from outside must know; empty: only phones of the house come in."""
    most: int = 20
    """How many may be in it at once."""

    @property
    def flow(self) -> str:
        """Name of the derived flow."""
        return f"c_{self.id}"
