"""The file `history` beside the trees: a line for each apply and each way back, the last first.

Belongs here: reading it in whatever state it is, writing it whole. Not here: which trees are kept (trees).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LINES = 200
"""Applies and ways back that are remembered."""


@dataclass(frozen=True, kw_only=True)
class Applies:
    """Something that happened: a tree was made the one that runs."""

    name: str
    at: float
    """Seconds since the epoch; 0 if it is not known."""
    note: Mapping[str, Any] = field(default_factory=dict)
    """What it was (`apply`, `rollback`), who, why, what in a line, how many things were created, updated and deleted,
    and the digests of the files."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the file tells."""

    entries: tuple[Applies, ...]
    """The last first; a tree may be in several."""
    bad: int
    """Lines that cannot be read: cut by a full disk, or written by hand."""


def read_record(path: Path) -> Record:
    """The file as far as it can be read; empty if there is none."""
    written = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else []
    lines = [line for line in written if line.strip()]
    entries = [entry for line in lines if (entry := _entry(line))]
    return Record(entries=tuple(entries), bad=len(lines) - len(entries))


def write_record(path: Path, entries: Iterable[Applies]) -> None:
    """Write the last `LINES` of `entries`; they are on disk before the file has its name."""
    lines = [f"{each.name} {each.at:.0f} {json.dumps(each.note)}\n" for each in entries]
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.write("".join(lines[:LINES]))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Have the names in `folder` on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(line: str) -> Applies | None:
    """One line, None if it cannot be read; older ones have no note, the oldest no time."""
    name, *more = line.split(maxsplit=2)
    at, note = (*more, *("0", "{}")[len(more) :])
    try:
        entry = Applies(name=name, at=float(at), note=json.loads(note))
    except ValueError:
        return None
    named = "/" not in name and not name.startswith(".")
    noted = isinstance(entry.note, dict) and isinstance(entry.note.get("files", {}), dict)
    return entry if named and noted and math.isfinite(entry.at) else None
