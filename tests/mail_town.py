"""A small town with mail: boxes with addresses, messages in a spool, an outbox, and who sends it."""

from __future__ import annotations

import array
import math
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.messages.mail import outbox
from orchestrator.messages.mail.clerk import Clerk
from orchestrator.messages.mail.composing import Letterhead
from orchestrator.messages.mail.letters import letters
from orchestrator.messages.mail.postman import Postman
from orchestrator.messages.mail.smtp import Server
from orchestrator.messages.mail.transcripts import Transcripts
from orchestrator.messages.mailbox import Message, Spool
from tests.databases import database
from tests.mail_server import SENDER
from tests.towns import person, small

NOON = 1_795_611_600.0
"""Wednesday, 2026-11-25, 14:00 in Berlin."""
RATE = 8000


def town(**changed: Any) -> Directory:
    """The small town; Anna has a box of her own, the department's box has no address but members with one."""
    anna = person("2500", stand_in="p3501", box="2500", email="anna@stadt.example")
    beate = person("3501", phones=("tel2501",), box="3501", email="beate@stadt.example")
    first = small()
    own = replace(first.boxes["3501"], id="2500", name="Anna Grün", email="anna@stadt.example")
    shared = replace(first.boxes["10"], name="Bürgerbüro", head="p2500", overdue=4, quota=10)
    boxes = {"2500": own, "3501": replace(own, id="3501", name="Beate Blau", email="beate@stadt.example"), "10": shared}
    return small(**{"people": {each.id: each for each in (anna, beate)}, "boxes": boxes, **changed})


def message(number: int, box: str = "2500", caller: str = "01712345678", left: float = NOON) -> Message:
    return Message(id=f"{number}.0-1", box=box, folder="INBOX", caller=caller, at=left + number, seconds=2)


def tone(seconds: float = 2.0, hertz: float = 440.0) -> bytes:
    """The samples of a recording."""
    count = int(seconds * RATE)
    return array.array("h", (int(8000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(count))).tobytes()


def left(spool: Path, told: Message, *, folder: str = "INBOX", samples: bytes = tone()) -> Path:
    """Put a message into the spool, as it was filed; its recording."""
    inbox = spool / "voicemail" / "town" / told.box / folder
    inbox.mkdir(parents=True, exist_ok=True)
    number = len(list(inbox.glob("*.txt")))
    fields = {"callerid": told.caller or "Unknown", "origtime": int(told.at), "msg_id": told.id}
    lines = [f"{name}={value}" for name, value in {**fields, "duration": told.seconds}.items()]
    (inbox / f"msg{number:04d}.txt").write_text("\n".join(["[message]", *lines, ""]))
    path = inbox / f"msg{number:04d}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples)
    return path


@dataclass
class Heard:
    """What the postman tells."""

    outcomes: list[str] = field(default_factory=list)
    up: list[bool] = field(default_factory=list)

    def mailed(self, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.outcomes.append(outcome)

    def mail_server(self, up: bool) -> None:
        self.up.append(up)


@dataclass
class Desk:
    """An outbox and who sends it; `ahead` moves the clock."""

    engine: AsyncEngine
    spool: Path
    directory: Directory = field(default_factory=town)
    heard: Heard = field(default_factory=Heard)
    ahead: float = 0.0
    head: Letterhead = field(default_factory=lambda: Letterhead(sender=SENDER))
    transcripts: Transcripts | None = None

    @property
    def clerk(self) -> Clerk:
        return Clerk(
            engine=self.engine,
            spool=Spool(self.spool),
            directory=lambda: self.directory,
            head=lambda: self.head,
            limit=10_000_000,
            clock=self.clock,
            transcripts=self.transcripts,
        )

    def clock(self) -> float:
        return NOON + 3600 + self.ahead

    def postman(self, server: Server, **changed: Any) -> Postman:
        return Postman(
            engine=self.engine,
            server=lambda: server,
            writer=self.clerk,
            observer=self.heard,
            clock=self.clock,
            **{"server_first": 0.001, **changed},
        )

    async def leave(self, *numbers: int, box: str = "2500") -> None:
        """Messages with those numbers are left and filed."""
        told = [message(number, box) for number in numbers]
        async with self.engine.begin() as connection:
            for each in told:
                left(self.spool, each)
                await outbox.queue(connection, letters(self.directory, self.directory.boxes[box], each), each.at)

    async def states(self) -> list[str]:
        every = (outbox.WAITING, outbox.SENT, outbox.DEAD, outbox.DROPPED, outbox.MOOT)
        return [each.state for each in await outbox.listed(self.engine, every)]


@asynccontextmanager
async def desk(url: URL, folder: Path, **changed: Any) -> AsyncIterator[Desk]:
    """An empty outbox at `url`."""
    async with database(url) as engine:
        yield Desk(engine, folder / "spool", **changed)
