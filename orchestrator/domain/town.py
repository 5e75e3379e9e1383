"""The organisation as the telephone network sees it: town, sites, ways outside, number plan, permissions, waves.

Belongs here: the objects. Not here: who works there (people), what a number may be (numbers), what a phone may dial
(outgoing).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from orchestrator.domain.prompts import Language

Said = TypeVar("Said")
MAILBOX = "mailbox"
"""The flow of the mailbox by telephone (domain.listening)."""
PARKING = "park"
"""The flow of callers who are parked (domain.parking)."""
CODES = "codes"
"""The flow of what desks switch by dialling (domain.service_codes)."""


@dataclass(frozen=True, kw_only=True)
class Town:
    """The one organisation that this exchange serves."""

    name: str
    area: str
    """Area code without the leading 0: `6205`."""
    head: str
    """Head number without area code: `21`."""
    country: str = "49"
    region: str = "BW"
    """ISO 3166-2:DE subdivision, for public holidays."""
    timezone: str = "Europe/Berlin"
    languages: tuple[Language, ...] = ("de", "en")
    """The first is spoken to a caller who has not chosen."""
    catch_all: str = "town"
    """Name of the flow for an unknown direct number (the "Abwurf")."""
    longest_wait: int = 240
    """Seconds that a silent caller may wait at most until a person, a mailbox or a spoken next step."""
    heads: tuple[str, ...] = ()
    """Further head numbers, E.164 without extension: `+49620555`. The same extensions are dialled behind each."""
    overlaps: tuple[str, ...] = ()
    """Extensions that longer ones may begin with: 25 beside 2500. Whoever dials digit by digit gets the shorter."""
    outside: str = "0"
    """The digit for an outside line; empty: a number that is none of ours is dialled as it is."""
    permission: str = "mobile"
    """What a phone may call whose owner and department say nothing about it."""
    mailbox: str = ""
    """The extension at which employees hear their messages; empty: not by telephone."""
    lamps: str = "department"
    """Of `circles.LAMPS`: whose telephones may show whether others are free."""
    parked: int = 120
    """Seconds that a parked caller waits to be fetched, before the phone that parked them rings; 0: nobody can park."""
    back: int = 20
    """Seconds that the phone rings which put a caller through by hand to somebody who did not pick up, before the call
    goes on from there; 0: it does not."""

    def word(self, words: Mapping[str, Said]) -> Said:
        """Of `words`, by language, those that telephones of the house show: in its first language, else in English."""
        return words.get(self.languages[0], words["en"])


@dataclass(frozen=True, kw_only=True)
class Site:
    """A building. Emergency calls from its phones show its number and mean its address."""

    id: str
    name: str
    address: str
    emergency_number: str
    """E.164 caller id of 110 and 112 calls from here."""
    wave: int = 1
    """When it moves to the new exchange; 1 is there from the start."""
    trunk: str = ""
    """The trunk that its phones try first; empty: all in their order."""


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """A way to the public network or to the old exchange, identified by the other side's address."""

    id: str
    host: str
    port: int = 5060
    sources: tuple[str, ...] = ()
    """Addresses that its calls come from, when they differ from `host`."""
    transport: str = "udp"
    """`udp`, `tcp` or `tls`; with tls the conversation is encrypted too (SRTP)."""
    user: str = ""
    """The account that registers there; empty: both sides know each other by address. Its password is no part of the
    directory: it lies in `secrets/trunk-<id>` of the state."""
    order: int = 1
    """Trunks are tried in rising order; equal ones by name."""
    public: bool = True
    """Whether it leads to the public network; the old exchange's does not."""


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What a phone may call outside: classes of numbers, and a budget for those abroad."""

    id: str
    classes: tuple[str, ...]
    """Of `callers.CLASSES`; emergency calls and service numbers (115, 116xxx, 0800) are always allowed."""
    per_hour: int = 0
    """Calls abroad of one phone within a clock hour; 0: no limit."""
    at_once: int = 1
    """Calls abroad of one phone at the same time; 0: no limit."""
    nightly: int = 0
    """Calls abroad of one phone between 20:00 and 6:00; 0: no limit."""


@dataclass(frozen=True, kw_only=True)
class NumberRange:
    """Extensions that a site or a department has for its people, from `first` to `last`, all of one length."""

    id: str
    first: str
    last: str
    department: str = ""
    site: str = ""

    def __contains__(self, extension: object) -> bool:
        return isinstance(extension, str) and len(extension) == len(self.first) and self.first <= extension <= self.last


@dataclass(frozen=True, kw_only=True)
class Retired:
    """An extension that is nobody's any more: its callers are led on, and it is not given anew before `until`."""

    extension: str
    to: str
    """The extension that has its calls now."""
    until: date
    """The first day on which it may be given to somebody else."""
    announced: bool = False
    """Whether callers hear the new number before they are put through."""
    why: str = ""
    source: str = ""
    """Whose it was in the staff list, as `Person.source` has it: they alone may have it back before `until`."""

    @property
    def flow(self) -> str:
        """Name of its derived flow."""
        return f"r_{self.extension}"


@dataclass(frozen=True, kw_only=True)
class Wave:
    """What moves from the old exchange on one day: the sites of this wave, and people who go apart from theirs."""

    id: str
    """The number of the wave, as sites and people name it."""
    name: str
    trunk: str
    """The old exchange: until the wave has moved, its numbers are put through there."""
    day: date | None = None
    """When it is planned for; it moves by `durchwahl wave move`, never by itself."""
