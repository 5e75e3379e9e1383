"""The text file beside a message, in `app_voicemail`'s words: who called, when, how long.

Belongs here: writing and reading that text. Not here: where it lies (folder).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

TEXT = """\
;
; Message Information file
;
[message]
origmailbox={origin}
context=town
macrocontext=
exten=
rdnis=unknown
priority=1
callerchan={channel}
callerid={caller}
origdate={date}
origtime={time}
category=
msg_id={id}
flag=
duration={seconds}
"""
FORWARDED = "forwardedby={by}\n"
"""A line of ours, which Asterisk leaves alone: who sent a message on."""
UNKNOWN = "Unknown"
_LINE = re.compile(r"^([a-z_]+)=(.*)$", re.MULTILINE)
_NUMBER = re.compile(r"<([^<>]*)>\s*$")
_COUNT = re.compile(r"[0-9]{1,10}")
"""Seconds of a message, or since the epoch until 2286: more is damage."""
_NONE = re.compile(r"[^0-9+*#]")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is known of a message, wherever it lies."""

    id: str
    """Of the channel that recorded it, and the attempt: it never changes. (`msg_id`)"""
    caller: str
    """Digits as they were shown; empty: unknown."""
    at: float
    """When it was left, in seconds since the epoch."""
    seconds: int
    origin: str
    """The box that it was left in first."""
    forwarded_by: str = ""
    """Who sent it on to this box, if anybody did."""

    @property
    def channel(self) -> str:
        """The channel that recorded it."""
        return self.id.partition("-")[0]


def written(described: Description) -> str:
    """The text of the file."""
    text = TEXT.format(
        origin=described.origin,
        channel=described.channel,
        caller=_NONE.sub("", described.caller) or UNKNOWN,
        date=datetime.fromtimestamp(described.at, UTC).strftime("%a %b %d %I:%M:%S %p UTC %Y"),
        time=int(described.at),
        id=described.id,
        seconds=max(1, described.seconds),
    )
    return text + (FORWARDED.format(by=described.forwarded_by) if described.forwarded_by else "")


def read(text: str, *, otherwise: str, at: float) -> Description:
    """What a text says, also one that Asterisk wrote or that is damaged: then its id is `otherwise`, left at `at`."""
    found = dict(_LINE.findall(text))
    shown = found.get("callerid", "")
    inner = _NUMBER.search(shown)
    left = found.get("origtime", "")
    seconds = found.get("duration", "")
    return Description(
        id=found.get("msg_id", "") or otherwise,
        caller=_NONE.sub("", inner[1] if inner else shown),
        at=float(left) if _COUNT.fullmatch(left) else at,
        seconds=int(seconds) if _COUNT.fullmatch(seconds) else 0,
        origin=found.get("origmailbox", ""),
        forwarded_by=found.get("forwardedby", ""),
    )
