"""`durchwahl phone`: what somebody types into a telephone so that it registers, and whether it has.

Belongs here: the account of a telephone, the address of the exchange. Not here: which telephones are meant, what rings
there (domain.telephones); the account on the other side (compile.pjsip).
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass

from orchestrator.compile.pjsip import CODECS
from orchestrator.domain import telephones
from orchestrator.domain.callers import Caller, Callers
from orchestrator.domain.codes import MESSAGES
from orchestrator.domain.directory import Directory
from orchestrator.domain.listening import Desks
from orchestrator.service import directory as directories
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import NotAnswering, connected
from orchestrator.service.state import State
from orchestrator.store.marked import suggest

NEAR = 3
"""Names that are offered for one that nobody has."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where a telephone registers."""

    address: str
    port: int
    transport: str


@dataclass(frozen=True, kw_only=True)
class Telephone:
    """One telephone, as it is set up by hand."""

    id: str
    label: str
    owner: str
    """Empty: nobody's."""
    site: str
    user: str
    password: str | None
    """None: not asked for."""
    servers: tuple[Server, ...]
    codecs: tuple[str, ...]
    shown: str
    """The number that displays in the house show of it."""
    numbers: tuple[telephones.Number, ...]
    """Those for which it rings first."""
    places: tuple[str, ...]
    """Where else it rings."""
    mailbox: str
    """What is dialled to hear messages; empty: there is no mailbox by telephone."""
    box: str
    """The mailbox that its lamp is for; empty: none."""
    applied: bool
    """Whether the exchange knows it already."""
    registered: bool | None
    """None: Asterisk does not run or does not answer."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The telephones that were meant, and what an admin should know besides."""

    telephones: tuple[Telephone, ...]
    notes: tuple[str, ...]


async def find(state: State, wanted: str, *, secret: bool) -> Found:
    """The telephones of an id, a name or a number; raises ServiceError where there are none."""
    directory = await directories.read(state)
    if not (phones := telephones.meant(directory, wanted)):
        todo = suggest(wanted, sorted(set(telephones.known(directory))), NEAR)
        raise ServiceError(f"there is no telephone of {wanted!r}", todo=todo or "look at `durchwahl export -`")
    applied = await directories.running(state) if wiring.trees(state).name() else None
    registered = await _registered(state)
    notes = [*_reach(state)]
    callers, listening = Callers(directory), Desks(directory)
    found = []
    for phone in phones:
        found.append(
            Telephone(
                id=phone.id,
                label=phone.label,
                owner=_owner(callers.of(phone)),
                site=_site(directory, phone.site),
                user=phone.id,
                password=wiring.secrets(state).telephone(phone.id) if secret else None,
                servers=_servers(state),
                codecs=CODECS,
                shown=phone.extension,
                numbers=telephones.numbers(directory, phone),
                places=telephones.places(directory, phone),
                mailbox=MESSAGES.dialled if directory.town.mailbox else "",
                box=listening.lamp(phone),
                applied=applied is not None and phone.id in applied.phones,
                registered=None if registered is None else phone.id in registered,
            )
        )
    if new := [each.id for each in found if not each.applied]:
        notes.append(f"the exchange does not know {', '.join(new)} yet and refuses them: run `durchwahl apply`")
    return Found(telephones=tuple(found), notes=tuple(notes))


def _owner(caller: Caller) -> str:
    """The person and their department, else the department that it rings for."""
    return ", ".join(each.name for each in (caller.person, caller.department) if each)


def _site(directory: Directory, name: str) -> str:
    site = directory.sites.get(name)
    return ", ".join(part for part in (site.name, site.address) if part) if site else ""


def _servers(state: State) -> tuple[Server, ...]:
    """As settings and certificate say; over TLS only where the exchange has something to show."""
    settings = state.settings()
    ports = {"udp": settings.sip_port, "tcp": settings.sip_port}
    ports |= {"tls": settings.tls_port} if wiring.certificate(state) else {}
    address = settings.external or settings.bind
    return tuple(Server(address=address, port=port, transport=name) for name, port in ports.items())


def _reach(state: State) -> list[str]:
    """Why telephones may not come in at the address of the settings."""
    settings, told = state.settings(), []
    address = ipaddress.ip_address(settings.bind)
    if address.is_loopback and not settings.external:
        told.append(f"only telephones on this machine reach {settings.bind}: set `bind` in settings.toml")
    if address.is_unspecified and not settings.external:
        told.append(f"{settings.bind} is every address of this machine: type in one that the telephone reaches")
    try:
        listens = json.loads(state.ready.read_text())["sip"]
    except (OSError, ValueError, KeyError):
        return told  # `durchwahl up` takes no calls
    if listens != (wanted := f"{settings.bind}:{settings.sip_port}"):
        told.append(f"Asterisk still listens on {listens}, not on {wanted}: apply, and start `durchwahl up` again")
    return told


async def _registered(state: State) -> frozenset[str] | None:
    try:
        async with connected(state) as running:
            return await running.registered() if running else None
    except (OSError, NotAnswering):
        return None
