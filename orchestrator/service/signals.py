"""Lamps that show switches of the town: the state of `Custom:<switch>` in Asterisk, which outlives it.

Belongs here: what a lamp shows, and setting it. Not here: which telephone has one (compile.service_codes).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from orchestrator.asterisk import database
from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.rest import Rest
from orchestrator.domain import secretaries
from orchestrator.domain.directory import Directory
from orchestrator.domain.hot_desks import seat
from orchestrator.domain.switches import GUEST, OUTSIDE, PERSONAL, SINGLE, WAVE, Switched, holds

LIT, DARK = "INUSE", "NOT_INUSE"
KEPT = "CustomDevstate"
"""The family of Asterisk's database in which it keeps what `Custom:` devices show."""


def has_lamp(name: str) -> bool:
    """Whether a lamp may show a switch: those of people do not, as nobody is to see who is away."""
    return name != OUTSIDE and not name.startswith((*PERSONAL, SINGLE, WAVE))


async def show(rest: Rest, name: str, switched: Switched | None) -> None:
    """Have the lamps of a switch show how it is now. Raises AsteriskError."""
    if has_lamp(name):
        await asyncio.to_thread(_set, rest, name, _state(switched))


async def correct(rest: Rest, directory: Directory, now: Mapping[str, Switched]) -> int:
    """Have every lamp show how its switch is now; how many did not. Raises AsteriskError."""
    wrong = 0
    turned = {*directory.switch_codes.values(), *secretaries.switches(directory)}
    for name in sorted(name for name in turned if has_lamp(name)):
        wanted = _state(now.get(name))
        found = await asyncio.to_thread(rest.ask, "GET", "deviceStates", f"Custom:{name}")
        if found.get("state") != wanted:
            await asyncio.to_thread(_set, rest, name, wanted)
            wrong += 1
    return wrong


async def rest_desks(rest: Rest, ami: Ami, directory: Directory, now: Mapping[str, Switched]) -> int:
    """Have nobody's lamp say that they talk at a desk elsewhere where no call is left of one that Asterisk died in,
    also of who has logged out since; how many did. Raises AsteriskError.
    """
    wrong = 0
    for lamp, state in (await database.entries(ami, KEPT)).items():
        if not lamp.startswith(GUEST) or state not in (LIT, "RINGING"):
            continue
        desk = seat(directory, now, lamp.removeprefix(GUEST), datetime.now(UTC))
        there = await asyncio.to_thread(rest.ask, "GET", "endpoints", "PJSIP", desk) if desk else {}
        if not there.get("channel_ids"):
            await asyncio.to_thread(_set, rest, lamp, DARK)
            wrong += 1
    return wrong


def _state(switched: Switched | None) -> str:
    return LIT if switched and holds(switched, datetime.now(UTC)) else DARK


def _set(rest: Rest, name: str, state: str) -> None:
    rest.ask("POST", "asterisk", "variable", variable=f"DEVICE_STATE(Custom:{name})", value=state)
