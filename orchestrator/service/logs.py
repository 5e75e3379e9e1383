"""Logs that do not fill the disk: a large one is copied beside and emptied, as its writers append and keep it open.

Lines that are written between the two are lost; the journal of calls is none of these files. And where a disk is full
all the same, a line is lost and not the process that wanted to write it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
from pathlib import Path

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

from orchestrator.apps import lines

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


class Unfailing:
    """A logger of structlog's that writes to where this process prints, and loses what cannot be written."""

    def __init__(self, *_: object) -> None:
        self._to = sys.stdout.fileno()

    def msg(self, message: str) -> None:
        """Write one line, past every buffer: what is kept in one would be tried again, and fail again."""
        with contextlib.suppress(OSError):
            os.write(self._to, f"{message}\n".encode(errors="replace"))

    debug = info = warning = error = critical = exception = log = msg


def unfailing(name: str) -> None:
    """Have this process outlive a log that cannot be written; with `DURCHWAHL_LOG=json` an object a line.

    What does not log by structlog (libraries, Asterisk's words, mail) says there that it is of the process `name`.
    A mistake is logged without the variables of its frames: callers' numbers and names are among them.
    """
    structlog.configure(logger_factory=Unfailing)
    if lines.as_json():
        lines.begin(name, logging.WARNING)
        # Dictionaries, not text: whatever a stranger is called, it is one line, and no record of its own.
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ]
        )
    else:
        ConsoleRenderer.get_active().exception_formatter = plain_traceback
