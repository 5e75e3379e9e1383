"""One application's line to the fake exchange: the transport, with delays and races.

Replies and events go different ways in the original, so either may be first: two delays here, chosen by the test.
Each way keeps its own order.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestrator.asterisk.errors import NotConnected

CLOSED = b""


@dataclass(frozen=True, kw_only=True)
class Delays:
    """Seconds that a text takes on each of the three ways."""

    request: float = 0.004
    reply: float = 0.004
    event: float = 0.004


class Way:
    """Delivers in order, each text after the same delay."""

    def __init__(self, delay: float, deliver: Callable[[Any], None]) -> None:
        self._delay, self._deliver = delay, deliver
        self._under_way: deque[Any] = deque()

    def put(self, text: Any) -> None:
        self._under_way.append(text)
        asyncio.get_running_loop().call_later(self._delay, self._arrive)

    def _arrive(self) -> None:
        self._deliver(self._under_way.popleft())


class Line:
    """A `Transport`."""

    def __init__(self, delays: Delays, obey: Callable[[Line, dict[str, Any]], None], hung_up: Callable[[], None]):
        self._in: asyncio.Queue[bytes] = asyncio.Queue()
        self._hung_up = hung_up
        self.open = True
        self._requests = Way(delays.request, lambda text: obey(self, json.loads(text)))
        self._replies = Way(delays.reply, self._in.put_nowait)
        self._events = Way(delays.event, self._in.put_nowait)

    async def send(self, text: bytes) -> None:
        if not self.open:
            raise NotConnected("the line is closed")
        self._requests.put(text)

    async def receive(self) -> bytes:
        text = await self._in.get()
        if text is CLOSED:
            raise NotConnected("the line was closed")
        return text

    async def close(self) -> None:
        self.cut()

    def cut(self) -> None:
        """The line breaks, or is closed: nothing more arrives, in either direction."""
        if self.open:
            self.open = False
            self._in.put_nowait(CLOSED)
            self._hung_up()

    def reply(self, message: dict[str, Any]) -> None:
        self._replies.put(json.dumps(message).encode())

    def event(self, message: dict[str, Any]) -> None:
        if self.open:
            self._events.put(json.dumps(message).encode())
