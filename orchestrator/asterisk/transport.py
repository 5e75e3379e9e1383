"""The one seam between us and Asterisk: texts that go out, texts that come in.

Belongs here: the shape of the seam and the real websocket. A fake exchange is another `Dial`. Not here: what the
texts mean (connection, events).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import aiohttp

from orchestrator.asterisk.address import Address
from orchestrator.asterisk.errors import UNAUTHORIZED, NotConnected

HEARTBEAT = 4.0
"""Seconds between pings; a line whose other end says nothing for half as long after one is given up."""


class Transport(Protocol):
    """One line to Asterisk, for one application."""

    async def send(self, text: bytes) -> None:
        """Hand one text over. Raises NotConnected."""

    async def receive(self) -> bytes:
        """The next text. Raises NotConnected when the line is closed or broken."""

    async def close(self) -> None:
        """Hang up the line; never raises."""


Dial = Callable[[str], Awaitable[Transport]]
"""Application name -> a new line under that name. Raises NotConnected."""


DIAL_LIMIT = 3.0
"""Seconds that a connection may take."""


def websocket(address: Address) -> Dial:
    """Dial the real Asterisk at `address`. A second line under one name takes that name from the first."""

    async def dial(app: str) -> Transport:
        session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(DIAL_LIMIT):
                socket = await _connect(session, address, app)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            await session.close()
            raise NotConnected(f"no line to Asterisk at {address.url} for {app}: {error!r}") from error
        except BaseException:
            await session.close()
            raise
        return WebSocket(session, socket)

    return dial


async def _connect(session: aiohttp.ClientSession, address: Address, app: str) -> aiohttp.ClientWebSocketResponse:
    """A line with the first password that Asterisk takes; raises ClientError."""
    *others, last = address.passwords()
    for password in (*others, last):
        try:
            return await session.ws_connect(
                f"{address.url}/events",
                params={"app": app, "subscribeAll": "false"},
                headers={"Authorization": aiohttp.encode_basic_auth(address.user, password, "utf-8")},
                heartbeat=HEARTBEAT,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as refused:
            if refused.status != UNAUTHORIZED or password == last:
                raise
    raise AssertionError("there is always a password")


class WebSocket:
    """A real line to Asterisk."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session, self._socket = session, socket

    async def send(self, text: bytes) -> None:
        try:
            await self._socket.send_frame(text, aiohttp.WSMsgType.TEXT)
        except (aiohttp.ClientError, OSError) as error:
            raise NotConnected(f"the line to Asterisk broke: {error!r}") from error

    async def receive(self) -> bytes:
        message = await self._socket.receive()
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                return str(message.data).encode()
            case aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
            case _:
                raise NotConnected(f"the line to Asterisk was closed ({message.type.name.lower()})")

    async def close(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._socket.close()
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass  # the session ends what is left of it
        finally:
            await self._session.close()
