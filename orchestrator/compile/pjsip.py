"""Phones and trunks as sections of pjsip.conf: an endpoint, its password and its address each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.compile.escape import DIGITS, E164, HOST, IDENTIFIER, SOURCE, caller_name, fit
from orchestrator.compile.exchange import Exchange
from orchestrator.compile.secrets import Secrets
from orchestrator.domain.directory import Directory
from orchestrator.domain.town import Trunk


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the template needs of one phone; everything is escaped."""

    id: str
    password: str
    name: str
    extension: str
    emergency: str
    mailbox: str
    """`2500@town`, or empty where it has no lamp."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What the template needs of one trunk."""

    id: str
    address: str
    """`host:port` where calls are sent."""
    sources: tuple[str, ...]


def desks(directory: Directory, secrets: Secrets) -> Iterator[Desk]:
    """Every phone of the directory."""
    lamps = {person.extension: person.box for person in directory.people.values() if person.box}
    lamps |= {department.extension: department.box for department in directory.departments.values()}
    names = {phone: person.name for person in reversed(tuple(directory.people.values())) for phone in person.phones}
    for phone in sorted(directory.phones.values(), key=lambda phone: phone.id):
        box = lamps.get(phone.extension, phone.extension)
        yield Desk(
            id=fit(phone.id, IDENTIFIER),
            password=secrets.of(f"sip:{phone.id}"),
            name=caller_name(names.get(phone.id, phone.label)),
            extension=fit(phone.extension, DIGITS),
            emergency=fit(directory.sites[phone.site].emergency_number, E164),
            mailbox=f"{box}@town" if box in directory.boxes else "",
        )


def lines(directory: Directory, exchange: Exchange) -> Iterator[Line]:
    """Every trunk of the directory, at the address of this instance."""
    for trunk in sorted(directory.trunks.values(), key=lambda trunk: trunk.id):
        address = fit(exchange.trunks.get(trunk.id, f"{trunk.host}:{trunk.port}"), HOST)
        yield Line(id=fit(trunk.id, IDENTIFIER), address=address, sources=_sources(trunk, address))


def _sources(trunk: Trunk, address: str) -> tuple[str, ...]:
    return tuple(fit(source, SOURCE) for source in trunk.sources) or (address.rpartition(":")[0],)
