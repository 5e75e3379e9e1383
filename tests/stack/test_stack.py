"""The container stack on a real engine, as docs/containers.md describes it: one stack, looked at from many sides.

In the order in which an admin meets these things; each test leaves the stack as it found it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from orchestrator.service.ports import spread
from tests.dashboards import PANELS
from tests.prometheus_server import rules
from tests.running_town import until
from tests.stack.engine import Engine, NoEngine, base, engine
from tests.stack.stack import (
    ASTERISK,
    BRIDGE,
    IMAGE,
    INSIDE,
    ROOT,
    SIP,
    UNPULLED,
    VERSION,
    Stack,
    build,
    heard,
    running,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]
DESK, SCHOOL = "2500", "9111"
AREA = "+49620521"
NUMBERS = [f"+49170200{at}" for at in range(6)]
NEXT = f"{IMAGE}-next"
SIZE = {ASTERISK: 330, IMAGE: 620}
"""Megabytes that an image may have; the second one has the first in it."""


@pytest.fixture(scope="module")
def docker() -> Iterator[Engine]:
    try:
        with engine() as there:
            base(there)
            build(there)
            yield there
    except NoEngine as bad:
        if os.environ.get("DURCHWAHL_NO_ENGINE") == "skip":
            pytest.skip(str(bad))
        pytest.fail(
            f"{bad}\n  to do: run it as root on Debian, or start an engine; DURCHWAHL_NO_ENGINE=skip does without"
        )


@pytest.fixture(scope="module")
def stack(docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """On its bridge network; telephones outside reach it by an address of this host."""
    host = docker.run("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").strip()
    told = {"DURCHWAHL_BRIDGE": BRIDGE, "DURCHWAHL_EXTERNAL": host, "COMPOSE_PROFILES": "observability,wave"}
    folder = tmp_path_factory.mktemp("stack")
    with running(docker, folder, "compose.yaml", "compose.bridge.yaml", UNPULLED, **told) as made:
        yield made


def test_an_image_says_what_it_is_made_of_and_holds_no_secret(docker: Engine) -> None:
    for image in (ASTERISK, IMAGE):
        made = json.loads(docker.run("inspect", image))[0]
        assert made["Config"]["User"] == "5060:5060"
        assert made["Config"]["Labels"]["org.opencontainers.image.version"] == VERSION
        assert not [word for word in made["Config"]["Env"] if re.search("(?i)password|secret|token", word)]
        told = json.loads(docker.run("run", "--rm", "--entrypoint", "cat", image, "/usr/share/sbom.spdx.json"))
        versions = {package["name"]: package["versionInfo"] for package in told["packages"]}
        assert re.match(r"1:22\.", versions["asterisk"])
        assert ("panoramisk" in versions) == (image == IMAGE)
        assert made["Size"] < SIZE[image] * 1_000_000, f"{image} has {made['Size'] / 1e6:.0f} MB"
        found = docker.run("run", "--rm", "--entrypoint", "find", image, "/var/lib/durchwahl")
        assert found.split() == ["/var/lib/durchwahl"]


def test_everything_is_healthy_and_sealed(stack: Stack) -> None:
    services = stack.services()
    watching = {"prometheus", "alertmanager"}
    assert set(services) == {"line", "database", "asterisk", "attend", "control", "old-exchange", *watching}
    for name, found in services.items():
        assert name == "line" or found["State"]["Health"]["Status"] == "healthy", name
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
    for name in ("asterisk", "attend", "control"):
        told = stack.compose("exec", "-T", name, "sh", "-c", "id -u; grep CapEff /proc/1/status; touch /x 2>&1 || :")
        assert told.split() == [
            "5060",
            "CapEff:",
            "0" * 16,
            "touch:",
            "cannot",
            "touch",
            "'/x':",
            "Read-only",
            "file",
            "system",
        ]
    assert services["database"]["HostConfig"]["NetworkMode"] == "none"
    assert not stack.problems()
    listening = stack.inside(LISTENING).split()
    assert {each for each in listening if not each.startswith("127.0.0.1:")} == {f"{INSIDE}:{SIP}"}, listening


LISTENING = """
for line in open("/proc/net/tcp").readlines()[1:]:
    at, state = line.split()[1], line.split()[3]
    if state == "0A":
        number, port = at.split(":")
        address = ".".join(str(byte) for byte in reversed(bytes.fromhex(number)))
        if not address.startswith("127.0.0.11"):
            print(f"{address}:{int(port, 16)}")
