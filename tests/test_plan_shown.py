"""`plan`, `apply`, `history`, `rollback`, `drift` as an admin types them."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.test_cli import ROOT, durchwahl
from tests.test_import import GOOD

PERSON = '  "2500": {first: Anna, last: Grün, department: amt}\n'
MORE = PERSON + '  "2501": {first: Änne, last: Blau, department: amt}\n'


def write(state: Path, text: str) -> None:
    path = state.parent / "town.yaml"
    path.write_text(text)
    done = durchwahl(state, "import", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def on_a_terminal(state: Path, answer: str, *arguments: str) -> tuple[int, str]:
    """Exit code and everything shown by a command that is typed on a terminal and answered there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    argv = [sys.executable, "-m", "orchestrator.cli", "--state", str(state), *arguments]
    env = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=env)
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass  # the command is over
    finally:
        os.close(ours)
    return process.wait(60), shown.decode()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A town of one department with one person, applied."""
    state = tmp_path_factory.mktemp("p") / "s"
    assert durchwahl(state, "init").returncode == 0
    write(state, GOOD)
    assert durchwahl(state, "apply", "--yes", "--why", "the start").returncode == 0
    return state


def test_a_working_day_with_plan_apply_history_and_rollback(state: Path) -> None:
    done = durchwahl(state, "plan")
    assert done.stdout.startswith("nothing to change; checksum ")
    assert len(done.stdout.splitlines()) == 1

    write(state, GOOD.replace(PERSON, MORE))
    shown = durchwahl(state, "plan").stdout
    assert "People\n  + person 2501 is new: Änne Blau  (" in shown
    assert "Calls that end elsewhere\n" in shown
    assert "06205 21-2501, every day, everyone picks up: was nobody's number (flow town), becomes phone 2501" in shown
    assert "\x1b[" not in shown
    plan = json.loads(durchwahl(state, "plan", "--json").stdout)
    assert {edit["kind"] for edit in plan["edits"]} == {"person", "phone", "number"}
    listed = [thing for each in (*plan["edits"], *plan["follows"]) for thing in each["things"]]
    assert len(listed) == len(plan["changes"])
    assert any(outcome["number"] == "2501" and outcome["becomes"] == "phone 2501" for outcome in plan["outcomes"])

    code, told = on_a_terminal(state, "n", "apply")
    assert code == 1
    assert "apply this?" in told
    assert "\x1b[32m  + person 2501" in told, "in colour"
    assert "nothing was changed" in told
    assert durchwahl(state, "apply", "000000").returncode == 1
    code, told = on_a_terminal(state, "y", "apply", "--why", "Änne begins")
    assert code == 0, told

    kept = json.loads(durchwahl(state, "history", "--json").stdout)
    assert [each["why"] for each in kept] == ["Änne begins", "the start"]
    assert "person 2501 is new: Änne Blau" in kept[0]["what"]
    assert kept[0]["who"]
    assert kept[0]["create"] > 0
    lines = durchwahl(state, "history").stdout.splitlines()
    assert lines[0].startswith(" 0 ")
    assert kept[1]["name"] in lines[1]

    back = durchwahl(state, "rollback", kept[1]["name"][:8])
    assert back.returncode == 0, back.stdout + back.stderr
    assert "- person 2501 is gone: Änne Blau" in back.stdout
    assert "applied" in back.stdout
    assert "the directory still says: person 2501 is new: Änne Blau (and " in back.stdout
    assert "the next apply brings that back; `durchwahl undo N` takes it out there too" in back.stdout
    happened = json.loads(durchwahl(state, "history", "--json").stdout)
    assert [each["did"] for each in happened] == ["rollback", "apply", "apply"]
    lines = durchwahl(state, "history").stdout.splitlines()
    assert [line[:2] for line in lines] == [" 0", " 1", " 2" if happened[0]["name"] != happened[2]["name"] else "  "]
    assert durchwahl(state, "rollback", "zzz").returncode == 2


def test_drift_of_an_exchange_that_does_not_run_says_what_it_could_not_look_at(state: Path) -> None:
    done = durchwahl(state, "drift")
    assert done.returncode == 1, "the way back was not undone in the directory"
    assert "directory was changed and not applied: person 2501 is new" in done.stdout
    assert "unseen modules, endpoints, extensions, mailboxes and users: Asterisk does not run" in done.stdout
    assert "to do: run `durchwahl up`" in done.stdout
    write(state, GOOD)
    assert durchwahl(state, "drift").returncode == 2
