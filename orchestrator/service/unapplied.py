"""Whether the directory was changed and not applied, and since when: looked at again when either is another one.

Not here: what would change (`plan`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.service import directory as directories
from orchestrator.service import wiring
from orchestrator.service.state import State
from orchestrator.store.changes import changed
from orchestrator.store.load import last_change

APPLY = "apply"
"""How the history of trees calls what was no way back."""


@dataclass(kw_only=True)
class Unapplied:
    """Looks when its owner calls `look`."""

    state: State
    engine: AsyncEngine
    running: Callable[[], tuple[str, Directory]]
    """The name of the tree that runs, and the directory of which it was made."""
    since: float = 0.0
    """When the oldest change was made that is not in that tree, in seconds since the epoch; 0: there is none."""
    _seen: tuple[int, str] = (-1, "")
    """The last change, and the tree, that were compared."""

    @property
    def seconds(self) -> float:
        """How old that change is; 0: there is none."""
        return max(0.0, time.time() - self.since) if self.since else 0.0

    async def look(self) -> None:
        """Compare, if there is something new to compare. Raises ServiceError, SQLAlchemyError."""
        name, directory = self.running()
        seen = await last_change(self.engine), name
        if seen == self._seen:
            return
        # Elsewhere: a large town takes seconds.
        written = await asyncio.to_thread(lambda: asyncio.run(directories.read(self.state)))
        self.since = 0.0 if written == directory else await changed(self.engine, self._applied(name))
        self._seen = seen

    def _applied(self, name: str) -> float:
        """When the directory of that tree was the newest one; a way back made it none."""
        told = (each for each in wiring.trees(self.state).applied() if each.name == name)
        return next((each.at for each in told if each.note.get("did", APPLY) == APPLY), 0.0)
