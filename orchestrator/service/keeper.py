"""Keeps one child process running: starts it, restarts it with back-off, ends it within a limit.

Belongs here: processes as such. Not here: which ones an exchange consists of (up).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between restarts; doubled while the process dies young."""
YOUNG = 10.0
"""Seconds that a process must have lived for its next restart to be prompt again."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """What to run. Its output goes to `log`, appended."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    patience: float = 10.0
    """Seconds from SIGTERM to SIGKILL."""


class Keeper:
    """Runs one child until told to stop. `run` is a task of its owner; cancelling it ends the child as `stop` does."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.starts = 0
        self.pid: int | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask the child to end; `run` returns when it has."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep the child running until `stop`."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._once()
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE if time.monotonic() - began > YOUNG else min(pause * 2, LONGEST_PAUSE)
            log.warning("process ended, restarting", process=self.child.name, code=code, pause=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _once(self) -> int:
        with self.child.log.open("ab") as output:
            # A session of its own: Ctrl-C on the terminal reaches only us, and we end things in the right order.
            process = await asyncio.create_subprocess_exec(
                *self.child.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.child.env},
                start_new_session=True,
            )
        self.starts += 1
        self.pid = process.pid
        ended = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await self._end(process, ended)
            return process.returncode or 0
        finally:
            stopped.cancel()
            self.pid = None
            if process.returncode is None:  # cancelled by our owner: no time for manners
                _kill(process.pid, signal.SIGKILL)

    async def _end(self, process: asyncio.subprocess.Process, ended: asyncio.Future[int]) -> None:
        _kill(process.pid, signal.SIGTERM, group=False)
        try:
            await asyncio.wait_for(asyncio.shield(ended), self.child.patience)
        except TimeoutError:
            log.warning("process did not end in time, killed", process=self.child.name, patience=self.child.patience)
            _kill(process.pid, signal.SIGKILL)
            await ended


def _kill(pid: int, number: signal.Signals, *, group: bool = True) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number) if group else os.kill(pid, number)
