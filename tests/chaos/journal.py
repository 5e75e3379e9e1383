"""What Asterisk itself wrote of each call, read beside control while they are made: control removes what it has read.

Belongs here: the file, and the few things that the account asks of a call. Not here: journeys (control makes them).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from orchestrator.journal.cel import Event, parse

TAKING = "message"
"""The context in which messages are taken; of the applications that are written down, only `Record` runs in it."""


@dataclass
class Seen:
    """One call in Asterisk's own words. Times are seconds since the epoch."""

    id: str
    caller: str
    began: float
    last: float
    marks: list[tuple[float, str, str]] = field(default_factory=list)
    """When, `PLACE`, `ANSWER` or `NOTE`, and what."""
    recorded: list[float] = field(default_factory=list)
    """How long each recording was, in seconds."""
    over: bool = False
    recording: float = 0.0
    """Since when they are being recorded; 0: they are not."""

    @property
    def reached(self) -> bool:
        """Whether it reached a flow."""
        return any(kind == "PLACE" for _, kind, _ in self.marks)

    def add(self, event: Event) -> None:
        """One more event of this call."""
        self.last = event.at
        match event.kind:
            case "PLACE" | "ANSWER" | "NOTE":
                self.marks.append((event.at, event.kind, event.mark))
            case "APP_START" if event.context == TAKING:
                self.recording = event.at
            case "APP_END" if self.recording:
                self.recorded.append(event.at - self.recording)
                self.recording = 0.0
            case "LINKEDID_END":
                self.over = True


class Journal:
    """Follows the file, also into a new one; `look` must be called more often than files are put aside."""

    def __init__(self, path: Path) -> None:
        self.calls: dict[str, Seen] = {}
        self._path = path
        self._file: BinaryIO | None = None
        self._half = b""

    def look(self) -> None:
        """Read what is new. What a file that was put aside still gets is read before the next."""
        if self._file is None:
            if not self._path.exists():
                return
            self._file = self._path.open("rb")
        moved = not self._path.exists() or self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        *whole, self._half = (self._half + self._file.read()).split(b"\n")
        self._take(event for line in whole for event in parse(line.decode("utf-8", "replace")))
        if moved:
            self._file.close()
            self._file = None

    def _take(self, events: Iterable[Event]) -> None:
        for event in events:
            made = Seen(id=event.call, caller=event.caller, began=event.at, last=event.at)
            self.calls.setdefault(event.call, made).add(event)
