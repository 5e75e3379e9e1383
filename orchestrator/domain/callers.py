"""Who calls from a phone: its owner, what it may call, which number it shows, by which trunks it goes outside.

Belongs here: what follows from the directory for each phone. Not here: what is dialled (outgoing), what is missing
(audit).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import e164
from orchestrator.domain.people import Department, Person, Phone
from orchestrator.domain.town import Permission, Site, Town, Trunk

CLASSES = ("town", "national", "mobile", "abroad", "premium", "satellite")
"""Classes of public numbers. Emergency calls and service numbers are in none: every phone may call them."""
PRESETS: Mapping[str, Permission] = {
    permission.id: permission
    for permission in (
        Permission(id="internal", classes=()),
        Permission(id="town", classes=CLASSES[:1]),
        Permission(id="national", classes=CLASSES[:2]),
        Permission(id="mobile", classes=CLASSES[:3]),
        Permission(id="abroad", classes=CLASSES[:4]),
    )
}
"""Permissions that nobody has to write; one of the directory with the same name replaces it."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One phone as somebody who calls."""

    phone: Phone
    person: Person | None
    department: Department | None
    permission: str
    """Name of what it may call: its own, else its owner's, else the department's, else the town's; then `internal`."""
    shown: str
    """E.164 number that those outside see: always one of ours (TKG § 120)."""
    site: Site | None
    trunks: tuple[str, ...]
    """Public trunks in the order in which they are tried: the site's first."""
    language: str
    """What it hears announcements in."""

    @property
    def emergency(self) -> str:
        """E.164 number that its emergency calls show: the site's. Empty without a site."""
        return self.site.emergency_number if self.site else ""

    @property
    def name(self) -> str:
        """Of the owner, else the label of the phone."""
        return self.person.name if self.person else self.phone.label


@dataclass(frozen=True)
class Callers:
    """All callers of one directory; each is looked up in the same time, however many there are."""

    directory: Directory

    def __iter__(self) -> Iterator[Caller]:
        return (self.of(self.directory.phones[phone]) for phone in sorted(self.directory.phones))

    def of(self, phone: Phone) -> Caller:
        """The caller at `phone`."""
        directory, person = self.directory, self._people.get(phone.id)
        department = directory.departments.get(person.department) if person else self._departments.get(phone.id)
        return self._as(phone, person, department, (phone, person, department, directory.town), phone.extension)

    def at_desk(self, desk: Phone, person: Person) -> Caller:
        """`person`, who has logged in at `desk`: the place is the desk's, all else as at the own telephone."""
        directory, department = self.directory, self.directory.departments.get(person.department)
        own = next((directory.phones[phone] for phone in person.phones if phone in directory.phones), None)
        return self._as(desk, person, department, (own, person, department, directory.town), person.extension)

    def _as(
        self,
        phone: Phone,
        person: Person | None,
        department: Department | None,
        permitted: Sequence[Phone | Person | Department | Town | None],
        extension: str,
    ) -> Caller:
        directory = self.directory
        site = directory.sites.get(phone.site)
        languages = directory.town.languages
        return Caller(
            phone=phone,
            person=person,
            department=department,
            permission=next((each.permission for each in permitted if each and each.permission), "internal"),
            shown=self._shown(extension, department),
            site=site,
            trunks=self.order(site),
            language=person.language if person and person.language in languages else languages[0],
        )

    @cached_property
    def _people(self) -> Mapping[str, Person]:
        """Phone -> owner; the first who names it."""
        people = reversed(list(self.directory.people.values()))
        return {phone: person for person in people for phone in person.phones}

    @cached_property
    def _departments(self) -> Mapping[str, Department]:
        """Phone -> the department that it belongs to where it is nobody's own; the first that rings it."""
        departments = reversed(list(self.directory.departments.values()))
        return {phone: department for department in departments for phone in department.phones}

    def order(self, site: Site | None) -> tuple[str, ...]:
        """Public trunks as the phones of `site` try them."""
        first = site.trunk if site else ""
        return tuple(sorted(self.everywhere, key=lambda trunk: trunk != first))

    @cached_property
    def everywhere(self) -> tuple[str, ...]:
        """Public trunks as they are tried where a site has none of its own."""
        return tuple(trunk.id for trunk in in_order(self.directory) if trunk.public)

    def _shown(self, own: str, department: Department | None) -> str:
        """Its own number, if who calls it back gets somewhere; else the department's, else the operator's."""
        of_department = department.extension if department else ""
        for extension in (own, of_department):
            if extension in self.directory.numbers:
                return e164(self.directory.town, extension)
        return e164(self.directory.town, "0")


def in_order(directory: Directory) -> list[Trunk]:
    """Every trunk, in the order in which they are tried."""
    return sorted(directory.trunks.values(), key=lambda trunk: (trunk.order, trunk.id))


def permissions(directory: Directory) -> Mapping[str, Permission]:
    """Every permission by name: those of the directory, and the presets that it does not replace."""
    return {**PRESETS, **directory.permissions}
