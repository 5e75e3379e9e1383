"""Real child processes: restarted when they die, ended in time when they will not go."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.service.keeper import Child, Keeper

LIVES = "import time; print('here', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LIVES}"


def keeper(tmp_path: Path, program: str, patience: float = 5.0, adopt: bool = False) -> Keeper:
    argv = (sys.executable, "-c", program, str(tmp_path))
    log, note = tmp_path / "child.log", tmp_path / "child.kept"
    return Keeper(
        Child(name="child", argv=argv, log=log, note=note, mark=str(tmp_path), patience=patience, adopt=adopt)
    )


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


@pytest.mark.parametrize("adopt", [True, False])
async def test_what_a_killed_keeper_left_is_kept_or_ended(tmp_path: Path, adopt: bool) -> None:
    left = subprocess.Popen([sys.executable, "-c", LIVES, str(tmp_path)], start_new_session=True)
    reaping = asyncio.create_task(asyncio.to_thread(left.wait))
    (tmp_path / "child.kept").write_text(f"{left.pid}\n")
    kept = keeper(tmp_path, LIVES, adopt=adopt)
    running = asyncio.create_task(kept.run())
    await until(lambda: kept.pid is not None)
    assert (kept.pid == left.pid, kept.starts) == ((True, 0) if adopt else (False, 1))
    assert alive(left.pid) is adopt
    if adopt:  # and when it dies, another is started
        left.kill()
        await until(lambda: kept.starts == 1 and kept.pid not in (None, left.pid))
    kept.stop()
    await asyncio.wait_for(asyncio.gather(running, reaping), 10)


async def test_another_process_with_the_number_of_the_child_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", LIVES], stdout=subprocess.DEVNULL)
    try:
        (tmp_path / "child.kept").write_text(f"{stranger.pid}\n")
        kept = keeper(tmp_path, LIVES)
        running = asyncio.create_task(kept.run())
        await until(lambda: kept.starts == 1)
        kept.stop()
        await asyncio.wait_for(running, 10)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def _log(tmp_path: Path) -> str:
    path = tmp_path / "child.log"
    return path.read_text() if path.exists() else ""
