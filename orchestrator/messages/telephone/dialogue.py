"""The mailbox by telephone, as control and whoever lends it ears and voice speak of it.

Belongs here: who is on the line, what came of a turn, what to do next. Not here: how it is heard and spoken (apps), how
it gets there (web), what a telephone is told (service).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


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
    """The call's own time (test calls), seconds since the epoch; None: now."""
    guest: str = ""
    """The person who has logged in at that telephone (domain.hot_desks); empty: nobody has."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What came of the last turn."""

    keys: str = ""
    """One key, or several digits without the closing #; empty: nothing in time."""
    recorded: str = ""
    """Path of what the dialplan recorded because the turn said `record`; empty: nothing was said."""
    turn: int = 0
    """The turn that it belongs to."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What to do next."""

    play: tuple[str, ...] = ()
    """`prompt:<name>`, `sound:<asterisk sound>`, `number:7`, `digits:0171`, `file:<absolute path without .wav>`"""
    most: int = 1
    """Digits to collect; 1: the first key ends the playback and the turn; more: ended by # or when complete."""
    wait: float = 5.0
    """Seconds of patience after the playback."""
    during: Mapping[str, str] = field(default_factory=dict)
    """Key -> `reverse`, `forward`, `pause`, `restart`: done at once on the running playback, and not told."""
    then: str = ""
    """`` come back with Heard; `record`, `call`, `done`, `native`: the dialplan does it."""
    number: str = ""
    """For `call`."""
    limit: int = 60
    """For `record`: seconds."""
    turn: int = 0
    """Number of this turn in its call."""


class Dialogue(Protocol):
    """Who says what comes next."""

    async def turn(self, caller: Caller, heard: Heard | None) -> Turn:
        """The next turn. `heard` None: the caller came, or came again: repeat where they are."""
