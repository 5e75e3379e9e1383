"""What a telephone tells: the program's own words turned into a few typed happenings.

Belongs here: the reading of event objects. Everything that no one waits for (SDP, RTCP reports) is dropped here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

By = Literal["us", "them", "refused", "fault"]
"""Who ended a call: we hung up or gave up; the other side did; it was never accepted; something broke."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a call ended. `code` is the SIP status of a refused call: 486 busy, 404 unknown, 480/603 nobody, …"""

    by: By
    code: int | None = None
    text: str = ""

    def __str__(self) -> str:
        return f"ended by {self.by}: {self.text}" if self.by in ("refused", "fault") else f"ended by {self.by}"


@dataclass(frozen=True, kw_only=True)
class Registered:
    """The exchange knows where this telephone is."""


@dataclass(frozen=True, kw_only=True)
class RegistrationFailed:
    reason: str


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """Somebody rings us; `number` and `name` are what the exchange shows of them."""

    call: str
    number: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Ringing:
    """The other telephone rings (180), or audio comes before the answer (183: `early_audio`)."""

    call: str
    early_audio: bool


@dataclass(frozen=True, kw_only=True)
class Established:
    """Answered, both ways."""

    call: str


@dataclass(frozen=True, kw_only=True)
class Closed:
    call: str
    ended: Ended


Event = Registered | RegistrationFailed | Incoming | Ringing | Established | Closed


def read(message: Mapping[str, Any]) -> Event | None:
    """The happening in an event object, or None if nobody is interested in it."""
    call, param = str(message.get("id", "")), str(message.get("param", ""))
    match message.get("type"):
        case "REGISTER_OK" | "FALLBACK_OK":
            return Registered()
        case "REGISTER_FAIL" | "FALLBACK_FAIL":
            return RegistrationFailed(reason=param)
        case "CALL_INCOMING":
            number = _user(str(message.get("peeruri", "")))
            return Incoming(call=call, number=number, name=str(message.get("peerdisplayname", "")))
        case "CALL_RINGING" | "CALL_PROGRESS" as kind:
            return Ringing(call=call, early_audio=kind == "CALL_PROGRESS")
        case "CALL_ESTABLISHED":
            return Established(call=call)
        case "CALL_CLOSED":
            return Closed(call=call, ended=_ended(param))
        case _:
            return None


def _user(uri: str) -> str:
    return uri.partition(":")[2].partition("@")[0]


def _ended(text: str) -> Ended:
    if status := re.match(r"([3-6]\d\d)\b", text):
        return Ended(by="refused", code=int(status[1]), text=text)
    by: By = {"Connection reset by user": "us", "Connection reset by peer": "them"}.get(text, "fault")  # type: ignore[assignment]
    return Ended(by=by, text=text)
