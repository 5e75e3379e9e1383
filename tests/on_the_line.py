"""Somebody in the mailbox by telephone, for tests without a telephone: keys in, words out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL

from orchestrator.domain.mailbox_texts import PROMPTS
from orchestrator.domain.people import Box
from orchestrator.messages.api import Messages
from orchestrator.messages.mailbox import HEARD, Spool
from orchestrator.messages.pins import Pins
from orchestrator.messages.telephone.by_telephone import Dialogues
from orchestrator.messages.telephone.dialogue import Caller, Heard, Turn
from tests.databases import database
from tests.spools import message
from tests.test_filer import recording
from tests.towns import BERLIN, person, small

_TOWN = small()
TOWN = replace(
    _TOWN,
    people={**_TOWN.people, "p40": replace(person("40", phones=("tel10",), box="40"), department="")},
    boxes={
        **_TOWN.boxes,
        "10": replace(_TOWN.boxes["10"], members=("p3501", "p2500")),
        "40": Box(id="40", name="Carla", quota=50),
    },
)
"""p3501 (tel2501) has the box 3501 and works with 10, the department's; p2500 (tel2500) with that only; p40 (tel10)
has the box 40."""
PATIENT = 60.0
"""Seconds of a turn where a busy machine is no reason to give up."""
NOW = datetime(2026, 11, 25, 16, 30, tzinfo=BERLIN)


@dataclass
class Clock:
    """A clock that stands."""

    now: float = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@dataclass
class Town:
    """The boxes of a small town, and who may call them."""

    messages: Messages
    pins: Pins
    clock: Clock
    steady: Clock
    """The one that nobody sets."""
    dialogues: Dialogues
    lit: list[str] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)

    @property
    def spool(self) -> Spool:
        return self.messages.spool

    def line(self, phone: str = "", channel: str = "1.1", guest: str = "") -> OnTheLine:
        """Somebody who calls from `phone`, where `guest` has logged in, or from outside."""
        caller = Caller(channel=channel, phone=phone, number="0171", guest=guest)
        return OnTheLine(dialogues=self.dialogues, caller=caller)

    def spoken(self, seconds: float = 2.0, name: str = "said") -> str:
        """What the dialplan recorded."""
        return str(recording(self.spool.root / "dictation" / f"{name}.wav", seconds))


@asynccontextmanager
async def town(url: URL, root: Path) -> AsyncIterator[Town]:
    """A town whose database is at `url` and whose spool is below `root`."""
    async with database(url) as engine:
        clock, steady, lit, greeted = Clock(), Clock(), list[str](), list[str]()

        async def light(box: str) -> None:
            lit.append(box)

        async def tell(box: str) -> None:
            greeted.append(box)

        spool = Spool(root / "spool")
        messages = Messages(spool=spool, engine=engine, directory=lambda: TOWN, light=light, clock=clock)
        pins = Pins(spool, lambda box: f"90{box}17")
        dialogues = Dialogues(messages=messages, pins=pins, greeted=tell, acts=PATIENT, says=PATIENT, steady=steady)
        yield Town(
            messages=messages,
            pins=pins,
            clock=clock,
            steady=steady,
            dialogues=dialogues,
            lit=lit,
            greeted=greeted,
        )


@dataclass
class OnTheLine:
    """One call."""

    dialogues: Dialogues
    caller: Caller
    last: Turn = field(default_factory=Turn)

    async def comes(self) -> Turn:
        """They come, or come again."""
        return await self._next(None)

    async def press(self, *keys: str) -> Turn:
        """One turn after the other; an empty one is silence."""
        for each in keys:
            await self._next(Heard(keys=each, turn=self.last.turn))
        return self.last

    async def says(self, recorded: str) -> Turn:
        """What the dialplan recorded."""
        return await self._next(Heard(recorded=recorded, turn=self.last.turn))

    async def _next(self, heard: Heard | None) -> Turn:
        self.last = await self.dialogues.turn(self.caller, heard)
        assert self.last.play, "there is always something to hear"
        return self.last

    @property
    def words(self) -> str:
        """What is heard, in German; keys that are offered are left out."""
        return " ".join(heard(media) for media in self.last.play if not media.startswith("prompt:mailbox_key_"))

    @property
    def offered(self) -> list[str]:
        """What the keys do that are offered: `message_keep`."""
        start = "prompt:mailbox_key_"
        return [media.removeprefix(start) for media in self.last.play if media.startswith(start)]


def heard(media: str) -> str:
    """What one hears of something that is played."""
    kind, _, what = media.partition(":")
    return PROMPTS[what].texts["de"] if kind == "prompt" else f"[{Path(what).name}]" if kind == "file" else what


def left(hour: int, minute: int = 0, day: int = 25) -> float:
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN).timestamp()


def there(path: str) -> bool:
    return Path(path).exists()


def three(at: Town, box: str = "40") -> None:
    """Two new messages and a saved one."""
    message(at.spool, box, "a", at=left(14, 10), seconds=2)
    message(at.spool, box, "b", at=left(15), seconds=3)
    message(at.spool, box, "old", at=left(9, 5, day=23), seconds=4, folder=HEARD)


async def desk(at: Town, phone: str = "tel10", channel: str = "1.1") -> OnTheLine:
    line = at.line(phone, channel)
    await line.comes()
    return line
