"""What a staff list (LDAP) means for the directory: who is new, who has changed, who has left.

Rules: only people who came from the list are touched; a leaver's number rests and leads to the department, which also
keeps the mailbox with what is in it.
Belongs here: these rules. Not here: the words of LDAP (store.ldif), asking it (service).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, Ring
from orchestrator.domain.losses import too_many
from orchestrator.domain.people import Person, Phone
from orchestrator.domain.town import Retired

SOURCE = "ldap:"
REST = timedelta(days=180)
"""How long a leaver's number leads to the department before it may be given to somebody else."""


@dataclass(frozen=True, kw_only=True)
class Employee:
    """One entry of the staff list."""

    key: str
    """What stays the same when name and number change."""
    first_name: str
    last_name: str
    number: str
    """The extension; empty: none of ours is given."""
    department: str = ""
    """As it is written there: a name or an id of ours."""
    site: str = ""
    email: str = ""
    active: bool = True

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.key


@dataclass(frozen=True, kw_only=True)
class Synchronised:
    """The directory that follows, what could not follow, and why nothing may be kept."""

    directory: Directory
    notes: tuple[str, ...]
    refused: str = ""


def synchronise(directory: Directory, employees: Sequence[Employee], today: date) -> Synchronised:
    """Let the people who came from the staff list be as it says; `directory` is not derived."""
    ours = {each.source: each for each in directory.people.values() if each.source.startswith(SOURCE)}
    there = {f"{SOURCE}{each.key}": each for each in employees if each.active}
    leavers = [person for source, person in ours.items() if source not in there]
    if not there:
        return Synchronised(directory=directory, notes=(), refused="the answer is empty")
    if too_many(len(leavers), len(ours)):
        return Synchronised(
            directory=directory, notes=(), refused=f"{len(leavers)} of {len(ours)} people would have left"
        )
    found = _without(directory, leavers, today)
    notes: list[str] = []
    owners = dict(found.owners())
    for source, employee in sorted(there.items(), key=lambda pair: (pair[1].number, pair[0])):
        found, told = _joined(found, employee, ours.get(source), owners, today)
        notes += told
    return Synchronised(directory=found, notes=tuple(notes))


def _joined(
    found: Directory, employee: Employee, before: Person | None, owners: dict[str, str], today: date
) -> tuple[Directory, Sequence[str]]:
    """`found` with one employee as the list has them."""
    department = _match(employee.department, found.departments) or (before.department if before else "")
    if not department:
        what = f"department {employee.department!r}" if employee.department else "without a department"
        return found, [f"{employee.name}: {what} is none of ours; not taken over"]
    home = found.departments[department]
    number = employee.number or (before.extension if before else "")
    if told := _cannot_have(found, employee, number, before, owners, today):
        return found, [told]
    owners[number] = f"person {before.id if before else employee.name}"
    site = _match(employee.site, found.sites) or (before.site if before else home.site)
    notes = [f"{employee.name}: site {employee.site!r} is none of ours"] if _unknown(employee.site, found.sites) else []
    if before is None:
        person = Person(
            id=_free(found.people, f"p{number}"),
            first_name=employee.first_name,
            last_name=employee.last_name,
            department=home.id,
            site=site,
            extension=number,
            phones=(_free(found.phones, f"tel{number}"),),
            email=employee.email,
            language=found.town.languages[0],
            source=f"{SOURCE}{employee.key}",
        )
        return _with(found, person, None, today), notes
    person = replace(
        before,
        first_name=employee.first_name,
        last_name=employee.last_name,
        department=home.id,
        site=site,
        extension=number,
        email=employee.email,
    )
    return (found if person == before else _with(found, person, before, today)), notes


def _cannot_have(
    found: Directory, employee: Employee, number: str, before: Person | None, owners: Mapping[str, str], today: date
) -> str:
    """Why an employee cannot have `number`; empty if they can."""
    if not number:
        return f"{employee.name}: no number of ours; not taken over"
    if before and number == before.extension:
        return ""
    if (owner := owners.get(number)) and owner != f"retired {number}":
        return f"{employee.name}: {number} belongs to {owner} already; not taken over"
    resting = found.retired.get(number)
    if resting and resting.until > today:
        return f"{employee.name}: {number} rests until {resting.until}; not taken over"
    return ""


