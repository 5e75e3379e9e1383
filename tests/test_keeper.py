"""Real child processes: restarted when they die, ended in time when they will not go."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from orchestrator.service.keeper import Child, Keeper

LIVES = "import time; print('here', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LIVES}"


def keeper(tmp_path: Path, program: str, patience: float = 5.0) -> Keeper:
    argv = (sys.executable, "-c", program)
    return Keeper(Child(name="child", argv=argv, log=tmp_path / "child.log", patience=patience))


async def until(true: object, limit: float = 10.0) -> None:
    async with asyncio.timeout(limit):
        while not true():  # type: ignore[operator]
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_killed_child_comes_back_and_a_stopped_one_does_not(tmp_path: Path) -> None:
    kept = keeper(tmp_path, LIVES)
    running = asyncio.create_task(kept.run())
    await until(lambda: "here" in _log(tmp_path))
    first = kept.pid
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: kept.starts == 2 and kept.pid not in (None, first))
    second = kept.pid
    assert second
    kept.stop()
    await asyncio.wait_for(running, 10)
    assert not alive(first)
    assert not alive(second)


async def test_a_stubborn_child_is_killed_at_its_limit(tmp_path: Path) -> None:
    kept = keeper(tmp_path, STUBBORN, patience=0.3)
    running = asyncio.create_task(kept.run())
    await until(lambda: "here" in _log(tmp_path))
    pid = kept.pid
    assert pid
    kept.stop()
    await asyncio.wait_for(running, 5)
    assert not alive(pid)


async def test_a_cancelled_owner_leaves_no_child(tmp_path: Path) -> None:
    kept = keeper(tmp_path, STUBBORN)
    running = asyncio.create_task(kept.run())
    await until(lambda: "here" in _log(tmp_path))
    pid = kept.pid
    assert pid
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await until(lambda: not alive(pid), 5)


def _log(tmp_path: Path) -> str:
    path = tmp_path / "child.log"
    return path.read_text() if path.exists() else ""
