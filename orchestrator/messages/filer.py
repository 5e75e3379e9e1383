"""The one writer of messages: takes finished recordings and files them into the boxes, exactly once.

    recorded -> judged -> linked into the box and described -> (whoever is to be told: queued) -> released

Killed at any instant, the next attempt finds what was done and goes on from there: the recording is removed last.
Blocking: call it from a thread. Belongs here: recordings. Not here: boxes (mailbox), mail and cases (service).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from orchestrator.messages.audio import judge, repair, seconds
from orchestrator.messages.description import Description
from orchestrator.messages.mailbox import Message, Spool

Verdict = Literal["message", "too_short"]
RECORDING = re.compile(r"(?P<box>[0-9]+)-(?P<id>(?P<channel>[0-9.]+)-[0-9]+)(?:-(?P<take>[0-9]+))?\.wav")
"""Box, channel, which of its visits to a mailbox, and which take of it: a caller may speak anew."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of the takes of one visit to a mailbox."""

    verdict: Verdict
    box: str
    seconds: float
    message: Message | None = None
    takes: tuple[Path, ...] = ()
    """The recordings, until they are released."""


@dataclass(frozen=True)
class Filer:
    """Files from `spool/recording` into the boxes."""

    spool: Spool

    def waiting(self) -> list[tuple[float, str]]:
        """Recordings that are not released, the oldest first: when each was last written (epoch s), its channel."""
        found = []
        for path, named in self._named("*.wav"):
            with contextlib.suppress(FileNotFoundError):  # released meanwhile
                found.append((path.stat().st_mtime, named["channel"]))
        return sorted(found)

    def file(self, channel: str, *, caller: str, at: float) -> list[Taken]:
        """File every recording of `channel`, made by `caller` at `at` (epoch seconds); to be released when told.

        Raises FolderFull, Busy, OSError; then the recordings stay, and the next attempt goes on.
        """
        found = sorted(self._named(f"*-{channel}-*.wav"), key=lambda each: _order(each[1]))
        return [
            self._take(box, id_, [path for path, _ in takes], caller, at)
            for (box, id_), takes in groupby(found, key=lambda each: (each[1]["box"], each[1]["id"]))
        ]

    def release(self, taken: Taken) -> None:
        """Remove the recordings: the message is filed, and everybody who is to be told is on a list. Raises OSError.

        One in which nothing was said is put aside: somebody may ask for it within a week (retention).
        """
        for path in taken.takes:
            if taken.message:
                path.unlink(missing_ok=True)
            else:
                rejected = self.spool.root / "rejected"
                rejected.mkdir(exist_ok=True)
                path.replace(rejected / path.name)

    def filed(self, channel: str, boxes: Collection[str]) -> Verdict | None:
        """What became of a recording of `channel` in `boxes` that was taken before; None if there never was one."""
        for number in boxes:
            if any(message.id.startswith(f"{channel}-") for message in self.spool.box(number).messages()):
                return "message"
        return "too_short" if any((self.spool.root / "rejected").glob(f"*-{channel}-*.wav")) else None

    def _named(self, pattern: str) -> Iterable[tuple[Path, re.Match[str]]]:
        for path in self.spool.recordings.glob(pattern):
            if named := RECORDING.fullmatch(path.name):
                yield path, named

    def _take(self, box: str, id: str, takes: list[Path], caller: str, at: float) -> Taken:
        """The last take in which something was said is the message."""
        longest = 0.0
        for path in reversed(takes):
            repair(path)
            length, said = judge(path)
            if said:
                described = Description(id=id, caller=caller, at=at, seconds=seconds(path), origin=box)
                message = self.spool.box(box).put(path, described)
                return Taken(verdict="message", box=box, seconds=length, message=message, takes=tuple(takes))
            longest = max(longest, length)
        return Taken(verdict="too_short", box=box, seconds=longest, takes=tuple(takes))


def _order(named: re.Match[str]) -> tuple[str, str, int]:
    return named["box"], named["id"], int(named["take"] or 1)
