"""Programs are found, judged by their version, and fetched whole or not at all."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.asterisk import archive
from orchestrator.asterisk.package import BELOW, BINARIES, OLDEST, find, suitable

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("version", "good"), [
    ("22.10.1+dfsg+~cs6.17.60671434-1", True),
    ("22.10.1", True),
    ("22.11.0-rc1", True),
    ("22.10.0", False),
    ("22.7.0", False),
    ("20.15.1", False),
    ("23.0.0", False),
    ("certified-22", False),
    ("", False),
])  # fmt: skip
def test_versions(version: str, good: bool) -> None:
    assert suitable(version) is good


def test_the_image_takes_no_other_asterisk_than_the_program() -> None:
    said = dict(
        re.findall(
            r"^ARG (OLDEST|BELOW)=(.+)$", (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    assert said == {"OLDEST": ".".join(map(str, OLDEST)), "BELOW": ".".join(map(str, BELOW))}


@pytest.mark.parametrize("name", BINARIES)
def test_each_program_starts(name: str) -> None:
    program = find(name)
    assert program.version
    options = {"asterisk": "-V", "sipp": "-v", "baresip": "-h", "ldapsearch": "-VV", "slapd": "-VV"}
    asked = [*program.argv, options.get(name, "--version")]
    said = subprocess.run(
        asked, capture_output=True, text=True, timeout=20, env={**os.environ, **program.env}, check=False
    )
    assert program.version.split("+")[0] in said.stdout + said.stderr


def test_asterisk_has_its_modules_sounds_and_documentation() -> None:
    asterisk = find("asterisk")
    assert (asterisk.modules / "app_stasis_broadcast.so").exists()
    assert (asterisk.share / "sounds/de/digits/1.gsm").exists()
    assert (asterisk.share / "documentation").is_dir()


def command(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator.asterisk.archive", "hostname"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_without_apt_it_says_what_to_do_instead(tmp_path: Path) -> None:
    done = command(tmp_path, PATH=str(tmp_path))
    assert done.returncode == 2
    assert "no apt-get" in done.stderr
    assert "to do: install Asterisk" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_a_half_finished_fetch_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    """A small package is really fetched, over what a killed fetch left behind."""
    first = command(tmp_path, PATH=os.environ["PATH"])
    assert first.returncode == 0, first.stderr
    root = Path(first.stdout.strip())
    assert (root / "usr/bin/hostname").exists() or (root / "bin/hostname").exists()
    (root / "MANIFEST").unlink()  # it is written last
    for path in root.rglob("hostname"):
        if path.is_file():
            path.unlink()
    again = command(tmp_path, PATH=os.environ["PATH"])
    assert again.returncode == 0, again.stderr
    assert any(path.is_file() for path in root.rglob("hostname"))
    assert not list((tmp_path / "durchwahl").glob("apt-*")), "the private apt state is left behind"


def test_two_set_ups_of_one_user_take_turns(tmp_path: Path) -> None:
    folder = tmp_path / "durchwahl"
    folder.mkdir()
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [sys.executable, "-m", "orchestrator.asterisk.archive", "hostname"],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path), "PATH": "/nowhere"},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        assert "waiting for another set-up" in waiting.stderr.readline()
        assert waiting.poll() is None, "it did not wait for the other"
    waiting.communicate(timeout=30)


def test_the_cache_belongs_to_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert archive.cache() == tmp_path / "durchwahl"
