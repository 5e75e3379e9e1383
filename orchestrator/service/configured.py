"""What the configuration of the tree that runs says of trunks, telephones and accounts, and what Asterisk says of it.

Belongs here: Asterisk's files and answers as facts for an auditor. Not here: whether they are as they should be
(domain.deviations).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.asterisk.conf import Section, sections
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.compile.tree import modules
from orchestrator.domain.directory import Directory
from orchestrator.domain.evidence import Account, Configured, TelephonesSeen, TrunkSeen
from orchestrator.rollout.plan import Tree
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import LOOKED_AT, Running, connected
from orchestrator.service.sites import LIST_WITHIN
from orchestrator.service.state import State

TRUNK, TEST_CALL = "trunk-", "testcall"
"""How endpoints of trunks begin; and the endpoint of test calls, which is nobody's telephone."""
TRANSPORT = ";transport="


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a running Asterisk has said."""

    version: str = ""
    media: Mapping[str, str] = field(default_factory=dict)
    """Endpoint -> how it encrypts audio."""
    registered: Mapping[str, str] = field(default_factory=dict)
    """Telephone -> the transport by which it has registered."""


async def ask(state: State, endpoints: Sequence[str]) -> Asked:
    """Ask. Raises ServiceError where Asterisk does not run, or as AsteriskError and OSError where it does not answer.

    Of `endpoints` the first `LOOKED_AT` are asked about.
    """
    async with connected(state) as running:
        if running is None:
            raise ServiceError("läuft nicht", todo="run `durchwahl up`")
        version = await running.ami.action("CoreSettings")
        media = {name: await _media(running, name) for name in endpoints[:LOOKED_AT]}
        return Asked(
            version=str(version["AsteriskVersion"]),
            media={name: told for name, told in media.items() if told},
            registered=await _registered(running),
        )


async def _media(running: Running, endpoint: str) -> str:
    """How the audio of one endpoint is encrypted; empty where there is no such endpoint: `drift` tells of that."""
    try:
        rows = await running.ami.rows("PJSIPShowEndpoint", Endpoint=endpoint)
    except AsteriskError:
        return ""
    return next((row.get("mediaencryption", "") for row in rows if row.get("event") == "EndpointDetail"), "")


async def _registered(running: Running) -> dict[str, str]:
    try:
        rows = await running.ami.rows("PJSIPShowContacts", within=LIST_WITHIN)
    except AsteriskError as bad:
        if "No Contacts" in str(bad):
            return {}
        raise
    uris = {row.get("endpoint", ""): row.get("uri", "") for row in rows}
    return {name: transport(uri) for name, uri in uris.items() if name and not name.startswith(TRUNK)}


def transport(uri: str) -> str:
    """`udp`, `tcp` or `tls`, as a SIP address says (RFC 3261, 19.1.1)."""
    return uri.lower().partition(TRANSPORT)[2].partition(";")[0] or "udp"


def look(tree: Tree, directory: Directory | None, asked: Asked) -> Configured:
    """All that the files of `tree` say, and how telephones have registered."""
    return Configured(
        transports=tuple(section.one("protocol") for section in _of(tree, "pjsip", "transport")),
        trunks=trunks(tree, directory),
        telephones=telephones(tree, directory, asked.registered),
        accounts=accounts(tree),
        modules=len(modules(tree)),
        autoload=autoload(tree),
        security_log=security_log(tree),
    )


def endpoints(tree: Tree) -> tuple[str, ...]:
    """Trunks, then telephones."""
    names = [section.name for section in _of(tree, "pjsip", "endpoint")]
    return tuple(sorted(names, key=lambda name: (not name.startswith(TRUNK), name)))


def trunks(tree: Tree, directory: Directory | None) -> tuple[TrunkSeen, ...]:
    """Every trunk. Where there is no directory to say which is public, all are taken to be."""
    aors = {section.name: section for section in _of(tree, "pjsip", "aor")}
    sources = {section.one("endpoint"): section.options.get("match", ()) for section in _of(tree, "pjsip", "identify")}
    accounts = {section.one("endpoint") for section in _of(tree, "pjsip", "registration")}
    known = directory.trunks if directory else {}

    def seen(endpoint: Section) -> TrunkSeen:
        name, contact = endpoint.name.removeprefix(TRUNK), aors[endpoint.name].one("contact")
        return TrunkSeen(
            id=name,
            host=contact.removeprefix("sip:").partition(";")[0],
            public=name not in known or known[name].public,
            transport=transport(contact),
            media=endpoint.one("media_encryption", "no"),
            known_by=sources.get(endpoint.name, ()),
            registers=endpoint.name in accounts,
        )

    return tuple(seen(each) for each in _of(tree, "pjsip", "endpoint") if each.name.startswith(TRUNK))


def telephones(tree: Tree, directory: Directory | None, registered: Mapping[str, str]) -> tuple[TelephonesSeen, ...]:
    """The telephones, by kind."""
    kinds: dict[str, list[Section]] = {}
    for endpoint in _of(tree, "pjsip", "endpoint"):
        if not endpoint.name.startswith(TRUNK) and endpoint.name != TEST_CALL:
            phone = directory.phones.get(endpoint.name) if directory else None
            kinds.setdefault(phone.kind if phone else "", []).append(endpoint)
    return tuple(
        TelephonesSeen(
            kind=kind,
            count=len(found),
            encrypted=sum(each.one("media_encryption", "no") != "no" for each in found),
            registered=dict(Counter(registered[each.name] for each in found if each.name in registered)),
        )
        for kind, found in sorted(kinds.items())
    )


def otherwise(tree: Tree, asked: Asked) -> Iterator[str]:
    """Endpoints whose audio Asterisk encrypts otherwise than their sections say."""
    for endpoint in _of(tree, "pjsip", "endpoint"):
        wanted = endpoint.one("media_encryption", "no")
        if (told := asked.media.get(endpoint.name, wanted)) != wanted:
            yield f"endpoint {endpoint.name} has media_encryption {told!r} instead of {wanted!r}"


def accounts(tree: Tree) -> tuple[Account, ...]:
    """Who may log in over AMI and ARI, and what they may do there."""
    found = [
        Account(
            interface="AMI",
            name=each.name,
            read=each.listed("read"),
            write=each.listed("write"),
            permit=each.options.get("permit", ()),
        )
        for each in sections(tree.get("asterisk/manager.conf", ""))
        if each.name != "general"
    ]
    for each in _of(tree, "ari", "user"):
        only = each.one("read_only") == "yes"
        found.append(Account(interface="ARI", name=each.name, read=("*",), write=() if only else ("*",)))
    return tuple(found)


def autoload(tree: Tree) -> bool:
    """Whether modules are loaded that nobody has listed."""
    listed = sections(tree.get("asterisk/modules.conf", ""))
    return any(section.one("autoload", "yes") != "no" for section in listed if section.name == "modules")


def security_log(tree: Tree) -> bool:
    """Whether attempts to log in are written into a file."""
    listed = sections(tree.get("asterisk/logger.conf", ""))
    return any("security" in section.options for section in listed if section.name == "logfiles")


def _of(tree: Tree, file: str, kind: str) -> list[Section]:
    found = sections(tree.get(f"asterisk/{file}.conf", ""))
    return [section for section in found if section.one("type") == kind]
