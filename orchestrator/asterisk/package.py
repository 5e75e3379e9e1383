"""Getting Asterisk and the other programs: from PATH, else from a per-user cache, else from Debian's archive,
without root.

Standard library only: it runs before the virtual environment exists (`python3 -m orchestrator.asterisk.package`).
Belongs here: finding and fetching. Not here: starting (service) and configuring (compile).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from orchestrator.asterisk import documentation
from orchestrator.asterisk.archive import Missing, fetch

OLDEST = (22, 10, 1)
"""22.7 has StasisBroadcast; before 22.10.1 an unauthenticated SIP message stops Asterisk (CVE-2026-57191)."""
BELOW = (23,)
BINARIES = {
    "asterisk": "usr/sbin/asterisk",
    "baresip": "usr/bin/baresip",
    "sipp": "usr/bin/sipp",
    "espeak-ng": "usr/bin/espeak-ng",
    "ldapsearch": "usr/bin/ldapsearch",
    "slapd": "usr/sbin/slapd",
    "prometheus": "usr/bin/prometheus",
    "promtool": "usr/bin/promtool",
    "prometheus-alertmanager": "usr/bin/prometheus-alertmanager",
    "amtool": "usr/bin/amtool",
}
WATCHING = ("prometheus", "prometheus-alertmanager")
PACKAGES = {
    "ldapsearch": ("ldap-utils",),
    "slapd": ("slapd",),
    **dict.fromkeys(("prometheus", "promtool", "prometheus-alertmanager", "amtool"), WATCHING),
}
"""Programs that are not in every fetch, because few need them -> their packages."""
SAY = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that can be started: `[*argv, …]` with `env` added to the environment."""

    name: str
    argv: tuple[str, ...]
    version: str
    root: Path
    """`/` for one of the system, else the folder that its package lies in."""
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def libraries(self) -> Path:
        """The folder of the architecture's libraries."""
        found = sorted((self.root / "usr/lib").glob("*-linux-gnu*"))
        return found[0] if found else self.root / "usr/lib"

    @property
    def modules(self) -> Path:
        """The program's own modules."""
        places = (self.libraries / self.name / "modules", self.root / "usr/lib" / self.name / "modules")
        return next((place for place in places if place.is_dir()), places[0])

    @property
    def share(self) -> Path:
        """Asterisk's data: sounds, documentation, rest-api."""
        return self.root / "usr/share/asterisk"

    @property
    def documentation(self) -> Path:
        """What Asterisk needs of its documentation; a package of the system has all of it, unless it is our image's."""
        whole = self.share / "documentation"
        return whole if self.root == Path("/") else documentation.shortened(whole, self.root)


def find(name: str, say: SAY = lambda text: None) -> Program:
    """The program `name`, fetched if need be. Raises Missing, which says what to do where it cannot be had."""
    if found := on_path(name):
        return found
    return _extracted(name, fetch(say, PACKAGES[name]) if name in PACKAGES else fetch(say))


def on_path(name: str) -> Program | None:
    """The system's own program, if there is one that is new enough and, for Asterisk, has its sounds."""
    if not (path := shutil.which(name)):
        return None
    version = _version((path,), {})
    program = Program(name=name, argv=(path,), version=version, root=Path("/"))
    if name == "asterisk" and not (suitable(version) and (program.share / "sounds/de").is_dir()):
        return None
    if name == "baresip" and not program.modules.is_dir():
        return None
    return program


def suitable(version: str) -> bool:
    """Whether an Asterisk of `version` (`22.10.1+dfsg…`) is new enough, safe and not of the next series."""
    numbers = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    if not numbers:
        return False
    parsed = tuple(int(number or 0) for number in numbers.groups())
    return OLDEST <= parsed < BELOW


def _extracted(name: str, root: Path) -> Program:
    loader = next(iter(sorted((root / "usr").glob("lib*/ld-linux-*.so.*"))), None)
    if loader is None:
        raise Missing(
            f"{root} has no loader of programs: it was not extracted whole", todo=f"remove {root} and try again"
        )
    libraries = sorted((root / "usr/lib").glob("*-linux-gnu*"))[0]
    argv = (
        str(loader),
        "--library-path",
        f"{libraries}:{libraries / 'pulseaudio'}",
        str(root / BINARIES[name]),
    )
    env = {"ESPEAK_DATA_PATH": str(libraries / "espeak-ng-data")} if name == "espeak-ng" else {}
    version = _version(argv, env)
    if name == "asterisk" and not suitable(version):
        raise Missing(f"the archive's Asterisk is {version or 'unknown'}, not {'.'.join(map(str, OLDEST))} or newer")
    program = Program(name=name, argv=argv, version=version, root=root, env=env)
    if name == "asterisk":
        documentation.shortened(program.share / "documentation", root)  # not at an apply alone: trees link to it
    return program


def _version(argv: tuple[str, ...], env: Mapping[str, str]) -> str:
    """What the program says of itself; nothing, if it says nothing."""
    try:
        file = os.stat(argv[-1])
        return _said(argv, tuple(env.items()), (file.st_ino, file.st_size, file.st_mtime_ns))
    except (OSError, subprocess.TimeoutExpired, LookupError):
        return ""


@lru_cache(maxsize=64)  # to ask takes 10 ms, and each plan would; what fails is not kept
def _said(argv: tuple[str, ...], env: tuple[tuple[str, str], ...], file: tuple[int, ...]) -> str:
    """The version that a program says of itself, asked once while `file` (inode, size, time) is the same."""
    option = {"asterisk": "-V", "sipp": "-v", "baresip": "-h", "ldapsearch": "-VV", "slapd": "-VV"}.get(
        Path(argv[-1]).name, "--version"
    )
    said = subprocess.run(
        [*argv, option],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, **dict(env)},
        stdin=subprocess.DEVNULL,
    )
    if not (found := re.search(r"\d+\.\d+(?:\.\d+)?\S*", said.stdout + said.stderr)):
        raise LookupError(f"{argv[-1]} says no version")
    return found.group(0)


def main() -> int:
    """Find or fetch everything, with progress; `--json` for a program."""
    try:
        programs = [
            find(name, lambda text: print(text, file=sys.stderr, flush=True))
            for name in BINARIES
            if name not in PACKAGES
        ]
    except Missing as missing:
        print(f"durchwahl: {missing}\n  to do: {missing.todo}", file=sys.stderr)
        return 2
    if "--json" in sys.argv[1:]:
        print(json.dumps({program.name: {"version": program.version, "argv": program.argv} for program in programs}))
    else:
        for program in programs:
            print(f"{program.name} {program.version} in {program.root}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
