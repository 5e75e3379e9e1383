"""One caller in the fake exchange: where they are, what they hear, and what waits behind it.

The original's worst manner lives here: while something plays, `continue`, `move` and variables wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Playback:
    """Media under one id: played one after the other, stopped as one."""

    def __init__(self, name: str, seconds: float) -> None:
        self.id, self.seconds = name, seconds
        self.over = False


class Channel:
    """A channel; `app` is who has it, None while the dialplan has."""

    def __init__(self, name: str, *, tell: Callable[[Channel, Playback], None]) -> None:
        self.id = name
        self.app: str | None = None
        self.place = ""
        self.attempt = 1
        """The try of a menu: what the dialplan calls TRY."""
        self.exten = ""
        self.offered = False
        self.arguments: tuple[str, ...] = ()
        self.ended = False
        self.keys: asyncio.Queue[str] = asyncio.Queue()
        """Pressed while the dialplan listened."""
        self.early: list[str] = []
        """Pressed while they were offered: whoever listens next hears them."""
        self.native: asyncio.Task[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None
        self.withdrawal: asyncio.TimerHandle | None = None
        self.playing: Playback | None = None
        self._end_of_playing: asyncio.TimerHandle | None = None
        self._commands: deque[Callable[[], None] | Playback] = deque()
        self._tell = tell

    def command(self, what: Callable[[], None] | Playback) -> None:
        """Obey at once if nothing plays, else when it has ended."""
        self._commands.append(what)
        self._next()

    def stop(self, playback: Playback) -> None:
        """End a playback that plays or waits."""
        if playback is self.playing:
            self._played()
        elif playback in self._commands:
            self._commands.remove(playback)
            playback.over = True
            self._tell(self, playback)

    def arm(self, seconds: float, fire: Callable[[], None]) -> None:
        """`TIMEOUT(absolute)`; 0 disarms."""
        if self.deadline:
            self.deadline.cancel()
        self.deadline = asyncio.get_running_loop().call_later(seconds, fire) if seconds > 0 else None

    def silence(self) -> None:
        """Nothing plays any more, and nothing that waited will come."""
        waiting = [each for each in self._commands if isinstance(each, Playback)]
        self._commands.clear()
        if self.playing:
            self._played()
        for playback in waiting:
            playback.over = True
            self._tell(self, playback)

    def _next(self) -> None:
        while self._commands and not self.playing:
            first = self._commands.popleft()
            if isinstance(first, Playback):
                self.playing = first
                self._end_of_playing = asyncio.get_running_loop().call_later(first.seconds, self._played)
            else:
                first()

    def _played(self) -> None:
        playback, self.playing = self.playing, None
        if self._end_of_playing:
            self._end_of_playing.cancel()
        if playback:
            playback.over = True
            self._tell(self, playback)
        self._next()
