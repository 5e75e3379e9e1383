"""Keeps one child process running: starts it, restarts it with back-off, ends it within a limit.

A keeper that was killed leaves its child running, so that calls go on. The next one finds it by its file: it goes on
keeping it (`adopt`), or ends it and starts a new one. Belongs here: processes as such. Not here: which ones an
exchange consists of (up).
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
from typing import Any

import structlog

from orchestrator.service.limits import goes_first
from orchestrator.service.state import write_whole

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between restarts; doubled while the process dies young."""
YOUNG = 10.0
"""Seconds that a process must have lived for its next restart to be prompt again."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """What to run. Its output goes to `log`, appended; `note` is the file that holds its process number."""

    name: str
    argv: tuple[str, ...]
    log: Path
    note: Path
    mark: str
    """What its command line must hold to be this child, even after it became another program."""
    adopt: bool = False
    """Whether one that a killed keeper left running is kept as it is."""
    env: Mapping[str, str] = field(default_factory=dict)
    expendable: int = 0
    """See limits.goes_first; 0: it is treated as everybody is."""
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
        """Keep the child running until `stop`. Raises OSError if it cannot be started at all."""
        pause = FIRST_PAUSE
        await self._inherit()
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._once()
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE if time.monotonic() - began > YOUNG else min(pause * 2, LONGEST_PAUSE)
            log.warning("process ended, restarting", process=self.child.name, code=code, pause=pause)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _inherit(self) -> None:
        """Deal with what a killed keeper left running."""
        pid = left_over(self.child)
        if pid is None:
            return
        log.warning("found running", process=self.child.name, pid=pid, kept=self.child.adopt)
        exited = asyncio.ensure_future(_exit_of(pid))
        if self.child.adopt:
            await self._keep(pid, exited)
        else:
            await self._end(pid, exited)

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
        if self.child.expendable:
            goes_first(process.pid, self.child.expendable)
        self.starts += 1
        write_whole(self.child.note, f"{process.pid}\n")
        await self._keep(process.pid, asyncio.ensure_future(process.wait()))
        return process.returncode or 0

    async def _keep(self, pid: int, exited: asyncio.Future[Any]) -> None:
        """Wait until the process ends by itself, or end it when told to stop."""
        self.pid = pid
        stopped: asyncio.Future[Any] = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({exited, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not exited.done():
                await self._end(pid, exited)
            self.child.note.unlink(missing_ok=True)
        finally:
            stopped.cancel()
            self.pid = None
            if not exited.done():  # cancelled by our owner: no time for manners
                _kill(pid, signal.SIGKILL)

    async def _end(self, pid: int, exited: asyncio.Future[Any]) -> None:
        _kill(pid, signal.SIGTERM, group=False)
        try:
            async with asyncio.timeout(self.child.patience):
                await asyncio.shield(exited)
        except TimeoutError:
            log.warning("process did not end in time, killed", process=self.child.name, patience=self.child.patience)
            _kill(pid, signal.SIGKILL)
            await exited


def left_over(child: Child) -> int | None:
    """The process that a former keeper of `child` left running: its number is on file and its command is the same."""
    try:
        pid = int(child.note.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if child.mark.encode() in command else None


async def _exit_of(pid: int) -> int:
    """Wait until a process ends that is not ours to wait for; its exit code stays unknown: 0."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return 0
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return 0


def _kill(pid: int, number: signal.Signals, *, group: bool = True) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number) if group else os.kill(pid, number)
