"""One attendant: takes callers who are offered, performs one step with each, and sends them on at its answer.

Belongs here: sorting what Asterisk says into calls, the bulkhead around each call, draining. Not here: how a step is
done (perform), and the process around it (worker). An attendant holds nothing that the channel does not hold.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from orchestrator.apps.book import Book
from orchestrator.apps.observer import GONE, NATIVE, NEXT, Nobody, Observer
from orchestrator.apps.perform import perform
from orchestrator.apps.skills import SKILLS, Skills
from orchestrator.asterisk import ari
from orchestrator.asterisk.connection import Connection
from orchestrator.asterisk.errors import NOT_THERE, AlreadyOver, AsteriskError
from orchestrator.asterisk.events import Arrived, Departed, Event, KeyPressed, Offered, PlaybackEnded
from orchestrator.asterisk.hangup import WhileAlive
from orchestrator.asterisk.leg import Leg
from orchestrator.asterisk.transport import Dial

log = logging.getLogger(__name__)

MOST_TRIES = 9
"""Playbacks are numbered from 1 to this."""
LATE = 0.2
"""Seconds after which an offer is left to a fellow, and natively to the dialplan a twentieth later: who hears of it so
late has more to do than they can, and each caller more would make all of them wait longer."""
ARRIVAL_LIMIT = 0.5
"""Seconds from a claim that was won until its caller must have arrived."""
DRAIN_LIMIT = 2.0
"""Seconds that handing all callers back may take."""


class Attendant:
    """The attendant of slot `slot`, known to Asterisk as `attendant-<slot>`."""

    def __init__(
        self, *, slot: int, dial: Dial, book: Book, skills: Skills = SKILLS, observer: Observer | None = None
    ) -> None:
        self.connection = Connection(dial, app=f"attendant-{slot}", listener=self)
        self._ari = ari.Ari(self.connection)
        self._book, self._skills, self._observer = book, skills, observer or Nobody()
        self._legs: dict[str, Leg] = {}
        self._expected: dict[str, object] = {}
        """Callers whom we have claimed and who have not arrived -> the claim: the same caller may come again soon."""
        self._open = False
        self._draining = False
        self._leaving = asyncio.Event()
        self._idle = asyncio.Event()
        self._calls = asyncio.TaskGroup()

    async def run(self) -> None:
        """Attend callers until told to `drain`; then hand back those who are here, within a bounded time."""
        async with self._calls:
            line = self._calls.create_task(self.connection.run())
            await self._leaving.wait()
            await self._hand_back_all()
            line.cancel()

    def drain(self) -> None:
        """Take no more callers, hand back those who are here, and end `run`."""
        self._leaving.set()

    async def _hand_back_all(self) -> None:
        self._draining = True
        for leg in self._legs.values():
            leg.hand_back()
        self._notice_idle()
        try:
            async with asyncio.timeout(DRAIN_LIMIT):
                await self._idle.wait()
        except TimeoutError:
            log.error("attendant leaves with %s callers; the shift sends them back", len(self._legs))
        for leg in self._legs.values():
            leg.end()

    # What the connection tells us

    async def welcome(self) -> None:
        """Send back whom an earlier line of ours left behind: their keys and prompts are lost to us."""
        for channel in await self._ari.my_channels():
            await self._send_back(channel)
        self._open = True
        self._observer.connected()

    def lost(self) -> None:
        if self._open:
            self._observer.disconnected()
        self._open = False
        self._expected.clear()
        legs, self._legs = self._legs, {}
        for leg in legs.values():
            leg.end()
        self._notice_idle()

    def hear(self, event: Event) -> None:
        match event:
            case Offered():
                self._claim(event)
            case Arrived():
                self._receive(event)
            case Departed(channel=channel):
                if leg := self._legs.pop(channel, None):
                    leg.end()
                self._notice_idle()
            case KeyPressed(channel=channel, key=key):
                if leg := self._legs.get(channel):
                    leg.press(key)
            case PlaybackEnded(channel=channel, playback=playback):
                if leg := self._legs.get(channel):
                    leg.playback_ended(playback)
            case _:
                pass

    def _claim(self, offered: Offered) -> None:
        if not self._open or self._draining:
            return
        place = f"{offered.channel.context.removeprefix('flow-')}.{offered.channel.extension}"
        if offered.at and time.time() - offered.at > LATE:
            self._observer.shed(place)
            return
        channel = offered.channel.id
        claim = self._expected[channel] = object()

        def settled(reply: asyncio.Future[Any]) -> None:
            match reply.exception():
                case None:  # one who hangs up at this instant never arrives
                    asyncio.get_running_loop().call_later(ARRIVAL_LIMIT, self._expect_no_more, channel, claim)
                    return
                case AlreadyOver():
                    self._observer.claim_lost(place)
                case error:
                    log.warning("could not claim a caller at %s: %s", place, error)
            self._expect_no_more(channel, claim)

        self._ari.claim(channel).then(settled)

    def _expect_no_more(self, channel: str, claim: object) -> None:
        if self._expected.get(channel) is claim:
            del self._expected[channel]
        self._notice_idle()

    def _receive(self, arrived: Arrived) -> None:
        leg = Leg(self._ari, arrived)
        if earlier := self._legs.get(leg.id):
            earlier.end()
        self._legs[leg.id] = leg
        self._expected.pop(leg.id, None)
        if self._draining:
            leg.hand_back()
        else:
            self._calls.create_task(self._visit(leg))

    # One call

    async def _visit(self, leg: Leg) -> None:
        """A bulkhead: what goes wrong in here costs this caller our company, and nobody else anything."""
        loop = asyncio.get_running_loop()
        began, answer = loop.time(), GONE
        self._observer.began(leg.place)
        try:
            async with WhileAlive(leg):
                found = await perform(leg, self._book.step(leg.place), self._skills)
                answer = found or NEXT  # now: the caller's departure may be told before our request is answered
                await (leg.leave(found) if found else leg.leave_untold())
        except Exception as error:
            log.exception("%s: left to the dialplan", leg)
            self._observer.failed(leg.place, error)
            answer = NATIVE
            leg.leave_native()
        self._observer.ended(leg.place, answer, loop.time() - began)

    async def _send_back(self, channel: str) -> None:
        found = None
        try:
            found = await self._ari.channel(channel)
            for attempt in range(1, MOST_TRIES + 1):
                self._ari.stop(f"{channel}-{attempt}")
            await self._ari.go_on(channel, context=found.context, extension=found.extension, label=ari.NATIVE)
        except AlreadyOver as over:
            if found and over.status == NOT_THERE:  # gone, or the place is: an apply
                self._ari.go_on(channel, context=found.context, extension=found.extension)
        except AsteriskError as error:
            log.warning("could not send %s back to its place: %s", channel, error)

    def _notice_idle(self) -> None:
        if self._draining and not self._legs and not self._expected:
            self._idle.set()
