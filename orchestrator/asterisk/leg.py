"""What a step may do with one caller, as long as the caller is with us.

Belongs here: playing, listening and leaving, in words of the trade. Not here: which prompt, which key, which answer
(apps). A leg is one visit: the same caller at the next place is another leg. Requests outlive the call; the call does
not outlive the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from orchestrator.asterisk.ari import NATIVE, NEXT, RESUME, Ari
from orchestrator.asterisk.connection import Request
from orchestrator.asterisk.errors import NOT_THERE, AlreadyOver
from orchestrator.asterisk.events import Arrived
from orchestrator.asterisk.hangup import Gone, Mortal

MOST_PLAYBACKS = 9
"""Playbacks of a call are numbered from 1 to this."""


class Playback(Mortal):
    """Something that the caller hears. It is gone when it was heard to its end or stopped."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__()
        self.id, self.seconds = name, seconds

    def __repr__(self) -> str:
        return f"playback {self.id}"


class Leg(Mortal):
    """One caller at one place. Gone when they hang up, go on, or are taken from us."""

    def __init__(self, ari: Ari, arrived: Arrived) -> None:
        super().__init__()
        channel = arrived.channel
        self.id, self.language = channel.id, channel.language
        self.name, self.number = channel.name, channel.number
        self._context, self._step = channel.context, channel.extension
        self.place = next(iter(arrived.arguments), f"{self._context.removeprefix('flow-')}.{self._step}")
        self.at = _seconds(arrived.arguments[1:2])
        """The call's own time, in seconds since the epoch; None is the true time. Only a test call brings one."""
        self.attempt = _attempt(arrived.arguments[2:3])
        """The try of a menu in which the caller is, or the turn of a dialogue, from 1 to 9; 1 at every other step."""
        self.dictated = int(_seconds(arrived.arguments[3:4]) or 0)
        """How often the dialplan has recorded something for a dialogue in this call."""
        self.wish, self.asker = (*arrived.arguments, "", "", "", "", "", "")[4:6]
        """The code that was dialled at a desk, `forward_on.2510`, and the telephone; empty at every other step."""
        self._played = 0
        self.left = False
        """Whether we have sent them on: a second answer would be one too many."""
        self._ari = ari
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._playing: dict[str, Playback] = {}

    def __repr__(self) -> str:
        return f"caller {self.id} at {self.place}"

    @asynccontextmanager
    async def play(self, *media: str, seconds: float = 0.0, skip: int = 0) -> AsyncIterator[Playback]:
        """Let the caller hear `media` (`sound:town/ab12`, `number:8`); leaving the block stops it (barge-in).

        `seconds` is how long it should take, `skip` the milliseconds that `steer` moves. The playback's id says channel
        and attempt, so that anyone can stop it.
        Raises Gone, or an AsteriskError.
        """
        # Another name for each: the last one may be ending still.
        playback = Playback(f"{self.id}-{(self.attempt - 1 + self._played) % MOST_PLAYBACKS + 1}", seconds)
        self._played += 1
        self._playing[playback.id] = playback  # before the request: its end may be told before the request is answered
        request = self._ari.play(self.id, playback.id, media, skip=skip)
        try:
            await self._answered(request)
            yield playback
        finally:
            self._stop(playback)  # no awaiting here: a second hangup could interrupt it

    async def heard(self, playback: Playback) -> None:
        """Wait until `playback` has ended."""
        over = asyncio.Event()
        playback.on_gone(over.set)
        await over.wait()

    async def key(self, *, within: float, after: Playback | None = None) -> str | None:
        """The next key pressed; None if there was none until `within` seconds after the prompt `after` ended."""
        loop = asyncio.get_running_loop()

        def prompt_ended() -> None:
            if not limit.expired():
                limit.reschedule(loop.time() + within)

        try:
            async with asyncio.timeout(within + (after.seconds if after else 0.0)) as limit:
                if after:
                    after.on_gone(prompt_ended)
                return await self._keys.get()
        except TimeoutError:
            return None
        finally:
            if after:
                after.forget(prompt_ended)

    def steer(self, playback: Playback, operation: str) -> None:
        """`restart`, `pause`, `unpause`, `reverse` or `forward` what plays; nothing if it has ended."""
        if not playback.gone:
            self._ari.steer(playback.id, operation)

    @property
    def pressed(self) -> bool:
        """Whether a key was pressed that nobody has asked for yet."""
        return not self._keys.empty()

    def waiting_key(self) -> str | None:
        """A key that was pressed already; None if there is none."""
        return None if self._keys.empty() else self._keys.get_nowait()

    async def leave(self, answer: str) -> None:
        """Send the caller on at this step's `answer`. Raises Gone, or an AsteriskError."""
        await self._answered(self._go(f"{self._step}={answer}"))

    async def leave_untold(self) -> None:
        """Let the dialplan begin this menu's next try, or give up. Raises Gone, or an AsteriskError."""
        await self._answered(self._go(self._step, label=NEXT))

    def leave_native(self) -> None:
        """Let the dialplan perform this place, at a menu from this try on; for when we could not."""
        self._go(self._step, label=NATIVE)

    def hand_back(self) -> None:
        """Send the caller to this place once more, at a menu to this try, for another attendant."""
        if not self.left:
            self._go(self._step, label=RESUME)

    def press(self, key: str) -> None:
        """The caller pressed `key`."""
        self._keys.put_nowait(key)

    def playback_ended(self, name: str) -> None:
        """Asterisk said that the playback `name` is over."""
        if playback := self._playing.get(name):
            playback.end()

    def _go(self, extension: str, label: str | None = None) -> Request[Any]:
        self.left = True
        for playback in list(self._playing.values()):
            self._stop(playback)  # `continue` waits behind a playback; nothing is awaited between the two
        request = self._ari.go_on(self.id, context=self._context, extension=extension, label=label)
        if label:
            request.then(lambda reply: self._go_elsewhere(reply, label))
        return request

    def _go_elsewhere(self, reply: asyncio.Future[Any], missing: str) -> None:
        """The dialplan may be of another time than we are, and have no label `missing`: the caller is still here."""
        refused = reply.exception()
        if isinstance(refused, AlreadyOver) and refused.status == NOT_THERE and not self.gone:
            self._go(self._step, label=NATIVE if missing != NATIVE else None)

    def _stop(self, playback: Playback) -> None:
        self._playing.pop(playback.id, None)
        if not playback.gone and not self.gone:
            playback.end()
            self._ari.stop(playback.id)

    async def _answered(self, request: Request[Any]) -> None:
        try:
            await request
        except AlreadyOver as over:
            raise Gone(self) from over


def _seconds(told: Sequence[str]) -> float | None:
    """A time as the dialplan tells it: digits, or nothing."""
    return float(told[0]) if told and told[0].isdecimal() else None


def _attempt(told: Sequence[str]) -> int:
    """A number of a try as the dialplan tells it: one digit, or nothing."""
    return int(told[0]) if told and told[0] in tuple("123456789") else 1
