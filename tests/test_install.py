"""The installation for hosts without containers: into a folder, as anybody, started from there, and called.

Nothing of it may come from the checkout: a wheel that lacks a template or a page would be seen here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.asterisk.archive import cache
from orchestrator.service import limits
from orchestrator.service.keeper import Child
from tests import confined, ports
from tests.leash import leashed
from tests.running_town import until
from tests.test_up import alive

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "scripts" / "systemd" / "durchwahl.service"
SUNDAY = "2026-11-29 10:00"
pytestmark = [pytest.mark.timeout(900), pytest.mark.long]
"""An installation takes a minute or two."""


def run(*argv: str | Path, code: int = 0, within: float = 300, **more: str) -> str:
    """What a command says, away from the checkout; `more` is in its environment."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DURCHWAHL", "VIRTUAL"))
    }
    done = subprocess.run(
        [*map(str, argv)], cwd="/", env=clean | more, capture_output=True, text=True, timeout=within, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def install(root: Path, *more: str, **environment: str) -> str:
    argv = (ROOT / "scripts" / "install", "--root", root, "--python", sys.executable, *more)
    return run(*argv, within=420, **environment)


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The packages in a folder and what tells pip of it, as docs/operations/systemd.md has it for a host without the
    Internet: to choose among all files of an index is what takes long, and is done once.
    """
    folder = tmp_path_factory.mktemp("packages")
    locks = [word for name in ("runtime", "build") for word in ("-r", ROOT / "requirements" / f"{name}.txt")]
    download = (sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--only-binary", ":all:")
    run(*download, "-d", folder, *locks)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, carried: dict[str, str]) -> Path:
    """Everything below a folder; the programs are those that the tests have."""
    root = tmp_path_factory.mktemp("i")
    (root / "var/cache").mkdir(parents=True)
    (root / "var/cache/durchwahl").symlink_to(cache())
    install(root, **carried)
    return root


@pytest.fixture(scope="module")
def applied(installed: Path) -> Iterator[Path]:
    """The example, by the installed command, on ports of our own."""
    command = installed / "usr/local/bin/durchwahl"
    run(command, "init")
    settings, own = installed / "var/lib/durchwahl/settings.toml", ports.exchange()
    numbers = {f"{name}_port": getattr(own, name) for name in ("sip", "tls", "http", "ami", "web", "metrics")}
    numbers |= {"rtp_start": own.rtp, "rtp_end": own.rtp + own.rtp_ports - 1, "canary": 0}
    text = settings.read_text()
    for name, number in numbers.items():
        text = re.sub(rf"^{name} = \d+", f"{name} = {number}", text, flags=re.MULTILINE)
    settings.write_text(text)
    run(command, "import", ROOT / "examples" / "town")
    run(command, "apply", "--yes")
    yield installed
    for note in (installed / "var/lib/durchwahl/run").glob("*.kept"):  # only what a failed test left
        if alive(int(note.read_text()), installed):
            os.killpg(int(note.read_text()), signal.SIGKILL)


def started(root: Path) -> subprocess.Popen[bytes]:
    """The unit's own command line, below `root`, under what the unit takes away."""
    (line,) = confined.directives(UNIT)["ExecStart"]
    argv = [f"{root}{line.split()[0]}", *line.split()[1:]]
    if confined.POSSIBLE:
        argv = [sys.executable, confined.__file__, str(UNIT), *argv]
    else:
        warnings.warn("no systemd or no libseccomp here: started without the unit's limits", stacklevel=2)
    told = dict(word.split("=") for word in confined.directives(UNIT)["Environment"][0].split())
    own = {name: f"{root}{value}" if value.startswith("/") else value for name, value in told.items()}
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with (root / "up.out").open("ab") as output:
        return subprocess.Popen(
            leashed(argv), cwd=root / "var/lib/durchwahl", env={**kept, **own}, stdout=output, stderr=output
        )


@pytest.fixture
def running(applied: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = started(applied)
    try:
        until((applied / "var/lib/durchwahl/ready.json").exists, 60)
        yield process
    finally:
        process.terminate()
        process.wait(60)


def test_a_citizen_gets_through_to_what_was_installed(applied: Path, running: subprocess.Popen[bytes]) -> None:
    command = applied / "usr/local/bin/durchwahl"
    told = run(command, "call", "21-0", "--at", SUNDAY, "--press", "1")
    assert "outcome: message at town.box" in told
    assert "expected: the same" in told
    seen = json.loads(run(command, "evidence", "--json", code=1))
    assert {each["role"] for each in seen["processes"]} == {"up", "control", "attendants", "Asterisk"}
    assert {each["code"] for each in seen["deviations"]} & {"packages_not_as_locked", "unknown_port", "drift"} == set()
    assert len(seen["versions"]["packages"]) > 30
    if confined.POSSIBLE:
        assert all(each["confined"] and each["filtered"] for each in seen["processes"])
        assert "not_confined" not in {each["code"] for each in seen["deviations"]}
    for each in seen["processes"]:
        words = Path(f"/proc/{each['pid']}/cmdline").read_bytes().decode().split("\0")
        if "orchestrator" in " ".join(words):
            assert words[0].startswith(f"{applied}/opt/durchwahl/releases/"), words
    web = json.loads((applied / "var/lib/durchwahl/ready.json").read_text())["http"]
    assert "<html" in run("python3", "-c", f"import urllib.request as u; print(u.urlopen('{web}/').read().decode())")
    assert "Traceback" not in "".join(path.read_text() for path in (applied / "var/lib/durchwahl/log").glob("*.out"))


def test_nothing_but_state_and_cache_is_written(applied: Path, running: subprocess.Popen[bytes]) -> None:
    """What ProtectSystem=strict would refuse."""
    open_for_writing = set()
    for pid in json.loads((applied / "var/lib/durchwahl/ready.json").read_text())["pids"].values():
        for number in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since
                info = Path(f"/proc/{pid}/fdinfo/{number.name}").read_text()
                flags, path = re.search(r"^flags:\s+(\d+)", info, re.MULTILINE), os.readlink(number)
                if flags and int(flags[1], 8) & os.O_ACCMODE and path.startswith("/"):
                    open_for_writing.add(path)
    allowed = (f"{applied}/var/", f"{cache()}/", "/dev/", "/tmp/", "/memfd:")
    assert [path for path in open_for_writing if not path.startswith(allowed) and "/up.out" not in path] == []


def test_an_update_takes_over_without_ending_asterisk(applied: Path, carried: dict[str, str]) -> None:
    """`up` of the version before is killed, as docs/operations/upgrade.md says; the new one takes its Asterisk over."""
    state = applied / "var/lib/durchwahl"
    before = started(applied)
    until((state / "ready.json").exists, 60)
    pids = json.loads((state / "ready.json").read_text())["pids"]
    former = (applied / "opt/durchwahl/venv").resolve()
    install(applied, **carried, PIP_NO_COMPILE="0")  # pip's way to say so: the interpreter compiles what it imports
    assert (applied / "opt/durchwahl/venv").resolve() != former
    assert former.is_dir(), "what runs has lost its files"
    before.kill()
    before.wait(10)
    (state / "ready.json").unlink()
    after = started(applied)
    try:
        until((state / "ready.json").exists, 60)
        now = json.loads((state / "ready.json").read_text())["pids"]
        assert now["asterisk"] == pids["asterisk"]
        assert now["control"] != pids["control"]
        assert str(former) not in Path(f"/proc/{now['control']}/cmdline").read_text()
    finally:
        after.terminate()
        after.wait(60)


def test_the_unit_is_one_that_systemd_takes(installed: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd here")
    unit = installed / "etc/systemd/system/durchwahl.service"
    here = tmp_path / "durchwahl.service"
    here.write_text(unit.read_text().replace("/opt/", f"{installed}/opt/").replace("User=durchwahl", "User=daemon"))
    told = run("systemd-analyze", "verify", "--man=no", here)
    assert not [line for line in told.splitlines() if "durchwahl.service" in line], told
    told = run("systemd-analyze", "security", "--offline=yes", "--threshold=25", here)
    assert "Overall exposure level" in told


def test_its_limits_are_long_enough_for_an_orderly_end() -> None:
    told = confined.directives(UNIT)
    patience = [Child.patience, Child.patience, 20.0]
    assert int(told["TimeoutStopSec"][0]) > sum(patience) + 5
    assert told["KillMode"] == ["process"], "a crash of `up` would end every call"
    assert told["OOMPolicy"] == ["continue"], "an attendant that is ended for want of memory would end every call"
    assert int(told["LimitNOFILE"][0]) >= limits.FILES


def test_taken_away_it_leaves_the_state(installed: Path, tmp_path: Path) -> None:
    for folder in (
        "opt/durchwahl",
        "var/lib/durchwahl/secrets",
        "var/cache/durchwahl",
        "etc/systemd/system",
        "usr/local/bin",
    ):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/systemd/system/durchwahl.service").touch()
    assert "is still there" in install(tmp_path, "--uninstall")
    left = [path.relative_to(tmp_path) for path in tmp_path.rglob("*durchwahl*")]
    assert left == [Path("var/lib/durchwahl")]


def test_who_may_not_is_told_before_anything_is_done() -> None:
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if os.geteuid() == 0 else ()
    told = run(*as_nobody, ROOT / "scripts" / "install", code=2)
    assert "only root can install into the system" in told
    assert "to do:" in told
    assert "Usage" not in told
