"""The skills `mailbox` and `switching`: lend a dialogue of control its ears and its voice, one turn a visit.

A visit asks what to do, plays it, listens, tells what was heard, and sends the caller to the same place again, where
any attendant may go on: who dies costs one turn. Belongs here: playing and listening. Not here: what is said and what
keys mean (control). Nothing is kept between two visits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.apps.dialogue import Dialogue, Next, Nobody, NoDialogue
from orchestrator.asterisk.leg import Leg, Playback

log = logging.getLogger(__name__)

AGAIN, FAILED = "again", "failed"
ANSWERS = frozenset(("record", "call", "done", "native", "refused"))
"""What a turn may say that the dialplan is to do."""
BETWEEN = 3.0
"""Seconds of patience between two digits."""
LONGEST_PAUSE = 60.0
"""Seconds after which what was paused plays on."""
SPARE = 10.0
"""Seconds before the end of our time at which the turn is over, whatever plays."""
SKIP = 5000
"""Milliseconds that `reverse` and `forward` move."""
SHOWN = 40
"""Characters of the caller's number that are told: it is as long as the caller likes, and no question may be refused
for it."""
MOST_AT_ONCE = 20
"""Turns of one visit: several only where keys were pressed faster than they were asked for."""


@dataclass(frozen=True, kw_only=True)
class Listening:
    """The skill, with the dialogue that it asks."""

    dialogue: Dialogue = field(default_factory=Nobody)

    async def __call__(self, leg: Leg, arguments: Mapping[str, Any]) -> str:
        """Answers: again; record, call, done, native as the dialogue says; failed where there is none."""
        try:
            turn = await self.dialogue.ask(_came(leg))
            for _ in range(MOST_AT_ONCE):
                keys = await _perform(leg, turn, float(arguments["seconds"]) - SPARE)
                if turn.then:
                    return turn.then if turn.then in ANSWERS else FAILED
                turn = await self.dialogue.ask({**_who(leg), "turn": turn.turn, "keys": keys})
                if turn.then or not leg.pressed:
                    return AGAIN
        except NoDialogue as error:
            log.warning("%s goes on without a dialogue: %s", leg, error)
            return FAILED
        return AGAIN


def _who(leg: Leg) -> dict[str, Any]:
    who = {"channel": leg.id, "name": leg.name, "number": leg.number[:SHOWN], "at": leg.at}
    return {**who, "wish": leg.wish, "asker": leg.asker} if leg.wish else who


def _came(leg: Leg) -> dict[str, Any]:
    """The caller is here, perhaps once more; `dictated` counts what the dialplan has recorded for them."""
    return {**_who(leg), "dictated": leg.dictated}


async def _perform(leg: Leg, turn: Next, limit: float) -> str:
    """Play what is to be played and collect the keys, within `limit` seconds; empty if there were none in time."""
    try:
        async with asyncio.timeout(limit):
            if not turn.play:
                return "" if turn.then else await _collect(leg, turn, None)
            async with leg.play(*turn.play, seconds=limit, skip=SKIP) as playback:
                first = await _while_playing(leg, turn, playback)
            return await _collect(leg, turn, first) if first else ""
    except TimeoutError:
        return ""


async def _while_playing(leg: Leg, turn: Next, playback: Playback) -> str:
    """The key that ends the playback; those of `during` only steer it. Empty: none came in time."""
    wait, paused = (0.0 if turn.then else turn.wait), False
    while True:
        key = await leg.key(within=wait, after=playback) if not paused else await leg.key(within=LONGEST_PAUSE)
        does = "unpause" if paused and key is None else turn.during.get(key or "")
        if does is None or playback.gone:
            return key or ""
        if paused:
            leg.steer(playback, "unpause")
        if not (paused and does in ("pause", "unpause")):
            leg.steer(playback, does)
        paused = does == "pause" and not paused


async def _collect(leg: Leg, turn: Next, first: str | None) -> str:
    """One key, or several digits up to `#`."""
    key = first or await leg.key(within=turn.wait)
    keys = ""
    while key and turn.most > 1 and key != "#":
        keys += key
        if len(keys) >= turn.most:
            return keys
        key = await leg.key(within=BETWEEN)
    return keys if turn.most > 1 else key or ""
