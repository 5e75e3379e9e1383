"""Programs from Debian's archive without root: a private apt state, signed lists, `dpkg -x` into the user's cache.

Standard library only. The system's own packages are not touched and not needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

SUITE = "forky"
"""The first Debian with Asterisk 22.10."""
MIRROR = "http://deb.debian.org/debian"
PACKAGES = (
    "asterisk",
    "asterisk-prompt-de",
    "asterisk-core-sounds-en-gsm",
    "espeak-ng",
    "baresip-core",
    "sip-tester",
)
KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp")
LIMIT = 600.0
"""Seconds that one step of a fetch may take."""
CONFIGURATION = """\
Dir "{at}/";
Dir::State "{at}/";
Dir::State::status "{at}/status";
Dir::State::lists "{at}/lists";
Dir::Cache "{at}/cache";
Dir::Etc "{at}/etc";
Dir::Etc::sourcelist "{at}/etc/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::parts "{at}/etc/apt.conf.d";
Dir::Etc::preferencesparts "{at}/etc/preferences.d";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "/dev/null";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
APT::Install-Recommends "false";
APT::Sandbox::User "{user}";
Debug::NoLocking "true";
"""


class Missing(Exception):
    """A program can neither be found nor fetched. `todo` says what to do instead."""

    def __init__(self, what: str, *, todo: str = "") -> None:
        super().__init__(what)
        self.todo = todo or (
            "install Asterisk 22.10.1 or newer (below 23) so that it is on PATH,"
            " or run Durchwahl in a Debian container (Docker)"
        )


def cache() -> Path:
    """The folder of this user's fetched programs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "durchwahl"


def fetch(say: Callable[[str], None], packages: tuple[str, ...] = PACKAGES) -> Path:
    """The folder with `packages` and all that they need, fetched unless it is there already; raises Missing."""
    wanted = hashlib.sha256(" ".join((SUITE, *packages)).encode()).hexdigest()[:8]
    root = cache() / f"programs-{SUITE}-{wanted}"
    if (root / "MANIFEST").exists():
        return root
    cache().mkdir(parents=True, exist_ok=True)
    with _alone(say):
        if not (root / "MANIFEST").exists():
            _fetch(root, packages, say)
    return root


@contextmanager
def _alone(say: Callable[[str], None]) -> Iterator[None]:
    """Hold off a second fetch by the same user; the lock goes with the process that holds it."""
    with (cache() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up of this user to finish")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(root: Path, packages: tuple[str, ...], say: Callable[[str], None]) -> None:
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise Missing(f"there is no suitable Asterisk on PATH and no {tool} on this system to fetch one with")
    keyring = next((path for path in KEYRINGS if Path(path).exists()), None)
    if keyring is None:
        raise Missing(
            f"none of {', '.join(KEYRINGS)} is there to check the archive's signature",
            todo="install debian-archive-keyring",
        )
    say(f"fetching {', '.join(packages)} from Debian {SUITE}, once per user")
    with tempfile.TemporaryDirectory(dir=cache(), prefix="apt-") as temporary:
        at = Path(temporary)
        environment = _private_apt(at, keyring)
        _run(["apt-get", "-q", "update"], environment, "the archive's lists")
        say("lists are here, fetching packages")
        _run(["apt-get", "-q", "-y", "--download-only", "install", *packages], environment, "packages")
        archives = sorted((at / "cache/archives").glob("*.deb"))
        say(f"extracting {len(archives)} packages")
        part = Path(tempfile.mkdtemp(dir=cache(), prefix="part-"))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda deb: _run(["dpkg", "-x", str(deb), str(part)], environment, deb.name), archives))
        (part / "MANIFEST").write_text("".join(f"{deb.name} {_digest(deb)}\n" for deb in archives))
        part.chmod(0o755)
        if root.exists():
            shutil.rmtree(root)
        part.rename(root)


def _private_apt(at: Path, keyring: str) -> dict[str, str]:
    for folder in ("lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
        (at / folder).mkdir(parents=True)
    (at / "status").touch()
    (at / "etc/sources.list").write_text(f"deb [signed-by={keyring}] {MIRROR} {SUITE} main\n")
    user = "root" if os.geteuid() == 0 else ""
    (at / "apt.conf").write_text(CONFIGURATION.format(at=at, user=user))
    return {**os.environ, "APT_CONFIG": str(at / "apt.conf"), "LC_ALL": "C"}


def _run(argv: list[str], environment: dict[str, str], what: str) -> None:
    try:
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise Missing(
            f"{what}: {argv[0]} took more than {LIMIT:.0f} s", todo="check the network and try again"
        ) from None
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise Missing(f"{what}: {argv[0]} failed:\n{last}", todo="check the network and the mirror, then try again")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Fetch the packages named on the command line and print the folder that they lie in."""
    try:
        print(fetch(lambda text: print(text, file=sys.stderr, flush=True), tuple(sys.argv[1:])))
    except Missing as missing:
        print(f"durchwahl: {missing}\n  to do: {missing.todo}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
