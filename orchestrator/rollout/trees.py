"""Trees on disk: each under its checksum, whole or not at all; `current` is a link that is swapped.

One that is written anew while `current` leads to a damaged one of its name lies under its checksum and `-2`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.compile.tree import checksum_of, encoded
from orchestrator.rollout.plan import Tree
from orchestrator.rollout.record import Applies, read_record, sync, write_record

KEPT = 20
"""Trees that a rollback can go to."""
AGAIN = "-2"
"""What the name of a tree gets that runs beside a damaged one of its checksum."""
SPARE, PAGE = 1024 * 1024, 4096
"""Bytes for what is noted of an apply; by which files take room."""


_CHECKSUM = re.compile(r"[0-9a-f]{16}")


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
        """The name of the tree that runs, or nothing; a link to a folder that somebody deleted is nothing."""
        there = self.current.is_symlink() and self.current.exists()
        return Path(os.readlink(self.current)).name if there else ""

    def write(self, tree: Tree, name: str) -> Path:
        """Put `tree` beside the others, on disk before it has its name; gives its folder.

        What `current` leads to is never removed: where that is a damaged tree called `name`, `AGAIN` is added to it.
        """
        places = [self.folder / name, self.folder / f"{name}{AGAIN}"]
        for place in places:
            if place.exists() and read(place) == dict(tree):
                os.utime(place)
                return place
        target = next(place for place in places if place.name != self.name())
        beside = self.folder / f".{name}.{os.getpid()}"
        shutil.rmtree(beside, ignore_errors=True)
        try:
            _write(tree, beside)
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)  # of a full disk it would take the rest
            raise
        if target.exists():
            self.discard(target.name)
        beside.rename(target)
        sync(self.folder)
        return target

    def missing(self, tree: Tree, name: str) -> int:
        """Bytes that the disk is short of for `tree`, and for what is noted of it; 0: there is room."""
        wanted = SPARE
        if not (self.folder / name).exists():
            sizes = (sum(len(part) for part in encoded(text)) for text in tree.values())
            wanted += sum(-(-size // PAGE) * PAGE for size in sizes)
        seen = os.statvfs(self.folder)
        return max(0, wanted - seen.f_bavail * seen.f_frsize)

    def swap(self, name: str) -> None:
        """Make `name` the tree that runs, in one step of the file system."""
        beside = self.current.with_name(f".{self.current.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        beside.symlink_to(os.path.relpath(self.folder / name, self.current.parent))
        beside.replace(self.current)
        sync(self.current.parent)

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
        sync(self.folder)

    def settle(self) -> None:
        """The apply is over: what `current` names is what Asterisk has."""
        self._note.unlink(missing_ok=True)

    def dialplan(self, name: str) -> str:
        """The dialplan of a kept tree; empty if there is none."""
        path = self.folder / name / "asterisk" / "extensions.conf"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def kept(self) -> list[str]:
        """Names of the trees that can be gone back to: what runs, then the others, the one applied last first."""
        there = self._folders()
        return [name for name in dict.fromkeys(each.name for each in self.applied()) if name in there]

    def applied_at(self, name: str) -> float:
        """When `name` was applied last, in seconds since the epoch; 0 if it is not known."""
        return next((each.at for each in self.applied() if each.name == name), 0.0)

    def lately(self, since: float) -> list[str]:
        """Names of the trees that ran at some time after `since` (seconds since the epoch)."""
        names, ended = [], float("inf")
        for each in self.applied():
            if ended >= since:
                names.append(each.name)
            ended = each.at
        return names

    def damage(self, name: str, tree: Tree) -> Mapping[str, str]:
        """What was done by hand to `tree`, which lies under `name`: path -> words; empty if nothing was.

        Where no digests were kept, the checksum in the name says that something was, and the path is empty.
        """
        written, now = self.written(name), digests(tree)
        if not written:
            known = _CHECKSUM.fullmatch(checksum_in(name))
            return {"": "some file of it was changed by hand"} if known and known[0] != checksum_of(tree) else {}
        return {
            path: "is gone" if path not in now else f"was {'changed' if path in written else 'put there'} by hand"
            for path in sorted(written.keys() | now.keys())
            if written.get(path) != now.get(path)
        }

    def written(self, name: str) -> Mapping[str, str]:
        """The digests of the files of `name` when it was applied last; empty if they are not known."""
        return next(
            (
                each.note.get("files", {})
                for each in read_record(self._history).entries
                if checksum_in(each.name) == checksum_in(name)
            ),
            {},
        )

    def remember(self, name: str, now: float, note: Mapping[str, Any]) -> None:
        """Note that `name` was applied `now`, and remove trees that nobody needs any more."""
        write_record(self._history, [Applies(name=name, at=now, note=note), *read_record(self._history).entries])
        for other in self._folders().keys() - self._needed():
            self.discard(other)
        for left in self.folder.glob(".*.*"):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)

    def _needed(self) -> set[str]:
        """What runs, `KEPT` trees of which the history tells, and others for which there is room or that are newer.

        What no line tells of may be all that is left after the file was lost. A damaged one that was written anew goes.
        """
        there, runs = self._folders(), self.name()
        known = {each.name for each in read_record(self._history).entries}
        whole = [each for each in self.kept() if each == runs or checksum_in(each) != checksum_in(runs)]
        kept = [each for each in whole if each in known][:KEPT]
        oldest = min((there[each] for each in kept), default=0.0)
        others = [each for each in whole if each not in known]
        newer = [each for each in others if there[each] >= oldest]
        room = max(0, KEPT - len(kept) - len(newer))
        return {runs, *kept, *newer, *[each for each in others if each not in newer][:room]}

    def discard(self, name: str) -> None:
        """Remove a tree that does not run."""
        if name != self.name():
            beside = self.folder / f".{name}.gone"
            shutil.rmtree(beside, ignore_errors=True)
            (self.folder / name).rename(beside)  # so that no half of a tree keeps its name
            shutil.rmtree(beside, ignore_errors=True)

    def applied(self) -> list[Applies]:
        """Everything that happened, the last first; a tree may be in it several times, or be gone.

        Trees of which no line tells follow, by the time of their folder: an apply was killed, or the file was lost.
        """
        entries = read_record(self._history).entries
        told = {each.name for each in entries}
        more = [Applies(name=name, at=at) for name, at in self._folders().items() if name not in told]
        more.sort(key=lambda each: each.at, reverse=True)
        runs = [each for each in more if each.name == self.name()]
        return [*runs, *entries, *(each for each in more if each not in runs)]

    def doubts(self) -> str:
        """What is wrong with the history, in words; empty if nothing is."""
        record = read_record(self._history)
        if record.bad:
            return f"{record.bad} lines of it cannot be read"
        lost = self.name() and not self.unsettled and self.name() not in {each.name for each in record.entries}
        return "it does not tell of the tree that runs" if lost else ""

    @property
    def _history(self) -> Path:
        return self.folder / "history"

    def _folders(self) -> dict[str, float]:
        """Every tree that lies there, and when it was written, in seconds since the epoch."""
        return {
            path.name: path.stat().st_mtime
            for path in self.folder.iterdir()
            if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")
        }


def _write(tree: Tree, folder: Path) -> None:
    """Every file of `tree`, private and on disk."""
    for path, text in tree.items():
        file = folder / path
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())


def checksum_in(name: str) -> str:
    """The checksum that a tree's name begins with."""
    return name.removesuffix(AGAIN)


def digests(tree: Tree) -> dict[str, str]:
    """The beginning of the SHA-256 of every file: tells one that was changed by hand."""
    return {path: digest(text) for path, text in sorted(tree.items())}


def digest(text: str) -> str:
    """The beginning of the SHA-256 of one file. No second copy of a long text is made."""
    found = hashlib.sha256()
    for part in encoded(text):
        found.update(part)
    return found.hexdigest()[:16]


def read(folder: Path) -> dict[str, str]:
    """A tree as it lies on disk."""
    files = (path for path in folder.resolve().rglob("*") if path.is_file())
    # Not as text, which would hide line ends that somebody changed.
    return {str(path.relative_to(folder.resolve())): path.read_bytes().decode(errors="replace") for path in files}
