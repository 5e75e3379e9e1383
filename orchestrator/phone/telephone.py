"""A telephone: one running baresip with one line, for one call at a time.

    async with Telephone(baresip, Line(number="+4917012345", exchange="127.0.0.1:5060")) as citizen:
        call = await citizen.dial("210")
        await call.answered(within=5)

One process each: it starts in about 30 ms with 12 to 16 MB, and its commands go to `the` call, so two calls would mix.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self, assert_never

from orchestrator.phone.baresip import Handset
from orchestrator.phone.call import Call
from orchestrator.phone.errors import NothingHappened, NotRegistered, NotStarted, PhoneError
from orchestrator.phone.events import (
    Closed,
    Ended,
    Established,
    Event,
    Incoming,
    Registered,
    RegistrationFailed,
    Ringing,
)
from orchestrator.phone.program import Baresip
from orchestrator.phone.sound import Sound, read_sound, write_wav

CODECS = {"alaw": "pcma/8000/1", "g722": "g722/16000/1"}
REGISTRATION = 60
"""Seconds after which a registration must be renewed."""
USER = re.compile(r"[0-9A-Za-z+*_.=-]{1,64}")
DIALLED = re.compile(r"[0-9A-Za-z+*#_.=-]{1,64}")
NAME = re.compile(r'[^"<>\\\x00-\x1f]{0,80}')
WORD = re.compile(r"[^\s;\"<>,]+")


@dataclass(frozen=True, kw_only=True)
class Line:
    """Whose telephone it is.

    An employee's has `password` and `registers`; a citizen's has neither and its `number` is what the exchange sees;
    one that may call but is never called has a password only. Raises ValueError for what cannot be in a SIP address.
    """

    number: str
    exchange: str
    """`host:port` of the exchange."""
    name: str = ""
    password: str = field(default="", repr=False)
    registers: bool = False

    def __post_init__(self) -> None:
        if not USER.fullmatch(self.number):
            raise ValueError(f"{self.number!r} cannot be the number of a telephone")
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot be the name shown by a telephone")
        if not re.fullmatch(r"[0-9A-Za-z.-]+:\d+", self.exchange):
            raise ValueError(f"{self.exchange!r} is not host:port")
        if self.password and not WORD.fullmatch(self.password):
            raise ValueError("a password with spaces, quotes, commas or semicolons cannot be given to baresip")


class Telephone:
    """See the module. `says` is spoken from the answer of each call on; without it the telephone is silent.

    `address` is its own loopback address: an exchange may tell its trunk by it. After `longest_call` seconds its own
    sound runs out and it hangs up; `lifetime` (seconds) ends the program even if nobody does.
    """

    def __init__(self, baresip: Baresip, line: Line, *, says: Path | Sound | None = None, address: str = "127.0.0.1",
                 codecs: tuple[str, ...] = ("alaw", "g722"), longest_call: float = 300.0, lifetime: float = 900.0,
                 trace: bool = False) -> None:  # fmt: skip
        self.line = line
        self.lifetime = lifetime
        self.calls: list[Call] = []
        """Every call so far, the oldest first."""
        self.events: list[Event] = []
        """Everything that happened so far, for a look back."""
        self._codecs = ",".join(CODECS[name] for name in codecs)
        self._says = read_sound(says) if isinstance(says, Path) else says or Sound()
        self._longest_call = longest_call
        self._make_handset = partial(Handset, baresip, address=address, lifetime=lifetime, trace=trace)
        self._handset: Handset | None = None
        self._dialling = ""
        self._waiting: deque[Call] = deque()
        self._rang = asyncio.Event()
        self._registration: Registered | RegistrationFailed | None = None
        self._registration_known = asyncio.Event()
        self._lost = ""
        self._spoken = itertools.count(1)

    async def __aenter__(self) -> Self:
        self._handset = handset = self._make_handset()
        try:
            self._write_source("says.wav", self._says)
            await handset.start(self._happened, self._gone)
            await self._plug_in()
        except BaseException:
            handset.end()
            raise
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._on.end()  # never awaits: it is done even when this task is being cancelled
        self._gone("the telephone was put away")

    async def dial(self, number: str) -> Call:
        """Start a call; it goes on by the Call's own methods. Raises PhoneError while another call is on."""
        if not DIALLED.fullmatch(number):
            raise ValueError(f"{number!r} cannot be dialled")
        if any(call.ended is None for call in self.calls):
            raise PhoneError(f"{self.line.number} is in a call already")
        self._dialling = number
        written = number.replace("#", "%23")  # as telephones write it in an address
        said = await self._command("dial", f"sip:{written}@{self.line.exchange}")
        if (found := re.search(r"call id: (\S+)", said)) is None:
            raise PhoneError(f"cannot dial {number}: {said.strip()}")
        return self._known(found[1])

    async def incoming(self, *, within: float) -> Call:
        """The next call that rings here and that nobody took yet. Raises NothingHappened, NotStarted."""
        try:
            async with asyncio.timeout(within):
                while not self._waiting:
                    if self._lost:
                        raise NotStarted(self._lost)
                    self._rang.clear()
                    await self._rang.wait()
        except TimeoutError:
            raise NothingHappened(f"nobody rang {self.line.number} within {within:g} s") from None
        return self._waiting.popleft()

    def log(self) -> str:
        """What the program wrote, for the admin; with `trace` the SIP messages too."""
        return self._on.log()

    async def _plug_in(self) -> None:
        line = self.line
        name = f'"{line.name}" ' if line.name else ""
        password = f";auth_user={line.number};auth_pass={line.password}" if line.password else ""
        regint = REGISTRATION if line.registers else 0
        account = f"{name}<sip:{line.number}@{line.exchange}>{password};regint={regint};audio_codecs={self._codecs}"
        await self._command("uanew", account)
        if not line.registers:
            return
        try:
            async with asyncio.timeout(5.0):
                await self._registration_known.wait()
        except TimeoutError:
            raise NotRegistered(f"{line.number}: no answer from {line.exchange} within 5 s") from None
        if isinstance(self._registration, RegistrationFailed):
            raise NotRegistered(f"{line.number}: {line.exchange} says {self._registration.reason}")

    async def _command(self, command: str, params: str) -> str:
        if self._on.control is None:
            raise NotStarted("the telephone is not switched on yet")
        return await self._on.control.command(command, params)

    @property
    def _on(self) -> Handset:
        if self._handset is None:
            raise NotStarted("the telephone is not switched on: use it inside `async with`")
        return self._handset

    def _happened(self, event: Event) -> None:
        self.events.append(event)
        match event:
            case Registered() | RegistrationFailed():
                self._registration = event
                self._registration_known.set()
            case Incoming():
                self._ring(event)
            case Ringing():
                self._known(event.call).took_place(ringing=True, early_audio=event.early_audio)
            case Established():
                self._known(event.call).took_place(established=True)
            case Closed():
                self._close(self._known(event.call), event.ended)
            case _:
                assert_never(event)

    def _known(self, call: str) -> Call:
        """The call with this id, new if we just dialled: its events may come before the answer to our command."""
        for known in self.calls:
            if known.id == call:
                return known
        return self._begin(call, self._dialling, outgoing=True)

    def _begin(self, call: str, number: str, *, name: str = "", outgoing: bool) -> Call:
        made = Call(call=call, number=number, name=name, outgoing=outgoing, command=self._command, speak=self._speak,
                    recording=self._on.folder / "heard.wav")  # fmt: skip
        self.calls.append(made)
        return made

    def _ring(self, event: Incoming) -> None:
        call = self._begin(event.call, event.number, name=event.name, outgoing=False)
        call.took_place(ringing=True)
        self._waiting.append(call)
        self._rang.set()

    def _close(self, call: Call, ended: Ended) -> None:
        # The next call's recording gets the same name, so this one's moves out of the way now. The program may have it
        # open still; what it writes at the end goes to the same file.
        kept = self._on.folder / f"heard-{self.calls.index(call) + 1}.wav"
        if call.answered_at is not None or call.early_audio:
            with contextlib.suppress(FileNotFoundError):
                call.recording.rename(kept)
        if call in self._waiting:
            self._waiting.remove(call)
        call.end(ended, kept)

    async def _speak(self, sound: Sound) -> None:
        name = f"says-{next(self._spoken)}.wav"
        self._write_source(name, sound)
        await self._command("ausrc", f"aufile,{self._on.folder / name}")

    def _write_source(self, name: str, sound: Sound) -> None:
        # When its sound ends, the program hangs up: so silence follows, as long as any call may be.
        write_wav(self._on.folder / name, sound.narrow(), silence=self._longest_call)

    def _gone(self, why: str) -> None:
        self._lost = self._lost or why
        self._rang.set()
        for call in self.calls:
            if call.ended is None:
                self._close(call, Ended(by="fault", text=self._lost))
