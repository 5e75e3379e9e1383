"""The line to one running baresip: commands out, answers and events in.

Belongs here: tokens, time limits and the life of the connection. No task: everything happens when bytes arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable
from typing import Any, cast

from orchestrator.phone.errors import CommandRefused, NothingHappened, NotStarted
from orchestrator.phone.events import Event, read
from orchestrator.phone.wire import Frames, WireBroken, frame

PATIENCE = 10.0
"""Seconds for the program to answer a command; it takes a millisecond when it is well, seconds where fifty begin."""


class Control(asyncio.Protocol):
    """Hands each event to `on_event` as it arrives and says once, by `on_lost`, that no more will come."""

    def __init__(self, on_event: Callable[[Event], None], on_lost: Callable[[str], None]) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._frames = Frames()
        self._tokens = itertools.count(1)
        self._pending: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._transport: asyncio.Transport | None = None

    async def command(self, command: str, params: str = "") -> str:
        """Do one thing and return what the program says to it. Raises CommandRefused, NothingHappened, NotStarted."""
        if self._transport is None or self._transport.is_closing():
            raise NotStarted(f"the telephone is gone, so it cannot do: {command} {params}")
        token = str(next(self._tokens))
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[token] = answer
        self._transport.write(frame({"command": command, "params": params, "token": token}))
        try:
            async with asyncio.timeout(PATIENCE):
                said = await answer
        except TimeoutError:
            raise NothingHappened(f"the telephone's program did not answer `{command}` in {PATIENCE:g} s") from None
        finally:
            self._pending.pop(token, None)
        if not said.get("ok"):
            raise CommandRefused(f"{command} {params}: {str(said.get('data', '')).strip()}")
        return str(said.get("data", ""))

    def close(self) -> None:
        """Drop the connection at once; never waits."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._hurry()

    def data_received(self, data: bytes) -> None:
        self._hurry()
        try:
            for message in self._frames.feed(data):
                self._take(message)
        except WireBroken as error:
            self._on_lost(f"the telephone's program does not speak netstrings: {error}")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(NotStarted("the telephone's program went away"))
        self._on_lost(f"the telephone's program went away{f': {exc}' if exc else ''}")

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("response"):
            answer = self._pending.get(str(message.get("token", "")))
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif message.get("event") and (event := read(message)) is not None:
            self._on_event(event)

    def _hurry(self) -> None:
        # The program writes an event in several pieces with Nagle's algorithm on: without a quick ACK each costs 40 ms.
        sock = self._transport.get_extra_info("socket") if self._transport else None
        if sock is not None and hasattr(socket, "TCP_QUICKACK"):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
