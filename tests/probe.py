"""An attendant that does nothing by itself: the test claims, plays and leaves by hand, and hears every event."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from orchestrator.asterisk.ari import Ari
from orchestrator.asterisk.connection import Connection
from orchestrator.asterisk.events import Event
from orchestrator.asterisk.transport import Dial


class Probe:
    """Connects as `app`; `heard` is every event so far with its time."""

    def __init__(self, dial: Dial, app: str) -> None:
        self.connection = Connection(dial, app=app, listener=self)
        self.ari = Ari(self.connection)
        self.heard: list[tuple[float, Event]] = []
        self.connects = 0
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._line = asyncio.create_task(self.connection.run())
        async with asyncio.timeout(5):
            while not self.connection.connected:
                await asyncio.sleep(0.01)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.cancel()
        await asyncio.gather(self._line, return_exceptions=True)

    async def welcome(self) -> None:
        self.connects += 1

    def lost(self) -> None:
        pass

    def hear(self, event: Event) -> None:
        self.heard.append((asyncio.get_running_loop().time(), event))
        self._news.set()

    def all(self, kind: type[Event]) -> list[Event]:
        return [event for _, event in self.heard if isinstance(event, kind)]

    async def hears(self, kind: type[Event], *, times: int = 1, within: float = 3.0) -> float:
        """Wait until there were `times` events of `kind`; when the last of them came. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while True:
                came = [at for at, event in self.heard if isinstance(event, kind)]
                if len(came) >= times:
                    return came[times - 1]
                self._news.clear()
                await self._news.wait()