"""
"""What is listened on in the network that the exchange shares, but for Docker's own resolver."""


def test_a_citizen_and_a_desk_outside_of_its_network_talk(stack: Stack) -> None:
    desk = stack.desk(DESK, seconds=40)
    told = heard(stack.citizens("+4917012345", dialled=f"{AREA}{DESK}", seconds=8))
    assert told == {"answered": 1, "stayed": 1, "heard": 1}
    assert heard(desk) == {"calls": 1, "talked": 1, "heard": 1}
    assert stack.journeys()[0]["outcome"] == "answered"


def test_a_wave_is_tried_against_a_stand_in_for_the_old_exchange(stack: Stack) -> None:
    """Its numbers are answered there, which calls us too; moved, they ring here."""
    until(lambda: not [each for each in stack.status()["problems"] if "altanlage" in each], 60)
    told = heard(stack.citizens("+4917012346", dialled=f"{AREA}{SCHOOL}", seconds=8))
    assert told == {"answered": 1, "stayed": 1, "heard": 1}
    assert f"called {SCHOOL}" in stack.compose("logs", "--no-color", "old-exchange")
    desk = stack.desk(DESK, seconds=25)
    stack.compose("exec", "-T", "old-exchange", "/etc/old-exchange/start", "call", SCHOOL, DESK)
    assert heard(desk) == {"calls": 1, "talked": 1, "heard": 1}
    stack.durchwahl("wave", "move", "2", "--why", "as a test")
    told = heard(stack.citizens("+4917012347", dialled=f"{AREA}{SCHOOL}", seconds=8))
    assert stack.compose("logs", "--no-color", "old-exchange").count(f"called {SCHOOL}") == 1
    stack.durchwahl("wave", "back", "2", "--why", "as a test")


def test_a_call_goes_as_explained_and_is_in_the_metrics(stack: Stack) -> None:
    placed = stack.json("call", "21-0", "--at", "2026-11-30 10:00", "--press", "1", "--silent")
    assert placed["difference"] == ""
    until(lambda: "durchwahl_canary_up 1.0" in stack.page(8080), 60)
    assert re.search(
        r'^durchwahl_calls_total\{flow="person",outcome="answered"\} [1-9]', stack.page(8080), re.MULTILINE
    )
    assert "durchwahl_attendant_connected 1.0" in stack.page(9151)


def test_prometheus_sees_everybody_and_alertmanager_hears_of_a_shift_that_is_stopped(stack: Stack) -> None:
    def asked(query: str) -> list[dict[str, Any]]:
        said = json.loads(stack.page(9090, f"/api/v1/query?query={quote(query)}"))
        found: list[dict[str, Any]] = said["data"]["result"]
        return found

    until(lambda: [each["value"][1] for each in asked("up")] == ["1", "1", "1"], 60)
    assert asked("durchwahl_calls_total > 0")
    stack.compose("stop", "attend")
    try:
        until(lambda: '"alertname":"NoAttendant"' in stack.page(9093, "/api/v2/alerts"), 240)
    finally:
        stack.compose("up", "-d", "--wait", "--no-deps", "attend")
    until(lambda: not stack.problems(), 30)


