"""PINs of the boxes: in the spool, where `VoiceMailMain()` reads and changes them too (`passwordlocation=spooldir`).

Belongs here: the file, and which PINs are none. Not here: how often one may guess (ledger).
"""

from __future__ import annotations

import contextlib
import hmac
import itertools
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from orchestrator.messages.mailbox import Spool

SHORTEST, LONGEST = 6, 12
"""Digits of a PIN that is chosen."""
_FILE = "secret.conf"
_PASSWORD = re.compile(r"^\s*password\s*=>?\s*([0-9]+)\s*$", re.MULTILINE)


Weakness = Literal["digits", "length", "row", "two", "box", "first"]
WORDS: Mapping[Weakness, str] = {
    "digits": "it has something else than digits",
    "length": f"it has not {SHORTEST} to {LONGEST} digits",
    "row": "its digits are all the same or in a row",
    "two": "it has two different digits only",
    "box": "it is the number of the box",
    "first": "it is the one that the box had at first",
}
"""Why a PIN is too easy to guess."""


class WeakPin(ValueError):
    """A PIN that anybody would guess; the text says why."""

    def __init__(self, weakness: Weakness) -> None:
        super().__init__(WORDS[weakness])
        self.weakness = weakness


@dataclass(frozen=True)
class Pins:
    """The PINs of one exchange. `first` gives the one that a box has until its owner chooses another."""

    spool: Spool
    first: Callable[[str], str]

    def right(self, box: str, pin: str) -> bool:
        """Whether that is the box's PIN. Raises OSError."""
        return hmac.compare_digest(self._of(box).encode(), pin.encode())

    def chosen(self, box: str) -> bool:
        """Whether the owner has chosen one."""
        return self._stored(box) is not None

    def change(self, box: str, pin: str) -> None:
        """Make `pin` the box's. Raises WeakPin, OSError."""
        if weak := weakness(box, pin):
            raise WeakPin(weak)
        if pin == self.first(box):
            raise WeakPin("first")
        folder = self.spool.box(box).path
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{_FILE}"
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"[general]\npassword = {pin}\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(folder / _FILE)

    def forget(self, box: str) -> None:
        """Give the box its first PIN again: for an owner who has forgotten it. Raises OSError."""
        (self.spool.box(box).path / _FILE).unlink(missing_ok=True)

    def _of(self, box: str) -> str:
        return self._stored(box) or self.first(box)

    def _stored(self, box: str) -> str | None:
        with contextlib.suppress(FileNotFoundError):
            found = _PASSWORD.search((self.spool.box(box).path / _FILE).read_text(errors="replace"))
            return found[1] if found else None
        return None


def why_weak(box: str, pin: str) -> str:
    """Why a PIN is too easy to guess, in words; empty for one that is not."""
    weak = weakness(box, pin)
    return WORDS[weak] if weak else ""


def weakness(box: str, pin: str) -> Weakness | None:
    """What makes a PIN too easy to guess; None for one that is not."""
    if not (pin.isascii() and pin.isdigit()):
        return "digits"
    if not SHORTEST <= len(pin) <= LONGEST:
        return "length"
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        return "row"
    if len(set(pin)) < 3:
        return "two"
    return "box" if pin.strip("0") == box.strip("0") else None
