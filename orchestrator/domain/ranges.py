"""Ranges of extensions: whether they overlap, who lies outside of theirs, and which number is free next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from orchestrator.domain import numbers
from orchestrator.domain.directory import Directory
from orchestrator.domain.problems import Problem
from orchestrator.domain.town import NumberRange


def problems(directory: Directory) -> Iterator[Problem]:
    """Ranges that have extensions in common. A department's may lie within that of a site."""
    for of_sites in (True, False):
        ranges = [each for each in directory.ranges.values() if bool(each.site and not each.department) is of_sites]
        last: NumberRange | None = None
        for each in sorted(ranges, key=lambda each: (len(each.first), each.first, each.id)):
            if last and len(last.last) == len(each.first) and each.first <= last.last:
                other = f"range {last.id}, {last.first}–{last.last}"
                yield Problem(
                    code="overlapping_ranges",
                    where=f"range {each.id}",
                    what=f"{each.first}–{each.last} has numbers in common with {other}",
                    todo="let one end before the other begins",
                )
            if not last or (len(each.last), each.last) > (len(last.last), last.last):
                last = each


def notes(directory: Directory) -> Iterator[Problem]:
    """Worth knowing, and no reason against an apply: numbers outside their range, overlaps that nobody needs."""
    owned = _Owned(directory)
    for person in directory.people.values():
        own, whose = owned.of(person.department, person.site)
        if own and not any(person.extension in each for each in own):
            spans = ", ".join(f"{each.first}–{each.last}" for each in own)
            yield Problem(
                code="outside_range",
                where=f"person {person.id}",
                what=f"{person.extension} is outside the numbers of {whose} ({spans})",
                todo="nothing, if it is meant so; `durchwahl free` names one inside",
            )
    used = {extension for extension, _ in directory.owners()}
    for overlap in directory.town.overlaps:
        if overlap not in used:
            yield Problem(
                code="unused_overlap",
                where="town",
                what=f"{overlap} is declared to overlap, and nobody has it",
                todo=f"take {overlap} out of `overlaps`",
            )


class _Owned:
    """The ranges of a directory, by whose they are."""

    def __init__(self, directory: Directory) -> None:
        self.departments = directory.departments
        self.of_department: dict[str, list[NumberRange]] = {}
        self.of_site: dict[str, list[NumberRange]] = {}
        for each in directory.ranges.values():
            if each.department:
                self.of_department.setdefault(each.department, []).append(each)
            elif each.site:
                self.of_site.setdefault(each.site, []).append(each)

    def of(self, department: str, site: str) -> tuple[list[NumberRange], str]:
        """The ranges for people of `department` at `site`, and whose they are.

        Those of the department itself, else of the nearest one above that has any, else of the site.
        """
        seen: set[str] = set()
        while department in self.departments and department not in seen:
            if department in self.of_department:
                return self.of_department[department], f"department {department}"
            seen.add(department)
            department = self.departments[department].parent
        return self.of_site.get(site, []), f"site {site}"


def of_department(directory: Directory, id_: str) -> list[NumberRange]:
    """The ranges for people of a department, at its site."""
    return _Owned(directory).of(id_, directory.departments[id_].site)[0]


def free(directory: Directory, ranges: Iterable[NumberRange], today: date) -> Iterator[str]:
    """The extensions of `ranges` that can be given to somebody today, in rising order within each range.

    Left out: used and reserved ones, retired ones that wait, and those that would shadow another or be shadowed.
    """
    town = directory.town
    waiting = {retired.extension for retired in directory.retired.values() if retired.until > today}
    used = {extension: owner for extension, owner in directory.owners() if owner != f"retired {extension}"}
    used |= dict.fromkeys(waiting, "retired")
    sent = {form for number in directory.singles for form in numbers.forms(town, number)}
    beginnings = {extension[:size] for extension in used for size in range(1, len(extension))}
    for each in ranges:
        size = len(each.first)
        for number in range(int(each.first), int(each.last) + 1):
            extension = f"{number:0{size}d}"
            shadowing = extension in beginnings and extension not in town.overlaps
            if extension in used or extension in sent or shadowing or numbers.reserved(town, extension):
                continue
            if not any(numbers.shadows(town, extension, used)):
                used[extension] = "given"
                beginnings |= {extension[:size] for size in range(1, len(extension))}
                yield extension
