"""The lock of a folder of a mailbox, the one that Asterisk itself takes.

Belongs here: taking it, within a limit. Not here: what is done while it is held (folder, mailbox).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

PATIENCE: ContextVar[float] = ContextVar("patience", default=5.0)
"""Seconds to wait for somebody else; less where a caller waits on the line."""


class Busy(TimeoutError):
    """Somebody else has the folder for longer than `PATIENCE`."""


@contextlib.contextmanager
def locked(*folders: Path) -> Iterator[None]:
    """Hold the locks of `folders`, taken in the same order by all, so that two who want the same two get them.

    With `lockmode=flock` it is the file `lock` of the folder (`.lock` is that of the other mode), and Asterisk removes
    the file when it lets go: so we look which one we hold. A folder that is not there is made. Raises Busy, OSError.
    """
    with contextlib.ExitStack() as held:
        for folder in sorted(set(folders)):
            folder.mkdir(parents=True, exist_ok=True)
            held.callback(os.close, _wait(folder))
        yield


def _wait(folder: Path) -> int:
    patience = PATIENCE.get()
    deadline = time.monotonic() + patience
    while (lock := _take(folder / "lock")) is None:
        if time.monotonic() > deadline:
            raise Busy(f"{folder} is locked for more than {patience:g} s")
        time.sleep(0.02)
    return lock


def _take(path: Path) -> int | None:
    """The descriptor of the locked file; None while another has it, or if it was removed meanwhile."""
    lock = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return None
