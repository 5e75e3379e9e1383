"""The folder of backups: what they are called, which are kept, and what is known of the last one.

The exchange cannot read its backups. A file with the name of one was renamed when it was whole and on disk; one that
does not begin as such a file was damaged since, and is not counted. Not here: what is in them (backup).
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.service.sealing import BEGINNING
from orchestrator.service.state import State, write_whole

NAME = re.compile(r"durchwahl-[0-9]{8}T[0-9]{6}Z\.tar\.gz\.age")
OVERDUE = 26 * 3600.0
"""Seconds after the last good backup from which on there should have been another one."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A backup."""

    path: Path
    size: int
    """Bytes."""
    gone: tuple[str, ...] = ()
    """Older ones that were removed."""
    notes: tuple[str, ...] = ()
    """What an admin should know of it, though it is whole."""


@dataclass(frozen=True, kw_only=True)
class Last:
    """What is known of the last backups."""

    at: float = 0.0
    """When the last good one was made, in seconds since the epoch; 0: never."""
    size: int = 0
    """Its bytes."""
    name: str = ""
    why: str = ""
    """Why a later one could not be made; empty if there was none, or it could."""

    def problem(self, folder: str, now: float) -> str:
        """For an admin; empty if nothing is wrong, or no folder is set."""
        if not folder:
            return ""
        if self.why:
            return f"the last backup failed: {self.why}"
        if 0 <= now - self.at <= OVERDUE:
            return ""
        return f"no good backup since {OVERDUE / 3600:.0f} hours (the last: {self.told(folder)}): is control running?"

    def told(self, folder: str) -> str:
        """For a person."""
        if not folder:
            return "none is made: [backup] in settings.toml has no folder"
        if not self.at:
            return "there is none yet"
        return f"{datetime.fromtimestamp(self.at, UTC).astimezone():%Y-%m-%d %H:%M}, {self.size / 1024**2:.1f} MiB"


def last(state: State) -> Last:
    """What was noted last; nothing where that cannot be read."""
    try:
        return Last(**json.loads(_note(state).read_text()))
    except (OSError, ValueError, TypeError):
        return Last()


def succeeded(state: State, made: Made) -> None:
    """Note a good backup. Raises OSError."""
    write_whole(_note(state), json.dumps(asdict(Last(at=time.time(), size=made.size, name=made.path.name))))


def failed(state: State, why: str) -> None:
    """Note that one could not be made; where even that cannot be written, nothing more is to be done."""
    with contextlib.suppress(OSError):
        write_whole(_note(state), json.dumps(asdict(replace(last(state), why=why))))


def _note(state: State) -> Path:
    return state.run / "backup.json"


def name(at: float) -> str:
    """What a backup made `at` is called."""
    return f"durchwahl-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}.tar.gz.age"


def good(path: Path) -> bool:
    """Whether a file is a backup, as far as can be seen without its key."""
    try:
        with path.open("rb") as file:
            return bool(NAME.fullmatch(path.name)) and file.read(len(BEGINNING)) == BEGINNING
    except OSError:
        return False


def tidied(made: Made, keep: int) -> Made:
    """Remove what is older than the newest `keep` good ones; what cannot be removed is told."""
    gone, notes = [], list(made.notes)
    try:
        there = sorted((each for each in made.path.parent.iterdir() if NAME.fullmatch(each.name)), reverse=True)
        kept = [each for each in there if good(each)][:keep]
        for each in there:
            if len(kept) == keep and each < kept[-1] and each != made.path:  # a clock may have gone wrong
                each.unlink()
                gone.append(each.name)
    except OSError as bad:
        notes.append(f"older backups could not be removed: {bad}")
    return replace(made, gone=tuple(gone), notes=tuple(notes))