def test_logs_are_an_object_a_line(stack: Stack) -> None:
    """Asterisk's from when it has started: what it prints before is for people. A shift tells of what goes wrong."""

    def said(service: str) -> list[str]:
        return stack.compose("logs", "--no-color", "--no-log-prefix", service).splitlines()

    stack.inside(ONE_KILLED, "attend")
    until(lambda: any("go back to their places" in line for line in said("attend")), 30)
    until(lambda: not stack.problems(), 30)
    for service in ("attend", "control", "prometheus", "alertmanager"):
        assert said(service), service
        assert [line for line in said(service) if not is_object(line)] == [], service
    lines = said("asterisk")
    started = next(at for at, line in enumerate(lines) if "Asterisk Ready." in line)
    assert [line for line in lines[started:] if not is_object(line)] == []


ONE_KILLED = """
import contextlib, os, pathlib
for each in pathlib.Path("/proc").glob("[0-9]*"):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        if b"--slot" in (each / "cmdline").read_bytes().split(b"\\0"):
            os.kill(int(each.name), 9)
            break
"""
"""An attendant; the shift names no slot."""


def is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def test_no_panel_and_no_alert_asks_what_prometheus_does_not_understand(stack: Stack) -> None:
    """And how the exchange is doing, is seen; tests/test_dashboards.py has every panel filled by a day of calls."""
    alerts = {name: rule["expr"] for name, rule in rules("alert").items()}
    asked = json.loads(stack.inside(ASKS.format(queries=json.dumps({**PANELS, **alerts}))))
    assert asked.keys() == PANELS.keys() | alerts.keys()
    assert [name for name, answer in asked.items() if answer["status"] != "success"] == []
    assert [name for name in PANELS if name.startswith("operations") and not asked[name]["data"]["result"]] == []


ASKS = """
import json, urllib.parse, urllib.request
def ask(query):
    url = "http://127.0.0.1:9090/api/v1/query?" + urllib.parse.urlencode({{"query": query}})
    try:
        return json.load(urllib.request.urlopen(url, timeout=10))
    except urllib.error.HTTPError as bad:
        return json.load(bad)
print(json.dumps({{name: ask(query) for name, query in {queries}.items()}}))
"""


def test_a_new_shift_takes_over_from_one_that_drains_and_no_caller_is_lost(stack: Stack) -> None:
    """An update, as the page says, while citizens are in the menu: another image in .env, and `up`. Asterisk stays."""
    before = {name: service["Id"] for name, service in stack.services().items()}
    stack.engine.run("tag", IMAGE, NEXT)
    citizens = stack.citizens(*NUMBERS, dialled=f"{AREA}0", seconds=45)
    until(lambda: "durchwahl_calls_now 6.0" in stack.page(8080), 30)
    settings = stack.folder / "env"
    settings.write_text(settings.read_text().replace(f"DURCHWAHL_IMAGE={IMAGE}\n", f"DURCHWAHL_IMAGE={NEXT}\n"))
    stack.compose("up", "-d", "--wait")
    after = {name: service["Id"] for name, service in stack.services().items()}
    assert {name for name in after if after[name] != before[name]} == {"attend", "control"}
    assert heard(citizens) == {"answered": 6, "stayed": 6, "heard": 6}
    until(lambda: {each["caller"] for each in stack.journeys()} >= set(NUMBERS), 20)
    assert not stack.json("journeys", "--unexpected", "--tests")


def test_asterisk_dies_and_is_there_again(stack: Stack) -> None:
    """Killed as by a fault: the others keep their network, and calls are taken as soon as it has started."""
    stack.compose("exec", "-T", "asterisk", "sh", "-c", KILLED)
    until(lambda: stack.services()["asterisk"]["RestartCount"] == 1, 30)
    until(lambda: not stack.problems(), 60)
    placed = stack.json("call", "21-0", "--at", "2026-11-30 10:00", "--press", "1", "--silent")
    assert placed["difference"] == ""


KILLED = 'for each in /proc/[0-9]*; do [ "$(cat $each/comm)" != asterisk ] || kill -KILL "${each#/proc/}"; done'


