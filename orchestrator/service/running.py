"""A running Asterisk as a rollout and a status page see it: reload one module, read back what it believes."""

from __future__ import annotations

import asyncio
import re
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError, Refused
from orchestrator.asterisk.rest import Rest
from orchestrator.compile.lamps import ASKED, CIRCLE_OF, SEVERAL
from orchestrator.compile.tree import modules
from orchestrator.rollout.plan import Change, Tree, lines, things
from orchestrator.service import sites, wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.sites import LIST_WITHIN
from orchestrator.service.state import State

WHOLE = 20_000
"""Extensions up to which the dialplan is read back in one answer; a larger one would keep AMI from anything else."""
FEW = 20
"""Changed contexts up to which they alone are read back: each line of the others would cost 20 µs."""
LOOKED_AT = 200
"""Endpoints whose values are read back after an apply; about 2 ms each."""
OPTION = re.compile(r"^(\w+) = (.*)$", re.MULTILINE)
READ_BACK = {"context": "context", "callerid": "callerid", "mailboxes": "mailboxes", "auth": "auth", "aors": "aors"}
"""Options of an endpoint whose values are read back -> the field that AMI gives them in."""
RELOAD_WITHIN = 60.0
"""Seconds that one reload may take: with 30,000 endpoints in files 24 s were seen."""
CONNECT_WITHIN = 3.0
"""Seconds until a running Asterisk must have let us in."""


class Running:
    """One Asterisk over AMI and ARI. Raises OSError where Asterisk does not answer."""

    def __init__(self, ami: Ami, rest: Rest) -> None:
        self._ami, self._rest = ami, rest

    @property
    def ami(self) -> Ami:
        """Its manager connection."""
        return self._ami

    async def reload(self, module: str) -> None:
        """Have `module` read its configuration again."""
        try:
            await self._ami.action("Reload", Module=module, within=RELOAD_WITHIN)
        except AsteriskError as bad:
            raise OSError(str(bad)) from bad

    async def complete(self, tree: Tree) -> None:
        """Load what `tree` wants and this Asterisk, which an earlier version started, does not have yet."""
        running = await self._modules()
        for name in modules(tree):
            if name not in running:
                with suppress(AsteriskError):  # what is missing after all is told by `differences`
                    await asyncio.to_thread(self._rest.ask, "POST", "asterisk", "modules", name)

    async def turn(self, devices: Sequence[str]) -> None:
        """Give each device another state that counts as none: Asterisk looks at every hint again that has it."""
        for device in devices:
            try:
                now = await asyncio.to_thread(self._rest.ask, "GET", "deviceStates", device)
                to = "UNAVAILABLE" if now["state"] == "INVALID" else "INVALID"
                await asyncio.to_thread(self._rest.ask, "PUT", "deviceStates", device, deviceState=to)
            except AsteriskError as bad:
                raise OSError(str(bad)) from bad

    async def differences(self, tree: Tree, changed: Sequence[Change] = ()) -> Sequence[str]:
        """Modules, endpoints, registrations, extensions and mailboxes that Asterisk has otherwise than `tree`.

        Of endpoints that `changed`, what they do is read too: at most `LOOKED_AT` of them. Extensions: see `_dialplan`.
        """
        wanted: dict[str, dict[str, str]] = defaultdict(dict)
        for (kind, name), text in things(tree):
            wanted[kind][name] = text
        try:
            found = [
                *_lacking("module", set(modules(tree)), await self._modules()),
                *_otherwise("endpoint", _endpoints(set(wanted["endpoint"])), await self._endpoints()),
                *_otherwise("registration", _registrations(wanted["endpoint"]), await self._registrations()),
                *await self._dialplan(wanted["extension"], changed),
                *_otherwise("mailbox", set(wanted["mailbox"]), await self._boxes()),
                *_otherwise("queue", set(wanted["queue"]) - {"general", "queue"}, await self._queues()),
                *await self._changed(wanted["endpoint"], changed),
            ]
        except AsteriskError as bad:
            raise OSError(str(bad)) from bad
        return found

    async def _changed(self, endpoints: Mapping[str, str], changed: Sequence[Change]) -> list[str]:
        """What endpoints that changed do otherwise than their sections of pjsip.conf say."""
        names = [each.name for each in changed if each.kind == "endpoint" and each.name in endpoints]
        return await self.endpoints({name: endpoints[name] for name in names[:LOOKED_AT]})

    async def endpoints(self, sections: Mapping[str, str]) -> list[str]:
        """What endpoints do otherwise than their sections say: context, caller id, lamp, account."""
        told: list[str] = []
        for name in sorted(_endpoints(set(sections))):
            try:
                rows = await self._ami.rows("PJSIPShowEndpoint", Endpoint=name)
            except Refused:
                continue  # told as missing
            except AsteriskError as bad:
                raise OSError(str(bad)) from bad
            detail = next((row for row in rows if row.get("event") == "EndpointDetail"), {})
            wanted = dict(OPTION.findall(sections[name]))
            told += [
                f"endpoint {name} has {option} {detail.get(key, '')!r} instead of {wanted[option]!r}"
                for option, key in READ_BACK.items()
                if option in wanted and wanted[option] != detail.get(key, "")
            ]
        return told

    async def registered(self) -> frozenset[str]:
        """Phones that can be rung now."""
        try:
            return await sites.registered(self._ami)
        except AsteriskError as bad:
            raise OSError(str(bad)) from bad

    async def _modules(self) -> set[str]:
        listed = await asyncio.to_thread(self._rest.ask, "GET", "asterisk", "modules")
        return {module["name"] for module in listed if module["status"] == "Running"}

    async def _endpoints(self) -> set[str]:
        return {row.get("objectname", "") for row in await self._ami.rows("PJSIPShowEndpoints", within=LIST_WITHIN)}

    async def _registrations(self) -> set[str]:
        return {row.get("objectname", "") for row in await self._ami.rows("PJSIPShowRegistrationsOutbound")}

    async def _dialplan(self, extensions: Mapping[str, str], changed: Sequence[Change]) -> list[str]:
        """Extensions that Asterisk has otherwise. A large dialplan is asked context by context.

        Where some are known to have `changed`, only their contexts are, if they are few or the dialplan large.
        """
        contexts = {each.name.partition(" ")[0] for each in changed if each.kind == "extension"}
        if len(extensions) <= WHOLE and (not changed or len(contexts) > FEW):
            wanted = {name: lines(text) for name, text in extensions.items()}
            return _otherwise("extension", wanted, await self._extensions())
        known: dict[str, dict[str, list[tuple[str, str]]]] = {context: {} for context in contexts}
        for name, text in extensions.items():
            context = name.partition(" ")[0]
            if context in contexts or not changed:
                known.setdefault(context, {})[name] = lines(text)
        told: list[str] = []
        for context, wanted in known.items():
            told += _otherwise("extension", wanted, await self._extensions(Context=context))
        return told

    async def _extensions(self, **only: str) -> dict[str, list[tuple[str, str]]]:
        """Every extension of our configuration with its applications and their data."""
        found: dict[str, list[tuple[str, str]]] = {}
        try:
            rows = await self._ami.rows("ShowDialPlan", within=LIST_WITHIN, **only)
        except Refused:
            return {}  # no such context
        for row in rows:
            if row.get("extension") and row.get("registrar") == "pbx_config":
                name = f"{row.get('context', '')} {row['extension']}"
                found.setdefault(name, []).append((row.get("application", ""), row.get("appdata", "")))
        return _written(found)

    async def _queues(self) -> set[str]:
        return {row.get("queue", "") for row in await self._ami.rows("QueueSummary")} - {""}

    async def _boxes(self) -> set[str]:
        try:
            return {
                row.get("voicemailbox", "") for row in await self._ami.rows("VoicemailUsersList", within=LIST_WITHIN)
            }
        except AsteriskError as bad:
            if "no voicemail users" in str(bad).lower():
                return set()
            raise


