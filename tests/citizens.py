"""Callers for tests: they dial a place, press keys and hang up, over ARI, from an application of their own.

A Local channel has two ends: `<name>` is with us and plays the citizen, `<name>-line` is the caller in the dialplan.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from orchestrator.asterisk.connection import Connection
from orchestrator.asterisk.errors import AlreadyOver
from orchestrator.asterisk.events import Arrived, Departed, Event
from orchestrator.asterisk.transport import Dial

CONNECT_LIMIT = 5.0


class Citizens:
    """Everyone who rings the town in one test."""

    def __init__(self, dial: Dial) -> None:
        self.connection = Connection(dial, app="citizens", listener=self, limit=5.0)
        self.talking: dict[str, asyncio.Event] = {}
        self.over: dict[str, asyncio.Event] = {}
        self._up = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._line = asyncio.create_task(self.connection.run())
        async with asyncio.timeout(CONNECT_LIMIT):
            await self._up.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.cancel()
        await asyncio.gather(self._line, return_exceptions=True)

    async def welcome(self) -> None:
        self._up.set()

    def lost(self) -> None:
        self._up.clear()

    def hear(self, event: Event) -> None:
        match event:
            case Arrived(channel=channel):
                self.talking[channel.id].set()
            case Departed(channel=name) if name in self.over:
                self.over[name].set()
            case _:
                pass

    async def call(self, name: str, place: str) -> str:
        """Dial `flow.step` and wait until somebody answers; the id of the caller's channel in the dialplan."""
        flow, step = place.split(".")
        self.talking[name], self.over[name] = asyncio.Event(), asyncio.Event()
        line = f"{name}-line"
        query = [
            ("endpoint", f"Local/{step}@flow-{flow}/n"),
            ("app", self.connection.app),
            ("channelId", name),
            ("otherChannelId", line),
            ("formats", "alaw"),  # else it is 192 kHz linear, and dear
        ]
        await self.connection.request("POST", "channels", query)
        async with asyncio.timeout(CONNECT_LIMIT):
            await self.talking[name].wait()
        return line

    async def press(self, name: str, key: str) -> bool:
        """Press one key; False if the call is over."""
        try:
            await self.connection.request("POST", f"channels/{name}/dtmf", [("dtmf", key), ("duration", "60")])
        except AlreadyOver:
            return False
        return True

    async def hang_up(self, name: str) -> None:
        """Hang up, if there is still somebody to hang up on."""
        with suppress(AlreadyOver):
            await self.connection.request("DELETE", f"channels/{name}")
