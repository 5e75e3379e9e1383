"""A Docker engine for the tests: the one that runs, else one of Debian's packages, started here on a folder of its own.

Belongs here: engine, Compose, Debian's base image. Not here: what runs on it (stack).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.asterisk.archive import SUITE, fetch

BASE = f"debian:{SUITE}-slim"
PLUGIN = Path("usr/libexec/docker/cli-plugins")
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
"""Whom this machine trusts: a proxy between it and the packages may look into TLS."""
OWN = "/usr/local/share/ca-certificates"
"""Where Debian wants those that are not Debian's, a file each."""
SLIM = ("doc", "info", "locale", "man")
"""What Debian's slim images leave out, of /usr/share."""
CPU = Path("/sys/fs/cgroup/cpu")
"""Where control groups of the first version share out the processor."""
SHARES = 10 * 1024
"""What all containers together weigh: a process weighs 1024, and about ten are at work beside them."""
START, STOP = 60.0, 60.0
"""Seconds that the engine may take."""
BUILD = 900.0
"""Seconds that one command of the engine may take at most."""


class NoEngine(Exception):
    """Why no engine can be had here."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Where an engine answers, and how Compose is run."""

    environment: Mapping[str, str]
    compose: Sequence[str]
    restart: Callable[[], None] | None = None
    """End it with all that runs on it, and start it again; None for one that is not ours."""

    def run(self, *argv: str, within: float = 60.0, check: bool = True, stdin: str = "") -> str:
        """The output of `docker …`."""
        return self._run(("docker", *argv), within, check, stdin)

    def composed(self, *argv: str, within: float = BUILD, check: bool = True, **environment: str) -> str:
        """The output of `docker compose …`."""
        return self._run((*self.compose, *argv), within, check, "", environment)

    def _run(
        self, argv: Sequence[str], within: float, check: bool, stdin: str, more: Mapping[str, str] | None = None
    ) -> str:
        done = subprocess.run(
            argv,
            env={**os.environ, **self.environment, **(more or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(argv)}: {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
        return done.stdout


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine until the block ends. One that was started for it goes then, with its images and all."""
    if not shutil.which("docker") or not shutil.which("dockerd"):
        _install("docker.io")
    if _answers({}):
        yield Engine(environment={}, compose=_compose())
        return
    if os.geteuid():
        raise NoEngine("no Docker engine answers, and only root may start one")
    folder = Path(tempfile.mkdtemp(prefix="durchwahl-docker-"))
    daemon = _Daemon(folder)
    try:
        daemon.start()
        yield Engine(environment=daemon.environment, compose=_compose(), restart=daemon.restart)
    finally:
        daemon.stop()
        _unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)


class _Daemon:
    """A dockerd of our own, as root, with everything of it in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = {"DOCKER_HOST": f"unix://{folder}/docker.sock"}

    def start(self) -> None:
        """Raises NoEngine, with what it said."""
        argv = ("dockerd", "--host", self.environment["DOCKER_HOST"], "--pidfile", str(self._folder / "pid"),
                "--data-root", str(self._folder / "data"), "--exec-root", str(self._folder / "exec"),
                "--userland-proxy=false")  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        _weigh()
        deadline = time.monotonic() + START
        while not _answers(self.environment):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NoEngine(f"dockerd does not start here:\n{(self._folder / 'log').read_text()[-3000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()


def _weigh() -> None:
    """Have containers share the processor with the tests beside them: together they weigh 1024, like one process.

    Where systemd keeps the groups, containers are in none of the engine's.
    """
    group = CPU / "docker"
    if CPU.is_dir():
        group.mkdir(exist_ok=True)
        (group / "cpu.shares").write_text(str(SHARES))


def _unmount(folder: Path) -> None:
    """What an engine leaves mounted: name spaces of networks, layers of containers."""
    there = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for path in sorted((each for each in there if each.startswith(f"{folder}/")), reverse=True):
        subprocess.run(("umount", "-l", path), capture_output=True, timeout=30, check=False)


def _answers(environment: Mapping[str, str]) -> bool:
    asked = subprocess.run(
        ("docker", "info"), env={**os.environ, **environment}, capture_output=True, timeout=30, check=False
    )
    return asked.returncode == 0


def _compose() -> tuple[str, ...]:
    """Compose as the engine's plugin, else Debian's, fetched without root."""
    if subprocess.run(("docker", "compose", "version"), capture_output=True, timeout=30, check=False).returncode == 0:
        return ("docker", "compose")
    root = fetch(lambda text: print(text, file=sys.stderr), ("docker-compose",))
    (loader,) = sorted((root / "usr").glob("lib*/ld-linux-*.so.*"))[:1]
    (libraries,) = sorted((root / "usr/lib").glob("*-linux-gnu*"))[:1]
    return (str(loader), "--library-path", str(libraries), str(root / PLUGIN / "docker-compose"))


def _install(*packages: str) -> None:
    """Debian's packages; raises NoEngine where they cannot be installed."""
    if os.geteuid() or not shutil.which("apt-get"):
        raise NoEngine(f"{', '.join(packages)} is not installed, and cannot be without root on Debian")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (("update",), ("install", "-y", "--no-install-recommends", *packages)):
        done = subprocess.run(
            ("apt-get", "-q", *argv), env=environment, capture_output=True, text=True, timeout=BUILD, check=False
        )
        if done.returncode:
            raise NoEngine(f"apt-get {argv[0]} failed:\n{done.stderr[-2000:]}")


def base(running: Engine) -> None:
    """Have Debian's base image there: made of the archive, so that no registry is needed."""
    if running.run("images", "-q", BASE).strip():
        return
    if not shutil.which("mmdebstrap"):
        _install("mmdebstrap")
    with tempfile.TemporaryDirectory() as folder:
        for at, each in enumerate(TRUSTED.read_text().split("-----BEGIN ")[1:] if TRUSTED.exists() else ()):
            (Path(folder) / f"host-{at}.crt").write_text(f"-----BEGIN {each}")
        hooks = f"--customize-hook='mkdir -p $1{OWN}' --customize-hook='sync-in {folder} {OWN}'"
        check = "--aptopt='Acquire::Check-Valid-Until \"false\"'"
        slim = " ".join(f"--dpkgopt='path-exclude=/usr/share/{each}/*'" for each in SLIM)
        fast = "--dpkgopt=force-unsafe-io"  # as Debian's own images have it: a build that ends halfway is thrown away
        made = f"mmdebstrap --quiet --variant=minbase {check} {slim} {fast} {hooks} {SUITE} -"
        done = subprocess.run(
            ("bash", "-o", "pipefail", "-c", f"{made} | docker import - {BASE}"),
            env={**os.environ, **running.environment},
            capture_output=True,
            text=True,
            timeout=BUILD,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
