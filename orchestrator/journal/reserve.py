"""Room on the disk that the journal has put by: a disk that fills up loses no call.

The blocks lie behind the end of the file, whose length stays as it is, and Asterisk's lines are written into them.
Source: fallocate(2) of Linux. Blocking: call it from a thread.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

ROOM = 8 * 1024 * 1024
"""Bytes, for about two thousand calls."""
KEEP_SIZE = 0x01
"""FALLOC_FL_KEEP_SIZE."""
BLOCK = 512
"""Bytes, the unit of `st_blocks`."""


def hold(path: Path, room: int = ROOM) -> None:
    """Put `room` by for what is to be appended to `path`, once half of it is used up; begins the file if there is none.

    Raises OSError where the disk is full, or its file system cannot do that.
    """
    with path.open("ab") as file:
        found = os.fstat(file.fileno())
        if found.st_blocks * BLOCK - found.st_size >= room // 2:
            return
        given = ctypes.CDLL(None, use_errno=True).fallocate(
            file.fileno(), KEEP_SIZE, ctypes.c_int64(found.st_size), ctypes.c_int64(room)
        )
        if given:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
