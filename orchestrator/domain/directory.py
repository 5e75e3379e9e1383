"""The central directory: everything the five people in IT maintain, as one frozen value.

Belongs here: the whole and its cross references. Not here: its objects (town, people, schedule, flow), rows and files
(store), call flows made of them (derive).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from orchestrator.domain.flow import Flow, Graph, Place
from orchestrator.domain.people import Box, Department, Group, Person, Phone, Room
from orchestrator.domain.queues import WaitingQueue
from orchestrator.domain.schedule import Calendar, Schedule
from orchestrator.domain.town import CODES, MAILBOX, PARKING, NumberRange, Permission, Retired, Site, Town, Trunk, Wave


@dataclass(frozen=True, kw_only=True, repr=False)
class Directory:
    """The whole, frozen. Mappings are keyed by `id` (numbers: by extension); references are ids."""

    town: Town
    sites: Mapping[str, Site] = field(default_factory=dict)
    departments: Mapping[str, Department] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    queues: Mapping[str, WaitingQueue] = field(default_factory=dict)
    rooms: Mapping[str, Room] = field(default_factory=dict)
    phones: Mapping[str, Phone] = field(default_factory=dict)
    boxes: Mapping[str, Box] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    trunks: Mapping[str, Trunk] = field(default_factory=dict)
    permissions: Mapping[str, Permission] = field(default_factory=dict)
    ranges: Mapping[str, NumberRange] = field(default_factory=dict)
    retired: Mapping[str, Retired] = field(default_factory=dict)
    waves: Mapping[str, Wave] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    """Switches that flows ask, and what each is for: `night` -> `Nachtschaltung der Zentrale`."""
    switch_codes: Mapping[str, str] = field(default_factory=dict)
    """Digit behind *28 -> the switch that it turns: `1` -> `night`."""
    singles: Mapping[str, str] = field(default_factory=dict)
    """Public number without a head (E.164) -> the extension that it means: `+4962057788` -> `80`."""
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Extension -> flow, for numbers that belong to no person or department: `0` -> `town`."""
    flows: Mapping[str, Flow] = field(default_factory=dict)
    """Written flows and, after `derive`, those of every person and department."""

    def __repr__(self) -> str:
        """Short: Python itself writes what `asyncio.run` returns as text, which took seconds for 30,000 people."""
        return f"<Directory {self.town.name}: {len(self.people)} people, {len(self.flows)} flows>"

    @cached_property
    def hot_desks(self) -> tuple[str, ...]:
        """The telephones at which people may log in (domain.hot_desks)."""
        return tuple(sorted(phone.id for phone in self.phones.values() if phone.hot_desk))

    @cached_property
    def graph(self) -> Graph:
        """Every step of every flow, by place."""
        return {place: step for flow in self.flows.values() for place, step in flow.places.items()}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Flow -> whose it is, in words; flows that somebody wrote are nobody's."""
        groups = {group.flow: group.name for group in self.groups.values()}
        groups |= {queue.flow: queue.name for queue in self.queues.values()}
        departments = {department.flow: department.name for department in self.departments.values()}
        retired = {old.flow: f"retired number {old.extension}" for old in self.retired.values()}
        people = {person.flow: person.name for person in self.people.values()}
        rooms = {room.flow: room.name for room in self.rooms.values()}
        own = {MAILBOX: "the mailbox by telephone", PARKING: "parked callers", CODES: "codes that switch"}
        return {**retired, **rooms, **groups, **departments, **people, **own}

    @cached_property
    def used(self) -> Mapping[str, str]:
        """Extension -> who has it; the first one, if it was given twice."""
        return dict(reversed(list(self.owners())))

    @cached_property
    def usual_length(self) -> int:
        """The digits that most people's extensions have; 0: there is nobody."""
        lengths = Counter(len(person.extension) for person in self.people.values())
        return max(lengths, key=lambda length: (lengths[length], length), default=0)

    def first(self, flow: str) -> Place:
        """Where `flow` begins; raises KeyError for an unknown one."""
        return self.flows[flow].first

    def person_with(self, number: str) -> Person | None:
        """Who has this extension, as the first or as one of more."""
        return next((each for each in self.people.values() if number in (each.extension, *each.numbers)), None)

    def owners(self) -> Iterable[tuple[str, str]]:
        """(extension, who owns it), for every number in use, doubles included.

        A retired number that somebody has again is theirs alone.
        """
        held = list(self._held())
        own = {(extension, flow) for extension, flow, _ in held}
        written = [pair for pair in self.numbers.items() if pair not in own and pair[0] not in self.retired]
        for extension, flow in written:
            yield extension, f"number {extension} of flow {flow}"
        for extension, _, owner in held:
            yield extension, owner
        taken = {extension for extension, _ in written} | {extension for extension, _, _ in held}
        for extension in sorted(self.retired.keys() - taken):
            yield extension, f"retired {extension}"

    def _held(self) -> Iterator[tuple[str, str, str]]:
        """(extension, flow, owner) of everybody who has numbers of their own, further ones too."""
        for department in self.departments.values():
            for extension in (department.extension, *department.numbers):
                yield extension, department.flow, f"department {department.id}"
        for person in self.people.values():
            for extension in (person.extension, *person.numbers):
                yield extension, person.flow, f"person {person.id}"
        for group in self.groups.values():
            yield group.extension, group.flow, f"group {group.id}"
        for queue in self.queues.values():
            if queue.extension:
                yield queue.extension, queue.flow, f"queue {queue.id}"
        for room in self.rooms.values():
            yield room.extension, room.flow, f"room {room.id}"
        for phone in self.shared():
            yield phone.extension, phone.flow, f"phone {phone.id}"
        if self.town.mailbox:
            yield self.town.mailbox, MAILBOX, "town: mailbox"

    def shared(self) -> Iterable[Phone]:
        """The phones that show a number which is not that of a person, department or group whose phone they are."""
        owners: tuple[Department | Person, ...] = (*self.departments.values(), *self.people.values())
        rung = {(phone, number) for o in owners for phone in o.phones for number in (o.extension, *o.numbers)}
        rung |= {(phone, group.extension) for group in self.groups.values() for phone in group.phones}
        return (phone for phone in self.phones.values() if (phone.id, phone.extension) not in rung)
