"""`durchwahl up` as an admin runs it: one per state, and one that was killed leaves calls alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.service.state import State
from tests.hurry import directory as hurried
from tests.leash import leashed
from tests.running_town import prepared, until


def start(state: State) -> subprocess.Popen[bytes]:
    """`durchwahl up` on `state`; its words are in run/up.out."""
    argv = [sys.executable, "-m", "orchestrator.cli", "--state", str(state.root), "up"]
    with (state.root / "up.out").open("ab") as output:
        return subprocess.Popen(leashed(argv), stdout=output, stderr=output, stdin=subprocess.DEVNULL)


def pids(state: State) -> dict[str, int]:
    found: dict[str, int] = json.loads(state.ready.read_text())["pids"]
    return found


def alive(pid: int) -> bool:
    """Whether it runs; one that only waits for its parent to look has no command line."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.exists() and bool(path.read_bytes())


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made, _, _ = prepared(tmp_path, hurried())
    yield made
    for note in made.run.glob("*.kept"):  # only what a failed test left
        pid = int(note.read_text())
        if alive(pid):
            os.killpg(pid, signal.SIGKILL)


def test_up_is_alone_and_takes_over_after_a_kill(state: State) -> None:
    first = start(state)
    until(state.ready.exists, 60)
    before = pids(state)
    second = start(state)
    assert second.wait(20) == 2
    assert f"already running (process {first.pid})" in (state.root / "up.out").read_text()
    assert pids(state) == before
    first.kill()
    first.wait(10)
    assert alive(before["asterisk"]), "calls would be cut"
    state.ready.unlink()
    third = start(state)
    until(state.ready.exists, 60)
    after = pids(state)
    assert after["asterisk"] == before["asterisk"]
    assert after["control"] != before["control"]
    assert not alive(before["control"])
    assert not alive(before["attend"])
    third.terminate()
    assert third.wait(30) == 0
    assert not any(alive(pid) for pid in after.values())
    assert not state.ready.exists()
