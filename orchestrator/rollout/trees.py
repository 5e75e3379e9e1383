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

    def history(self) -> list[str]:
        """Names of the trees that are kept, the one applied last first."""
        path = self.folder / "history"
        names = path.read_text().split() if path.exists() else []
        return [name for name in names if (self.folder / name).is_dir()]

    def remember(self, name: str) -> None:
        """Note that `name` was applied, and remove what is older than `KEPT`."""
        names = [name, *(other for other in self.history() if other != name)]
        beside = self.folder / f".history.{os.getpid()}"
        beside.write_text("\n".join(names[:KEPT]) + "\n")
        beside.replace(self.folder / "history")
        kept = {*names[:KEPT], self.name()}
        for folder in self.folder.iterdir():
            if folder.is_dir() and folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)


def read(folder: Path) -> dict[str, str]:
    """A tree as it lies on disk."""
    files = (path for path in folder.resolve().rglob("*") if path.is_file())
    return {str(path.relative_to(folder.resolve())): path.read_text(encoding="utf-8") for path in files}


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
