"""`POST /dialogue`: where attendants learn what to do next with a caller of the mailbox.

For attendants only: a bearer token, made of ARI's password (apps.dialogue). Belongs here: who may ask, sizes, time
limits, JSON. Not here: what is answered (service).

    asked     {"channel", "name", "number", "at", and either "dictated" (the caller came) or "turn" and "keys"}
              of a code that a desk dialled also "wish" and "asker"
    answered  {"play", "most", "wait", "during", "then", "turn"}
    401 no token of ours; 400, 413 not a question; 409 another telephone on the same channel; 503 nobody to ask
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

log = structlog.get_logger()

LARGEST = 4096
"""Bytes of one question."""
WITHIN = 1.5
"""Seconds until an attendant must have its answer; it gives up after 2."""
LONGEST = {"channel": 100, "name": 100, "keys": 40, "wish": 120, "asker": 100}
SHOWN = 40
"""Characters of the caller's number that are looked at: it is what a stranger gave, and may be as long as they like.
Refused, it would lead past the lock of the boxes, to Asterisk's own menu."""


class NoAnswer(Exception):
    """Nobody knows what to do next; `status` is 503, or 409 for a caller who is not who it was."""

    def __init__(self, why: str, status: int = 503) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an attendant tells of a caller."""

    channel: str
    name: str
    """Of the channel, by Asterisk: `PJSIP/tel2500-0000002a`."""
    number: str
    at: float | None
    came: bool
    """The caller is here, perhaps once more; else `keys` were pressed in `turn`."""
    dictated: int = 0
    """Recordings that the dialplan has begun in this call."""
    turn: int = 0
    keys: str = ""
    wish: str = ""
    """A code that was dialled at a desk, and what was dialled behind it: `forward_on.2510`."""
    asker: str = ""
    """The telephone that dialled it."""


Answer = Callable[[Asked], Awaitable[Mapping[str, Any]]]
"""What comes next, as JSON. Raises NoAnswer."""


def route(tokens: Callable[[], Iterable[str]], answer: Answer) -> web.RouteDef:
    """The route; every question must bring one of `tokens`, which are asked for each time."""

    async def dialogue(request: web.Request) -> web.Response:
        if not _allowed(request, tokens()):
            raise web.HTTPUnauthorized
        try:
            async with asyncio.timeout(WITHIN):
                return web.json_response(await answer(asked(await _body(request))))
        except NoAnswer as why:
            log.warning("a caller of the mailbox goes on without a dialogue", why=str(why))
            return web.Response(status=why.status, text=f"{why}\n")
        except TimeoutError:
            log.error(
                "a caller of the mailbox goes on without a dialogue", why=f"nothing was answered within {WITHIN} s"
            )
            return web.Response(status=503, text="too late\n")

    return web.post("/dialogue", dialogue)


def _allowed(request: web.Request, tokens: Iterable[str]) -> bool:
    given = request.headers.get("Authorization", "").encode(errors="replace")
    return any(hmac.compare_digest(given, f"Bearer {token}".encode()) for token in tokens)


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > LARGEST:
            raise web.HTTPRequestEntityTooLarge(max_size=LARGEST, actual_size=len(body))
    return bytes(body)


def asked(body: bytes) -> Asked:
    """The question in a body; raises HTTPBadRequest."""
    try:
        found = json.loads(body)
        texts = {key: found[key] for key in ("channel", "name")}
        texts |= {key: found.get(key, "") for key in ("keys", "wish", "asker")}
        if not all(isinstance(text, str) and len(text) <= LONGEST[key] for key, text in texts.items()):
            raise ValueError("a text is missing or too long")
        if not isinstance(number := found["number"], str):
            raise ValueError("a number is missing")
        at = found.get("at")
        return Asked(
            **texts,
            number=number[:SHOWN],
            at=None if at is None else float(at),
            came="turn" not in found,
            dictated=int(found.get("dictated", 0)),
            turn=int(found.get("turn", 0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as bad:
        raise web.HTTPBadRequest(text=f"not a question: {bad!r}\n") from bad
