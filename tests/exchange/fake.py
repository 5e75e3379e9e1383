"""The exchange in memory: applications, channels and a dialplan of places, behind the transport seam.

Belongs here: what Asterisk does with callers and applications. The contract suite runs on this and on the original,
so that this stays as rude. Not here: the paths of requests (requests), delays (line), queues behind media (channel).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.asterisk.transport import Transport
from tests.exchange.channel import Channel, Playback
from tests.exchange.line import Delays, Line
from tests.exchange.requests import obey

OFFER = 0.25
"""Seconds until an offer that nobody claimed is withdrawn."""

Native = Callable[[Channel], Awaitable[str]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place of the dialplan: who performs it, and where each answer leads (`` = the end)."""

    native: Native
    leads: Mapping[str, str]
    deadline: float | None = None
    """Seconds of the deadline for Python; None if no attendant is asked."""
    tries: int | None = None
    """How often a menu is offered; None for every other step."""

    def labels(self) -> set[str]:
        """Where in the place a caller may go on."""
        return {"native"} | ({"resume"} if self.deadline else set()) | ({"next"} if self.tries else set())


@dataclass(kw_only=True)
class App:
    """An application that somebody has connected once. Its callers stay when its line goes."""

    line: Line | None = None
    channels: dict[str, Channel] = field(default_factory=dict)
    wanted: frozenset[str] | None = None


