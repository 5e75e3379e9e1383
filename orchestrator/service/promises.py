"""Promises to call back, as control sees them: what failed becomes a case of the department, what a crash left without
a stand-in is put back into its queue.

Everything else is native (compile.promises). A case is a message in the department's box, as a caller would have left
it: so it is listed, mailed, reminded of and deleted like any other.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from orchestrator.asterisk import database
from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.rest import Rest
from orchestrator.compile.promises import DAY, FAILED, NAME, TODAY, WAITS
from orchestrator.domain.directory import Directory
from orchestrator.domain.promises import FLOW, STANDS_IN, TURN
from orchestrator.metrics.queues import QueueMetrics
from orchestrator.phone.sound import read_sound, write_wav
from orchestrator.service import wiring
from orchestrator.service.state import State

log = structlog.get_logger()

MISSED = 20.0
"""Seconds without a stand-in after which a promise gets another one: its caller may still hear that it was made."""
TALKS = "Up"
"""State of a stand-in's channel once a member has picked up."""
TRY_AGAIN = 10.0
"""Seconds until a case is made anew whose box could not be written."""
SAID = "call-back-failed"
"""The sound that is the message of a case; Asterisk's own ones are there whatever the directory says."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One entry of Asterisk's database."""

    queue: str
    number: str
    """As it is dialled in Germany."""
    ticket: str
    """When its caller came into the queue, in milliseconds since the epoch."""
    tries: int
    box: str
    """Where its case comes to."""
    failed: bool

    @property
    def key(self) -> str:
        return f"{self.queue}/{self.number}"

    def stands_in(self, channel: str) -> bool:
        """Whether a channel of that name is its stand-in: the end of it that waits in the queue."""
        return channel.startswith(f"Local/{self.number}@{STANDS_IN}{self.queue}-") and channel.endswith(";2")


def read(entries: Mapping[str, str]) -> list[Promise]:
    """What is promised, of the entries of the family; those that somebody else wrote are left out."""
    found = []
    for key, value in sorted(entries.items()):
        queue, _, number = key.partition("/")
        ticket, tries, due, box, state, *_ = (*value.split(":"), "", "", "", "", "")
        if number.isdigit() and ticket.isdigit() and tries.isdigit() and due.isdigit() and state in (WAITS, FAILED):
            found.append(
                Promise(queue=queue, number=number, ticket=ticket, tries=int(tries), box=box, failed=state == FAILED)
            )
    return found


async def now(ami: Ami) -> list[Promise]:
    """What is promised now. Raises AsteriskError."""
    return read(await database.entries(ami, NAME))


def waiting(promises: Iterable[Promise]) -> Counter[str]:
    """Queue -> how many are to be called back."""
    return Counter(promise.queue for promise in promises if not promise.failed)


@dataclass(kw_only=True)
class Promises:
    """The promises of one exchange. `directory` is the applied one, asked anew each time."""

    state: State
    directory: Callable[[], Directory]
    ami: Ami
    metrics: QueueMetrics
    file: Callable[..., Awaitable[set[str]]]
    """Files what was recorded on a channel (mailroom)."""
    _alone: dict[str, float] = field(default_factory=dict)
    """Promise -> since when it has no stand-in (monotonic seconds)."""
    _later: dict[str, float] = field(default_factory=dict)
    """Promise -> when its case is made anew (monotonic seconds)."""

    async def look(self) -> None:
        """Every second: cases of what failed, stand-ins for what has none. Raises AsteriskError, OSError."""
        if not self.ami.up:
            return
        found = await now(self.ami)
        offered = {queue.id for queue in self.directory().queues.values() if queue.calls_back}
        self.metrics.promised({queue: waiting(found)[queue] for queue in offered})
        if not found:
            self._alone.clear()
            return
        rest = Rest(wiring.ari(self.state))
        channels = await asyncio.to_thread(rest.ask, "GET", "channels")
        alone = []
        for promise in found:
            standing_in = [each for each in channels if promise.stands_in(each["name"])]
            if promise.failed:
                await self._give_up(promise)
            elif promise.queue in offered:
                alone += [] if standing_in else [promise]
            elif not any(each["state"] == TALKS for each in standing_in):  # of a queue that calls nobody back any more
                await self._give_up(promise)
                for each in standing_in:
                    await asyncio.to_thread(rest.ask, "DELETE", "channels", each["id"])
        await self._stand_in(rest, alone)

    async def forget(self) -> None:
        """Who was promised something on another day is forgotten. Raises AsteriskError."""
        if self.ami.up:
            today = f"{datetime.now(ZoneInfo(self.directory().town.timezone)):%Y%m%d}"
            for number, counted in (await database.entries(self.ami, TODAY)).items():
                if not counted.startswith(f"{today}:"):
                    await database.remove(self.ami, TODAY, number)

    async def _give_up(self, promise: Promise) -> None:
        """The department gets a case; killed at any instant, all of it is done once more, and the case is one."""
        if time.monotonic() < self._later.get(promise.key, 0.0):
            return
        self._later[promise.key] = time.monotonic() + TRY_AGAIN
        recording = self.state.spool / "recording" / f"{promise.box}-{promise.ticket}-1.wav"
        await asyncio.to_thread(self._record, promise.box, recording)
        at = int(promise.ticket) / 1000
        await self.file(promise.ticket, caller=promise.number, at=at, boxes={promise.box})
        if recording.exists():
            return  # it could not be filed
        del self._later[promise.key]
        await database.remove(self.ami, NAME, promise.key)
        self.metrics.called_back.labels(promise.queue, "failed").inc()
        log.warning("a call back was given up", queue=promise.queue, tries=promise.tries, box=promise.box)

    def _record(self, box: str, to: Path) -> None:
        directory = self.directory()
        language = directory.boxes[box].language if box in directory.boxes else ""
        language = language if language in directory.town.languages else directory.town.languages[0]
        beside = to.with_suffix(".part")
        sound = self.state.sounds / language / f"{SAID}.alaw"
        write_wav(beside, read_sound(sound))
        beside.replace(to)

    async def _stand_in(self, rest: Rest, alone: list[Promise]) -> None:
        """A stand-in for each that has none for a while: its caller's end was cut, or Asterisk was restarted."""
        moment = time.monotonic()
        self._alone = {promise.key: self._alone.get(promise.key, moment) for promise in alone}
        for promise in alone:
            if moment - self._alone[promise.key] < MISSED:
                continue
            del self._alone[promise.key]
            await asyncio.to_thread(lambda asked: rest.ask("POST", "channels", **asked), _asked(promise))
            log.warning("a promise to call back got another stand-in", queue=promise.queue)


def _asked(promise: Promise) -> dict[str, str]:
    """What ARI is asked for; the same as the dialplan does (compile.promises)."""
    return {
        "endpoint": f"Local/{promise.number}@{STANDS_IN}{promise.queue}/n",
        "context": f"flow-{FLOW}{promise.queue}",
        "extension": f"{TURN}=served",
        "priority": "1",
        "timeout": str(DAY),
        "callerId": promise.number,
    }
