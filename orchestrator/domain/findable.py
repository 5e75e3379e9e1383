"""Who is found by name, under which keys, and what is said of them.

A person is offered by name, or their department instead, or not at all (`Person.findable`, else as the department
says). Belongs here: who comes of what was typed. Not here: keys and letters (keypad), the conversation (finding).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

from orchestrator.domain import texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import FindByName, Place
from orchestrator.domain.keypad import first_names, last_names
from orchestrator.domain.people import BY_DEPARTMENT, BY_NAME, Department, Person
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Spoken

SHORTEST = 2
"""Keys without which nobody is offered, unless a name is no longer."""
LONGEST = 30
"""Keys that are taken at most."""
MOST = 24
"""How many are offered at most; if more have such a name, the caller is asked for more of it."""


class Entry(NamedTuple):
    """One way to find somebody. The order of entries is that in which they are offered: whole names come first."""

    length: int
    """Of the last name, in keys."""
    name: str
    extension: str
    """Whose number the caller gets; of one who is not offered, that of the department."""
    last: str
    key: str
    """The last name and, behind it, the first."""

    def whole(self, typed: str) -> bool:
        """Whether `typed` is all of the last name, or all of both names."""
        return typed in (self.last, self.key)


@dataclass(frozen=True)
class Names:
    """Everybody who can be found in one directory."""

    directory: Directory

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry, in the order of their keys."""
        return tuple(sorted(self._entries(), key=lambda entry: (entry.key, entry)))

    @cached_property
    def prompts(self) -> Mapping[str, Spoken]:
        """Extension -> what is said of who has it."""
        voice, languages = self.directory.town.languages[0], self.directory.town.languages
        named = {offered.extension: offered for _, offered in self._offered}
        labels = dict(self._labels())
        return {
            extension: Spoken(
                name=f"{offered.flow}.name",
                texts=dict.fromkeys(languages, labels.get(extension, offered.name)),
                voice=voice,
            )
            for extension, offered in sorted(named.items())
        }

    def beginning(self, typed: str) -> list[Entry]:
        """The entries that begin with `typed`, in the order in which they are offered."""
        first = bisect_left(self.entries, typed, key=lambda entry: entry.key)
        last = bisect_left(self.entries, f"{typed}~", key=lambda entry: entry.key)
        return sorted(self.entries[first:last])

    def found(self, typed: str, ended: bool) -> list[str] | None:
        """Whose extensions are offered for `typed`; None if there are too many. `ended`: that is the whole name."""
        begun = self.beginning(typed)
        extensions = extensions_of(begun)
        if not few(typed, extensions):
            return (extensions_of(whole(typed, begun)) or None) if ended else None
        return extensions

    def places(self) -> frozenset[Place]:
        """Where callers go on who have found somebody."""
        return frozenset(self.place(instead.extension) for _, instead in self._offered)

    def place(self, extension: str) -> Place:
        """Where a call to `extension` begins, whoever has that number."""
        return self.directory.first(self.directory.numbers[extension])

    @cached_property
    def _offered(self) -> tuple[tuple[Person, Person | Department], ...]:
        """Each person who is found, and who is offered then."""
        each = ((person, offered(self.directory, person)) for person in self.directory.people.values())
        return tuple((person, instead) for person, instead in each if instead is not None)

    def _entries(self) -> Iterator[Entry]:
        for person, instead in self._offered:
            name = f"{person.last_name} {person.first_name}".casefold()
            rows = product(last_names(person.last_name), first_names(person.first_name))
            for last, key in dict.fromkeys((last[:LONGEST], (last + first)[:LONGEST]) for last, first in rows):
                yield Entry(length=len(last), name=name, extension=instead.extension, last=last, key=key)

    def _labels(self) -> Iterator[tuple[str, str]]:
        """What tells each person from others: name and department; the function; if need be the number."""
        people = [each for _, each in self._offered if isinstance(each, Person)]
        homes = self.directory.departments
        short = {each.id: f"{each.name}, {homes[each.department].name}" for each in people}
        double = Counter(short.values())
        alike = {each.id: each for each in people if double[short[each.id]] > 1 and each.function}
        told = {**short, **{id_: f"{short[id_]}, {each.function}" for id_, each in alike.items()}}
        double = Counter(told.values())
        for each in people:
            number = texts.with_number(each.extension, self.directory.town.languages[0])
            yield each.extension, f"{told[each.id]}, {number}" if double[told[each.id]] > 1 else told[each.id]


def offered(directory: Directory, person: Person) -> Person | Department | None:
    """Who is offered to callers who type the name of `person`; nobody if they may not be found.

    Who has no telephone, or shall not be named, is reached by the department.
    """
    home = directory.departments.get(person.department)
    if home is None:
        return None
    match person.findable or home.findable:
        case kind if kind == BY_NAME and person.phones:
            return person
        case kind if kind in (BY_NAME, BY_DEPARTMENT):
            return home
        case _:
            return None


def extensions_of(entries: Iterable[Entry]) -> list[str]:
    """Whose they are, each once, in the order of the entries."""
    return list(dict.fromkeys(entry.extension for entry in entries))


def few(typed: str, extensions: list[str]) -> bool:
    """Whether they are offered, instead of asking for more of the name."""
    return not extensions or (len(typed) >= SHORTEST and len(extensions) <= MOST)


def whole(typed: str, begun: Iterable[Entry]) -> list[Entry]:
    """Of too many that begin with `typed`, those whose whole name it is.

    They are not shortened by the last name alone, if that leaves too many: they have a first name to be asked for.
    """
    matching = [entry for entry in begun if entry.whole(typed)]
    if len(extensions_of(matching)) <= MOST:
        return matching
    return [entry for entry in matching if entry.key == typed]


def finders(directory: Directory) -> list[Place]:
    """The places where somebody is looked for by name."""
    return [place for place, step in directory.graph.items() if isinstance(step, FindByName)]


def problems(directory: Directory) -> Iterator[Problem]:
    """Where names are asked for, somebody must be found, and whoever is found has a number that leads somewhere."""
    if not (places := finders(directory)):
        return
    names = Names(directory)
    if not names.entries:
        yield Problem(
            code="nobody_findable",
            where=places[0],
            what="asks for a name, and nobody may be found",
            todo="let people be found (`findable: name`), or take the step out",
        )
    for extension in extensions_of(names.entries):
        if directory.numbers.get(extension) not in directory.flows:
            yield Problem(
                code="unknown_number",
                where=places[0],
                what=f"finds somebody with number {extension}, which leads nowhere",
                todo="lead that number to a flow, or give them another",
                caller="types the name of somebody",
            )
