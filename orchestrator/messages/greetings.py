"""The recorded greetings of a box, where `VoiceMailMain()` keeps them too, and until when they count.

One that was recorded there counts as well. The dialplan reaches no files (docs/decisions/0005): Asterisk's database
tells it which there are (`entries`). Blocking: call it from a thread. Belongs here: files. Not here: how a greeting is
played (compile.message), who records it (telephone).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, get_args

from orchestrator.messages.mailbox import Spool

Greeting = Literal["unavail", "busy", "temp", "closed"]
"""Nobody answers; the line is busy; away; outside office hours. Asterisk's names, but the last."""
GREETINGS: tuple[Greeting, ...] = get_args(Greeting)
EMPTY = 44
"""Bytes of a WAV in which nothing is: its header."""
ENDS = "greetings.json"
"""Beside them: greeting -> until when it counts, in seconds since the epoch."""


def path(spool: Spool, box: str, greeting: Greeting) -> Path:
    """Where a greeting is, if there is one. Raises ValueError for what is no box."""
    return spool.box(box).path / f"{greeting}.wav"


def put(spool: Spool, box: str, greeting: Greeting, recorded: Path) -> None:
    """Make `recorded` (8 kHz, 16 bit, mono WAV) the greeting; the one before, and its end, are gone. Raises OSError.

    A caller who is hearing the one before hears it to its end.
    """
    to = path(spool, box, greeting)
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}")
    shutil.copyfile(recorded, beside)
    with beside.open("rb") as file:
        os.fsync(file.fileno())
    end(spool, box, greeting, None)  # first: killed between the two, an old greeting counts longer, no new one shorter
    beside.replace(to)


def remove(spool: Spool, box: str, greeting: Greeting) -> None:
    """Take a greeting away, with its end; there may be none. Raises OSError."""
    path(spool, box, greeting).unlink(missing_ok=True)
    end(spool, box, greeting, None)


def end(spool: Spool, box: str, greeting: Greeting, at: float | None) -> None:
    """Let a greeting count until `at` (seconds since the epoch), or without an end. Raises OSError."""
    before = ends(spool, box)
    after = {name: when for name, when in before.items() if name != greeting} | ({greeting: at} if at else {})
    if after == before:
        return
    to = spool.box(box).path / ENDS
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{ENDS}")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(after, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(to)


def ends(spool: Spool, box: str) -> Mapping[str, float]:
    """Greeting -> until when it counts (seconds since the epoch), of those that have an end.

    A file that cannot be understood says nothing. Raises OSError.
    """
    with contextlib.suppress(FileNotFoundError, ValueError):
        found = json.loads((spool.box(box).path / ENDS).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return {str(name): float(at) for name, at in found.items() if isinstance(at, int | float)}
    return {}


def entries(spool: Spool, boxes: Collection[str]) -> dict[str, str]:
    """What the family `compile.message.FAMILY` should hold: `<box>/<file>` -> until when it counts, or 0 for no end.

    In seconds since 1970. Only what is there now, of `boxes`. Raises OSError.
    """
    found: dict[str, str] = {}
    for box in spool.boxes():
        if box in boxes and (names := _recorded(spool, box)):
            until = ends(spool, box)
            found |= {f"{box}/{name}": str(int(until.get(name, 0))) for name in names}
    return found


def _recorded(spool: Spool, box: str) -> list[Greeting]:
    """The greetings of a box in which something is."""
    found: list[Greeting] = []
    for name in GREETINGS:
        with contextlib.suppress(FileNotFoundError):
            if path(spool, box, name).stat().st_size > EMPTY:
                found.append(name)
    return found
