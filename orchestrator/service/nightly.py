"""A backup every night, by control: a process of its own, which goes last where the machine is busy, within a limit.

Control looks at the folder of backups at no time: a server that is gone would hold it. It starts the process and reads
what that has noted. Belongs here: when. Not here: the backup (backup), which are kept (shelf).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from orchestrator.service import backup, shelf
from orchestrator.service.errors import ServiceError
from orchestrator.service.limits import goes_first
from orchestrator.service.settings import Backup
from orchestrator.service.state import State

log = structlog.get_logger()

LOOK_EVERY = 5.0
"""Seconds between two looks at what is noted and whether it is time."""
START = 20.0
"""Seconds from the start of control to the first backup: telephones register then."""
LONGEST = 4 * 3600.0
"""Seconds that a backup may take; then it is ended."""
ENDS_WITHIN = 5.0
"""Seconds that an ended process may take; one that a gone disk holds cannot be ended at all, and is left."""
FIRST_PAUSE, LONGEST_PAUSE = 900.0, 4 * 3600.0
"""Seconds from one that failed to the next try; doubled each time."""
EXPENDABLE = 1000
"""As limits.goes_first: before all else."""


def due(wanted: Backup, made: float, now: datetime) -> bool:
    """Whether none was `made` (seconds since the epoch) since it was last time for one. `now` is the town's."""
    latest = datetime.combine(now.date(), wanted.at, now.tzinfo)
    if latest.timestamp() > now.timestamp():
        latest = datetime.combine(now.date() - timedelta(days=1), wanted.at, now.tzinfo)
    return not latest.timestamp() <= made <= now.timestamp()  # one of the future was made by a clock that was wrong


@dataclass(kw_only=True)
class Nightly:
    """Makes a backup when it is time."""

    state: State
    zone: Callable[[], str]
    """The town's time zone."""
    tell: Callable[[float, int, bool], None]
    """Gets when the last good one was made (NaN: none is wanted), its bytes, and whether a later one failed."""
    seen: tuple[str, shelf.Last] = ("", shelf.Last())
    """The folder of the settings, and the last backup."""
    _vain: int = 0
    """Tries in a row."""
    _not_before: float = field(default_factory=lambda: time.monotonic() + START)
    """Monotonic seconds."""
    _said: str = ""
    """Why it could not even be looked; told once."""

    @property
    def shown(self) -> tuple[str, str, bool]:
        """For the status page: name, what it says, whether that is well."""
        folder, last = self.seen
        bad = last.problem(folder, time.time())
        when = f"{datetime.fromtimestamp(last.at, ZoneInfo(self.zone())):%d.%m. %H:%M}" if last.at else "noch keine"
        return "Sicherung", when if folder else "nicht eingerichtet", not bad

    async def run(self) -> None:
        """Look again and again, until cancelled. What one left that was killed with control goes first."""
        await self._sweep()
        while True:
            said = ""
            try:
                await self.look()
            except (ServiceError, OSError) as bad:
                said = str(bad)
            except Exception as bad:  # a fault of the one who makes backups ends nothing else
                said = repr(bad)
            if said and said != self._said:
                log.error("backups have to wait", why=said)
            self._said = said
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Tell what is known, and make one if it is time. Raises ServiceError, OSError."""
        wanted = self.state.settings().backup
        self._know(wanted)
        now = datetime.now(ZoneInfo(self.zone()))
        if wanted.folder and time.monotonic() > self._not_before and due(wanted, self.seen[1].at, now):
            await self._make()
            self._know(wanted)

    def _know(self, wanted: Backup) -> None:
        last = shelf.last(self.state)
        self.seen = wanted.folder, last
        self.tell(last.at if wanted.folder else math.nan, last.size, bool(wanted.folder and last.why))

    async def _sweep(self) -> None:
        """Remove what one left that was ended."""
        with contextlib.suppress(OSError):  # else the next backup does it
            await asyncio.to_thread(backup.sweep, self.state)

    async def _make(self) -> None:
        """Have another process make it, and read what came of it."""
        argv = (sys.executable, "-m", "orchestrator.cli", "--state", str(self.state.root), "backup")
        with (self.state.log / "backup.out").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        goes_first(process.pid, EXPENDABLE)
        try:
            async with asyncio.timeout(LONGEST):
                code = await process.wait()
            why = f"it was ended by signal {-code}; was memory short?" if code < 0 else ""
        except TimeoutError:
            code, why = -1, f"it was not done after {LONGEST / 3600:.0f} hours; is the folder reachable?"
        finally:
            if process.returncode is None:
                await _ended(process)
            await self._sweep()
        if code == 0:
            self._vain, self._not_before = 0, 0.0
            log.info("backup", name=shelf.last(self.state).name)
            return
        pause = min(FIRST_PAUSE * 2**self._vain, LONGEST_PAUSE)
        self._vain, self._not_before = self._vain + 1, time.monotonic() + pause
        if why:  # else it has said so itself
            shelf.failed(self.state, why)
        log.error("no backup", why=shelf.last(self.state).why, again_in=pause)


async def _ended(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ENDS_WITHIN):
            await process.wait()
