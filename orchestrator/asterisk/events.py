"""What Asterisk tells us, typed; tolerant of what it adds, leaves out or misspells.

Belongs here: ARI's words for the few events that a step needs. Not here: what follows from them (apps).
Field names: Asterisk 22, rest-api/events.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One leg of a call as Asterisk sees it."""

    id: str
    language: str
    context: str
    extension: str
    name: str = ""
    """`PJSIP/tel2500-0000002a`: by which endpoint it came. Asterisk's own, no caller can choose it."""
    number: str = ""
    """Caller id."""


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A caller stands at a place and waits for whoever claims them first (`CallBroadcast`)."""

    channel: Channel
    at: float = 0.0
    """When Asterisk said so, in seconds since the epoch; 0: it did not say."""


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A caller is with us now (`StasisStart`); `arguments` is what the dialplan gave along."""

    channel: Channel
    arguments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Departed:
    """A caller is no longer with us: hung up, went on, or was taken from us (`StasisEnd`)."""

    channel: str


@dataclass(frozen=True, kw_only=True)
class KeyPressed:
    """A caller pressed `key`: one of `0-9*#A-D`."""

    channel: str
    key: str


@dataclass(frozen=True, kw_only=True)
class PlaybackEnded:
    """A playback is over: heard to its end, stopped, or its caller gone (Asterisk calls that last one a failure)."""

    playback: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """Someone else connected under our application's name: nothing will come to us any more."""


Event = Offered | Arrived | Departed | KeyPressed | PlaybackEnded | Replaced

WANTED = (
    "RESTResponse",
    "CallBroadcast",
    "StasisStart",
    "StasisEnd",
    "ChannelDtmfReceived",
    "PlaybackFinished",
    "ApplicationReplaced",
)
"""The event filter. It holds for replies too, so `RESTResponse` must be in it, or no request is ever answered."""


def read(message: Mapping[str, Any]) -> Event | None:
    """The event in one message; None for one that we do not know or cannot read."""
    try:
        return _read(message)
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _read(message: Mapping[str, Any]) -> Event | None:
    match message.get("type"):
        case "CallBroadcast":
            return Offered(channel=channel(message["channel"]), at=_at(message))
        case "StasisStart":
            return Arrived(
                channel=channel(message["channel"]), arguments=tuple(str(each) for each in message.get("args", ()))
            )
        case "StasisEnd":
            return Departed(channel=_id(message["channel"]))
        case "ChannelDtmfReceived":
            return KeyPressed(channel=_id(message["channel"]), key=str(message["digit"]))
        case "PlaybackFinished":
            playback = message["playback"]
            return PlaybackEnded(
                playback=_id(playback),
                channel=str(playback["target_uri"]).removeprefix("channel:"),
            )
        case "ApplicationReplaced":
            return Replaced()
        case _:
            return None


def channel(found: Mapping[str, Any]) -> Channel:
    """A channel from its JSON; raises KeyError without an id."""
    position = found.get("dialplan") or {}
    return Channel(
        id=_id(found),
        language=str(found.get("language") or ""),
        context=str(position.get("context") or ""),
        extension=str(position.get("exten") or ""),
        name=str(found.get("name") or ""),
        number=str((found.get("caller") or {}).get("number") or ""),
    )


def _at(message: Mapping[str, Any]) -> float:
    """`2026-11-26T15:31:02.123+0000`"""
    try:
        return datetime.fromisoformat(message["timestamp"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0


def _id(thing: Mapping[str, Any]) -> str:
    found = thing["id"]
    if not isinstance(found, str) or not found:
        raise ValueError("an id is a text")
    return found
