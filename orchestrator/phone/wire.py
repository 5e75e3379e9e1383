"""The words between us and baresip's `ctrl_tcp`: JSON objects in netstrings (`12:{"a":"text"},`).

Belongs here: framing only. What an object means is in events.py.
Source: https://cr.yp.to/proto/netstrings.txt, and baresip's ctrl_tcp module as observed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LONGEST = 1_000_000
"""Bytes. Nothing that baresip says comes near; a longer announcement means that we lost the frame."""


class WireBroken(ValueError):
    """The bytes are not netstrings with JSON objects in them."""


def frame(message: Mapping[str, str]) -> bytes:
    """One object, ready to be sent."""
    body = json.dumps(message).encode()
    return b"%d:%s," % (len(body), body)


class Frames:
    """Cuts a stream into objects, whatever the pieces it arrives in."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take what arrived and give the objects that are complete now. Raises WireBroken."""
        self._rest += data
        messages: list[dict[str, Any]] = []
        while (body := self._next()) is not None:
            try:
                message = json.loads(body.decode(errors="replace"))
            except json.JSONDecodeError as error:
                raise WireBroken(f"not JSON: {body[:80]!r}") from error
            if not isinstance(message, dict):
                raise WireBroken(f"not an object: {body[:80]!r}")
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        head, colon, tail = self._rest.partition(b":")
        if (head and not head.isdigit()) or len(head) > len(str(LONGEST)) or (colon and not head):
            raise WireBroken(f"not a length: {head[:20]!r}")
        if not colon or len(tail) <= int(head):
            return None
        size = int(head)
        if tail[size : size + 1] != b",":
            raise WireBroken(f"no comma after {size} bytes")
        self._rest = tail[size + 1 :]
        return tail[:size]