class FakeExchange:
    """`marks` is the journal: channel id -> `PLACE …`, `ANSWER …`, `NOTE …` in order."""

    def __init__(
        self, places: Mapping[str, Place], *, media: Callable[[str], float], delays: Delays | None = None
    ) -> None:
        self.places, self.media = places, media
        self.delays = delays or Delays()
        self.apps: dict[str, App] = {}
        self.channels: dict[str, Channel] = {}
        self.playbacks: dict[str, tuple[Channel, Playback]] = {}
        self.citizens: dict[str, str] = {}
        """Channel of a citizen -> channel of the same call in the dialplan."""
        self.globals: dict[str, str] = {}
        self.marks: dict[str, list[str]] = {}

    # Applications

    async def dial(self, name: str) -> Transport:
        """The seam: a `Dial`."""
        await asyncio.sleep(self.delays.request)
        app = self.apps.setdefault(name, App())
        if app.line:
            app.line.event({"type": "ApplicationReplaced", "application": name})
        line = Line(self.delays, lambda line, message: obey(self, line, message), lambda: self._hung_up(name, line))
        app.line, app.wanted = line, None
        return line

    def _hung_up(self, name: str, line: Line) -> None:
        if self.apps[name].line is line:
            self.apps[name].line = None

    def tell(self, name: str, message: dict[str, Any]) -> None:
        app = self.apps.get(name)
        if app and app.line and (app.wanted is None or message["type"] in app.wanted):
            app.line.event({**message, "application": name})

    # The dialplan

    def mark(self, channel: Channel, text: str) -> None:
        self.marks.setdefault(channel.id, []).append(text)

    def land(self, channel: Channel, place: str) -> None:
        """The caller reaches a place."""
        channel.attempt = 1
        self._resume(channel, place)

    def _resume(self, channel: Channel, place: str) -> None:
        """The label `resume`: the place again, a menu in the same try."""
        self._leave_dialplan(channel)
        channel.arm(0, lambda: None)
        channel.place = place
        channel.exten = place.partition(".")[2]
        self.mark(channel, f"PLACE {place}")
        self._offer(channel)

    def _next(self, channel: Channel) -> None:
        """The label `next`: a menu's next try, or the end of them."""
        channel.attempt += 1
        if channel.attempt <= (self.places[channel.place].tries or 0):
            self._offer(channel)
        else:
            self.answer(channel, "gave_up")

    def natively(self, channel: Channel, place: str) -> None:
        """The label `native`: the dialplan performs the step, a menu from this try on."""
        self._leave_dialplan(channel)
        channel.arm(0, lambda: None)
        channel.place = place
        channel.exten = place.partition(".")[2]
        while channel.early:
            channel.keys.put_nowait(channel.early.pop(0))
        channel.native = asyncio.get_running_loop().create_task(self._perform(channel, self.places[place]))

    def _offer(self, channel: Channel) -> None:
        found = self.places[channel.place]
        if found.deadline is None or self.globals.get("ATTENDANTS", "0") == "0":
            self.natively(channel, channel.place)
            return
        channel.arm(found.deadline, lambda: self._overdue(channel))
        channel.offered = True
        channel.withdrawal = asyncio.get_running_loop().call_later(OFFER, self._withdraw, channel)
        for name in self.apps:
            if re.match("attendant-", name):
                self.tell(name, {"type": "CallBroadcast", "channel": snapshot(channel)})

    def answer(self, channel: Channel, answer: str) -> None:
        """The caller goes on at an answer of the place where they are."""
        channel.arm(0, lambda: None)
        to = self.places[channel.place].leads[answer]
        self.mark(channel, f"ANSWER {channel.place}={answer}")
        if to:
            self.land(channel, to)
        else:
            self.hang_up(channel)

    def has(self, context: str, extension: str, label: str) -> bool:
        """Whether there is that label in the extension."""
        found = self.places.get(f"{context.removeprefix('flow-')}.{extension}")
        return found is not None and label in found.labels()

    def arrive(self, channel: Channel, context: str, extension: str, label: str | None) -> None:
        """`continue`: a place, a label that it has, an answer, or an extension that there is none of."""
        step, _, answer = extension.partition("=")
        place = f"{context.removeprefix('flow-')}.{step}"
        if label == "native":
            self.natively(channel, place)
        elif label == "resume":
            self._resume(channel, place)
        elif label == "next":
            self._next(channel)
        elif place in self.places and not answer:
            self.land(channel, place)
        elif place in self.places and answer in self.places[place].leads:
            self.answer(channel, answer)
        else:
            self.mark(channel, f"NOTE unknown {extension}")
            self.natively(channel, channel.place)

    async def _perform(self, channel: Channel, place: Place) -> None:
        channel.arm(0, lambda: None)
        answer = await place.native(channel)
        channel.native = None
        self.answer(channel, answer)

    def _withdraw(self, channel: Channel) -> None:
        channel.offered = False
        self.natively(channel, channel.place)

    def _overdue(self, channel: Channel) -> None:
        self.take_from_app(channel)
        self.mark(channel, "NOTE deadline")
        self.natively(channel, channel.place)

    def _leave_dialplan(self, channel: Channel) -> None:
        channel.offered = False
        if channel.withdrawal:
            channel.withdrawal.cancel()
            channel.withdrawal = None
        if channel.native and channel.native is not asyncio.current_task():
            channel.native.cancel()
        channel.native = None

    # Between both

    def give_to_app(self, channel: Channel, name: str, arguments: tuple[str, ...]) -> None:
        self._leave_dialplan(channel)
        if not self.apps[name].line:
            if channel.place:
                self.natively(channel, channel.place)  # Stasis() fails at once where nobody is connected
            return
        channel.app, channel.arguments = name, arguments
        self.apps[name].channels[channel.id] = channel
        self.tell(name, {"type": "StasisStart", "args": list(arguments), "channel": snapshot(channel)})
        while channel.early:
            self.press(channel, channel.early.pop(0))

    def take_from_app(self, channel: Channel) -> None:
        channel.silence()
        name, channel.app = channel.app, None
        if name:
            del self.apps[name].channels[channel.id]
            self.tell(name, {"type": "StasisEnd", "channel": snapshot(channel)})

    def hang_up(self, channel: Channel) -> None:
        """Either side hung up: everything of this call ends."""
        if channel.ended:
            return
        channel.ended = True
        self._leave_dialplan(channel)
        channel.arm(0, lambda: None)
        channel.silence()
        del self.channels[channel.id]
        self.take_from_app(channel)
        for citizen, line in list(self.citizens.items()):
            if channel.id in (citizen, line):
                del self.citizens[citizen]
                for other in (citizen, line):
                    if other in self.channels:
                        self.hang_up(self.channels[other])

    def played(self, channel: Channel, playback: Playback) -> None:
        self.playbacks.pop(playback.id, None)
        if channel.app:
            told = {"id": playback.id, "target_uri": f"channel:{channel.id}", "state": "done"}
            self.tell(channel.app, {"type": "PlaybackFinished", "playback": told})

    def press(self, channel: Channel, key: str) -> None:
        if channel.app:
            self.tell(channel.app, {"type": "ChannelDtmfReceived", "digit": key, "channel": snapshot(channel)})
        elif channel.native:
            channel.keys.put_nowait(key)
        elif channel.offered:
            channel.early.append(key)

    def left_over(self) -> list[str]:
        """What should not be there after a test."""
        return [*self.channels, *self.playbacks]


def snapshot(channel: Channel) -> dict[str, Any]:
    flow = channel.place.partition(".")[0]
    position = {"context": f"flow-{flow}", "exten": channel.exten, "priority": 7}
    return {"id": channel.id, "name": f"Local/{channel.id}", "language": "de", "dialplan": position}