def _with(found: Directory, person: Person, before: Person | None, today: date) -> Directory:
    """`found` with a new or changed person, and their phones and box as they follow from it."""
    people = {**found.people, person.id: person}
    phones = dict(found.phones)
    for name in person.phones:
        phone = phones.get(name) or Phone(id=name, site=person.site, label=person.name, extension=person.extension)
        same = {"site": person.site} if before and phone.site == before.site else {}
        same |= {"label": person.name} if before and phone.label == before.name else {}
        same |= {"extension": person.extension} if before and phone.extension == before.extension else {}
        phones[name] = replace(phone, **same)
    boxes = dict(found.boxes)
    if before and (box := boxes.get(person.box)):
        name = person.name if box.name == before.name else box.name
        boxes[box.id] = replace(box, name=name, email=person.email if box.email == before.email else box.email)
    retired = {number: each for number, each in found.retired.items() if number != person.extension}
    if before and before.extension != person.extension:
        retired[before.extension] = Retired(
            extension=before.extension, to=person.extension, until=today + REST, announced=True, why="has a new number"
        )
    return replace(found, people=people, phones=phones, boxes=boxes, retired=retired)


def _without(found: Directory, leavers: Iterable[Person], today: date) -> Directory:
    """`found` without people who have left: their numbers rest, their boxes stay with the department."""
    gone = {person.id: person for person in leavers}
    if not gone:
        return found
    phones = {phone for person in gone.values() for phone in person.phones}
    boxes, retired, numbers = dict(found.boxes), dict(found.retired), dict(found.numbers)
    for person in gone.values():
        home = found.departments[person.department]
        for extension in (person.extension, *person.numbers):
            retired[extension] = Retired(
                extension=extension, to=home.extension, until=today + REST, why="has left (staff list)"
            )
        numbers = {number: home.flow if flow == person.flow else flow for number, flow in numbers.items()}
        if box := boxes.get(person.box):
            kept = boxes.get(home.box)
            boxes[box.id] = replace(
                box, name=f"{home.name} ({person.extension})", email=kept.email if kept else "", department=home.id
            )
    return replace(
        found,
        people={
            id_: replace(person, stand_in="") if person.stand_in in gone else person
            for id_, person in found.people.items()
            if id_ not in gone
        },
        phones={name: phone for name, phone in found.phones.items() if name not in phones},
        departments={name: _silent(each, phones) for name, each in found.departments.items()},
        groups={name: _silent(each, phones) for name, each in found.groups.items()},
        flows={name: _flow(flow, phones) for name, flow in found.flows.items()},
        boxes=boxes,
        retired=retired,
        numbers=numbers,
    )


def _silent(ringing: Any, phones: set[str]) -> Any:
    return replace(ringing, phones=tuple(phone for phone in ringing.phones if phone not in phones))


def _flow(flow: Flow, phones: set[str]) -> Flow:
    steps = {name: _silent(step, phones) if isinstance(step, Ring) else step for name, step in flow.steps.items()}
    return replace(flow, steps=steps)


def _match(written: str, things: Mapping[str, Any]) -> str:
    """The id of the thing that is called `written`, by id or name; empty if there is none."""
    wanted = written.casefold().strip()
    found: Iterator[str] = (id_ for id_, each in things.items() if wanted in (id_.casefold(), each.name.casefold()))
    return next(found, "")


def _unknown(written: str, things: Mapping[str, Any]) -> bool:
    return bool(written.strip()) and not _match(written, things)


def _free(taken: Mapping[str, Any], name: str) -> str:
    """`name`, with more at its end if what was made for a former owner of the number is still called so."""
    return next(each for more in range(1000) if (each := name + "x" * more) not in taken)
