"""The container stack on its bridge network, as an admin starts it, and people who call it from elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.future import GROWS, REVISION, add, beside
from tests.running_town import until
from tests.stack.engine import BUILD, Engine

ROOT = Path(__file__).parents[2]
DOCKER, HERE = ROOT / "docker", Path(__file__).parent
OVERRIDE = str(HERE / "compose.yaml")


def _unused() -> str:
    """The first numbers of a network that this host has no way to: an engine that was killed leaves its bridges."""
    ways = {line.split()[1] for line in Path("/proc/net/route").read_text().splitlines()[1:]}
    networks = (f"172.28.{third}" for third in range(61, 100))
    return next(each for each in networks if socket.inet_aton(f"{each}.0")[::-1].hex().upper() not in ways)


BRIDGE = _unused()
INSIDE = f"{BRIDGE}.2"
PROVIDER = f"{BRIDGE}.3"
"""Where the trunk's calls come from."""
NEIGHBOUR = "127.0.0.2"
"""The same on the network of the host, where the exchange is on 127.0.0.1."""
SIP = 25060
DESK = "2500"
"""A telephone of the town, and its number."""
AREA = "+49620521"
OFFICE_BOX = "d_buergerbuero.box"
"""Where callers of an office are at last, as nobody of it has a telephone in the stack."""
DEVIATES = {
    *("trunk_without_tls", "trunk_without_srtp", "telephones_without_tls", "telephones_without_srtp"),
    *("no_reasons", "no_backup"),
}
"""What is not as an auditor wants it in a stack as it is started here, and nothing else."""
SITS = 180
"""Seconds that somebody waits at a desk for a call."""
READY = 300
"""Seconds until everything of a first start must be healthy: it speaks all prompts."""
VERSION = "test"
IMAGE, ASTERISK = f"durchwahl:{VERSION}", f"durchwahl-asterisk:{VERSION}"
NEXT = f"{IMAGE}-next"
DATABASE, WATCH = "database", "watch"
"""Folders here, and images: PostgreSQL, Prometheus with Alertmanager."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One project of Compose, made of `files`. `folder` holds its .env and the first directory."""

    engine: Engine
    folder: Path
    files: Sequence[str]
    settings: Mapping[str, str]
    """What its .env began with."""
    name: str = field(default_factory=lambda: f"durchwahl-{uuid.uuid4().hex[:8]}")

    def compose(self, *argv: str, check: bool = True, **environment: str) -> str:
        files = [word for name in self.files for word in ("-f", str(DOCKER / name))]
        env_file = self.folder / "env"
        told = {"DURCHWAHL_ENV": str(env_file), **environment}
        return self.engine.composed("-p", self.name, *files, "--env-file", str(env_file), *argv, check=check, **told)

    def durchwahl(self, *argv: str, check: bool = True) -> str:
        """A command of `durchwahl` as the admin gives it."""
        return self.compose("exec", "-T", "control", "durchwahl", *argv, check=check)

    def json(self, *argv: str) -> Any:
        return json.loads(self.durchwahl(*argv, "--json"))

    def goes_as_explained(self) -> None:
        """A test call through the menu to an office is where it should be, which is heard after a few seconds."""
        when = ("--at", "2026-11-30 10:00", "--press", "1", "--silent", "--hangup-after", "8")
        placed = self.json("call", "21-0", *when)
        assert placed["difference"] == ""
        assert placed["journey"]["place"] == OFFICE_BOX, placed

    def evidence(self) -> dict[str, Any]:
        """The page for the auditor, for a program."""
        found: dict[str, Any] = json.loads(self.durchwahl("evidence", "--json", check=False))
        return found

    def journeys(self) -> list[dict[str, Any]]:
        """Those of citizens, the newest first."""
        found: list[dict[str, Any]] = self.json("journeys")
        return found

    def problems(self) -> list[str]:
        """What `durchwahl status` finds, but for trunks: nobody is at their other ends."""
        found = self.status().get("problems", ["no answer"])
        return [problem for problem in found if not problem.startswith("trunk ")]

    def status(self) -> dict[str, Any]:
        """Empty while control does not run."""
        said = self.durchwahl("status", "--json", check=False)
        found: dict[str, Any] = json.loads(said) if said.strip() else {}
        return found

    def services(self) -> dict[str, Any]:
        """What the engine knows of each running service."""
        listed = [json.loads(line) for line in self.compose("ps", "--format", "json").splitlines()]
        return {each["Service"]: json.loads(self.engine.run("inspect", each["ID"]))[0] for each in listed}

    def inside(self, program: str, service: str = "control") -> str:
        """The output of a Python program in a container of the stack."""
        return self.compose("exec", "-T", service, "python", "-c", program)

    def well(self) -> bool:
        """Whether nothing is wrong, neither for `durchwahl status` nor for the engine."""
        found = self.services()
        health = {found[name]["State"]["Health"]["Status"] for name in ("asterisk", "attend", "control")}
        return health == {"healthy"} and not self.problems()

    def signal(self, name: str) -> None:
        """Send Asterisk's process a signal: as by a fault, not as `stop` does."""
        sent = f'for at in /proc/[0-9]*; do [ "$(cat $at/comm)" != asterisk ] || kill -{name} "${{at#/proc/}}"; done'
        self.compose("exec", "-T", "asterisk", "sh", "-c", sent)

    def healthy(self, how: str = "") -> bool:
        """What the health check of control says; of `--live`, as it says with that."""
        asked = f"python -m orchestrator.service.health control {how} >/dev/null; echo $?"
        return self.compose("exec", "-T", "control", "sh", "-c", asked).strip() == "0"

    def calls(self, number: str) -> bool:
        """Whether a call from `number` is in the exchange now."""
        console = ("asterisk", "-C", "/var/lib/durchwahl/current/asterisk/asterisk.conf", "-rx")
        listed = self.compose("exec", "-T", "asterisk", *console, "core show channels concise", check=False)
        return number.removeprefix("+49") in listed

    def page(self, port: int, path: str = "/metrics") -> str:
        """What a page of the exchange says."""
        return self.inside(
            f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{port}{path}', timeout=5).read().decode())"
        )

    def citizens(self, *numbers: str, dialled: str, seconds: int) -> subprocess.Popen[str]:
        """Who calls by the trunk, from the exchange's network, and stays for `seconds` and until `heard`."""
        exchange = f"{self.settings.get('DURCHWAHL_BIND', INSIDE)}:{self.settings['DURCHWAHL_SIP_PORT']}"
        where = ("--network", f"{self.name}_exchange", "--ip", PROVIDER)
        if "DURCHWAHL_BIND" in self.settings:
            where = ("--network", "host", "-e", f"ADDRESS={NEIGHBOUR}")
        return self._caller(where, "citizens", ",".join(numbers), exchange, dialled, str(seconds))

    def desk(self, number: str) -> subprocess.Popen[str]:
        """Somebody at telephone `number`, outside on this host, for one talk; registers as `durchwahl phone` says."""
        (found,) = self.json("phone", number, "--secret")
        server = found["servers"][0]
        told = ("desk", found["user"], f"{server['address']}:{server['port']}", str(SITS))
        at_desk = self._caller(("--network", "host"), *told, password=found["password"])
        until(lambda: found["id"] in self.status()["registered"], 60)
        return at_desk

    def _caller(self, where: Sequence[str], *told: str, password: str = "") -> subprocess.Popen[str]:
        name = ("--name", f"{self.name}-{uuid.uuid4().hex[:6]}")
        within = ("-v", f"{HERE}:/stack:ro", "-e", f"PASSWORD={password}", "--entrypoint", "python", IMAGE)
        argv = ("docker", "run", "--rm", "-i", *name, *where, *within, "/stack/caller.py", *told)
        return subprocess.Popen(
            argv,
            env={**os.environ, **self.engine.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def heard(caller: subprocess.Popen[str], within: float = 120.0) -> dict[str, Any]:
    """What a caller tells when it is over; a citizen hangs up for that."""
    out, told = caller.communicate(timeout=within)
    assert out.strip(), told
    found: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return found


def talks(stack: Stack, citizen: str) -> None:
    """A citizen calls a desk that has just registered: they hear each other, and neither loses the other."""
    desk = stack.desk(DESK)
    told = heard(stack.citizens(citizen, dialled=f"{AREA}{DESK}", seconds=8))
    assert told == {"answered": 1, "stayed": 1, "heard": 1}
    assert heard(desk) == {"calls": 1, "talked": 1, "heard": 1}


def build(engine: Engine) -> None:
    """Both images from this source tree, and beside them the others out of Debian's archive: nothing is pulled."""
    file, more = DOCKER / "Dockerfile", ("--build-arg", f"VERSION={VERSION}", str(ROOT))
    head, _, packed, _ = re.split(r"^(?=FROM )", file.read_text(), flags=re.MULTILINE)

    def made(*told: str, stdin: str = "") -> None:
        engine.run("build", "-q", "--network", "host", *told, within=BUILD, stdin=stdin)

    with ThreadPoolExecutor() as builders:
        # Without BuildKit stages are built in turn: this one is there, then, when it is asked for.
        begun = [builders.submit(made, "-f", "-", *more, stdin=head + packed)]
        begun += [builders.submit(made, "-t", name, str(HERE / name)) for name in (DATABASE, WATCH)]
        made("-t", ASTERISK, "--target", "asterisk", "-f", str(file), *more)
        begun[0].result()
        made("-t", IMAGE, "--target", "durchwahl", "-f", str(file), *more)
        for each in begun:
            each.result()


def next_version(stack: Stack, folder: Path) -> None:
    """The image of a version to come, with one migration more."""
    add(beside(folder), GROWS, works=True)
    there = stack.inside("from orchestrator.store.database import MIGRATIONS; print(MIGRATIONS)").strip()
    script = Path("migrations") / "versions" / f"{REVISION}_to_come.py"
    (folder / script).chmod(0o644)
    lines = (f"FROM {IMAGE}", "LABEL version=next", f"COPY {script} {there}/versions/")
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    stack.engine.run("build", "-q", "--network", "none", "-t", NEXT, str(folder), within=BUILD)


@contextmanager
def running(engine: Engine, folder: Path, *files: str, **settings: str) -> Iterator[Stack]:
    """The example town in the stack of these files, from its first start on; everything of it goes in the end."""
    shutil.copytree(ROOT / "examples" / "town", folder / "directory")
    written = {
        "DURCHWAHL_IMAGE": IMAGE,
        "ASTERISK_IMAGE": ASTERISK,
        "DATABASE_IMAGE": DATABASE,
        "PROMETHEUS_IMAGE": WATCH,
        "ALERTMANAGER_IMAGE": WATCH,
        "ALERT_SMARTHOST": "mail.invalid:25",
        "ALERT_FROM": "telefon@stadt.invalid",
        "ALERT_TO": "it@stadt.invalid",
        "DURCHWAHL_DIRECTORY": str(folder / "directory"),
        "DURCHWAHL_SIP_PORT": str(SIP),
        "DURCHWAHL_TLS_PORT": str(SIP + 1),
        "DURCHWAHL_RTP_START": "25100",
        "DURCHWAHL_RTP_END": "25159",  # for each that it publishes the engine takes a tenth of a second
        "DURCHWAHL_TRUNKS": json.dumps({"provider": f"{PROVIDER}:5090", "altanlage": f"{INSIDE}:5092"}),
        "DURCHWAHL_CANARY": "20",
        **settings,
    }
    stack = Stack(engine=engine, folder=folder, files=files, settings=written)
    (folder / "env").write_text("".join(f"{name}={value}\n" for name, value in written.items()))
    try:
        stack.compose("up", "-d", "--wait", "--wait-timeout", str(READY))
        yield stack
    except BaseException:
        print(stack.compose("logs", "--no-color", "--tail", "60", check=False))
        raise
    finally:
        stack.compose("down", "-v", "--remove-orphans", "-t", "1", check=False)
