"""Backups by themselves: when it is time, alone, ended and killed, a full disk, which are kept, and who is told."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.messages.still import FOLDER
from orchestrator.service import nightly, restore, sealing, shelf, watching
from orchestrator.service.settings import Backup
from orchestrator.service.state import State
from tests.backed_up import Made, files, furnish
from tests.running_town import until
from tests.small_disk import small_disk
from tests.test_cli import durchwahl
from tests.towns import BERLIN

ROOM = 100_000
"""Bytes of a disk that is too small for a backup."""


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return furnish(tmp_path_factory.mktemp("b"))


@pytest.fixture
def made(furnished: Path, tmp_path: Path) -> Made:
    return Made.of(furnished, tmp_path)


def test_there_are_never_two_at_once(made: Made) -> None:
    with (made.state.run / "backup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another backup is being made" in made.refused("backup")
    assert list(made.folder.iterdir()) == []
    assert shelf.last(made.state).why == "", "the other one tells how it went"
    made.backup()


def test_a_full_disk_leaves_nothing_half_and_what_is_there(made: Made, tmp_path: Path) -> None:
    old = made.folder / shelf.name(1_700_000_000)
    old.write_bytes(sealing.BEGINNING)
    (tmp_path / "disk").mkdir()
    with small_disk(made.folder, tmp_path / "disk", room=ROOM) as disk:
        argv = (*disk.under, sys.executable, "-m", "orchestrator.cli", "--state", str(made.state.root), "backup")
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        assert done.returncode == 2, done.stdout
        assert "the disk is full" in done.stderr
        assert "make room at" in done.stderr
        assert [path.name for path in disk.folder.iterdir()] == [old.name]
    assert "the disk is full" in shelf.last(made.state).why
    made.backup()
    assert shelf.last(made.state).why == ""


def large(made: Made) -> None:
    """So much that a backup takes seconds."""
    for number in range(4):
        (made.state.root / f"data/moh/town/{number}.wav").write_bytes(os.urandom(40_000_000))


def beside(made: Made) -> list[Path]:
    return list(made.folder.glob(".durchwahl-*.new"))


async def begun(work: Coroutine[Any, Any, None], made: Made) -> asyncio.Task[None]:
    """`work`, of which the process is writing already."""
    task = asyncio.create_task(work)
    while not (beside(made) and beside(made)[0].stat().st_size > 1_000_000):
        assert not task.done()
        await asyncio.sleep(0.02)
    return task


def night(made: Made) -> nightly.Nightly:
    return nightly.Nightly(
        state=made.state, zone=lambda: "Europe/Berlin", tell=lambda at, size, failed: None, _not_before=0.0
    )


def processes(made: Made) -> list[int]:
    """Of this exchange."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(made.state.root).encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


@pytest.mark.long
async def test_control_that_ends_leaves_no_backup_behind_it(made: Made) -> None:
    large(made)
    task = await begun(night(made).look(), made)
    assert processes(made)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert processes(made) == []
    assert not list(made.folder.glob("durchwahl-*"))
    assert not (made.state.spool / FOLDER).exists()
    await night(made).look()
    assert beside(made) == []
    assert shelf.last(made.state).why == ""


async def test_one_that_takes_too_long_is_ended_and_told(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    large(made)
    made_by_night = night(made)
    monkeypatch.setattr(nightly, "LONGEST", 0.0)
    await made_by_night.look()
    assert processes(made) == []
    assert "it was not done after" in shelf.last(made.state).why
    assert not made_by_night.shown[2]
    await made_by_night.look()
    assert beside(made) == [], "the next try is later"


async def test_one_that_is_killed_is_told(made: Made) -> None:
    large(made)
    task = await begun(night(made).look(), made)
    (pid,) = processes(made)
    os.kill(pid, signal.SIGKILL)
    await task
    assert "it was ended by signal 9" in shelf.last(made.state).why
    assert not (made.state.spool / FOLDER).exists()


async def test_where_what_it_left_cannot_be_removed_the_next_try_is_later_all_the_same(made: Made) -> None:
    large(made)
    nights, lock = night(made), made.state.run / "backup.lock"
    task = await begun(nights.look(), made)
    (pid,) = processes(made)
    lock.unlink()
    lock.mkdir()
    os.kill(pid, signal.SIGKILL)
    await task
    assert "it was ended by signal 9" in shelf.last(made.state).why
    lock.rmdir()
    await nights.look()
    assert shelf.last(made.state).why, "no backup was made since"


def by_hand(made: Made) -> subprocess.Popen[bytes]:
    """A backup that somebody makes in a terminal, and that is being written."""
    argv = (sys.executable, "-m", "orchestrator.cli", "--state", str(made.state.root), "backup")
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: beside(made) and beside(made)[0].stat().st_size > 1_000_000, 60)
    assert process.poll() is None
    return process


