"""An employee at a desk: a telephone together with what its owner does when it rings.

Belongs here: the few ways people treat a ringing telephone. Whoever is not there has a Line that does not register.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self, assert_never

from orchestrator.phone.call import Call
from orchestrator.phone.errors import PhoneError
from orchestrator.phone.sound import Sound
from orchestrator.phone.telephone import Telephone


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Lifts the receiver after `after` seconds, speaks, and hangs up `talks` seconds after that (None: never first).

    What it says it says to the end, even if that takes longer.
    """

    after: float = 1.0
    talks: float | None = None
    says: Path | Sound | None = None


@dataclass(frozen=True, kw_only=True)
class Refuses:
    """Busy: turns each call away with 486, after `after` seconds."""

    after: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LetsItRing:
    """Never answers."""


Habit = Answers | Refuses | LetsItRing


class Desk:
    """`async with Desk(Telephone(...), Answers(after=2)) as desk`; `desk.habit` may be changed between calls."""

    def __init__(self, telephone: Telephone, habit: Habit) -> None:
        self.telephone = telephone
        self.habit = habit
        self._sits: asyncio.Task[None] | None = None

    @property
    def calls(self) -> list[Call]:
        """Every call that rang here, the oldest first."""
        return self.telephone.calls

    @property
    def gone(self) -> bool:
        """Whether nobody sits here any more: the telephone broke."""
        return self._sits is not None and self._sits.done()

    async def __aenter__(self) -> Self:
        await self.telephone.__aenter__()
        self._sits = asyncio.create_task(self._sit(), name=f"desk {self.telephone.line.number}")
        return self

    async def __aexit__(self, *raised: object) -> None:
        if self._sits is not None:
            self._sits.cancel()
        await self.telephone.__aexit__(*raised)  # waits for nothing
        if self._sits is not None and self._sits.done() and not self._sits.cancelled() and raised[0] is None:
            self._sits.result()  # what went wrong at the desk is not to be overlooked

    async def _sit(self) -> None:
        while True:
            call = await self.telephone.incoming(within=self.telephone.lifetime)
            with contextlib.suppress(PhoneError):  # the caller was quicker: that is told by `calls`
                await self._treat(call)

    async def _treat(self, call: Call) -> None:
        match self.habit:
            case Answers(after=after, talks=talks, says=says):
                if await call.stays(after):
                    await call.answer()
                    await self._talk(call, talks, says)
            case Refuses(after=after):
                if await call.stays(after):
                    await call.hang_up()
            case LetsItRing():
                pass
            case other:
                assert_never(other)

    async def _talk(self, call: Call, talks: float | None, says: Path | Sound | None) -> None:
        assert call.answered_at is not None  # noqa: S101  answered just now
        until = call.answered_at + (self.telephone.lifetime if talks is None else talks)
        if says is not None:
            await call.say(says)
        if await call.stays(until - asyncio.get_running_loop().time()):
            await call.hang_up()
