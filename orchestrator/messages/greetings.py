"""Greetings that the owners of mailboxes recorded: which there are, and how Asterisk's database tells the dialplan.

A greeting is a file beside the folders of its mailbox, under the name that `VoiceMailMain()` gives it too, so that one
recorded there counts. The dialplan reaches no files (docs/decisions/0005): it is told by the database. Belongs here:
what is there. Not here: how it is played (compile.message), who records it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from orchestrator.compile.message import RECORDED, TEMPORARY

FILES = frozenset({*RECORDED.values(), TEMPORARY})
"""What greetings are called: `busy`, `unavail`, `closed`; and `temp`, which counts in every state."""
EMPTY = 44
"""Bytes of a WAV in which nothing is: its header."""


def entries(spool: Path, boxes: Collection[str], ends: Mapping[str, int]) -> dict[str, str]:
    """What the family `compile.message.FAMILY` should hold: `<box>/<file>` -> until when it counts, or 0 for no end.

    In seconds since 1970.
    `ends`: the greetings that have an end, by the same names. Only what is there now, of the mailboxes of the
    directory. Blocking; raises OSError for a spool that cannot be read.
    """
    found = {}
    for box in _listed(spool / "voicemail" / "town"):
        if box.name in boxes:
            for file in _listed(Path(box)):
                name = f"{box.name}/{file.name.removesuffix('.wav')}"
                if file.name.endswith(".wav") and name.partition("/")[2] in FILES and file.stat().st_size > EMPTY:
                    found[name] = str(int(ends.get(name, 0)))
    return found


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing if it is none, or gone."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []
