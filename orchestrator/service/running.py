"""A running Asterisk as a rollout and a status page see it: reload one module, read back what it believes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.asterisk.rest import Rest
from orchestrator.compile.tree import modules
from orchestrator.rollout.plan import Tree, things
from orchestrator.service import wiring
from orchestrator.service.state import State

CONNECT_WITHIN = 3.0
"""Seconds until a running Asterisk must have let us in."""


class Running:
    """One Asterisk over AMI and ARI. Raises OSError where Asterisk does not answer."""

    def __init__(self, ami: Ami, rest: Rest) -> None:
        self._ami, self._rest = ami, rest

    async def reload(self, module: str) -> None:
        """Have `module` read its configuration again."""
        try:
            await self._ami.action("Reload", Module=module)
        except AsteriskError as bad:
            raise OSError(str(bad)) from bad

    async def differences(self, tree: Tree) -> Sequence[str]:
        """Modules, endpoints, extensions and mailboxes that Asterisk has otherwise than `tree`."""
        wanted: dict[str, set[str]] = {}
        for kind, name in dict(things(tree)):
            wanted.setdefault(kind, set()).add(name)
        try:
            found = [
                *_lacking("module", set(modules()), await self._modules()),
                *_lacking("endpoint", _endpoints(wanted["endpoint"]), await self._endpoints()),
                *_lacking("extension", wanted["extension"], await self._extensions()),
                *_lacking("mailbox", wanted.get("mailbox", set()), await self._boxes()),
            ]
        except AsteriskError as bad:
            raise OSError(str(bad)) from bad
        return found

    async def registered(self) -> frozenset[str]:
        """Phones that can be rung now."""
        try:
            contacts = await self._ami.rows("PJSIPShowContacts")
        except AsteriskError as bad:
            if "No Contacts" in str(bad):
                return frozenset()
            raise OSError(str(bad)) from bad
        return frozenset(_value(contact, "endpoint") for contact in contacts) - {""}

    async def _modules(self) -> set[str]:
        listed = await asyncio.to_thread(self._rest.ask, "GET", "asterisk", "modules")
        return {module["name"] for module in listed if module["status"] == "Running"}

    async def _endpoints(self) -> set[str]:
        return {_value(row, "objectname") for row in await self._ami.rows("PJSIPShowEndpoints")}

    async def _extensions(self) -> set[str]:
        rows = await self._ami.rows("ShowDialPlan")
        return {f"{_value(row, 'context')} {_value(row, 'extension')}" for row in rows if _value(row, "extension")}

    async def _boxes(self) -> set[str]:
        try:
            return {_value(row, "voicemailbox") for row in await self._ami.rows("VoicemailUsersList")}
        except AsteriskError as bad:
            if "no voicemail users" in str(bad).lower():
                return set()
            raise


@asynccontextmanager
async def connected(state: State) -> AsyncIterator[Running | None]:
    """The running Asterisk of `state`, or None if none answers."""
    ami = Ami(wiring.ami(state))
    owner = asyncio.create_task(ami.run())
    try:
        up = (state.run / "asterisk.ctl").exists() and await ami.ready(CONNECT_WITHIN)
        yield Running(ami, Rest(wiring.ari(state))) if up else None
    finally:
        owner.cancel()
        await asyncio.gather(owner, return_exceptions=True)


def _lacking(kind: str, wanted: set[str], found: set[str]) -> list[str]:
    return [f"{kind} {name} is missing" for name in sorted(wanted - found)]


def _endpoints(sections: set[str]) -> set[str]:
    """The sections of pjsip.conf that are endpoints: not templates, transports or global settings."""
    return sections - {"global", "udp", "tcp", "phone", "phone-aor", "phone-auth", "trunk"}


def _value(row: dict[str, str], key: str) -> str:
    """A field whatever its case: panoramisk folds it, Asterisk's documentation does not."""
    return next((value for name, value in row.items() if name.lower() == key), "")
