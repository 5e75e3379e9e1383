"""The line between attendants and the dialogue of the mailbox: who calls, what was heard, what is to be played.

Belongs here: the telephone behind a channel, prompts as sounds, what the dialplan must be told before it goes on. Not
here: HTTP (web.dialogue), what is said (messages.telephone). A session of a caller is the dialogue's; what is kept here
is the last turn of each channel, and whose it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.asterisk import database
from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.compile.listening import CALLBACK, DICTATION
from orchestrator.domain import outgoing
from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import E164
from orchestrator.domain.prompts import Sounds
from orchestrator.messages.telephone.dialogue import Caller, Dialogue, Heard, Turn
from orchestrator.web.dialogue import Asked, NoAnswer

MOST_CALLERS = 1000
"""Channels of which the last turn is kept."""
NOTHING = 60
"""Bytes of a recording in which there is nothing: a header of 44, and less than a frame."""
DICTATION_AFTER = 86400.0
"""Seconds after which a recording is deleted that no dialogue has taken."""
_CHANNEL = re.compile(r"[A-Za-z0-9.-]+")
_NAME = re.compile(r"PJSIP/(?P<endpoint>.+)-[0-9a-f]+")


async def _nobody(phone: str) -> str:
    """Nobody has logged in at a telephone of somebody else."""
    return ""


@dataclass
class Visitor:
    """One caller of the mailbox."""

    phone: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    turn: Turn = field(default_factory=Turn)
    """The last turn."""
    guest: str | None = None
    """Who has logged in there, as they came; None: not asked yet."""
    dictated: int = 0
    """Recordings of which the dialogue knows, or which are none of its."""


class Line:
    """Answers attendants. `directory` and `sounds` give those that are applied now."""

    def __init__(
        self,
        *,
        dialogue: Dialogue,
        directory: Callable[[], Directory],
        sounds: Callable[[], Sounds],
        ami: Ami,
        spool: Path,
        guest: Callable[[str], Awaitable[str]] = _nobody,
    ) -> None:
        self._guest = guest
        self._dialogue, self._directory, self._sounds, self._ami = dialogue, directory, sounds, ami
        self._spool = spool
        self._visitors: OrderedDict[str, Visitor] = OrderedDict()

    async def answer(self, asked: Asked) -> Mapping[str, Any]:
        """What an attendant does next with its caller. Raises NoAnswer."""
        visitor = self._visitor(asked)
        async with visitor.lock:
            if visitor.guest is None:
                visitor.guest = await self._guest(visitor.phone) if visitor.phone else ""
            caller = Caller(
                channel=asked.channel, phone=visitor.phone, number=asked.number, at=asked.at, guest=visitor.guest
            )
            turn = await self._dialogue.turn(caller, self._heard(asked, visitor))
            try:
                played = [self._media(each) for each in turn.play]
                await self._tell(caller, turn)
            except AsteriskError as bad:
                raise NoAnswer(f"Asterisk cannot be told what is next: {bad}") from bad
            visitor.turn = turn
        return {
            "play": played,
            "most": turn.most,
            "wait": turn.wait,
            "during": dict(turn.during),
            "then": turn.then,
            "turn": turn.turn,
        }

    def _visitor(self, asked: Asked) -> Visitor:
        if not _CHANNEL.fullmatch(asked.channel):
            raise NoAnswer(f"{asked.channel!r} is no channel")
        phone = self._phone(asked.name)
        visitor = self._visitors.setdefault(asked.channel, Visitor(phone, dictated=asked.dictated))
        self._visitors.move_to_end(asked.channel)
        if len(self._visitors) > MOST_CALLERS:
            self._visitors.popitem(last=False)
        if visitor.phone != phone:  # put through: who listens now may have no right to what was opened
            raise NoAnswer(f"{asked.channel}: {phone or 'somebody outside'} is on the line of {visitor.phone}", 409)
        return visitor

    def _phone(self, name: str) -> str:
        """The telephone of the directory by which a channel came; empty for all others."""
        found = _NAME.fullmatch(name)
        return found["endpoint"] if found and found["endpoint"] in self._directory().phones else ""

    def _heard(self, asked: Asked, visitor: Visitor) -> Heard | None:
        """What came of the last turn; None where the caller came, or came again, without having been heard."""
        if not asked.came:
            return Heard(keys=asked.keys, turn=asked.turn)
        new, visitor.dictated = asked.dictated > visitor.dictated, asked.dictated
        if visitor.turn.then != "record" or not new:
            return None
        path = self._spool / "dictation" / f"{asked.channel}-{asked.dictated}.wav"
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > NOTHING:
                return Heard(recorded=str(path), turn=visitor.turn.turn)
        return Heard(turn=visitor.turn.turn)

    async def _tell(self, caller: Caller, turn: Turn) -> None:
        """The dialplan reads once what it is to do, and deletes it by reading."""
        if turn.then == "record":
            await database.put(self._ami, DICTATION, caller.channel, str(int(turn.limit)))
        elif turn.then == "call" and caller.phone:
            number = dialled(self._directory(), turn.number)
            await database.put(self._ami, CALLBACK, caller.channel, number)

    def _media(self, told: str) -> str:
        """What Asterisk plays: a prompt's sound in the caller's language, a file as a sound of that path."""
        kind, _, name = told.partition(":")
        match kind:
            case "prompt" if name in (sounds := self._sounds()):
                return f"sound:{sounds[name].file}"
            case "file" if name.startswith("/") and "," not in name:
                return f"sound:{name}"
            case "sound" | "number" | "digits" if name and "," not in name:
                return told
            case _:
                raise NoAnswer(f"{told!r} cannot be played: is it spoken? `durchwahl apply` makes what is missing")

    async def sweep(self) -> None:
        """What was to be read and was not: its caller has hung up. Raises AsteriskError."""
        for family in (DICTATION, CALLBACK):
            for channel in await database.entries(self._ami, family):
                if channel not in self._visitors:
                    await database.remove(self._ami, family, channel)


def dialled(directory: Directory, number: str) -> str:
    """A caller's number as it is dialled at a desk; empty where it is none that can be called back.

    Extensions as they are. A number for emergencies is none: whoever calls may give any number as theirs. Nor is one at
    a premium, which nobody may show as theirs (TKG § 120): it is a trap for whoever calls back.
    """
    town = directory.town
    if number in directory.numbers:
        return number
    if E164.fullmatch(number):
        outside = number
    elif re.fullmatch(r"0[0-9]{3,}", number):
        outside = town.outside + number
    else:
        return ""
    trap = outgoing.group(town, number) == "premium"
    return "" if trap or outside in dict(outgoing.short(town)) else outside


def forget_dictations(spool: Path, now: float | None = None) -> int:
    """Delete recordings that no dialogue has taken; how many. Raises OSError."""
    before = (time.time() if now is None else now) - DICTATION_AFTER
    old = [path for path in (spool / "dictation").glob("*.wav") if path.stat().st_mtime < before]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
