"""From a state folder to the things that work on it: what each layer needs, made in one place."""

from __future__ import annotations

from orchestrator.asterisk.address import Address
from orchestrator.asterisk.ami import Account
from orchestrator.asterisk.archive import Missing, cache
from orchestrator.asterisk.package import Program, find
from orchestrator.compile.exchange import Exchange
from orchestrator.compile.secrets import Secrets
from orchestrator.compile.sounds import Workshop
from orchestrator.compile.speech import Voice, espeak
from orchestrator.rollout.trees import Trees
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State


def program(name: str) -> Program:
    """A program of this machine or of the user's cache; raises ServiceError."""
    try:
        return find(name)
    except Missing as missing:
        raise ServiceError(str(missing), todo=missing.todo) from missing


def secrets(state: State) -> Secrets:
    """Every secret of the exchange."""
    return Secrets(state.master)


def exchange(state: State) -> Exchange:
    """What a tree is compiled for."""
    settings = state.settings()
    return Exchange(
        bind=settings.bind,
        sip_port=settings.sip_port,
        http_port=settings.http_port,
        ami_port=settings.ami_port,
        rtp_start=settings.rtp_start,
        rtp_end=settings.rtp_end,
        state=str(state.root),
        modules=str(program("asterisk").modules),
        trunks=settings.trunks,
    )


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
    return Address(url=url, user="attendant", password=secrets(state).of("ari"))


def ami(state: State) -> Account:
    """Where AMI answers."""
    return Account(port=state.settings().ami_port, user="control", secret=secrets(state).of("ami:control"))