async def starts(made: Made) -> None:
    """What control does with backups when it starts; it is not time for one."""
    started = nightly.Nightly(
        state=made.state, zone=lambda: "Europe/Berlin", tell=lambda at, size, failed: looked.set()
    )
    looked, task = asyncio.Event(), asyncio.create_task(started.run())
    await asyncio.wait_for(looked.wait(), 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_one_left_that_was_killed_goes_when_control_starts(made: Made) -> None:
    large(made)
    process = by_hand(made)
    process.kill()
    process.wait(20)
    assert (made.state.spool / FOLDER).exists()
    await starts(made)
    assert not (made.state.spool / FOLDER).exists()


@pytest.mark.crowded  # a backup lets everybody else go first: beside others it does not come to its end
async def test_what_one_has_that_is_being_made_stays_when_control_starts(made: Made) -> None:
    large(made)
    process = by_hand(made)
    process.send_signal(signal.SIGSTOP)
    try:
        before = sorted((made.state.spool / FOLDER).rglob("*"))
        await starts(made)
        assert sorted((made.state.spool / FOLDER).rglob("*")) == before != []
    finally:
        process.send_signal(signal.SIGCONT)
    assert process.wait(180) == 0
    assert not (made.state.spool / FOLDER).exists()


@pytest.mark.long
def test_a_restore_that_is_killed_leaves_no_half_exchange(made: Made, tmp_path: Path) -> None:
    large(made)
    file = made.backup()
    argv = (sys.executable, "-m", "orchestrator.cli", "--state")
    killed = 0
    for moment in range(12):
        to = tmp_path / f"to{moment}"
        words = (*argv, str(to), "restore", str(file), "--identity", str(made.identity))
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (to / restore.BESIDE).exists() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moment * 0.15)
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        if (to / "state.json").exists():
            assert files(State(to)) == files(made.state)
        else:
            done = durchwahl(to, "check")
            assert (done.returncode, "holds no exchange" in done.stderr) == (2, True)
        shutil.rmtree(to)
    assert killed > 3


def test_what_a_killed_one_left_goes(made: Made) -> None:
    left = made.folder / ".durchwahl-20260101T000000Z.tar.gz.age.new"
    left.write_bytes(b"half")
    (made.state.spool / FOLDER / "voicemail").mkdir(parents=True)
    made.backup()
    assert not left.exists()
    assert not (made.state.spool / FOLDER).exists()


def test_the_newest_good_ones_are_kept(made: Made) -> None:
    def older(days: int, data: bytes = sealing.BEGINNING + b"...") -> str:
        name = shelf.name(time.time() - days * 86400)
        (made.folder / name).write_bytes(data)
        return name

    bad, good, old = older(1, b"damaged"), [older(2), older(3)], [older(4), older(5, b""), older(6)]
    (made.folder / "other").write_text("not ours")
    new = made.backup()
    assert sorted(path.name for path in made.folder.iterdir()) == sorted([new.name, bad, *good, "other"])
    assert not set(old) & {path.name for path in made.folder.iterdir()}


def test_few_good_ones_are_not_given_up_for_bad_ones(made: Made) -> None:
    for days in range(1, 9):
        (made.folder / shelf.name(time.time() - days * 86400)).write_bytes(b"")
    last = made.folder / shelf.name(time.time() - 30 * 86400)
    last.write_bytes(sealing.BEGINNING)
    made.backup()
    assert last.exists()


def test_by_hand_into_another_folder_nothing_is_removed_or_noted(made: Made, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    for days in range(5):
        (tmp_path / "stick" / shelf.name(1_700_000_000 + days)).write_bytes(sealing.BEGINNING)
    assert made.durchwahl("backup", "--folder", str(tmp_path / "stick")).returncode == 0
    assert len(list((tmp_path / "stick").iterdir())) == 6
    assert shelf.last(made.state) == shelf.Last()


def test_when_it_is_time(made: Made) -> None:
    wanted = Backup(folder="/x", keys=made.state.settings().backup.keys)
    now = datetime(2026, 11, 26, 12, 0, tzinfo=BERLIN)
    tonight = datetime(2026, 11, 26, 2, 30, tzinfo=BERLIN).timestamp()
    assert nightly.due(wanted, 0.0, now), "there never was one"
    assert nightly.due(wanted, tonight - 1, now), "it was off at night"
    assert not nightly.due(wanted, tonight + 1, now)
    assert not nightly.due(wanted, tonight + 1, datetime(2026, 11, 27, 2, 29, tzinfo=BERLIN))
    assert nightly.due(wanted, tonight + 1, datetime(2026, 11, 27, 2, 30, tzinfo=BERLIN))
    assert nightly.due(wanted, now.timestamp() + 86400, now), "made by a clock that was wrong"


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_there_is_one_in_the_nights_when_clocks_change(made: Made, day: str) -> None:
    wanted = Backup(folder="/x", keys=made.state.settings().backup.keys)
    at = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=BERLIN)
    last, times = (at - timedelta(hours=20)).timestamp(), []
    for minutes in range(0, 8 * 60, 5):
        now = datetime.fromtimestamp(at.timestamp() + minutes * 60, BERLIN)
        if nightly.due(wanted, last, now):
            last = now.timestamp()
            times.append(now)
    assert len(times) == 1


def test_status_tells_of_backups(made: Made) -> None:
    told = asyncio.run(watching.look(made.state))
    assert [each for each in told.problems if "no good backup since 26 hours (the last: there is none yet)" in each]
    made.backup()
    told = asyncio.run(watching.look(made.state))
    assert not [each for each in told.problems if "backup" in each]
    assert [line for line in told.lines() if line.startswith("backup      20")]
    last = shelf.last(made.state)
    assert last.problem("/x", last.at + 27 * 3600)
    assert not last.problem("", last.at + 27 * 3600)
    for text in ("", "{", "[]", '{"a": 1}'):
        (made.state.run / "backup.json").write_text(text)
        assert shelf.last(made.state) == shelf.Last()
