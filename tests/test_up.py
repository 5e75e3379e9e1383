"""`durchwahl up` as an admin runs it: one per state, and one that was killed leaves calls alone."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.service.limits import EXPENDABLE
from orchestrator.service.state import State
from orchestrator.service.watching import look
from tests.hurry import directory as hurried
from tests.leash import leashed
from tests.running_town import prepared, until


def start(state: State, *under: str) -> subprocess.Popen[bytes]:
    """`durchwahl up` on `state`, started by the command `under`; its words are in run/up.out."""
    argv = [*under, sys.executable, "-m", "orchestrator.cli", "--state", str(state.root), "up"]
    with (state.root / "up.out").open("ab") as output:
        return subprocess.Popen(leashed(argv), stdout=output, stderr=output, stdin=subprocess.DEVNULL)


def pids(state: State) -> dict[str, int]:
    found: dict[str, int] = json.loads(state.ready.read_text())["pids"]
    return found


def alive(pid: int, root: Path) -> str:
    """What runs under this number of the exchange in `root`; one that waits for its parent to look has no command."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return command if str(root) in command else ""  # a number may be another process's, or thread's, by now


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made, _, _ = prepared(tmp_path, hurried())
    yield made
    for note in made.run.glob("*.kept"):  # only what a failed test left
        pid = int(note.read_text())
        if alive(pid, made.root):
            os.killpg(pid, signal.SIGKILL)


@pytest.mark.long
def test_up_is_alone_and_takes_over_after_a_kill(state: State) -> None:
    first = start(state, "prlimit", "--nofile=512:3000")
    until(state.ready.exists, 60)
    before = pids(state)
    assert "only 3000 files may be open at once, which is enough for 214 calls" in (state.root / "up.out").read_text()
    for name, pid in before.items():
        assert re.search(r"^Max open files +3000 +3000 ", Path(f"/proc/{pid}/limits").read_text(), re.MULTILINE)
        own = Path("/proc/self/oom_score_adj").read_text()
        assert Path(f"/proc/{pid}/oom_score_adj").read_text() == (own if name == "asterisk" else f"{EXPENDABLE}\n")
    second = start(state)
    assert second.wait(20) == 2
    assert f"already running (process {first.pid})" in (state.root / "up.out").read_text()
    assert pids(state) == before
    first.kill()
    first.wait(10)
    assert alive(before["asterisk"], state.root), "calls would be cut"
    assert any("nobody guards this exchange" in problem for problem in asyncio.run(look(state)).problems)
    state.ready.unlink()
    third = start(state)
    until(state.ready.exists, 60)
    after = pids(state)
    assert after["asterisk"] == before["asterisk"]
    assert after["control"] != before["control"]
    assert not alive(before["control"], state.root)
    assert not alive(before["attend"], state.root)
    assert not any("guards" in problem for problem in asyncio.run(look(state)).problems)
    third.send_signal(signal.SIGHUP)  # the terminal is closed
    assert third.wait(30) == 0
    assert not any(alive(pid, state.root) for pid in after.values())
    assert not state.ready.exists()


def test_its_health_is_asked_from_outside_and_its_logs_are_for_programs(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    def health(*asked: str) -> tuple[int, str]:
        argv = [sys.executable, "-m", "orchestrator.service.health", *asked]
        environment = {**os.environ, "DURCHWAHL_STATE": str(state.root)}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stdout.strip()

    monkeypatch.setenv("DURCHWAHL_LOG", "json")
    port = state.settings().web_port
    assert health("control") == (1, f"port {port} does not answer: [Errno 111] Connection refused")
    started = start(state)
    until(state.ready.exists, 60)
    assert health("control") == (0, f"ready {pids(state)['control']}")
    assert health("attend") == (0, "ready")
    assert health("control", "--live") == health("attend", "--live") == (0, "alive")
    os.kill(pids(state)["asterisk"], signal.SIGSTOP)
    try:
        until(lambda: health("control") == (1, "attendants"), 30)
        until(lambda: health("control") == (1, "Asterisk"), 60)  # a list that may take half a minute may be asked for
        assert health("control", "--live") == (0, "alive")
    finally:
        os.kill(pids(state)["asterisk"], signal.SIGKILL)
    started.terminate()
    assert started.wait(40) == 0
    for name in ("attend", "control"):
        lines = [json.loads(line) for line in (state.log / f"{name}.out").read_text().splitlines()]
        assert lines
        assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)


def test_what_control_logs_is_for_programs_whoever_says_it() -> None:
    """Mail, the journal and libraries log by Python's own module, and all of it goes to one place."""
    done = subprocess.run(
        [sys.executable, "-c", SAYS],
        env={**os.environ, "DURCHWAHL_LOG": "json"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [("warning", "a\nstranger"), ("info", "ours")]
    assert lines[0]["process"] == "control"


SAYS = """
import logging, structlog
from orchestrator.service import logs
logs.unfailing("control")
logging.getLogger("library").info("nobody wants to know")
logging.getLogger("library").warning("a\\nstranger")
structlog.get_logger().info("ours")
"""


@pytest.mark.long
def test_ended_while_it_starts_up_leaves_nothing(state: State) -> None:
    started = start(state)
    until((state.run / "attend.kept").exists, 30)
    kept = [int(note.read_text()) for note in state.run.glob("*.kept")]
    assert len(kept) == 3
    started.terminate()
    assert started.wait(40) == 0
    assert not any(alive(pid, state.root) for pid in kept)


def test_ports_of_others_are_named_before_anything_starts(state: State) -> None:
    port = state.settings().web_port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert start(state).wait(20) == 2
    said = (state.root / "up.out").read_text()
    assert f"taken by another program: {port} (web_port)" in said
    assert "change settings.toml" in said
    assert not list(state.run.glob("*.kept"))


@pytest.mark.long
def test_a_demo_that_is_interrupted_ends_all_and_takes_its_folder_with_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with told.open("wb") as output:
        demo = subprocess.Popen(
            leashed([sys.executable, "-m", "orchestrator.service.demo", "--once"]),
            stdout=output,
            stderr=output,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
    until(lambda: b"Answered at the desk" in told.read_bytes(), 240)
    (state,) = tmp_path.glob("durchwahl-demo-*")
    kept = [int(note.read_text()) for note in (state / "run").glob("*.kept")]
    demo.terminate()
    time.sleep(0.3)
    demo.terminate()  # who is impatient asks twice, and gets the same order
    assert demo.wait(40) == 130
    assert "Traceback" not in told.read_text()
    assert not [command for pid in kept if (command := alive(pid, state))]
    assert not state.exists()
