"""Skills: what only Python can do with a caller, as the flow's way out to code.

A skill is an async function of the caller and its arguments that gives an answer; the flow names every answer it may
give. Belongs here: skills and their registry. Not here: when they are called (perform), where the answer leads (flow).
A skill needs no word about hangups: it is cancelled.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from datetime import time as day_time
from typing import Any

from orchestrator.apps.listening import Listening
from orchestrator.asterisk.leg import Leg
from orchestrator.domain.schedule import Block, Schedule, SpecialDay

Skill = Callable[[Leg, Mapping[str, Any]], Awaitable[str]]
Skills = Mapping[str, Skill]

SAID, FAILED = "said", "failed"


async def say(leg: Leg, *media: str) -> None:
    """Play `media` one after the other and wait until it was heard: `sound:digits/day-1`, `number:8`, `digits:2500`."""
    async with leg.play(*media) as playback:
        await leg.heard(playback)


async def say_digits(leg: Leg, arguments: Mapping[str, Any]) -> str:
    """Speak the digits in `digits`, one by one. Answers: said."""
    await say(leg, f"digits:{arguments['digits']}")
    return SAID


async def next_opening(leg: Leg, arguments: Mapping[str, Any]) -> str:
    """Say weekday, day, month and time of the next opening. Answers: said; failed if none is known."""
    begins = opening(arguments["hours"], leg.at)
    if begins is None:
        return FAILED
    intro = (f"sound:{arguments['intro']}",) if "intro" in arguments else ()
    await say(leg, *intro, *spoken(begins))
    return SAID


def spoken(moment: datetime) -> tuple[str, ...]:
    """A day and a time in the words that the prompts have: `Montag`, `vierundzwanzigster`, `Dezember`, `acht Uhr`."""
    day = (
        f"sound:digits/day-{moment.isoweekday() % 7}",
        f"sound:digits/h-{moment.day}",
        f"sound:digits/mon-{moment.month - 1}",
    )
    hour = (f"number:{moment.hour}", "sound:digits/oclock")
    return day + hour + ((f"number:{moment.minute}",) if moment.minute else ())


def opening(hours: Mapping[str, Any], at: float | None) -> datetime | None:
    """When the schedule that is written out in `hours` (compile.attend) opens next after `at`, in its own time zone.

    `at` is in seconds since the epoch; None is now.
    """
    schedule = Schedule(
        name="",
        timezone=hours["timezone"],
        week={day: _blocks(blocks) for day, blocks in hours["week"].items()},
        special={
            date.fromisoformat(day): SpecialDay(name="", blocks=_blocks(b)) for day, b in hours["special"].items()
        },
        known_until=date.fromisoformat(hours["known_until"]),
    )
    return schedule.next_opening(datetime.fromtimestamp(time.time() if at is None else at, UTC))


def _blocks(written: Sequence[Sequence[str]]) -> tuple[Block, ...]:
    return tuple(Block(start=day_time.fromisoformat(start), end=day_time.fromisoformat(end)) for start, end in written)


SKILLS: Skills = {
    "say_digits": say_digits,
    "next_opening": next_opening,
    "mailbox": Listening(),
    "switching": Listening(),
}
"""The skills that a flow can name."""
