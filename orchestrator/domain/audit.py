"""Each phone with what an emergency call from it needs: site, address, number shown, trunks. What is missing is told.

Belongs here: the list and its findings. Not here: whether a phone is where its site says (nobody here can know).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.domain import outgoing
from orchestrator.domain.callers import Callers
from orchestrator.domain.directory import Directory
from orchestrator.domain.problems import Problem
from orchestrator.domain.town import Site

GRAVE = frozenset(
    {"phone_without_site", "site_without_address", "foreign_emergency_number", "unknown_trunk", "no_trunk"}
)
"""Findings that endanger an emergency call: the proof finds them too, and no apply goes through with them."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One phone of the list."""

    phone: str
    name: str
    extension: str
    site: str
    address: str
    emergency: str
    """E.164 number that 110 and 112 are shown."""
    trunks: str
    """In the order in which they are tried, with commas."""
    shown: str
    permission: str


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The whole list, and what is wrong in it."""

    entries: tuple[Entry, ...]
    findings: tuple[Problem, ...]


def audit(directory: Directory) -> Audit:
    """Every phone, in the order of its name."""
    return Audit(entries=tuple(_entries(directory)), findings=tuple(findings(directory)))


def _entries(directory: Directory) -> Iterator[Entry]:
    for caller in Callers(directory):
        yield Entry(
            phone=caller.phone.id,
            name=caller.name,
            extension=caller.phone.extension,
            site=caller.site.name if caller.site else "",
            address=caller.site.address if caller.site else "",
            emergency=caller.emergency,
            trunks=",".join(caller.trunks),
            shown=caller.shown,
            permission=caller.permission,
        )


def findings(directory: Directory) -> Iterator[Problem]:
    """What is missing or doubtful, for sites and phones."""
    for phone in directory.phones.values():
        if phone.site not in directory.sites:
            yield Problem(
                code="phone_without_site",
                where=f"phone {phone.id}",
                what=f"has no site ({phone.site!r} is none): nobody knows where help is to go",
                todo="give it the site where it stands",
                caller="dials 112 there, cannot speak, and is not found",
            )
    if not any(trunk.public for trunk in directory.trunks.values()):
        yield Problem(
            code="no_trunk",
            where="trunks",
            what="none leads to the public network: no emergency call gets out",
            todo="write the provider under `trunks:`",
            caller="dials 112",
        )
    for site in directory.sites.values():
        yield from _site(directory, site)


def graves(directory: Directory) -> Iterator[Problem]:
    """Those findings that endanger an emergency call."""
    return (finding for finding in findings(directory) if finding.code in GRAVE)


def _site(directory: Directory, site: Site) -> Iterator[Problem]:
    where, number = f"site {site.id}", site.emergency_number
    if not site.address.strip():
        yield Problem(code="site_without_address", where=where, what="has no address: nobody knows where help is to go",
                      todo="write street and number")  # fmt: skip
    public = outgoing.canonical(number)
    extension = outgoing.inside(directory, public)
    if not extension:
        yield Problem(
            code="foreign_emergency_number",
            where=where,
            what=f"its emergency calls would show {number}, which is none of our numbers",
            todo="name a number of ours that is answered at this site",
        )
    elif not public.startswith(f"0{directory.town.area}"):
        yield Problem(
            code="emergency_area",
            where=where,
            what=f"its emergency number {number} is not in 0{directory.town.area}: another control centre answers",
            todo="if the site is not there, name a number of its own area",
        )
    if extension and extension not in directory.numbers:
        yield Problem(
            code="no_call_back",
            where=where,
            what=f"a control centre that calls {number} back gets the catch-all: nobody has extension {extension}",
            todo="name a number that is answered at this site",
        )
    if site.trunk and site.trunk not in directory.trunks:
        yield Problem(code="unknown_trunk", where=where, what=f"there is no trunk {site.trunk!r}",
                      todo="name a trunk of the directory, or none")  # fmt: skip
    elif site.trunk and not directory.trunks[site.trunk].public:
        yield Problem(
            code="private_trunk",
            where=where,
            what=f"its trunk {site.trunk} does not lead to the public network and is not used for calls outside",
            todo="name a public trunk, or none",
        )
