"""The central directory: everything the five people in IT maintain, as one frozen value.

Belongs here: the objects and their cross references. Not here: rows and files (store),
call flows made of them (derive).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from orchestrator.domain.flow import Flow, Graph, Place
from orchestrator.domain.prompts import Language
from orchestrator.domain.schedule import Schedule


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


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A SIP endpoint: a desk phone, a softphone, a shared phone."""

    id: str
    site: str
    label: str
    extension: str
    """What its calls show as caller id, and where its lamp belongs."""

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
    """Phones that ring for the department, all at once."""
    parent: str = ""
    stand_in: str = ""
    """Department whose phones ring when nobody here picks up."""
    ring_seconds: int = 20

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

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def flow(self) -> str:
        """Name of the derived flow."""
        return f"n_{self.extension}"


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """A way to the public network, identified by the provider's address."""

    id: str
    host: str
    port: int = 5060
    sources: tuple[str, ...] = ()
    """Addresses that its calls come from, when they differ from `host`."""


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The whole, frozen. Mappings are keyed by `id` (numbers: by extension); references are ids."""

    town: Town
    sites: Mapping[str, Site] = field(default_factory=dict)
    departments: Mapping[str, Department] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    phones: Mapping[str, Phone] = field(default_factory=dict)
    boxes: Mapping[str, Box] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    trunks: Mapping[str, Trunk] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Extension -> flow, for numbers that belong to no person or department: `0` -> `town`."""
    flows: Mapping[str, Flow] = field(default_factory=dict)
    """Written flows and, after `derive`, those of every person and department."""

    @cached_property
    def graph(self) -> Graph:
        """Every step of every flow, by place."""
        return {place: step for flow in self.flows.values() for place, step in flow.places.items()}

    def first(self, flow: str) -> Place:
        """Where `flow` begins; raises KeyError for an unknown one."""
        return self.flows[flow].first

    def owners(self) -> Iterable[tuple[str, str]]:
        """(extension, who owns it), for every number in use, doubles included."""
        owners: tuple[Department | Person | Phone, ...] = (
            *self.phones.values(),
            *self.departments.values(),
            *self.people.values(),
        )
        own = {owner.extension: owner.flow for owner in owners}
        for extension, flow in self.numbers.items():
            if own.get(extension) != flow:
                yield extension, f"number {extension} of flow {flow}"
        for department in self.departments.values():
            yield department.extension, f"department {department.id}"
        for person in self.people.values():
            yield person.extension, f"person {person.id}"
        for phone in self.shared():
            yield phone.extension, f"phone {phone.id}"

    def shared(self) -> Iterable[Phone]:
        """The phones that show a number which is not that of a person or department whose phone they are."""
        owners: tuple[Department | Person, ...] = (*self.departments.values(), *self.people.values())
        rung = {(phone, owner.extension) for owner in owners for phone in owner.phones}
        return (phone for phone in self.phones.values() if (phone.id, phone.extension) not in rung)
