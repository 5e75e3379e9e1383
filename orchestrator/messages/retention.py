"""What is too old to be kept: messages and rejected recordings, as callers were promised (docs/decisions/0006).

Belongs here: finding them, by their own date. Not here: removing a message, which Asterisk does itself (it renumbers
what stays and lights the lamps).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DELETE_AFTER = 90 * 86400.0
"""Seconds after which a message is deleted: what the greeting says before the beep."""
REJECTED_AFTER = 7 * 86400.0
"""Seconds after which a recording in which nothing was said is deleted."""
_ORIGIN = re.compile(r"^origtime=(\d+)$", re.MULTILINE)
_ID = re.compile(r"^msg_id=(\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Old:
    """One message to be deleted, in Asterisk's words."""

    box: str
    folder: str
    id: str


def old_messages(spool: Path, now: float) -> Iterator[Old]:
    """Every message that was left longer than `DELETE_AFTER` before `now` (seconds since the epoch)."""
    for path in sorted((spool / "voicemail" / "town").glob("*/*/msg*.txt")):
        with contextlib.suppress(FileNotFoundError):  # deleted or moved meanwhile
            text = path.read_text(errors="replace")
            left, id_ = _ORIGIN.search(text), _ID.search(text)
            if left and id_ and int(left[1]) < now - DELETE_AFTER:
                yield Old(box=path.parents[1].name, folder=path.parent.name, id=id_[1])


def forget_rejected(spool: Path, now: float) -> int:
    """Delete rejected recordings that are older than `REJECTED_AFTER`; how many. Raises OSError."""
    gone = [path for path in (spool / "rejected").glob("*.wav") if path.stat().st_mtime < now - REJECTED_AFTER]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
