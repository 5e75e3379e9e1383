"""A problem as data: what, where, why it matters, whom it would hit, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that must be mended before a change goes live."""

    code: str
    """Stable name of the kind: `dead_end`, `silent_loop`, `shadowed_number`, …"""
    where: str
    """The place, number or object."""
    what: str
    """One sentence for the admin."""
    todo: str = ""
    caller: str = ""
    """A caller who would meet it: `dials 21-2500, presses 1, then nothing`."""
    path: tuple[str, ...] = ()
    """How that caller gets there: places and answers in turn."""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what} [{self.code}]"
        if self.caller:
            text += f"\n    a caller who meets it: {self.caller}"
        if self.path:
            text += f"\n    path: {' -> '.join(self.path)}"
        if self.todo:
            text += f"\n    to do: {self.todo}"
        return text
