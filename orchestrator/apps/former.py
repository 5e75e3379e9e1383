"""Workers that a shift has left behind which was killed: they leave by themselves, and a hung one is made to.

Standard library only: this runs in the shift's parent. A worker that hangs while its parent dies would stay for ever,
keep its port, and, if it woke up, command callers who have gone on. Belongs here: who that is. Not here: their callers
(rescue).
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

PATIENCE = 0.5
"""Seconds for those who are well: they notice within a heartbeat, and hand their callers back."""
LOOK_EVERY = 0.02


def end_former(attend: Path) -> int:
    """End every worker that performs what is in `attend`, to be called before we start our own; how many had to be."""
    deadline = time.monotonic() + PATIENCE
    while (found := list(_workers(attend))) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
    for pid in found:
        log.warning("process %s is of a former shift and does not leave: killed", pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _workers(attend: Path) -> Iterator[int]:
    """Processes of ours that run as workers on `attend`, by their commands; one that is dead has none."""
    wanted = b"\0".join((b"", b"--attend", os.fsencode(attend), b""))
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            if wanted in command and b"\0--slot\0" in command and folder.stat().st_uid == os.getuid():
                yield int(folder.name)
