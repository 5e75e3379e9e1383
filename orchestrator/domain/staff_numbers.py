"""Which numbers a staff list gives to whom: all wishes first, and then what stands against them.

So a number that one gives up is free for another in the same breath, and two may change theirs with each other.
Belongs here: the choice. Not here: what becomes of a number that is given up (staff, leavers).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from orchestrator.domain import numbers
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Person


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Somebody of the list, the number that it has for them, and who they are in the directory now."""

    source: str
    name: str
    number: str
    before: Person | None
    own: frozenset[str] = frozenset()
    """Numbers that wait for them."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """Whose number is which now; and why somebody has another than the list says, or none."""

    numbers: Mapping[str, str]
    refused: Mapping[str, str]


def give(found: Directory, wishes: Iterable[Wish], today: date) -> Given:
    """Numbers by the source of a wish. Who cannot have theirs keeps the former one, and so may stop the next."""
    wanting = {wish.source: wish for wish in wishes}
    taken = others(found, wanting.values())
    kept = {each.before.extension: each.before.id for each in wanting.values() if each.before and _keeps(each)}
    open_ = {source: wish for source, wish in wanting.items() if not _keeps(wish)}
    refused: dict[str, str] = {}
    while True:
        wanted = Counter(wish.number for wish in open_.values())
        held = {**taken, **{number: f"person {id_}" for number, id_ in kept.items()}}
        told = {source: _against(found, wish, held, wanted, today) for source, wish in open_.items()}
        stopped = {source: why for source, why in told.items() if why}
        if not stopped:
            break
        for source in stopped:
            if before := open_.pop(source).before:
                kept[before.extension] = before.id
        refused |= stopped
    given = {source: wish.number for source, wish in wanting.items() if source not in refused}
    given |= {source: before.extension for source in refused if (before := wanting[source].before)}
    return Given(numbers=given, refused=refused)


def _keeps(wish: Wish) -> bool:
    return wish.before is not None and wish.number == wish.before.extension


def others(found: Directory, wishes: Iterable[Wish]) -> dict[str, str]:
    """Extension -> owner, but for the chief numbers of those who are in the list, and for retired ones."""
    chief = {(each.before.extension, f"person {each.before.id}") for each in wishes if each.before}
    return {
        number: owner
        for number, owner in found.owners()
        if owner != f"retired {number}" and (number, owner) not in chief
    }


def _against(found: Directory, wish: Wish, held: Mapping[str, str], wanted: Mapping[str, int], today: date) -> str:
    """Why somebody cannot have their number; empty if they can."""
    number, mine = wish.number, f"person {wish.before.id}" if wish.before else ""
    if (owner := held.get(number)) and owner != mine:
        return f"{number} belongs to {owner} already"
    if wanted[number] > 1:
        return f"{number} is given to {wanted[number]} people"
    if why := numbers.reserved(found.town, number):
        return why
    resting = found.retired.get(number)
    if resting and resting.until > today and number not in wish.own:
        return f"{number} rests until {resting.until}"
    return ""
