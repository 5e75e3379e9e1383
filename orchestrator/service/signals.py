"""Lamps that show switches of the town: the state of `Custom:<switch>` in Asterisk, which outlives it.

Belongs here: what a lamp shows, and setting it. Not here: which telephone has one (compile.service_codes).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from orchestrator.asterisk.rest import Rest
from orchestrator.compile import hot_desks
from orchestrator.domain import secretaries
from orchestrator.domain.directory import Directory
from orchestrator.domain.hot_desks import seats
from orchestrator.domain.switches import OUTSIDE, PERSONAL, SINGLE, WAVE, Switched, holds

LIT, DARK = "INUSE", "NOT_INUSE"


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


async def rest_desks(rest: Rest, directory: Directory, now: Mapping[str, Switched]) -> int:
    """Have nobody's lamp say that they talk at a desk elsewhere where no call is left of one that Asterisk died in;
    how many did. Raises AsteriskError.
    """
    wrong = 0
    for person, guest in seats(directory, now, datetime.now(UTC)):
        lamp = hot_desks.device(person.extension)
        found = await asyncio.to_thread(rest.ask, "GET", "deviceStates", lamp)
        desk = await asyncio.to_thread(rest.ask, "GET", "endpoints", f"PJSIP/{guest.desk}")
        if found.get("state") in (LIT, "RINGING") and not desk.get("channel_ids"):
            await asyncio.to_thread(_set, rest, lamp.removeprefix("Custom:"), DARK)
            wrong += 1
    return wrong


def _state(switched: Switched | None) -> str:
    return LIT if switched and holds(switched, datetime.now(UTC)) else DARK


def _set(rest: Rest, name: str, state: str) -> None:
    rest.ask("POST", "asterisk", "variable", variable=f"DEVICE_STATE(Custom:{name})", value=state)
