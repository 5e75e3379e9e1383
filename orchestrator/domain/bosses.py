"""Who answers for whom: bosses, their secretaries and the telephones of both.

Not here: what becomes of a call (secretaries).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Person


def secretaries(directory: Directory, boss: Person) -> tuple[Person, ...]:
    """Who answers for `boss`."""
    named = (directory.people.get(id_) for id_ in boss.secretary)
    return tuple(person for person in named if person and person is not boss)


def bosses(directory: Directory) -> Iterator[Person]:
    """Everybody who has a secretary."""
    return (person for person in directory.people.values() if secretaries(directory, person))


def team(directory: Directory, boss: Person) -> tuple[str, ...]:
    """The phones of a boss and of the secretaries."""
    return phones_of((boss, *secretaries(directory, boss)))


def phones_of(people: Iterable[Person]) -> tuple[str, ...]:
    """The phones of `people`, each once."""
    return tuple(dict.fromkeys(phone for person in people for phone in person.phones))
