"""Whose messages are whose: the boxes that somebody works with. The telephone, links and mail all ask here.

A person's own box; the box of a department for its members, or for all of it where no members are named; a box that
a department keeps for who has left, as its own. Members who are no more still count as named: a box of which none is
left is closed, and never open to all of the department (references tells it, leavers has the head take over).
Belongs here: the rule. Not here: what they may do with it (messages).
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Department, Person


class Rights:
    """The rule for a whole directory, looked up once: for who asks about many people."""

    def __init__(self, directory: Directory) -> None:
        self._boxes = directory.boxes
        self._homes = shared(directory)
        self._of_all: dict[str, list[str]] = {}
        """Department -> boxes that all of it works with."""
        self._of_named: dict[str, list[str]] = {}
        """Person -> boxes that name them."""
        for box, home in self._homes.items():
            named = _named(directory, box, home)
            for id_ in named:
                self._of_named.setdefault(id_, []).append(box)
            if not named:
                self._of_all.setdefault(home.id, []).append(box)

    def boxes_of(self, person: Person) -> frozenset[str]:
        """The boxes whose messages `person` may hear and deal with."""
        own = [person.box] if person.box in self._boxes else []
        return frozenset((*own, *self._of_all.get(person.department, ()), *self._of_named.get(person.id, ())))

    def ordered(self, boxes: Iterable[str]) -> tuple[str, ...]:
        """Boxes as they are gone through: a person's own first, then those of departments."""
        return tuple(sorted(boxes, key=lambda box: (box in self._homes, len(box), box)))


def boxes_of(directory: Directory, person: Person) -> frozenset[str]:
    """The boxes whose messages `person` may hear and deal with."""
    return Rights(directory).boxes_of(person)


def shared(directory: Directory) -> dict[str, Department]:
    """The boxes that belong to a department, and to which: it is its own, or it keeps it."""
    found: dict[str, Department] = {}
    for department in directory.departments.values():
        if department.box in directory.boxes:
            found.setdefault(department.box, department)
    for box in directory.boxes.values():
        if box.department in directory.departments:
            found.setdefault(box.id, directory.departments[box.department])
    return found


def in_order(directory: Directory, boxes: Iterable[str]) -> tuple[str, ...]:
    """Boxes as they are gone through: a person's own first, then those of departments."""
    return Rights(directory).ordered(boxes)


def members(directory: Directory, box: str) -> tuple[Person, ...]:
    """Who works with the box of a department; nobody where it is a person's own."""
    home = department_of(directory, box)
    if home is None:
        return ()
    if own := _named(directory, box, home):
        return tuple(directory.people[id_] for id_ in own if id_ in directory.people)
    return tuple(person for person in directory.people.values() if person.department == home.id)


def department_of(directory: Directory, box: str) -> Department | None:
    """The department that a box belongs to: it is its own, or it keeps it; None for a person's own box."""
    for department in directory.departments.values():
        if department.box == box:
            return department
    return directory.departments.get(directory.boxes[box].department) if box in directory.boxes else None


def _named(directory: Directory, box: str, home: Department) -> tuple[str, ...]:
    """Whom the box names; one that is kept for who has left names as the department's own does."""
    for number in (box, home.box):
        if number in directory.boxes and directory.boxes[number].members:
            return directory.boxes[number].members
    return ()