@asynccontextmanager
async def connected(state: State) -> AsyncIterator[Running | None]:
    """The running Asterisk of `state`, or None if there is none; raises NotAnswering if there is one that is deaf."""
    if not await asyncio.to_thread(life, state):
        yield None
        return
    ami = Ami(wiring.ami(state))
    owner = asyncio.create_task(ami.run())
    try:
        if not await ami.ready(CONNECT_WITHIN):
            raise NotAnswering(
                f"Asterisk of {state.root} runs, but does not let us in within {CONNECT_WITHIN:.0f} s",
                todo=f"see {state.log / 'full'}; it may be overloaded, stopped, or have another tree's password",
            )
        yield Running(ami, Rest(wiring.ari(state), within=LIST_WITHIN))
    finally:
        owner.cancel()
        await asyncio.gather(owner, return_exceptions=True)


class NotAnswering(ServiceError):
    """Asterisk runs and does not answer: nothing may be changed under it."""


def life(state: State) -> int:
    """A number of the life that Asterisk is in, another after each start; 0 while it does not run.

    Asked at Asterisk's own socket: one that is stopped still listens.
    """
    path = state.run / "asterisk.ctl"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as line:
        try:
            line.connect(str(path))
        except BlockingIOError:
            pass  # its queue is full: it is there, and does not answer
        except OSError:
            return 0
    return path.stat().st_ctime_ns


def _written(found: dict[str, list[tuple[str, str]]]) -> dict[str, list[tuple[str, str]]]:
    """Without the hints that Asterisk has made of a pattern: nobody wrote them."""
    patterns = {name for name in found if ASKED.fullmatch(name.partition(" ")[2])}
    contexts = {name.partition(" ")[0] for name in patterns if name.startswith((CIRCLE_OF, SEVERAL))}
    return {name: told for name, told in found.items() if name.partition(" ")[0] not in contexts or name in patterns}


def _otherwise(kind: str, wanted: Collection[str], found: Collection[str]) -> list[str]:
    """What is missing, what is there although it should be gone, and what is different where both know more of it."""
    told = _lacking(kind, set(wanted), set(found))
    told += [f"{kind} {name} is still there" for name in sorted(set(found) - set(wanted))]
    if isinstance(wanted, dict) and isinstance(found, dict):
        told += [
            f"{kind} {name} is an older one" for name in sorted(wanted) if found.get(name, wanted[name]) != wanted[name]
        ]
    return told


def _lacking(kind: str, wanted: set[str], found: set[str]) -> list[str]:
    return [f"{kind} {name} is missing" for name in sorted(wanted - found)]


def _endpoints(sections: set[str]) -> set[str]:
    """The sections of pjsip.conf that are endpoints: not templates, transports, access lists or global settings."""
    transports = {"udp", "tcp", "tls", "translated"}
    return sections - transports - {"global", "phone", "phone-aor", "phone-auth", "trunk", "strangers"}


def _registrations(endpoints: Mapping[str, str]) -> set[str]:
    """The trunks whose sections say that we register there."""
    return {name for name, text in endpoints.items() if "\ntype = registration\n" in text}
