"""The spool held still: everything in it under a second name, so that it can be read while messages come and go.

A second name costs nothing and stays when the first one goes. Belongs here: which files, and that no message is half.
Not here: what is done with them (service.backup).
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.messages.lock import Busy, locked
from orchestrator.messages.mailbox import CONTEXT, Spool

FOLDER = "still"
"""Of the spool, where the second names are; gone when they are not needed."""
TRIES = 12
"""More than a box has folders: it gets each one once."""


@dataclass(frozen=True)
class Still:
    """The spool of `root`, as far as it was held still. Blocking."""

    spool: Spool

    @property
    def root(self) -> Path:
        """Where it lies, laid out as the spool is."""
        return self.spool.root / FOLDER

    def recordings(self) -> None:
        """What is being recorded, or not filed yet."""
        self._link(self.spool.recordings, "recording")

    def boxes(self) -> list[str]:
        """Every box, greetings and PINs too; numbers of those that somebody kept for too long: taken as they were."""
        busy = []
        for number in self.spool.boxes():
            box = self.spool.voicemail / number
            with contextlib.ExitStack() as held:
                try:
                    held.enter_context(_held(box))
                except Busy:
                    busy.append(number)
                for folder in (box, *_folders(box)):
                    self._link(folder, str(Path("voicemail", CONTEXT, folder.relative_to(self.spool.voicemail))))
        return busy

    def files(self) -> Iterator[tuple[str, Path]]:
        """Path in the spool, and where it lies held still."""
        for path in sorted(self.root.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(self.root)), path

    def _link(self, folder: Path, to: str) -> None:
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
            names = [each.name for each in found if each.is_file(follow_symlinks=False)]
            (self.root / to).mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in names:
                if name != "lock" and not name.startswith("."):
                    with contextlib.suppress(FileNotFoundError):  # gone meanwhile
                        (self.root / to / name).hardlink_to(folder / name)


@contextlib.contextmanager
def _held(box: Path) -> Iterator[None]:
    """Hold every folder of a box, also one that somebody made, and moved a message to, while we waited for the others.

    While those are held that there are, nothing moves to a new one. Raises Busy, OSError.
    """
    for _ in range(TRIES):
        folders = _folders(box)
        with locked(*folders):
            if _folders(box) == folders:
                yield
                return
    raise Busy(f"{box} gets one folder after the other")


def _folders(box: Path) -> list[Path]:
    return sorted(each for each in box.iterdir() if each.is_dir() and each.name != "tmp")


@contextlib.contextmanager
def still(spool: Spool) -> Iterator[Still]:
    """Second names for as long as the block lasts. Those of somebody who was killed go first. Raises OSError."""
    holding = Still(spool)
    clear(spool)
    try:
        holding.root.mkdir(mode=0o700)
        yield holding
    finally:
        clear(spool)


def clear(spool: Spool) -> None:
    """Remove second names; only whoever makes them, or knows that nobody does, may do that."""
    shutil.rmtree(Still(spool).root, ignore_errors=True)
