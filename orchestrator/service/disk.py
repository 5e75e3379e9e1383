"""The disk: how much room there is where something must be written, and whether it can be.

Belongs here: looking. Not here: what is done without room: the answer of a mailbox, `journal.reserve`, `rollout`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from orchestrator.journal import reserve
from orchestrator.metrics.exchange import DiskMetrics
from orchestrator.service.state import State

log = structlog.get_logger()

EVERY = 5.0
"""Seconds from one look to the next."""
TRIED = 4096
"""Bytes that are written to see whether it can be done: free room says nothing of a disk that went read-only."""
WITHOUT = {
    "spool": "no caller can leave a message",
    "log": "calls are journalled only as long as what is put by for that lasts",
    "trees": "nothing can be applied",
    "state": "nothing can be changed, and what happens is written down later",
}
"""Folder of the state -> what that means, where it cannot be written."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """What is known of the disk under one folder."""

    folder: str
    """A key of `WITHOUT`."""
    path: Path
    free: int
    """Bytes that this account can still write."""
    why: str
    """Why nothing can be written; empty if it can."""

    @property
    def problem(self) -> str:
        """For an admin; empty if there is none."""
        todo = "make room there, or look why it is so; all goes on by itself then"
        return f"{self.path} cannot be written ({self.why}): {WITHOUT[self.folder]}; {todo}" if self.why else ""


@dataclass(kw_only=True)
class Watch:
    """Looks again and again, tells what has changed, and has the journal put room by."""

    state: State
    metrics: DiskMetrics
    _next: float = 0.0
    _told: frozenset[str] = frozenset()

    async def look(self) -> None:
        """Look, if it is time."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        problems = await asyncio.to_thread(self._problems)
        for problem in sorted(problems - self._told):
            log.error("the disk", problem=problem)
        if self._told and not problems:
            log.info("the disk can be written again")
        self._told = problems

    def _problems(self) -> frozenset[str]:
        rooms = look(self.state)
        for room in rooms:
            self.metrics.seen(room.folder, room.free, not room.why)
        problems = {room.problem for room in rooms if room.problem}
        try:
            reserve.hold(self.state.journal)
        except OSError as bad:
            problems.add(f"{self.state.journal}: no room can be put by for it ({bad.strerror})")
        return frozenset(problems)


def look(state: State) -> tuple[Room, ...]:
    """Every folder, in the order of `WITHOUT`. Blocking."""
    places = {"spool": state.spool / "recording", "log": state.log, "trees": state.trees, "state": state.root}
    return tuple(_room(folder, places[folder]) for folder in WITHOUT)


def told(rooms: tuple[Room, ...]) -> str:
    """How much is free, for a person: once, where it is the same disk."""
    found: dict[int, list[str]] = {}
    for room in rooms:
        found.setdefault(room.free, []).append(room.folder)
    if len(found) == 1:
        return f"{_size(rooms[0].free)} free"
    return ", ".join(f"{_size(free)} free ({', '.join(folders)})" for free, folders in found.items())


def _room(folder: str, path: Path) -> Room:
    try:
        seen = os.statvfs(path)
        free = seen.f_bavail * seen.f_frsize
    except OSError as bad:
        return Room(folder=folder, path=path, free=0, why=bad.strerror or str(bad))
    return Room(folder=folder, path=path, free=free, why=next(_tried(path), ""))


def _tried(folder: Path) -> Iterator[str]:
    """Why nothing can be written in `folder`; nothing if it can."""
    beside = folder / f".room.{os.getpid()}"
    try:
        with beside.open("wb", buffering=0) as file:
            if file.write(bytes(TRIED)) < TRIED:
                yield os.strerror(errno.ENOSPC)
    except OSError as bad:
        yield bad.strerror or str(bad)
    finally:
        beside.unlink(missing_ok=True)


def _size(free: int) -> str:
    return f"{free / 1024**3:.1f} GiB" if free >= 1024**3 else f"{free // 1024**2} MiB"
