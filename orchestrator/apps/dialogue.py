"""How an attendant asks control what to do next with a caller of the mailbox.

Belongs here: the request and its limits. Not here: what is done (listening).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp

LIMIT = 2.0
"""Seconds that one request may take: the caller waits in silence."""
LARGEST = 64 * 1024
"""Bytes of the largest answer."""


class NoDialogue(Exception):
    """Control does not answer, or has nothing to say; the dialplan goes on with the caller."""


@dataclass(frozen=True, kw_only=True)
class Next:
    """What to do next. Everything that is played is in ARI's words: `sound:…`, `number:7`, `digits:0171`."""

    play: tuple[str, ...]
    most: int
    """Digits to collect; 1: any key, at once."""
    wait: float
    """Seconds of patience after the playback."""
    during: Mapping[str, str]
    """Key -> what it does to the playback: `reverse`, `forward`, `pause`, `restart`."""
    then: str
    """`` ask again with the keys; else the answer of this visit: `record`, `call`, `done`, `native`."""
    turn: int


class Dialogue(Protocol):
    """Whoever knows what comes next."""

    async def ask(self, told: Mapping[str, Any]) -> Next:
        """The next turn, after what was told. Raises NoDialogue."""


@dataclass(frozen=True, kw_only=True)
class Nobody:
    """No dialogue was named at our start."""

    async def ask(self, told: Mapping[str, Any]) -> Next:
        raise NoDialogue("no dialogue was named at our start")


@dataclass(frozen=True, kw_only=True)
class Control:
    """Control's `POST /dialogue`. One session for the life of the attendant."""

    url: str
    session: aiohttp.ClientSession = field(repr=False)
    token: Callable[[], str] = field(repr=False)
    """What we show; asked each time, for it changes with ARI's password."""

    async def ask(self, told: Mapping[str, Any]) -> Next:
        try:
            shown = {"Authorization": f"Bearer {self.token()}"}
            async with self.session.post(self.url, json=told, headers=shown) as reply:
                if reply.status != 200:
                    raise NoDialogue(f"{self.url}: {reply.status} {reply.reason}")
                if reply.content_length is None or reply.content_length > LARGEST:
                    raise NoDialogue(f"{self.url}: an answer of {reply.content_length} bytes")
                return read(await reply.json())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoDialogue(f"{self.url}: {error!r}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NoDialogue(f"{self.url}: the answer cannot be read: {error!r}") from error


def session() -> aiohttp.ClientSession:
    """The session of one attendant; to be closed by whoever asked for it. Needs a running event loop."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=LIMIT))


def token(password: str) -> str:
    """What an attendant shows to control, made of the one secret that both have: ARI's password."""
    return hmac.digest(password.encode(), b"dialogue", "sha256").hex()


def read(found: Mapping[str, Any]) -> Next:
    """A turn from its JSON; raises KeyError, TypeError, ValueError."""
    return Next(
        play=tuple(str(each) for each in found["play"]),
        most=int(found["most"]),
        wait=float(found["wait"]),
        during={str(key): str(does) for key, does in found["during"].items()},
        then=str(found["then"]),
        turn=int(found["turn"]),
    )
