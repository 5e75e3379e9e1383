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

GAVE_UP = "gave_up"
NAMES = {"*": "star", "#": "hash"}
"""Keys that have a name instead of a digit."""


class UnknownAnswer(Exception):
    """A skill gave an answer that the flow does not name."""


async def perform(leg: Leg, step: Step, skills: Skills) -> str:
    """The answer that the world gave to `step`. Raises Gone, AsteriskError, whatever a skill raises."""
    match step:
        case Menu():
            return await offer(leg, step)
        case Do():
            async with asyncio.timeout(step.seconds):
                answer = await skills[step.skill](leg, step.arguments)
            if answer not in step.exits:
                raise UnknownAnswer(f"skill {step.skill} answered {answer!r}, the flow knows {sorted(step.exits)}")
            return answer
        case _:
            assert_never(step)


async def offer(leg: Leg, menu: Menu) -> str:
    """Play the menu until a key that it has is pressed: that key, or `gave_up` after the last try."""
    seconds = menu.length(leg.language)
    for attempt in range(1, menu.tries + 1):
        if attempt > 1:
            leg.renew_deadline(seconds + menu.wait)  # the dialplan's own was for the first try
        async with leg.play(f"sound:{menu.prompt}", attempt=attempt, seconds=seconds) as prompt:
            pressed = await leg.key(within=menu.wait, after=prompt)
        key = NAMES.get(pressed or "", pressed)
        if key in menu.keys:
            return f"key_{key}"
    return GAVE_UP
