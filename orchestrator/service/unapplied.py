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
from orchestrator.rollout.record import Applies
from orchestrator.service import directory as directories
from orchestrator.service import wiring
from orchestrator.service.state import State
from orchestrator.store.changes import changed
from orchestrator.store.load import last_change

APPLY = "apply"
"""How the history of trees calls what made the directory the one that runs."""
APPLYING = 900.0
"""Seconds that an apply may take; what is changed meanwhile is not in it."""


@dataclass(kw_only=True)
class Unapplied:
    """Looks when its owner calls `look`."""

    state: State
    engine: AsyncEngine
    running: Callable[[], tuple[str, Directory]]
    """The name of the tree that runs, and the directory of which it was made."""
    since: float = 0.0
    """When the oldest change was made that is not in that tree, in seconds since the epoch; 0: there is none."""
    _seen: tuple[int, str, int] = (-1, "", 0)
    """The last change and the tree that were compared, and the year."""

    @property
    def seconds(self) -> float:
        """How old that change is; 0: there is none."""
        return max(0.0, time.time() - self.since) if self.since else 0.0

    async def look(self) -> None:
        """Compare, if there is something new to compare. Raises ServiceError, SQLAlchemyError."""
        name, directory = self.running()
        seen = await last_change(self.engine), name, directories.today().year
        if seen == self._seen:
            return
        # Elsewhere: a large town takes seconds.
        written = await asyncio.to_thread(lambda: asyncio.run(directories.read(self.state)))
        self.since = 0.0 if written == directory else await self._first(name)
        self._seen = seen

    async def _first(self, name: str) -> float:
        """The first change since the directory of that tree was applied, or while it was.

        Where nobody has changed anything (a new version derives more, another year has other days off) it counts from
        the moment at which that was seen.
        """
        applied = self._applied(name)
        found = await changed(self.engine, applied)
        return found if found > applied - APPLYING else self.since or time.time()

    def _applied(self, name: str) -> float:
        """When the directory of that tree was applied last; a way back, or new secrets, did not make it newer."""
        told = wiring.trees(self.state).applied()
        wanted = next((digest for each in told if each.name == name and (digest := _digest(each))), "")
        made = (each for each in told if each.note.get("did", APPLY) == APPLY)
        same = (each.at for each in made if each.name == name or (wanted and _digest(each) == wanted))
        return next(same, time.time())


def _digest(done: Applies) -> str:
    """Of the directory in that tree; empty: it is not known."""
    return str(done.note.get("files", {}).get(directories.APPLIED, ""))
