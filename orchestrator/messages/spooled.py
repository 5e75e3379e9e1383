"""Messages as they lie in Asterisk's spool, read for mails: by whom, when, how long, and the recording.

Belongs here: reading. Not here: filing (filer) and any change of a box.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.messages.letters import Message

UNHEARD, DELETED = "INBOX", "Deleted"
_FIELD = re.compile(r"^(\w+)=(.*)$", re.MULTILINE)


def find(spool: Path, box: str, id: str) -> tuple[Message, Path] | None:
    """A message and its recording, in whatever folder of the box it is now; None: it is deleted. Raises OSError."""
    for path in sorted(_box(spool, box).glob("*/msg*.txt")):
        if path.parent.name != DELETED and (message := _read(path, box)) and message.id == id:
            return message, path.with_suffix(".wav")
    return None


def recorded(spool: Path, box: str, id: str) -> tuple[Message, bytes | None] | None:
    """A message and its WAV (None: the file is gone). It may be moved to another folder meanwhile: then once more."""
    found = None
    for _ in range(3):
        found = find(spool, box, id)
        if found is None:
            return None
        with contextlib.suppress(FileNotFoundError):
            return found[0], found[1].read_bytes()
    return (found[0], None) if found else None


def unheard(spool: Path, box: str) -> Iterator[Message]:
    """The messages that nobody has heard."""
    for path in sorted((_box(spool, box) / UNHEARD).glob("msg*.txt")):
        if message := _read(path, box):
            yield message


def everything(spool: Path, box: str) -> Iterator[Message]:
    """Every message of a box that is not deleted."""
    for path in sorted(_box(spool, box).glob("*/msg*.txt")):
        if path.parent.name != DELETED and (message := _read(path, box)):
            yield message


def count(spool: Path, box: str) -> int:
    """How many messages nobody has heard: what Asterisk compares with the quota."""
    return sum(1 for _ in (_box(spool, box) / UNHEARD).glob("msg*.txt"))


def _box(spool: Path, box: str) -> Path:
    if not re.fullmatch("[0-9]+", box):
        raise ValueError(f"{box!r} is no mailbox")
    return spool / "voicemail" / "town" / box


def _read(path: Path, box: str) -> Message | None:
    try:
        fields = dict(_FIELD.findall(path.read_text(encoding="utf-8", errors="replace")))
    except FileNotFoundError:
        return None  # moved or deleted meanwhile
    id, left, lasts = fields.get("msg_id", ""), fields.get("origtime", ""), fields.get("duration", "")
    if not id or not left.isdecimal():
        return None
    caller = _digits(fields.get("callerid", ""))
    return Message(id=id, box=box, caller=caller, left=int(left), seconds=int(lasts) if lasts.isdecimal() else 0)


def _digits(caller: str) -> str:
    """The number of `"Anna" <2500>` or `2500`; empty where it was withheld. Names are only what callers say."""
    inside = re.search(r"<([^<>]*)>", caller)
    number = inside[1] if inside else caller
    return number if re.fullmatch(r"\+?[0-9*#]+", number) else ""
