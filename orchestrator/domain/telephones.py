"""Which telephones an admin means, and what rings there.

Belongs here: what follows from the directory. Not here: passwords, addresses, who is registered (service.telephones).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Ring
from orchestrator.domain.people import Department, Group, Person, Phone
from orchestrator.domain.queues import members, takers
from orchestrator.domain.spelling import extension


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number whose callers ring a telephone first."""

    extension: str
    whose: str


def meant(directory: Directory, wanted: str) -> tuple[Phone, ...]:
    """The telephones of an id, a number, or the name of somebody or of an office; empty: there are none."""
    if wanted in directory.phones:
        return (directory.phones[wanted],)
    number = extension(directory, wanted)
    found = [phone.id for phone in directory.phones.values() if number and phone.extension == number]
    for owner in _owners(directory):
        if number in (owner.extension, *_further(owner)) if number else _called(owner, wanted):
            found += takers(directory, owner)
    for queue in directory.queues.values():
        if queue.extension == number if number else wanted.casefold() in (queue.id.casefold(), queue.name.casefold()):
            found += members(directory, queue)
    if not number:
        found += [phone.id for phone in directory.phones.values() if wanted.casefold() == phone.label.casefold()]
    return tuple(directory.phones[phone] for phone in dict.fromkeys(found) if phone in directory.phones)


def known(directory: Directory) -> Iterator[str]:
    """What `meant` finds telephones by: ids, names, numbers."""
    yield from directory.phones
    for owner in _owners(directory):
        if takers(directory, owner):
            yield from (owner.name, owner.extension)
            yield from (owner.last_name,) if isinstance(owner, Person) else (owner.id,)
    yield from (phone.extension for phone in directory.phones.values())


def numbers(directory: Directory, phone: Phone) -> tuple[Number, ...]:
    """The numbers for which `phone` rings first."""
    found = [
        Number(extension=number, whose=owner.name)
        for owner in _owners(directory)
        if phone.id in takers(directory, owner)
        for number in (owner.extension, *_further(owner))
    ]
    found += [
        Number(extension=queue.extension, whose=queue.name)
        for queue in directory.queues.values()
        if queue.extension and phone.id in members(directory, queue)
    ]
    if phone in directory.shared():
        found.append(Number(extension=phone.extension, whose=phone.label))
    return tuple(found)


def places(directory: Directory, phone: Phone) -> tuple[str, ...]:
    """Where else it rings: as a stand-in, for a boss, in a flow that somebody wrote."""
    first = {directory.numbers.get(number.extension, "") for number in numbers(directory, phone)}
    return tuple(
        place
        for place, step in directory.graph.items()
        if isinstance(step, Ring) and phone.id in step.phones and place.partition(".")[0] not in first
    )


def _owners(directory: Directory) -> Iterator[Person | Department | Group]:
    yield from directory.people.values()
    yield from directory.departments.values()
    yield from directory.groups.values()


def _further(owner: Person | Department | Group) -> tuple[str, ...]:
    return () if isinstance(owner, Group) else owner.numbers


def _called(owner: Person | Department | Group, wanted: str) -> bool:
    """Whether `wanted` is a name of `owner`, large and small letters alike."""
    names = {owner.name, owner.id}
    if isinstance(owner, Person):
        names |= {owner.last_name, f"{owner.last_name}, {owner.first_name}", f"{owner.last_name} {owner.first_name}"}
    return " ".join(wanted.split()).casefold() in {name.casefold() for name in names}
