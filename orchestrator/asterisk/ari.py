"""Asterisk's words for the few things we ask of it: thin, typed, one method per request.

Belongs here: paths and parameters (Asterisk 22, rest-api/*.json). Not here: when to ask (leg, apps), and how it gets
there (connection). Ids are chosen by us, so that anyone can stop what anyone has started.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from orchestrator.asterisk.connection import Connection, Request
from orchestrator.asterisk.events import Channel
from orchestrator.asterisk.events import channel as read_channel

NATIVE = "native"
"""The label in every place from which the dialplan performs the step without us."""
RESUME = "resume"
"""The label in every place that is offered to us, from which it is offered once more: a menu in the same try."""
NEXT = "next"
"""The label in every menu from which the dialplan goes on with the next try, or gives up."""


class Ari:
    """Requests of one application. Each is sent at once and in order; await it for the outcome."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.app = connection.app

    def claim(self, channel: str) -> Request[Any]:
        """Take the caller who is offered to all of us; AlreadyOver if another was faster."""
        query = [("channelId", channel), ("application", self.app)]
        return self._connection.request("POST", "events/claim", query)

    def play(self, channel: str, playback: str, media: Sequence[str], *, skip: int = 0) -> Request[Any]:
        """Play `media` (`sound:…`, `number:…`, `digits:…`) one after the other, under an id of our own.

        A file is a sound that begins with `/`, without its ending. `skip`: milliseconds that steering moves; 0: 3000.
        """
        path = f"channels/{_part(channel)}/play/{_part(playback)}"
        query = [("media", ",".join(media)), *([("skipms", str(skip))] if skip else [])]
        return self._connection.request("POST", path, query)

    def steer(self, playback: str, operation: str) -> Request[Any]:
        """`restart`, `pause`, `unpause`, `reverse` or `forward` what plays; AlreadyOver if it has ended."""
        return self._connection.request("POST", f"playbacks/{_part(playback)}/control", [("operation", operation)])

    def stop(self, playback: str) -> Request[Any]:
        """Stop a playback; AlreadyOver if it has ended."""
        return self._connection.request("DELETE", f"playbacks/{_part(playback)}")

    def go_on(self, channel: str, *, context: str, extension: str, label: str | None = None) -> Request[Any]:
        """Send a caller back to the dialplan. Waits behind a running playback: stop it first.

        An extension that there is none of is obeyed and lands in `i`; for a label that there is none of, the caller
        stays, and the answer is AlreadyOver (404), as for one who has hung up.
        """
        at = ("label", label) if label else ("priority", "1")
        query = [("context", context), ("extension", extension), at]
        return self._connection.request("POST", f"channels/{_part(channel)}/continue", query)

    async def channel(self, channel: str) -> Channel:
        """What Asterisk knows about one channel. Raises AlreadyOver if it has ended."""
        return read_channel(await self._connection.request("GET", f"channels/{_part(channel)}"))

    async def my_channels(self) -> tuple[str, ...]:
        """Ids of the channels that are with this application, whoever brought them there."""
        found = await self._connection.request("GET", f"applications/{_part(self.app)}")
        return tuple(found.get("channel_ids", ()))


def _part(text: str) -> str:
    return quote(text, safe="")
