"""A disk of its own under one folder, so small that a test can fill it.

Only those see it who are started under it; it needs no root where users may have name spaces of their own.
"""

from __future__ import annotations

import errno
import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.leash import leashed

MIB, PAGE = 1024 * 1024, os.sysconf("SC_PAGE_SIZE")
MOUNT = """
mount -t tmpfs -o "mode=700,size=$3k" disk "$2" && cp -a "$1/." "$2" && mount --bind "$2" "$1" && echo there && exec cat
"""
"""The disk with what is in the folder; it is there until its holder is told to end."""


@dataclass(frozen=True)
class SmallDisk:
    """`under` starts a command that sees it; `folder` is where it is seen from outside."""

    under: tuple[str, ...]
    folder: Path

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        seen = os.statvfs(self.folder)
        return seen.f_bavail * seen.f_frsize

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self, leaving: int = 0) -> None:
        """Write until `leaving` bytes are free; nothing at all can be written where that is 0."""
        with self._ballast.open("ab", buffering=0) as file:
            while wanted := min(self.free - leaving, MIB):
                try:
                    file.write(bytes(wanted))
                except OSError as bad:
                    if bad.errno == errno.ENOSPC:
                        return
                    raise

    def make_room(self) -> None:
        """Take away what `fill` has written."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, beside: Path, *, room: int) -> Iterator[SmallDisk]:
    """What is in `folder` on a disk with `room` more bytes; `beside` is an empty folder for its making.

    Skips, with a warning, where the machine gives us no name spaces.
    """
    unshare = ("unshare", "--map-root-user", "--mount")
    holder = subprocess.Popen(
        leashed([*unshare, "sh", "-c", MOUNT, "sh", str(folder), str(beside), str((_used(folder) + room) // 1024)]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdin
    assert holder.stdout
    assert holder.stderr
    try:
        if holder.stdout.readline() != "there\n":
            _cannot(holder.stderr.read())
        where = (f"--target={holder.pid}", "--user", "--mount", f"--wd={Path.cwd()}")
        under = ("nsenter", *where, "--preserve-credentials", "--")
        yield SmallDisk(under, Path(f"/proc/{holder.pid}/root{folder}"))
    finally:
        holder.stdin.close()
        holder.wait(10)


def _used(folder: Path) -> int:
    """Bytes that the files in `folder` take, page by page."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in files)


def _cannot(why: str) -> None:
    warnings.warn(f"NOT SHOWN: a full disk. This machine gives us none of our own: {why}", stacklevel=3)
    pytest.skip(f"no disk of our own: {why}")
