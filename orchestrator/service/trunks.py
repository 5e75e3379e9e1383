"""Trunks as they are now: does the other end answer, and does our registration stand? Looked at every few seconds.

A trunk that is away costs no caller a wait: Asterisk asks each by OPTIONS every half minute, and calls the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import structlog

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError, Refused
from orchestrator.domain.directory import Directory

log = structlog.get_logger()

EVERY = 10.0
"""Seconds from one look to the next."""
REGISTRATION, CONTACT = "OutboundRegistrationDetail", "ContactStatusDetail"
"""Events of the two lists; others tell of accounts."""
REGISTERED, REACHABLE = "Registered", "Reachable"


async def look(ami: Ami, directory: Directory, addresses: Mapping[str, str]) -> dict[str, str]:
    """Trunk -> what is wrong with it; empty: nothing. `addresses`: where they really are. Raises AsteriskError."""
    if not directory.trunks:
        return {}
    registrations: Mapping[str, str] = {}
    if any(trunk.user for trunk in directory.trunks.values()):
        rows = await ami.rows("PJSIPShowRegistrationsOutbound")
        registrations = {row["objectname"]: row["status"] for row in rows if row["event"] == REGISTRATION}
    found = {}
    for trunk in directory.trunks.values():
        name = f"trunk-{trunk.id}"
        standing = registrations.get(name, "") if trunk.user else REGISTERED
        host = addresses.get(trunk.id, trunk.host)
        if not await _answers(ami, name):
            found[trunk.id] = f"{host} does not answer: no call goes out by it"
        elif standing != REGISTERED:
            found[trunk.id] = f"{host} does not register us ({standing or 'not asked'}): no call comes in by it"
        else:
            found[trunk.id] = ""
    return found


async def _answers(ami: Ami, endpoint: str) -> bool:
    try:
        rows = await ami.rows("PJSIPShowEndpoint", Endpoint=endpoint)
    except Refused:  # there is none of that name yet
        return False
    return any(row["status"] == REACHABLE for row in rows if row["event"] == CONTACT)


@dataclass
class Lookout:
    """Tells what `look` sees, every `EVERY` seconds; nothing while Asterisk is not there to be asked."""

    ami: Ami
    directory: Callable[[], Directory]
    addresses: Mapping[str, str]
    """Where trunks really are, of those that the settings name."""
    tell: Callable[[Mapping[str, str], Collection[str]], None]
    """Told what is wrong with each trunk, and which lead to the public network."""
    seen: Mapping[str, str] = field(default_factory=dict)
    """Trunk -> what is wrong with it, when it was looked at last."""
    _looked: float = -EVERY

    @property
    def shown(self) -> tuple[str, str, bool]:
        """The line of the status page."""
        many, good = len(self.directory().trunks), sum(not why for why in self.seen.values())
        return "Amtsleitungen", f"{good} von {many} bereit", good == many

    async def look(self) -> None:
        """Look if it is time. Raises AsteriskError."""
        if time.monotonic() - self._looked < EVERY and self.ami.up:
            return
        self._looked = time.monotonic()
        try:
            seen = await look(self.ami, self.directory(), self.addresses) if self.ami.up else {}
        except AsteriskError:
            self.tell({}, ())
            raise
        for trunk, why in seen.items():
            if why != self.seen.get(trunk, ""):
                (log.error if why else log.info)("trunk", trunk=trunk, why=why or "is there again")
        self.seen = seen
        self.tell(seen, [trunk.id for trunk in self.directory().trunks.values() if trunk.public])
