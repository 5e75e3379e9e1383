"""People, departments, groups, phones and boxes as an admin writes them: the other way round of read_people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Department, Group, Person
from orchestrator.store.read_people import implied_boxes, own_phone
from orchestrator.store.written import Line, Word, fields, plain

NAMES = {
    "first_name": "first",
    "last_name": "last",
    "extension": "number",
    "ring_seconds": "ring",
}
"""Field -> what it is called in a file, where that differs."""

PEOPLE = ("secretary", "direct")
"""Fields of a person that name several others."""


def people(directory: Directory) -> dict[str, Line]:
    """Number -> person, in rising order."""
    return {each.extension: _person(directory, each) for each in sorted(directory.people.values(), key=_number)}


def _number(person: Person) -> tuple[str, str]:
    return person.extension, person.id


def _person(directory: Directory, person: Person) -> Line:
    line = fields(person, NAMES, leave=("id", "extension", "site", "phones", "box", "stand_in", "source", *PEOPLE))
    home = directory.departments.get(person.department)
    if home is None or person.site != home.site:
        line["site"] = person.site
    if person.box:
        line["box"] = Word("yes") if person.box == person.extension else person.box
    if person.stand_in:
        stand_in = directory.people.get(person.stand_in)
        line["stand_in"] = stand_in.extension if stand_in else person.stand_in
    for name in PEOPLE:
        if named := getattr(person, name):
            line[name] = [directory.people[id_].extension if id_ in directory.people else id_ for id_ in named]
    own = person.phones[:1] == (f"tel{person.extension}",)
    if not own:
        line["desk"] = Word("no")
    if more := person.phones[own:]:
        line["phones"] = list(more)
    if person.id != f"p{person.extension}":
        line["id"] = person.id
    if person.source:
        line["source"] = person.source
    return line


def departments(directory: Directory) -> dict[str, Line]:
    """Every department."""
    numbers = numbers_of(directory)
    return {name: _department(each, numbers) for name, each in sorted(directory.departments.items())}


def _department(department: Department, numbers: Mapping[str, str]) -> Line:
    same = ("box",) if department.box == department.extension else ()
    line = fields(department, NAMES, leave=("id", *same))
    return Line({**line, "phones": _ringing(department.phones, numbers)})


def groups(directory: Directory) -> dict[str, Line]:
    """Every hunt group."""
    numbers = numbers_of(directory)
    return {name: _group(each, numbers) for name, each in sorted(directory.groups.items())}


def _group(group: Group, numbers: Mapping[str, str]) -> Line:
    line = fields(group, NAMES, leave=("id",))
    return Line({**line, "phones": _ringing(group.phones, numbers)})


def numbers_of(directory: Directory) -> Mapping[str, str]:
    """Phone -> the number by which a reader finds just this phone (read_flows.phones_of), where there is one."""
    means: dict[str, tuple[str, ...]] = {}
    for name, phone in directory.phones.items():
        means[phone.extension] = (*means.get(phone.extension, ()), name)
    means |= {person.extension: person.phones for person in directory.people.values()}
    return {phones[0]: number for number, phones in means.items() if len(phones) == 1}


def _ringing(phones: Iterable[str], numbers: Mapping[str, str]) -> list[str]:
    return [numbers.get(phone, phone) for phone in phones]


def phones(directory: Directory) -> dict[str, Line]:
    """Shared phones, and people's phones that differ from what a phone of theirs is by itself."""
    owners = {phone: person for person in directory.people.values() for phone in person.phones}
    lines: dict[str, Line] = {}
    for name, phone in sorted(directory.phones.items()):
        if owner := owners.get(name):
            usual = own_phone(owner, name)
            if phone != usual:
                lines[name] = Line(owner=owner.extension, **_differs(phone, usual))
        else:
            kind = {} if phone.kind == "other" else {"kind": phone.kind}
            lines[name] = Line({**fields(phone, NAMES, leave=("id", "kind")), **kind})
    return lines


def boxes(directory: Directory) -> dict[str, Line]:
    """Boxes that differ from what they are by themselves, or that a department keeps."""
    usual = implied_boxes(directory.departments.values(), directory.people.values())
    lines: dict[str, Line] = {}
    for number, box in sorted(directory.boxes.items()):
        if number not in usual:
            line = fields(box, leave=("id",))
        elif box != usual[number]:
            line = Line(_differs(box, usual[number]))
        else:
            continue
        lines[number] = Line({**line, **_by_number(directory, line)})
    return lines


def _by_number(directory: Directory, line: Mapping[str, Any]) -> dict[str, Any]:
    """The people whom a box names, by their numbers."""
    people = directory.people
    named: dict[str, Any] = {}
    if ids := line.get("members"):
        named["members"] = [people[id_].extension if id_ in people else id_ for id_ in ids]
    if head := people.get(line.get("head", "")):
        named["head"] = head.extension
    return named


def _differs(thing: Any, usual: Any) -> dict[str, Any]:
    return {
        NAMES.get(name, name): plain(getattr(thing, name))
        for name in vars(usual)
        if name != "id" and getattr(thing, name) != getattr(usual, name)
    }
