"""Logs that do not fill the disk: a large one is copied beside and emptied, as its writers append and keep it open.

Lines that are written between the two are lost; the journal of calls is none of these files.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LARGEST = 16 * 1024 * 1024
"""Bytes at which a log is put aside."""
KEPT = 5
"""How many are kept of each."""


def rotate(folder: Path) -> None:
    """Put aside every log of `folder` that is too large. Raises OSError."""
    for path in folder.iterdir():
        if path.is_file() and not path.suffix.lstrip(".").isdigit() and path.stat().st_size > LARGEST:
            for number in range(KEPT - 1, 0, -1):
                older = path.with_name(f"{path.name}.{number}")
                if older.exists():
                    older.replace(path.with_name(f"{path.name}.{number + 1}"))
            shutil.copyfile(path, path.with_name(f"{path.name}.1"))
            os.truncate(path, 0)
