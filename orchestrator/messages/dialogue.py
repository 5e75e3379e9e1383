"""The mailbox by telephone: who called, what they did, and what is to be played to them next.

Attendants lend it ears and voice; they hold nothing. Belongs here: the words between the two. Not here: playing
(apps), what a key means (menus).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who is on the line, as Asterisk tells it."""

    channel: str
    """Id of the channel."""
    phone: str
    """Id of the telephone of the directory that calls; empty: from outside."""
    number: str
    """Caller id, digits."""
    at: float | None = None
    """The call's own time (test calls), in seconds since the epoch; None: now."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What came of the last turn."""

    keys: str = ""
    """What was pressed: one key, or several digits without the closing #; empty: nothing in time."""
    recorded: str = ""
    """Path of what the dialplan recorded because the turn said `record`; empty: nothing was said."""
    turn: int = 0
    """The number of the turn that this answers. An old one is a repetition: the current turn is told again."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What to do next."""

    play: tuple[str, ...] = ()
    """`prompt:<name>` (of domain.mailbox_texts), `sound:<asterisk sound>`, `number:7`, `digits:0171`,
    `file:<path of a wav without .wav>`."""
    most: int = 1
    """Digits to collect; 1: the first key ends the playback and the turn; more: ended by # or when complete."""
    wait: float = 5.0
    """Seconds of patience after the playback (between digits: 3)."""
    during: Mapping[str, str] = field(default_factory=dict)
    """Key -> `reverse`, `forward`, `pause`, `restart`: done at once on the running playback, and not told."""
    then: str = ""
    """Empty: come back with Heard. `record`: let the dialplan record after a beep, then come back. `call`: connect the
    caller to `number` (by the dialplan, inside the phone's permissions). `done`: the caller is sent off natively.
    `native`: VoiceMailMain takes over."""
    number: str = ""
    """For `call`."""
    limit: int = 60
    """For `record`: seconds."""
    turn: int = 0
    """Its number in the session; Heard gives it back."""
