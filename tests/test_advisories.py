"""`make audit`: red where an advisory is known for a locked version, and only there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import ports

ROOT = Path(__file__).parents[1]
KNOWN = {
    "id": "GHSA-h5c8-rqwp-cp95",
    "aliases": ["CVE-2024-22195"],
    "fixed_in": ["3.1.3"],
    "summary": "Jinja vulnerable to HTML attribute injection when passing user input as keys to xmlattr filter",
    "withdrawn": None,
}
"""As PyPI told it of jinja2 3.1.2."""
ANSWERS: dict[str, tuple[int, Any]] = {
    "jinja2/3.1.2": (200, {"vulnerabilities": [KNOWN]}),
    "jinja2/3.1.6": (200, {"vulnerabilities": []}),
    "taken/1.0": (200, {"vulnerabilities": [{**KNOWN, "withdrawn": "2024-02-01T00:00:00Z"}]}),
    "odd/1.0": (200, {"info": {}}),
    "ill/1.0": (503, {}),
}


class Registry(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = re.fullmatch(r"/pypi/(.+)/json", self.path)
        status, body = ANSWERS.get(found[1] if found else "", (404, {}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", ports.one()), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def audit(folder: Path, *locked: str, **environment: str) -> subprocess.CompletedProcess[str]:
    file = folder / "locked.txt"
    file.write_text("".join(f"{each} \\\n    --hash=sha256:00\n" for each in locked))
    argv = [sys.executable, str(ROOT / "scripts" / "audit.py"), str(file)]
    env = {**os.environ, **environment}
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, env=env)


def test_a_known_fault_is_red_and_says_what_mends_it(registry: str, tmp_path: Path) -> None:
    done = audit(tmp_path, "jinja2==3.1.2", "taken==1.0", DURCHWAHL_REGISTRY=registry)
    assert done.returncode == 1, done.stderr
    assert "jinja2 3.1.2: GHSA-h5c8-rqwp-cp95 (CVE-2024-22195): Jinja vulnerable" in done.stdout
    assert "to do: lock 3.1.3" in done.stdout
    assert "2 packages looked up, 1 advisories" in done.stdout
    mended = audit(tmp_path, "jinja2==3.1.6", "taken==1.0", DURCHWAHL_REGISTRY=registry)
    assert (mended.returncode, "2 packages looked up, 0 advisories" in mended.stdout) == (0, True)


def test_what_was_accepted_with_a_reason_is_not_red(registry: str, tmp_path: Path) -> None:
    (tmp_path / "accepted").write_text("# looked at\nCVE-2024-22195 no user gives keys to xmlattr here\n")
    given = {"DURCHWAHL_REGISTRY": registry, "DURCHWAHL_ACCEPTED": str(tmp_path / "accepted")}
    assert audit(tmp_path, "jinja2==3.1.2", **given).returncode == 0


@pytest.mark.parametrize("package", ["odd==1.0", "ill==1.0", "nobody==7"])
def test_a_registry_that_says_nothing_is_told_and_is_not_red(registry: str, tmp_path: Path, package: str) -> None:
    done = audit(tmp_path, package, "jinja2==3.1.6", DURCHWAHL_REGISTRY=registry)
    assert done.returncode == 2
    assert "1 of 2 packages could not be looked up, which says nothing of them" in done.stdout
    worse = audit(tmp_path, package, "jinja2==3.1.2", DURCHWAHL_REGISTRY=registry)
    assert worse.returncode == 1, "what is known is red all the same"


def test_a_registry_that_is_away_is_not_waited_for(tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{ports.one()}"
    done = audit(tmp_path, *(f"p{n}==1" for n in range(200)), DURCHWAHL_REGISTRY=away)
    assert done.returncode == 2
    assert "200 of 200 packages could not be looked up" in done.stdout
    assert "Traceback" not in done.stderr


def test_everything_that_is_locked_is_asked_for() -> None:
    locks = ROOT / "requirements"
    assert (locks / "build.txt").read_text() in (locks / "dev.txt").read_text(), "two versions of what builds"
    for file in (locks / "runtime.txt", locks / "dev.txt"):
        text = file.read_text(encoding="utf-8")
        versions = re.findall(r"^(\S+==\S+)", text, re.MULTILINE)
        assert len(versions) == len(re.findall(r"^[^\s#]", text, re.MULTILINE)) > 30, file
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    begins, _, _ = makefile.partition("\nside: ")[2].partition("\n\n")
    assert "$(BIN)/python scripts/audit.py; } & " in begins, "told, whatever it says"
    assert "check; code=$$?; wait; exit $$code" in begins, "red, where the checks are"


def test_an_old_version_is_red_at_the_registry_itself(tmp_path: Path) -> None:
    done = audit(tmp_path, "jinja2==3.1.2")
    if done.returncode == 2:
        pytest.skip(f"the registry does not tell: {done.stdout.splitlines()[-1].strip()}")
    assert done.returncode == 1
    assert "CVE-2024-22195" in done.stdout
