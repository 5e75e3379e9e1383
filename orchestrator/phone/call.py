"""One call at one telephone: what is waited for, said, pressed and heard in it.

Every wait has a limit and ends early when the call does. Times are the event loop's seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from orchestrator.phone.errors import CallOver, CommandRefused, NothingHappened
from orchestrator.phone.events import Ended
from orchestrator.phone.sound import Sound, read_sound, wav_is_complete

KEY_SPACING = 0.3
"""Seconds from key to key: the program sends 180 ms of tone (RFC 4733) for each; the rest is the pause between."""
SETUP = 5.0
"""Seconds for what the exchange owes at once: the ACK of an answer, the reply to a BYE."""


class Call:
    """Made by a Telephone, which also tells it what happens (`took_place`, `end`)."""

    def __init__(self, *, call: str, number: str, name: str, outgoing: bool, recording: Path,
                 command: Callable[[str, str], Awaitable[str]],
                 speak: Callable[[Sound], Awaitable[None]]) -> None:  # fmt: skip
        self.id = call
        self.number = number
        """The other side: dialled, or shown by the exchange."""
        self.name = name
        self.outgoing = outgoing
        self.began_at = asyncio.get_running_loop().time()
        self.rang_at: float | None = None
        self.early_audio = False
        """Whether there was sound before the answer (183)."""
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.ended: Ended | None = None
        self.recording = recording
        """Where what was heard is written; read it by `heard`."""
        self._command = command
        self._speak = speak
        self._ringing, self._answer, self._end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def rings(self, *, within: float) -> None:
        """Until the other telephone rings, or early audio comes. Raises NothingHappened, CallOver."""
        await self._reach(self._ringing, "ringing", within)
        if self.rang_at is None and self.answered_at is None:
            raise CallOver(f"{self} before it rang")

    async def answered(self, *, within: float) -> None:
        """Until both sides talk. Raises NothingHappened, CallOver."""
        await self._reach(self._answer, "answered", within)
        if self.answered_at is None:
            raise CallOver(f"{self} before it was answered")

    async def ends(self, *, within: float) -> Ended:
        """Until the call is over. Raises NothingHappened."""
        await self._reach(self._end, "over", within)
        assert self.ended is not None  # noqa: S101  set before the event
        return self.ended

    async def stays(self, seconds: float) -> bool:
        """Let time pass in the call; False at once when it ends before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._end.wait()
        return self.ended is None

    async def press(self, keys: str, *, spacing: float = KEY_SPACING) -> None:
        """Press keys (`0`-`9`, `*`, `#`, `A`-`D`) one after the other. Raises CallOver, CommandRefused."""
        if not re.fullmatch(r"[0-9*#A-D]+", keys) or spacing < KEY_SPACING:
            raise ValueError(f"not keys of a telephone, or closer than {KEY_SPACING} s: {keys!r} each {spacing} s")
        for key in keys:
            if self.ended is not None:
                raise CallOver(f"{self} before key {key} of {keys} was pressed")
            await self._command("sndcode", key)
            await self.stays(spacing)

    async def say(self, words: Path | Sound) -> None:
        """Speak into the telephone until it is said; then silence again. Raises CallOver."""
        sound = words if isinstance(words, Sound) else read_sound(words)
        if self.ended is not None or self.answered_at is None:
            raise CallOver(f"{self}: nobody there to speak to")
        await self._speak(sound)
        if not await self.stays(sound.seconds):
            raise CallOver(f"{self} before all was said")

    async def answer(self, *, within: float = SETUP) -> None:
        """Lift the receiver. Raises CallOver, CommandRefused, NothingHappened."""
        if self.ended is not None:
            raise CallOver(f"{self} before we answered")
        await self._command("accept", self.id)
        await self.answered(within=within)

    async def hang_up(self) -> Ended:
        """Give up, refuse (486 to a call that rings here) or hang up; nothing if it is over already."""
        if self.ended is None:
            try:
                await self._command("hangup", self.id)
            except CommandRefused:  # the other side was quicker, and its event is on the way
                return await self.ends(within=SETUP)
        return await self.ends(within=SETUP)

    async def heard(self, *, within: float = 1.0) -> Sound:
        """What was heard so far (up to half a second late); after the end all of it. Empty if there was no sound.

        Recorded in real time from the first sound on, 0.1 s late: a second of the recording is a second of the call.
        """
        deadline = asyncio.get_running_loop().time() + within
        while self.ended is not None and self.recording.exists() and not wav_is_complete(self.recording):
            if asyncio.get_running_loop().time() > deadline:
                break  # the program died with the file open: take what there is
            await asyncio.sleep(0.02)
        return read_sound(self.recording) if self.recording.exists() else Sound()

    def took_place(self, *, ringing: bool = False, established: bool = False, early_audio: bool = False) -> None:
        """The telephone tells what happened."""
        now = asyncio.get_running_loop().time()
        self.early_audio |= early_audio
        if ringing and self.rang_at is None:
            self.rang_at = now
            self._ringing.set()
        if established and self.answered_at is None:
            self.answered_at = now
            self._ringing.set()
            self._answer.set()

    def end(self, ended: Ended, recording: Path) -> None:
        """The telephone tells that it is over, and where the recording is kept now."""
        if self.ended is None:
            self.ended, self.recording = ended, recording
            self.ended_at = asyncio.get_running_loop().time()
            for event in (self._ringing, self._answer, self._end):
                event.set()

    def __str__(self) -> str:
        state = self.ended or ("talking" if self.answered_at else "ringing" if self.rang_at else "dialling")
        return f"call {'to' if self.outgoing else 'from'} {self.number} ({state})"

    __repr__ = __str__

    async def _reach(self, event: asyncio.Event, what: str, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                await event.wait()
        except TimeoutError:
            if not event.is_set():  # it may have come at the very last moment
                raise NothingHappened(f"{self}: not {what} within {within:g} s") from None
