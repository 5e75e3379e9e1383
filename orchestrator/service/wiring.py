"""From a state folder to the things that work on it: what each layer needs, made in one place."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from orchestrator.asterisk.address import Address, likely
from orchestrator.asterisk.ami import Account
from orchestrator.asterisk.archive import Missing, cache
from orchestrator.asterisk.package import Program, find
from orchestrator.compile.escape import PASSWORD
from orchestrator.compile.exchange import Exchange
from orchestrator.compile.secrets import Secrets
from orchestrator.compile.sounds import Workshop
from orchestrator.compile.speech import Voice, espeak
from orchestrator.domain.directory import Directory
from orchestrator.domain.town import Trunk
from orchestrator.rollout.trees import Trees
from orchestrator.service.errors import ServiceError
from orchestrator.service.settings import Settings
from orchestrator.service.state import State

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
"""Debian's, of the package ca-certificates."""


def program(name: str) -> Program:
    """A program of this machine or of the user's cache; raises ServiceError."""
    try:
        return find(name)
    except Missing as missing:
        raise ServiceError(str(missing), todo=missing.todo) from missing


def secrets(state: State) -> Secrets:
    """Every secret that the exchange chose itself."""
    return Secrets(state.master, renewed=state.renewed)


def secrets_of(state: State, directory: Directory) -> Secrets:
    """Every secret, those of `directory`'s trunks too; raises ServiceError that names the file that is missing."""
    return replace(secrets(state), trunks={t.id: password(state, t) for t in directory.trunks.values() if t.user})


def secrets_there(state: State, directory: Directory) -> Secrets:
    """Every secret, without the passwords of trunks that cannot be read."""
    found = secrets(state)
    for trunk in directory.trunks.values():
        if trunk.user:
            with suppress(ServiceError):
                found = replace(found, trunks={**found.trunks, trunk.id: password(state, trunk)})
    return found


def password(state: State, trunk: Trunk) -> str:
    """The password of a registered trunk, as its provider gave it."""
    path = state.root / "secrets" / f"trunk-{trunk.id}"
    todo = (
        f"write the password of {trunk.user} at {trunk.host} into this file, in one line, readable for its owner only"
    )
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as bad:
        raise ServiceError(f"trunk {trunk.id} registers, and {path} cannot be read: {bad}", todo=todo) from bad
    if not PASSWORD.fullmatch(found):
        raise ServiceError(f"{path} holds no password: it must be one word of printable ASCII", todo=todo)
    return found


def certificate(state: State) -> tuple[Path, Path] | None:
    """The exchange's own certificate and key, if there are any; raises ServiceError for one without the other."""
    there = [path for path in pair(state) if path.is_file()]
    if len(there) == 1:
        raise ServiceError(f"{there[0]} is there alone", todo="put tls.crt and tls.key there, or neither")
    return pair(state) if there else None


def pair(state: State) -> tuple[Path, Path]:
    """Where the admin puts certificate and key."""
    return state.root / "secrets" / "tls.crt", state.root / "secrets" / "tls.key"


def shown(state: State) -> Path:
    """Certificate and key in one file, which Asterisk reads: two could not be changed at once (service.certificate)."""
    return state.root / "secrets" / "tls.pem"


def authorities(state: State) -> Path:
    """Who may vouch for those whom we call over TLS: the state's own file, else the machine's; raises ServiceError."""
    own = state.root / "secrets" / "authorities.crt"
    for path in (own, AUTHORITIES):
        if path.is_file():
            return path
    raise ServiceError(f"neither {own} nor {AUTHORITIES} exists", todo="install ca-certificates, or write the former")


def exchange(state: State, directory: Directory) -> Exchange:
    """What a tree of `directory` is compiled for; raises ServiceError where something for TLS is missing."""
    settings = state.settings()
    own = certificate(state)
    tls = own is not None or any(trunk.transport == "tls" for trunk in directory.trunks.values())
    return Exchange(
        bind=settings.bind,
        external=settings.external,
        inside=_inside(settings) if settings.external else (),
        sip_port=settings.sip_port,
        http_port=settings.http_port,
        ami_port=settings.ami_port,
        rtp_start=settings.rtp_start,
        rtp_end=settings.rtp_end,
        state=str(state.root),
        modules=str(program("asterisk").modules),
        trunks=settings.trunks,
        per_caller=settings.per_caller,
        tls_port=settings.tls_port if tls else 0,
        certificate=str(shown(state)) if own else "",
        authorities=str(authorities(state)) if tls else "",
    )


def _inside(settings: Settings) -> tuple[str, ...]:
    """Who is told no other address: the networks of the settings, and this machine itself."""
    own = ipaddress.ip_address(settings.bind)
    ours = () if own.is_unspecified or own.is_loopback else (str(ipaddress.ip_network(own)),)
    return ("127.0.0.0/8", *ours, *settings.inside)


def workshop(state: State) -> Workshop:
    """Where and by whom prompts are spoken."""
    return Workshop(voice=voice(state), root=state.sounds, recorded=state.recorded, cache=cache() / "speech")


def voice(state: State) -> Voice:
    """The voice of the settings, or espeak-ng."""
    if argv := state.settings().voice:
        return Voice(argv=argv, name=" ".join(argv))
    speaker = program("espeak-ng")
    return espeak(speaker.argv, speaker.env, speaker.version)


def trees(state: State) -> Trees:
    """The compiled trees."""
    return Trees(state.trees, state.current)


def ari(state: State) -> Address:
    """Where ARI answers."""
    url = f"http://127.0.0.1:{state.settings().http_port}/ari"
    path = "asterisk/ari.conf"
    password = _former(state, path) or secrets(state).of("ari")
    return Address(url=url, user="attendant", password=password, conf=state.current / path)


def ami(state: State) -> Account:
    """Where AMI answers."""
    path = "asterisk/manager.conf"
    secret = _former(state, path) or secrets(state).of("ami:control")
    return Account(port=state.settings().ami_port, user="control", secret=secret, conf=state.current / path)


def _former(state: State, path: str) -> str:
    """The password of the tree before, while it may be what Asterisk has: an apply is under way, or was killed."""
    known = trees(state)
    before = known.kept()[1:2] if known.unsettled else []
    return likely(known.folder / before[0] / path, "")[0] if before else ""
