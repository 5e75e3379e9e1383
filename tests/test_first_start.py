"""`durchwahl prepare`: a first start from nothing, what stops it, and that it leaves alone what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.service import wiring
from orchestrator.service.state import State
from tests.postgres import PASSWORD, Server
from tests.preloaded import durchwahl
from tests.test_import import GOOD


def prepares(root: Path, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "orchestrator.cli", "--state", str(root), "prepare", *arguments]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def prepared(root: Path, *arguments: str) -> tuple[int, str]:
    done = durchwahl("--state", str(root), "prepare", *arguments, timeout=120)
    told = done.stdout + done.stderr
    assert "Traceback" not in told, told
    return done.returncode, told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "directory"
    made.mkdir()
    (made / "town.yaml").write_text(GOOD)
    return made


def test_from_nothing_to_an_applied_tree_and_then_nothing_more(tmp_path: Path, folder: Path) -> None:
    root = tmp_path / "s"
    code, told = prepared(root, "--directory", str(folder), "--bind", "192.0.2.5")
    assert code == 0, told
    assert "a new exchange" in told
    assert "applied; Asterisk is not running" in told
    state = State(root)
    assert (state.settings().bind, state.settings().sip_port) == ("192.0.2.5", 5060)
    name, secret, settings = wiring.trees(state).name(), state.master, (root / "settings.toml").read_text()
    (folder / "town.yaml").write_text(GOOD.replace("Anna", "Berta"))
    assert prepared(root, "--directory", str(folder)) == (0, f"{root}: tree {name} is applied\n")
    assert (wiring.trees(state).name(), state.master) == (name, secret)
    assert (root / "settings.toml").read_text() == settings


def test_what_is_missing_is_named_and_the_next_start_goes_on(tmp_path: Path, folder: Path) -> None:
    root = tmp_path / "s"
    (folder / "town.yaml").rename(tmp_path / "town.yaml")
    code, told = prepared(root, "--directory", str(folder))
    assert code == 2
    assert f"{root} has no directory, and {folder} holds no files" in told
    assert "then start again" in told
    (folder / "town.yaml").write_text(GOOD.replace("otherwise: amt", "otherwise: nowhere"))
    code, told = prepared(root, "--directory", str(folder))
    assert code == 2
    assert f"{folder} cannot be taken over:" in told
    assert "nowhere" in told
    assert not wiring.trees(State(root)).name()
    (tmp_path / "town.yaml").rename(folder / "town.yaml")
    code, told = prepared(root, "--directory", str(folder))
    assert code == 0, told
    assert wiring.trees(State(root)).name()


@pytest.mark.long
def test_a_database_server_that_starts_later_is_waited_for(tmp_path: Path, folder: Path, postgres: Server) -> None:
    root, url = tmp_path / "s", postgres.fresh()
    assert prepared(root)[0] == 2, "there is no directory yet"
    path = root / "settings.toml"
    path.write_text(path.read_text().replace('database = ""', f'database = "{postgres.url(str(url.database))}"'))
    (root / "secrets" / "database").write_text(f"{PASSWORD}\n")
    postgres.stop()
    try:
        started = prepares(root, "--directory", str(folder))
        assert started.stdout
        assert "the database server does not answer" in started.stdout.readline()
    finally:
        postgres.start()
    told = "".join(started.communicate(timeout=120))
    assert started.returncode == 0, told
    assert "applied; Asterisk is not running" in told
    postgres.stop()
    try:  # calls need no database: whoever starts Asterisk after this does not wait for one
        code, told = prepared(root)
    finally:
        postgres.start()
    assert code == 0
    assert "is applied; without the database: " in told
