"""PINs of the boxes: in the spool, where `VoiceMailMain()` reads and changes them too (`passwordlocation=spooldir`).

Belongs here: the file, and which PINs are none. Not here: how often one may guess (ledger).
"""

from __future__ import annotations

import contextlib
import hmac
import itertools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.messages.mailbox import Spool

SHORTEST, LONGEST = 6, 12
"""Digits of a PIN that is chosen."""
_FILE = "secret.conf"
_PASSWORD = re.compile(r"^\s*password\s*=>?\s*([0-9]+)\s*$", re.MULTILINE)


class WeakPin(ValueError):
    """A PIN that anybody would guess; the text says why."""


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
        if weak := why_weak(box, pin):
            raise WeakPin(weak)
        if pin == self.first(box):
            raise WeakPin("it is the one that the box had at first")
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
    """Why a PIN is too easy to guess; empty for one that is not."""
    if not (pin.isascii() and pin.isdigit()):
        return "it has something else than digits"
    if not SHORTEST <= len(pin) <= LONGEST:
        return f"it has not {SHORTEST} to {LONGEST} digits"
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        return "its digits are all the same or in a row"
    if len(set(pin)) < 3:
        return "it has two different digits only"
    return "it is the number of the box" if pin.strip("0") == box.strip("0") else ""
