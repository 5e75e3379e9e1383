"""Whose lamps a telephone may show, and whose calls it may pick up: circles of colleagues.

  d_<department>  its number and those of its people, groups and queues  its telephones
  g_<group>       a hunt group: its number and those of its telephones   its telephones
  s_<number>      a person with a stand-in elsewhere                     the stand-in's telephones
  b_<number>      a boss and the secretaries                             their telephones
  o_<department>  an office with a stand-in office                       the telephones of that one
  all             every number of the house that rings somewhere         the operators' telephones

One rule for both: who sees a lamp blink may take the call. The town's `lamps` can make fewer or more lamps of it, and
changes nothing of picking up. Telephones that anybody can use (a hall, a lift, a gate) are in no circle.
Belongs here: the rule. Not here: how Asterisk is told (compile.lamps).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from orchestrator.domain.bosses import bosses, secretaries, team
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Queue, Ring, Step
from orchestrator.domain.operators import met
from orchestrator.domain.people import OPEN, Department, Group, Person, Phone
from orchestrator.domain.queues import members as members_of
from orchestrator.domain.queues import takers

ALL = "all"
"""The circle that has every number."""
NOBODY, OPERATORS, DEPARTMENT, HOUSE = "nobody", "operators", "department", "house"
LAMPS = (NOBODY, OPERATORS, DEPARTMENT, HOUSE)
"""Who may watch lamps: nobody; the operators, everybody; each their own circles, and the operators everybody; all."""
Lines = Mapping[str, tuple[str, ...]]
"""Number -> the telephones that ring at it."""


class Circles:
    """The circles of one directory, derived; looked up once."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    @cached_property
    def house(self) -> Lines:
        """Every number at which telephones ring: those of its owner, or those that a written flow rings."""
        directory = self._directory
        owners: tuple[Person | Department | Group, ...] = (
            *directory.people.values(),
            *directory.departments.values(),
            *directory.groups.values(),
        )
        rung = {owner.flow: takers(directory, owner) for owner in owners}
        rung |= {phone.flow: (phone.id,) for phone in directory.phones.values()}
        rung |= {queue.flow: members_of(directory, queue) for queue in directory.queues.values()}
        found = {number: rung.get(flow) or self._rung_by(flow) for number, flow in directory.numbers.items()}
        known = {number: tuple(p for p in phones if p in directory.phones) for number, phones in found.items()}
        return {number: tuple(dict.fromkeys(phones)) for number, phones in sorted(known.items()) if phones}

    def _rung_by(self, flow: str) -> tuple[str, ...]:
        steps = self._directory.flows[flow].steps.values() if flow in self._directory.flows else ()
        return tuple(phone for step in steps for phone in _rung(step))

    @cached_property
    def operators(self) -> frozenset[str]:
        return operators(self._directory)

    @cached_property
    def lines(self) -> Mapping[str, Lines]:
        """Circle -> its numbers, without `all`."""
        found: dict[str, set[str]] = {}
        for circle, numbers in self._memberships():
            found.setdefault(circle, set()).update(number for number in numbers if number in self.house)
        circles = {circle: {number: self.house[number] for number in sorted(found[circle])} for circle in sorted(found)}
        return {circle: lines for circle, lines in circles.items() if lines}

    def _memberships(self) -> Iterator[tuple[str, Iterable[str]]]:
        directory = self._directory
        for department in directory.departments.values():
            own = (department.extension, *department.numbers)
            yield f"d_{department.id}", (*own, *(directory.phones[p].extension for p in self._of(department.phones)))
            if department.stand_in in directory.departments:
                yield f"o_{department.id}", own
        for person in directory.people.values():
            own = (person.extension, *person.numbers)
            yield f"d_{person.department}", own
            if self._stands_elsewhere(person):
                yield f"s_{person.extension}", own
        for queue in directory.queues.values():
            yield f"d_{queue.department}", (queue.extension,)
        for boss in bosses(directory):
            people = (boss, *secretaries(directory, boss))
            yield f"b_{boss.extension}", (number for each in people for number in (each.extension, *each.numbers))
        for group in directory.groups.values():
            yield f"d_{group.department}", (group.extension,)
            members = (directory.phones[phone].extension for phone in self._of(group.phones))
            yield f"g_{group.id}", (group.extension, *members)

    def _of(self, phones: Iterable[str]) -> Iterator[str]:
        return (phone for phone in phones if phone in self._directory.phones)

    def _stands_elsewhere(self, person: Person) -> bool:
        stand_in = self._directory.people.get(person.stand_in)
        return stand_in is not None and stand_in.department != person.department

    @cached_property
    def _homes(self) -> Mapping[str, frozenset[str]]:
        """Telephone -> the departments that it belongs to: its owners', and those that ring it."""
        found: dict[str, set[str]] = {}
        owners: tuple[tuple[str, Person | Department], ...] = (
            *((person.department, person) for person in self._directory.people.values()),
            *((department.id, department) for department in self._directory.departments.values()),
        )
        for home, owner in owners:
            for phone in owner.phones:
                found.setdefault(phone, set()).add(home)
        return {phone: frozenset(homes) for phone, homes in found.items()}

    @cached_property
    def _groups(self) -> Mapping[str, frozenset[str]]:
        return _turned((f"g_{group.id}", group.phones) for group in self._directory.groups.values())

    @cached_property
    def _stand_ins(self) -> Mapping[str, frozenset[str]]:
        """Telephone -> the people elsewhere whom its owner stands in for."""
        people = self._directory.people
        elsewhere = (person for person in people.values() if self._stands_elsewhere(person))
        return _turned((f"s_{person.extension}", people[person.stand_in].phones) for person in elsewhere)

    @cached_property
    def _fronts(self) -> Mapping[str, frozenset[str]]:
        """Telephone -> the circles of the bosses that it belongs to, or answers for."""
        directory = self._directory
        return _turned((f"b_{boss.extension}", team(directory, boss)) for boss in bosses(directory))

    @cached_property
    def _offices(self) -> Mapping[str, frozenset[str]]:
        """Department -> the offices that it stands in for."""
        offices = self._directory.departments.values()
        return _turned((f"o_{office.id}", (office.stand_in,)) for office in offices if office.stand_in)

    def groups(self, phone: Phone) -> tuple[str, ...]:
        """The circles that pick up what rings at `phone` without naming a number: department and hunt groups."""
        if phone.kind in OPEN:
            return ()
        homes = (f"d_{home}" for home in self._homes.get(phone.id, ()))
        return tuple(sorted((*homes, *self._groups.get(phone.id, ()))))

    def near(self, phone: Phone) -> tuple[str, ...]:
        """The circles that `phone` is let into."""
        if phone.kind in OPEN:
            return ()
        offices = (circle for home in self._homes.get(phone.id, ()) for circle in self._offices.get(home, ()))
        found = {*self.groups(phone), *self._stand_ins.get(phone.id, ()), *self._fronts.get(phone.id, ()), *offices}
        return tuple(sorted(circle for circle in found if circle in self.lines)) + self._everybody(phone)

    def _everybody(self, phone: Phone) -> tuple[str, ...]:
        return (ALL,) if phone.id in self.operators else ()

    def watched(self, phone: Phone) -> tuple[str, ...]:
        """The circles whose lamps `phone` may show, as the town's `lamps` says."""
        near = self.near(phone)
        match self._directory.town.lamps:
            case "house":
                return () if phone.kind in OPEN else (ALL,)
            case "department":
                return (ALL,) if ALL in near else near
            case "operators":
                return (ALL,) if ALL in near else ()
            case _:
                return ()

    def picks_up(self, phone: Phone, number: str) -> bool:
        """Whether `phone` may pick up what rings at `number`."""
        return any(number in (self.house if circle == ALL else self.lines[circle]) for circle in self.near(phone))


def operators(directory: Directory) -> frozenset[str]:
    """The telephones that ring first for a caller of the operator's number who does nothing, whatever the hour."""
    return frozenset(phone for _, step in met(directory, Ring, Queue) for phone in _rung(step))


def _rung(step: Step) -> tuple[str, ...]:
    return step.phones if isinstance(step, Ring) else step.members if isinstance(step, Queue) else ()


def _turned(pairs: Iterable[tuple[str, Iterable[str]]]) -> Mapping[str, frozenset[str]]:
    """What each of the second ones is named by."""
    found: dict[str, set[str]] = {}
    for name, members in pairs:
        for member in members:
            found.setdefault(member, set()).add(name)
    return {member: frozenset(names) for member, names in found.items()}