def test_the_engine_is_started_anew_and_the_unit_brings_all_back(stack: Stack) -> None:
    """As after the host was: Docker begins some in vain, as they share a network that is not there yet."""
    if stack.engine.restart is None:
        pytest.skip("this engine is not ours to restart")
    unit = (ROOT / "scripts" / "systemd" / "durchwahl-containers.service").read_text()
    (command,) = re.findall(r"^ExecStart=/usr/bin/docker compose (.+)$", unit, re.MULTILINE)
    stack.engine.restart()
    stack.compose(*command.split())
    until(lambda: not stack.problems(), 60)
    assert stack.journeys()


def test_all_is_destroyed_and_comes_back_from_a_backup(stack: Stack, tmp_path: Path) -> None:
    """Volumes and all: telephones have the passwords that they had, and the message is in its box."""
    stack.json("call", "21-0", "--at", "2026-11-30 10:00", "--press", "1")
    until(lambda: any(box["new"] for box in stack.json("messages")), 30)
    messages, telephone, journeys = stack.json("messages"), stack.json("phone", DESK, "--secret"), stack.journeys()
    key = stack.durchwahl("backup", "--new-key", "/tmp/identity").split()[0]
    settings = json.dumps({"folder": "/var/backups/durchwahl", "keys": [key]})
    made = stack.compose("exec", "-T", "-e", f"DURCHWAHL_BACKUP={settings}", "control", "durchwahl", "backup").split()[
        0
    ]
    control = stack.services()["control"]["Id"]
    (tmp_path / "identity").write_text(stack.compose("exec", "-T", "control", "cat", "/tmp/identity"))
    stack.engine.run("cp", f"{control}:{made}", str(tmp_path / "backup"))
    for path in (tmp_path, *tmp_path.iterdir()):
        shutil.chown(path, 5060, 5060)
    stack.compose("down", "-v")
    restored = ("restore", "/run/kept/backup", "--identity", "/run/kept/identity")
    stack.compose("run", "--rm", "-T", "-v", f"{tmp_path}:/run/kept:ro", "prepare", *restored)
    stack.compose("up", "-d", "--wait")
    assert stack.json("messages") == messages
    assert stack.json("phone", DESK, "--secret") == telephone
    assert stack.journeys() == journeys
    desk = stack.desk(DESK, seconds=5)
    assert heard(desk)["calls"] == 0


def test_on_the_network_of_the_host_with_sqlite_it_is_the_same(docker: Engine, tmp_path: Path) -> None:
    """And a line of .env that ends calls is changed there in the order of the page."""
    ports = spread(25300, rtp=25400)
    settings = {
        "DURCHWAHL_BIND": "127.0.0.1",
        "DURCHWAHL_DATABASE": "",
        "DURCHWAHL_SIP_PORT": str(ports.sip),
        "DURCHWAHL_TLS_PORT": str(ports.tls),
        "DURCHWAHL_HTTP_PORT": str(ports.http),
        "DURCHWAHL_AMI_PORT": str(ports.ami),
        "DURCHWAHL_WEB_PORT": str(ports.web),
        "DURCHWAHL_METRICS_PORT": str(ports.metrics),
        "DURCHWAHL_RTP_START": str(ports.rtp),
        "DURCHWAHL_RTP_END": str(ports.rtp + 199),
    }
    with running(docker, tmp_path, "compose.yaml", **settings) as stack:
        placed = stack.json("call", "21-0", "--at", "2026-11-30 10:00", "--press", "1", "--silent")
        assert placed["difference"] == ""
        assert "directory.db" in stack.compose("exec", "-T", "control", "ls", "/var/lib/durchwahl")
        stack.compose("stop", "--timeout", "10", "asterisk")
        stack.compose("down")
        told = (tmp_path / "env").read_text().replace(f"AMI_PORT={ports.ami}\n", f"AMI_PORT={ports.rtp + 200}\n")
        (tmp_path / "env").write_text(told)
        applied = stack.compose("run", "--rm", "-T", "prepare", "apply", "--yes")
        assert "Asterisk is not running and will start with it" in applied
        stack.compose("up", "-d", "--wait")
        placed = stack.json("call", "21-0", "--at", "2026-11-30 10:00", "--press", "1", "--silent")
        assert placed["difference"] == ""
