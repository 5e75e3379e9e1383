"""People who leave and come back: whose numbers rest, what stays with the department, what they have again.

Belongs here: what that does to a directory. Not here: who has left (staff), who they were (store.former).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from orchestrator.domain.callers import PRESETS
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, Ring
from orchestrator.domain.people import Box, Person, Phone
from orchestrator.domain.town import Retired

REST = timedelta(days=180)
"""How long a former number leads on before it may be given to somebody else."""


@dataclass(frozen=True, kw_only=True)
class Former:
    """Somebody who has left, as they were on that day."""

    person: Person
    phones: Mapping[str, Phone]
    box: Box | None
    named: tuple[str, ...]
    """What named them or their phones until then: `department amt`, `person p2501`."""


def without(found: Directory, leavers: Iterable[Person], today: date) -> Directory:
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
                extension=extension,
                to=home.extension,
                until=today + REST,
                why="has left (staff list)",
                source=person.source,
            )
        numbers = {number: home.flow if flow == person.flow else flow for number, flow in numbers.items()}
        if box := boxes.get(person.box):
            kept = boxes.get(home.box)
            boxes[box.id] = replace(
                box, name=f"{home.name} ({person.extension})", email=kept.email if kept else "", department=home.id
            )
    boxes = {name: _handed_over(box, gone) for name, box in boxes.items()}
    return replace(
        found,
        people={id_: _without(person, gone) for id_, person in found.people.items() if id_ not in gone},
        phones={name: phone for name, phone in found.phones.items() if name not in phones},
        departments={name: _silent(each, phones) for name, each in found.departments.items()},
        groups={name: _silent(each, phones) for name, each in found.groups.items()},
        queues={name: _silent(each, phones) for name, each in found.queues.items()},
        flows={name: _flow(flow, phones) for name, flow in found.flows.items()},
        boxes=boxes,
        retired=retired,
        numbers=numbers,
    )


def _without(person: Person, gone: Collection[str]) -> Person:
    """`person` without those who are gone among the people whom they name."""
    named = (person.stand_in, *person.secretary, *person.direct)
    if not any(id_ in gone for id_ in named):
        return person
    secretary, direct = (tuple(id_ for id_ in ids if id_ not in gone) for ids in (person.secretary, person.direct))
    stand_in = "" if person.stand_in in gone else person.stand_in
    return replace(person, stand_in=stand_in, secretary=secretary, direct=direct)


def _handed_over(box: Box, gone: Collection[str]) -> Box:
    """`box` without those who are gone. If none of its members is left, the head works with it; without a head they
    stay named: the box is closed, which is a problem (references) until somebody decides. It is not opened to all.
    """
    left = _unnamed(box, gone)
    if left.members or not box.members:
        return left
    return replace(left, members=(left.head,) if left.head else box.members)


def _unnamed(box: Box, gone: Collection[str]) -> Box:
    """`box` without those who are gone among its people."""
    if box.head not in gone and not any(id_ in gone for id_ in box.members):
        return box
    members = tuple(id_ for id_ in box.members if id_ not in gone)
    return replace(box, members=members, head="" if box.head in gone else box.head)


def _silent(ringing: Any, phones: set[str]) -> Any:
    return replace(ringing, phones=tuple(phone for phone in ringing.phones if phone not in phones))


def _flow(flow: Flow, phones: set[str]) -> Flow:
    steps = {name: _silent(step, phones) if isinstance(step, Ring) else step for name, step in flow.steps.items()}
    return replace(flow, steps=steps)


def rests_for(found: Directory, source: str, former: Former | None, today: date) -> frozenset[str]:
    """The numbers that wait for the entry `source` of the staff list."""
    waiting = {number: old for number, old in found.retired.items() if old.until > today}
    own = {number for number, old in waiting.items() if old.source == source}
    if former:  # numbers that were retired before it was written down whose they were
        had = (former.person.extension, *former.person.numbers)
        own |= {number for number in had if number in waiting and not waiting[number].source}
    return frozenset(own)


def back(found: Directory, former: Former, own: Collection[str]) -> tuple[Directory, Person]:
    """`found` with the phones and the box that somebody had, and who they were, as far as that can still be so.

    `own` are the numbers that wait for them. The person is not in the directory yet.
    """
    person, permissions = former.person, (*PRESETS, *found.permissions)
    phones = {
        name: replace(
            phone,
            site=_still(phone.site, found.sites) or person.site,
            permission=_still(phone.permission, permissions),
        )
        for name, phone in former.phones.items()
        if name not in found.phones
    }
    boxes = dict(found.boxes)
    box = former.box if former.box and _kept(found, former.box.id) else None
    if box:
        boxes[box.id] = replace(
            _unnamed(box, {box.head, *box.members} - {*found.people, person.id}),
            language=_still(box.language, found.town.languages) or found.town.languages[0],
        )
    again = replace(
        person,
        phones=tuple(name for name in person.phones if name in phones),
        box=box.id if box else "",
        numbers=tuple(number for number in person.numbers if number in own),
        stand_in=_still(person.stand_in, found.people),
        secretary=tuple(id_ for id_ in person.secretary if id_ in found.people),
        direct=tuple(id_ for id_ in person.direct if id_ in found.people),
        permission=_still(person.permission, permissions),
        language=_still(person.language, found.town.languages) or found.town.languages[0],
    )
    return replace(found, phones={**found.phones, **phones}, boxes=boxes), again


def _kept(found: Directory, box: str) -> bool:
    """Whether a box is nobody else's: a department keeps it for who has left, or there is none of its number."""
    owned = {each.box for each in found.departments.values()} | {each.box for each in found.people.values()}
    return box not in owned


def _still(name: str, known: Collection[str]) -> Any:
    return name if name in known else ""
