"""How processes without structlog write their log: for people, or with `DURCHWAHL_LOG=json` an object a line.

Standard library only: the shift's parent uses it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime

CHOSEN = "DURCHWAHL_LOG"
"""The environment variable: `json`, or anything else."""


def as_json() -> bool:
    """Whether lines are for programs."""
    return os.environ.get(CHOSEN) == "json"


def begin(name: str, least: int = logging.INFO) -> None:
    """Have this process, which is called `name`, log to its standard error from now on, from the level `least` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(name) if as_json() else logging.Formatter(f"{name} %(levelname)s %(message)s"))
    logging.basicConfig(level=least, handlers=[handler])


class _Json(logging.Formatter):
    """One object a line, with the names that structlog uses."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)
