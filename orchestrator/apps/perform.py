"""Perform one step with one caller, and give its answer.

Belongs here: how each kind of step is done over ARI. Not here: where the answer leads (the dialplan knows) and what
happens if this fails (attend). Nothing here speaks of hangups: the block it runs in ends with the caller.
"""

from __future__ import annotations

import asyncio
from typing import assert_never

from orchestrator.apps.book import Do, Menu, Step
from orchestrator.apps.skills import Skills
from orchestrator.asterisk.leg import Leg
from orchestrator.domain.skills import in_turns

NAMES = {"*": "star", "#": "hash"}
"""Keys that have a name instead of a digit."""


class UnknownAnswer(Exception):
    """A skill gave an answer that the flow does not name."""


async def perform(leg: Leg, step: Step, skills: Skills) -> str | None:
    """The answer that the world gave to `step`; None if this try of a menu brought none.

    Raises Gone, AsteriskError, whatever a skill raises.
    """
    match step:
        case Menu():
            return await offer(leg, step)
        case Do():
            async with asyncio.timeout(step.seconds):
                limit = {"seconds": step.seconds} if in_turns(step.skill) else {}
                answer = await skills[step.skill](leg, {**step.arguments, **limit})
            if answer not in step.exits:
                raise UnknownAnswer(f"skill {step.skill} answered {answer!r}, the flow knows {sorted(step.exits)}")
            return answer
        case _:
            assert_never(step)


async def offer(leg: Leg, menu: Menu) -> str | None:
    """Play the menu until a key is pressed, once: that key if the menu has it, else None."""
    seconds = menu.length(leg.language)
    async with leg.play(f"sound:{menu.prompt}", seconds=seconds) as prompt:
        pressed = await leg.key(within=menu.wait, after=prompt)
    while pressed and NAMES.get(pressed, pressed) not in menu.keys:
        pressed = leg.waiting_key()  # pressed close behind the wrong one: the next try would not hear of it
    return f"key_{NAMES.get(pressed, pressed)}" if pressed else None
