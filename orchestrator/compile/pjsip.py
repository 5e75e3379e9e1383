"""Phones and trunks as sections of pjsip.conf: an endpoint, its password and its address each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.compile import hot_desks, lamps
from orchestrator.compile.escape import ACCOUNT, CIRCLE, DIGITS, HOST, IDENTIFIER, SOURCE, caller_name, fit, password
from orchestrator.compile.exchange import Exchange
from orchestrator.compile.secrets import Secrets
from orchestrator.domain.callers import Callers
from orchestrator.domain.circles import Circles
from orchestrator.domain.directory import Directory
from orchestrator.domain.listening import Desks
from orchestrator.domain.town import Trunk

CODECS = ("g722", "alaw")
"""What telephones may speak, the better one first."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the template needs of one phone; everything is escaped."""

    id: str
    password: str
    name: str
    extension: str
    language: str
    mailbox: str
    """`2500@town`, or empty where it has no lamp."""
    lamps: str
    """The context in which it finds the lamps that it may show; empty: none."""
    groups: str
    """Those who may pick up what rings here without naming a number."""
    near: str
    """Those whose calls may be picked up from here."""
    entry: str
    """The context in which its calls begin, where that is another than everybody's."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What the template needs of one trunk."""

    id: str
    uri: str
    """`sip:host:port`, with the transport: where calls are sent."""
    host: str
    """Its name without the port, for the addresses in our own messages."""
    public: bool
    """Whether strangers are at its end, who learn no names of ours."""
    transport: str
    """`udp`, `tcp` or `tls`."""
    sources: tuple[str, ...]
    user: str
    """The account that registers there; empty: known by address."""
    password: str


def desks(directory: Directory, secrets: Secrets) -> Iterator[Desk]:
    """Every phone of the directory."""
    desks, circles = Desks(directory), Circles(directory)
    for caller in Callers(directory):
        phone = caller.phone
        box = desks.lamp(phone)
        yield Desk(
            id=fit(phone.id, IDENTIFIER),
            password=secrets.telephone(phone.id),
            name=caller_name(caller.name),
            extension=fit(phone.extension, DIGITS),
            language=fit(caller.language, IDENTIFIER),
            mailbox=f"{box}@town" if box else "",
            lamps=lamps.watching(circles.watched(phone)),
            groups=",".join(fit(circle, CIRCLE) for circle in circles.groups(phone)),
            near=",".join(fit(circle, CIRCLE) for circle in circles.near(phone)),
            entry=hot_desks.ENTRY if phone.hot_desk else "",
        )


def lines(directory: Directory, secrets: Secrets, exchange: Exchange) -> Iterator[Line]:
    """Every trunk of the directory, at the address of this instance; KeyError for a password that is not there."""
    for trunk in sorted(directory.trunks.values(), key=lambda trunk: trunk.id):
        address = fit(exchange.trunks.get(trunk.id, f"{trunk.host}:{trunk.port}"), HOST)
        transport = fit(trunk.transport, IDENTIFIER)
        yield Line(
            id=fit(trunk.id, IDENTIFIER),
            uri=f"sip:{address}" + (f"\\;transport={transport}" if transport != "udp" else ""),
            host=address.rpartition(":")[0],
            public=trunk.public,
            transport=transport,
            sources=_sources(trunk, address),
            user=fit(trunk.user, ACCOUNT) if trunk.user else "",
            password=password(secrets.trunks[trunk.id]) if trunk.user else "",
        )


def _sources(trunk: Trunk, address: str) -> tuple[str, ...]:
    return tuple(fit(source, SOURCE) for source in trunk.sources) or (address.rpartition(":")[0],)
