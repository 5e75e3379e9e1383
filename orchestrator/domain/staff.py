"""What a staff list (LDAP) means for the directory: who is new, who has changed, who has left, who is back.

Rules: only people who came from the list are touched. Who is in it has not left, whatever their entry lacks. A leaver's
number rests, leads to the department and waits for them; the department also keeps the mailbox with what is in it.
Belongs here: these rules. Not here: who gets which number (staff_numbers), leaving and coming back (leavers), the words
of LDAP (store.ldif), asking it (service).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.leavers import REST, Former, back, rests_for, without
from orchestrator.domain.losses import too_many
from orchestrator.domain.people import Person, Phone
from orchestrator.domain.staff_numbers import Given, Wish, give, others
from orchestrator.domain.town import Retired

SOURCE = "ldap:"
EMPTY = "the answer is empty: look at `base` and `filter` in [ldap] of settings.toml; no --force changes that"


@dataclass(frozen=True, kw_only=True)
class Employee:
    """One entry of the staff list."""

    key: str
    """What stays the same when name and number change."""
    first_name: str
    last_name: str
    """Empty: the entry has none; only somebody who is known by their key is an employee then."""
    number: str
    """The extension; empty: none of ours is given."""
    written: str = ""
    """The number as it is written there."""
    department: str = ""
    """As it is written there: a name or an id of ours."""
    site: str = ""
    email: str = ""
    active: bool = True

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.key

    @property
    def source(self) -> str:
        return f"{SOURCE}{self.key}"


@dataclass(frozen=True, kw_only=True)
class Synchronised:
    """The directory that follows, what could not follow, and why nothing may be kept."""

    directory: Directory
    notes: tuple[str, ...]
    refused: str = ""


def synchronise(
    directory: Directory,
    employees: Sequence[Employee],
    today: date,
    *,
    former: Mapping[str, Former] = {},
    forced: bool = False,
) -> Synchronised:
    """Let the people who came from the staff list be as it says; `directory` is not derived.

    `former` is what is known of people who have left, by their source; `forced` takes any part of leavers.
    """
    ours = {each.source: each for each in directory.people.values() if each.source.startswith(SOURCE)}
    entries: dict[str, list[Employee]] = {}
    for each in employees:
        entries.setdefault(each.source, []).append(each)
    there = {source for source, those in entries.items() if len(those) > 1 or those[0].active}
    leavers = [person for source, person in ours.items() if source not in there]
    if not there:
        return Synchronised(directory=directory, notes=(), refused=EMPTY)
    if too_many(len(leavers), len(ours)) and not forced:
        refused = f"{len(leavers)} of {len(ours)} people would have left"
        return Synchronised(directory=directory, notes=(), refused=refused)
    notes = [_double(source, those) for source, those in sorted(entries.items()) if len(those) > 1]
    single = [those[0] for source, those in entries.items() if source in there and len(those) == 1]
    sync = _Sync(without(directory, leavers, today), ours, former, today)
    found = sync.take(single)
    return Synchronised(directory=found, notes=(*notes, *sync.notes))


def _double(source: str, those: Iterable[Employee]) -> str:
    names = ", ".join(each.name for each in those)
    return (
        f"{source}: {names} have the same key; neither is taken over."
        " To do: correct the list, or name an attribute under `key` in [ldap] that tells people apart"
    )


class _Sync:
    """One synchronisation under way: leavers are gone from `found` already."""

    def __init__(self, found: Directory, ours: Mapping[str, Person], former: Mapping[str, Former], today: date) -> None:
        self.found, self.ours, self.former, self.today = found, ours, former, today
        self.notes: list[str] = []

    def take(self, employees: Iterable[Employee]) -> Directory:
        """The directory with all employees as the list has them."""
        wishes: dict[str, tuple[Wish, Employee]] = {}
        nameless = 0
        for each in sorted(employees, key=lambda each: (each.number, each.source)):
            before = self._now(each.source)
            if before is None and not each.written and not each.number:
                nameless += bool(each.last_name)  # accounts of machines and rooms: told once
            elif (before or each.last_name) and (wish := self._wish(each, before)):
                wishes[each.source] = (wish, each)
        if nameless:
            self.notes.append(f"entries without a number, and nobody of ours: {nameless}; not taken over")
        given = give(self.found, [wish for wish, _ in wishes.values()], self.today)
        taken = {*given.numbers.values(), *others(self.found, [wish for wish, _ in wishes.values()])}
        self._lead_on({source: wish for source, (wish, _) in wishes.items()}, given)
        for source, (wish, employee) in wishes.items():
            if why := given.refused.get(source):
                still = f"{wish.before.extension} stays" if wish.before else "not taken over"
                self.notes.append(f"{wish.name}: {why}; {still}")
            if number := given.numbers.get(source):
                self._joined(employee, wish, number, taken)
        return self.found

    def _now(self, source: str) -> Person | None:
        person = self.ours.get(source)
        return self.found.people[person.id] if person else None

    def _wish(self, employee: Employee, before: Person | None) -> Wish | None:
        """The number that somebody is to have; None, with a note, for who cannot be taken over."""
        name = before.name if before and not employee.last_name else employee.name
        if not (self._department(employee.department) or before):
            what = f"department {employee.department!r}" if employee.department else "without a department"
            self.notes.append(f"{name}: {what} is none of ours; not taken over")
            return None
        if not employee.number:
            what = f"{employee.written!r} is no number of ours" if employee.written else "the list has no number"
            if before is None:
                self.notes.append(f"{name}: {what}; not taken over")
                return None
            self.notes.append(f"{name}: {what}; {before.extension} stays until the entry is disabled or deleted")
        number = employee.number or (before.extension if before else "")
        own = rests_for(self.found, employee.source, self.former.get(employee.source), self.today)
        return Wish(source=employee.source, name=name, number=number, before=before, own=own)

    def _department(self, written: str) -> str:
        return _match(written, self.found.departments)

    def _lead_on(self, wishes: Mapping[str, Wish], given: Given) -> None:
        """Let what led to somebody who gets another number lead there, before anybody else has the former one."""
        now = {
            wish.before.extension: number
            for source, wish in wishes.items()
            if wish.before and (number := given.numbers[source]) != wish.before.extension
        }
        passed_on = now.keys() & set(given.numbers.values())
        flows = {f"n_{old}": f"n_{new}" for old, new in now.items()}
        self.found = replace(
            self.found,
            retired={
                number: replace(old, to=now[old.to]) if old.to in passed_on else old
                for number, old in self.found.retired.items()
            },
            numbers={number: flows.get(flow, flow) for number, flow in self.found.numbers.items()},
        )
        for flow in self.found.flows.values():
            named = {to.partition(".")[0] for step in flow.steps.values() for to in step.exits.values()}
            for old in sorted(passed_on):
                if f"n_{old}" in named:
                    self.notes.append(f"flow {flow.name} leads to {old}, which is somebody else's now: correct it")

    def _joined(self, employee: Employee, wish: Wish, number: str, taken: Collection[str]) -> None:
        """Take over one employee with their number."""
        before = wish.before
        if before is None and wish.own:
            before = self._back(employee, wish)
        self._site_noted(employee, wish.name)
        department = self._department(employee.department) or (before.department if before else "")
        site = _match(employee.site, self.found.sites)
        if before is None:
            self._keep(self._new(employee, number, department, site), None, taken)
            return
        person = replace(
            before,
            first_name=employee.first_name if employee.last_name else before.first_name,
            last_name=employee.last_name or before.last_name,
            department=department,
            site=site or _still_there(before.site, self.found) or self.found.departments[department].site,
            extension=number,
            numbers=tuple(each for each in before.numbers if each != number),
            email=employee.email,
        )
        if person != before or person.id not in self.found.people:
            self._keep(person, before, taken)

    def _new(self, employee: Employee, number: str, department: str, site: str) -> Person:
        return Person(
            id=_free(self.found.people, f"p{number}"),
            first_name=employee.first_name,
            last_name=employee.last_name,
            department=department,
            site=site or self.found.departments[department].site,
            extension=number,
            phones=(_free(self.found.phones, f"tel{number}"),),
            email=employee.email,
            language=self.found.town.languages[0],
            source=employee.source,
        )

    def _back(self, employee: Employee, wish: Wish) -> Person | None:
        """Who somebody was before they left, with phones and box in the directory again; None if that is not known."""
        former = self.former.get(employee.source)
        if former is None:
            self.notes.append(
                f"{wish.name} is back; what they had is not known any more:"
                " set stand-in, function, mailbox and further phones again"
            )
            return None
        self.found, person = back(self.found, former, wish.own)
        if person.id in self.found.people:
            person = replace(person, id=_free(self.found.people, person.id))
        lost = [f"phone {name}" for name in former.person.phones if name not in person.phones]
        lost += [f"mailbox {former.person.box}"] if former.person.box != person.box else []
        lost += ["stand-in"] if former.person.stand_in != person.stand_in else []
        lost += ["secretary"] if former.person.secretary != person.secretary else []
        todo = "; ".join(
            f"{what}: {', '.join(those)}"
            for what, those in (("taken meanwhile or gone", lost), ("set again in", former.named))
            if those
        )
        self.notes.append(f"{wish.name} is back with what they had" + (f"; {todo}" if todo else ""))
        if not person.phones and former.person.phones:
            person = replace(person, phones=(_free(self.found.phones, f"tel{wish.number}"),))
        return person

    def _site_noted(self, employee: Employee, name: str) -> None:
        if employee.site.strip() and not _match(employee.site, self.found.sites):
            self.notes.append(f"{name}: site {employee.site!r} is none of ours")

    def _keep(self, person: Person, before: Person | None, taken: Collection[str]) -> None:
        """Put a new or changed person into the directory, and their phones and box as they follow from it.

        A number that they give up rests, unless it is among those that are `taken` from now on.
        """
        found = self.found
        phones = dict(found.phones)
        for name in person.phones:
            phone = phones.get(name) or Phone(id=name, site=person.site, label=person.name, extension=person.extension)
            same: dict[str, Any] = {"site": person.site} if before and phone.site == before.site else {}
            same |= {"label": person.name} if before and phone.label == before.name else {}
            same |= {"extension": person.extension} if before and phone.extension == before.extension else {}
            phones[name] = replace(phone, **same)
        boxes = dict(found.boxes)
        if before and (box := boxes.get(person.box)):
            name = person.name if box.name == before.name else box.name
            boxes[box.id] = replace(box, name=name, email=person.email if box.email == before.email else box.email)
        own = (person.extension, *person.numbers)
        retired = {number: each for number, each in found.retired.items() if number not in own}
        if before and before.extension != person.extension and before.extension not in taken:
            retired[before.extension] = Retired(
                extension=before.extension,
                to=person.extension,
                until=self.today + REST,
                announced=True,
                why="has a new number",
                source=person.source,
            )
        people = {**found.people, person.id: person}
        self.found = replace(found, people=people, phones=phones, boxes=boxes, retired=retired)


def _match(written: str, things: Mapping[str, Any]) -> str:
    """The id of the thing that is called `written`, by id or name; empty if there is none."""
    wanted = written.casefold().strip()
    found: Iterator[str] = (id_ for id_, each in things.items() if wanted in (id_.casefold(), each.name.casefold()))
    return next(found, "")


def _still_there(site: str, found: Directory) -> str:
    return site if site in found.sites else ""


def _free(taken: Mapping[str, Any], name: str) -> str:
    """`name`, with more at its end if what was made for a former owner of the number is still called so."""
    return next(each for more in range(1000) if (each := name + "x" * more) not in taken)
