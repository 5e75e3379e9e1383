"""Trees on disk: each under its checksum, whole or not at all; `current` is a link that is swapped."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.rollout.plan import Tree

KEPT = 20
"""Trees that a rollback can go to."""


class Busy(Exception):
    """Another apply is under way."""


@dataclass(frozen=True)
class Trees:
    """The folder of trees and the link to the one that runs."""

    folder: Path
    current: Path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold off any other apply; raises Busy. The lock goes with the process that holds it."""
        with (self.folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as held:
                raise Busy("another apply is under way") from held
            yield

    def running(self) -> Tree:
        """The tree that runs; empty before the first apply."""
        return read(self.current) if self.current.exists() else {}

    def name(self) -> str:
        """The name of the tree that runs, or nothing."""
        return Path(os.readlink(self.current)).name if self.current.is_symlink() else ""

    def write(self, tree: Tree, name: str) -> Path:
        """Put `tree` beside the others under `name`, on disk before it has its name."""
        target = self.folder / name
        if target.exists() and read(target) == dict(tree):
            os.utime(target)
            return target
        beside = self.folder / f".{name}.{os.getpid()}"
        shutil.rmtree(beside, ignore_errors=True)
        for path, text in tree.items():
            file = beside / path
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as written:
                written.write(text)
                written.flush()
                os.fsync(written.fileno())
        if target.exists():
            shutil.rmtree(target)
        beside.rename(target)
        _sync(self.folder)
        return target

    def swap(self, name: str) -> None:
        """Make `name` the tree that runs, in one step of the file system."""
        beside = self.current.with_name(f".{self.current.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        beside.symlink_to(os.path.relpath(self.folder / name, self.current.parent))
        beside.replace(self.current)
        _sync(self.current.parent)

    @property
    def unsettled(self) -> bool:
        """Whether an apply was killed before it had read back what Asterisk made of it."""
        return self._note.exists()

    @property
    def _note(self) -> Path:
        return self.folder / "unsettled"

    def begin(self, name: str) -> None:
        """Note that an apply of `name` is under way; the note goes with `settle`."""
        self._note.write_text(f"{name}\n")
        _sync(self.folder)

    def settle(self) -> None:
        """The apply is over: what `current` names is what Asterisk has."""
        self._note.unlink(missing_ok=True)

    def history(self) -> list[str]:
        """Names of the trees that are kept, the one applied last first."""
        return [name for name, _ in self._applied()]

    def applied_at(self, name: str) -> float:
        """When `name` was applied last, in seconds since the epoch; 0 if it is not known."""
        return dict(self._applied()).get(name, 0.0)

    def lately(self, since: float) -> list[str]:
        """Names of the trees that ran at some time after `since` (seconds since the epoch)."""
        names, ended = [], float("inf")
        for name, began in self._applied():
            if ended >= since:
                names.append(name)
            ended = began
        return names

    def remember(self, name: str, now: float) -> None:
        """Note that `name` was applied `now`, and remove what is older than `KEPT`."""
        applied = [(name, now), *(other for other in self._applied() if other[0] != name)][:KEPT]
        beside = self.folder / f".history.{os.getpid()}"
        beside.write_text("".join(f"{each} {at:.0f}\n" for each, at in applied))
        beside.replace(self.folder / "history")
        kept = {*(each for each, _ in applied), self.name()}
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _applied(self) -> list[tuple[str, float]]:
        """Each kept tree and when it was applied, the last first."""
        path = self.folder / "history"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [(name, float(*at or "0")) for name, *at in lines if (self.folder / name).is_dir()]


def read(folder: Path) -> dict[str, str]:
    """A tree as it lies on disk."""
    files = (path for path in folder.resolve().rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder.resolve())): path.read_text(encoding="utf-8", errors="replace") for path in files
    }


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
