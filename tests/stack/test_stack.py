"""The container stack on a real engine, as docs/containers.md describes it: one stack, looked at from many sides.

In the order in which an admin meets these things; each test leaves the stack as it found it, but for an update, whose
tables stay.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.dashboards import PANELS
from tests.future import REVISION
from tests.prometheus_server import rules
from tests.running_town import until
from tests.stack.engine import Engine
from tests.stack.panels import answers, empty, refused
from tests.stack.stack import (
    AREA,
    ASTERISK,
    DESK,
    DEVIATES,
    IMAGE,
    INSIDE,
    NEXT,
    ROOT,
    SIP,
    VERSION,
    Stack,
    heard,
    next_version,
    talks,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]
SCHOOL, OFFICE = "9111", "51"
NUMBERS = [f"+49170200{at}" for at in range(6)]
SIZE = {ASTERISK: 330, IMAGE: 620}
"""Megabytes that an image may have; the second one has the first in it."""


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


def test_the_auditor_is_told_every_port_and_nothing_that_is_not_so(stack: Stack) -> None:
    """Of all containers, though only the processes of one are in sight."""

    found: dict[str, Any] = {}

    def tcp() -> dict[str, tuple[str, str]]:
        ports = [each for each in found["ports"] if each["protocol"] == "tcp"]
        return {f"{each['address']}:{each['number']}": (each["role"], each["purpose"]) for each in ports}

    def same() -> bool:
        found.update(stack.evidence())
        own = {each for each in tcp() if not each.startswith("127.0.0.11")}
        return own == set(stack.inside(LISTENING).split())

    until(same, 120)  # a test call listens for a moment, too; beside tests each page takes a while
    ports = tcp()
    for where, purpose in (
        (f"{INSIDE}:{SIP}", "SIP"),
        ("127.0.0.1:8088", "ARI"),
        ("127.0.0.1:5038", "AMI"),
        ("127.0.0.1:9151", "Metriken"),
        ("127.0.0.1:9090", "Prometheus"),
        ("127.0.0.1:9093", "Alertmanager"),
    ):
        assert ports[where] == ("", purpose)
    assert ports["127.0.0.1:8080"] == ("control", "Statusseite, Metriken")
    udp = {(each["address"], each["number"]): each["purpose"] for each in found["ports"] if each["protocol"] == "udp"}
    assert udp[INSIDE, SIP] == "SIP"
    assert udp[INSIDE, 5092] == "Gegenstelle des Trunks altanlage"
    assert {each["role"] for each in found["processes"]} <= {"control", "Testanruf"}
    assert found["versions"]["asterisk"].startswith("22.")
    assert found["versions"]["installed"] == ""
    assert {each["code"] for each in found["deviations"]} == DEVIATES, found["deviations"]


def test_people_talk_while_a_shift_is_stopped_and_alertmanager_hears_of_it(stack: Stack) -> None:
    """A citizen, and a desk outside of the exchange's network. Prometheus sees everybody, before and after."""

    def asked(query: str) -> list[dict[str, Any]]:
        said = json.loads(stack.page(9090, f"/api/v1/query?query={quote(query)}"))
        found: list[dict[str, Any]] = said["data"]["result"]
        return found

    until(lambda: [each["value"][1] for each in asked("up")] == ["1", "1", "1"], 60)
    stack.compose("stop", "attend")
    try:
        talks(stack, "+4917012345")
        assert stack.journeys()[0]["outcome"] == "answered"
        until(lambda: '"alertname":"NoAttendant"' in stack.page(9093, "/api/v2/alerts"), 240)
    finally:
        stack.compose("up", "-d", "--wait", "--no-deps", "attend")
    until(lambda: not stack.problems(), 30)
    until(lambda: [each["value"][1] for each in asked("up")] == ["1", "1", "1"], 60)
    assert asked("durchwahl_calls_total > 0")


def test_a_wave_is_tried_against_a_stand_in_for_the_old_exchange(stack: Stack) -> None:
    """Its numbers are answered there, which calls us too; moved, they are ours, and moved back, they are there."""

    def called(number: str) -> list[list[str]]:
        """The way of a citizen's call, which goes as it should."""
        told = heard(stack.citizens(number, dialled=f"{AREA}{SCHOOL}", seconds=4))
        assert told == {"answered": 1, "stayed": 1, "heard": 1}
        until(lambda: any(each["caller"] == number for each in stack.journeys()), 20)
        (found,) = [each for each in stack.journeys() if each["caller"] == number]
        assert not found["unexpected"]
        steps: list[list[str]] = found["steps"]
        return steps

    def arrived() -> int:
        return stack.compose("logs", "--no-color", "old-exchange").count(f"called {SCHOOL}")

    until(lambda: not [each for each in stack.status()["problems"] if "altanlage" in each], 60)
    there = called("+4917012346")
    assert arrived() == 1
    desk = stack.desk(DESK)
    stack.compose("exec", "-T", "old-exchange", "/etc/old-exchange/start", "call", SCHOOL, DESK)
    assert heard(desk) == {"calls": 1, "talked": 1, "heard": 1}
    stack.durchwahl("wave", "move", "2", "--why", "as a test")
    try:
        assert called("+4917012347") != there
        assert arrived() == 1
    finally:
        stack.durchwahl("wave", "back", "2", "--why", "as a test")
    assert called("+4917012344") == there
    assert arrived() == 2


def test_a_call_goes_as_explained_and_is_in_the_metrics(stack: Stack) -> None:
    stack.goes_as_explained()
    until(lambda: "durchwahl_canary_up 1.0" in stack.page(8080), 60)
    assert re.search(
        r'^durchwahl_calls_total\{flow="person",outcome="answered"\} [1-9]', stack.page(8080), re.MULTILINE
    )
    assert "durchwahl_attendant_connected 1.0" in stack.page(9151)


def test_asterisk_is_stopped_and_a_call_goes_on_until_it_is_over(stack: Stack) -> None:
    caller, asterisk = "+4917012348", stack.services()["asterisk"]["Id"]
    with ThreadPoolExecutor() as beside:
        told = beside.submit(heard, stack.citizens(caller, dialled=f"{AREA}0", seconds=10))
        until(lambda: stack.calls(caller), 30)
        try:
            stack.compose("stop", "asterisk")
            ended = json.loads(stack.engine.run("inspect", asterisk))[0]["State"]
        finally:
            stack.compose("up", "-d", "--wait", "--no-deps", "asterisk")
    assert told.result() == {"answered": 1, "stayed": 1, "heard": 1}
    # Its end is clean, or Asterisk crashed while it unloaded its modules: then nobody was there any more.
    assert (ended["Status"], ended["ExitCode"] in (0, 128 + signal.SIGSEGV)) == ("exited", True), ended
    until(stack.well, 120)
    until(lambda: (caller, "gave_up") in {(each["caller"], each["outcome"]) for each in stack.journeys()}, 20)


def test_control_lives_where_asterisk_does_not_answer_and_is_not_ready(stack: Stack) -> None:
    assert stack.healthy()
    try:
        stack.signal("STOP")
        until(lambda: not stack.healthy(), 60)
        assert stack.healthy("--live")
    finally:
        stack.signal("CONT")
    until(stack.healthy, 60)
    until(stack.well, 120)


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
    started = max(at for at, line in enumerate(lines) if "Asterisk Ready." in line)
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


def test_no_panel_is_empty_and_no_alert_asks_what_prometheus_does_not_understand(stack: Stack) -> None:
    """After the calls above: somebody was reached, somebody gave up in the menu, and now somebody does at an office."""
    alerts = {name: rule["expr"] for name, rule in rules("alert").items()}
    told = heard(stack.citizens("+4917012349", dialled=f"{AREA}{OFFICE}", seconds=5))
    assert told == {"answered": 1, "stayed": 1, "heard": 1}

    with suppress(TimeoutError):
        until(lambda: not empty(answers(stack, PANELS)), 60)
    assert empty(answers(stack, PANELS)) == []
    assert refused(answers(stack, {**PANELS, **alerts})) == []


def test_asterisk_dies_and_is_there_again(stack: Stack) -> None:
    """Killed as by a fault: the others keep their network, and calls are taken as soon as it has started."""
    stack.signal("KILL")
    until(lambda: stack.services()["asterisk"]["RestartCount"] == 1, 30)
    until(lambda: not stack.problems(), 60)
    stack.goes_as_explained()


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
    """Volumes and all: telephones have the passwords that they had, and the message is in its box.

    The backup is made while a citizen is in a call, who does not notice.
    """
    stack.json("call", DESK)
    until(lambda: any(box["new"] for box in stack.json("messages")), 30)
    messages, telephone, journeys = stack.json("messages"), stack.json("phone", DESK, "--secret"), stack.journeys()
    key = stack.durchwahl("backup", "--new-key", "/tmp/identity").split()[0]
    settings = json.dumps({"folder": "/var/backups/durchwahl", "keys": [key]})
    citizen = stack.citizens("+4917012350", dialled=f"{AREA}0", seconds=5)
    until(lambda: stack.calls("+4917012350"), 30)
    said = stack.compose("exec", "-T", "-e", f"DURCHWAHL_BACKUP={settings}", "control", "durchwahl", "backup")
    assert citizen.poll() is None
    made = said.split()[0]
    control = stack.services()["control"]["Id"]
    (tmp_path / "identity").write_text(stack.compose("exec", "-T", "control", "cat", "/tmp/identity"))
    stack.engine.run("cp", f"{control}:{made}", str(tmp_path / "backup"))
    for path in (tmp_path, *tmp_path.iterdir()):
        shutil.chown(path, 5060, 5060)
    assert heard(citizen) == {"answered": 1, "stayed": 1, "heard": 1}
    stack.compose("down", "-v")
    restored = ("restore", "/run/kept/backup", "--identity", "/run/kept/identity")
    stack.compose("run", "--rm", "-T", "-v", f"{tmp_path}:/run/kept:ro", "prepare", *restored)
    stack.compose("up", "-d", "--wait")
    assert stack.json("messages") == messages
    assert stack.json("phone", DESK, "--secret") == telephone
    assert stack.journeys() == journeys
    talks(stack, "+4917012352")
    stack.goes_as_explained()


def test_an_update_changes_the_tables_under_calls_and_is_taken_back(stack: Stack, tmp_path: Path) -> None:
    """As the page says, while citizens are in calls: another image in .env, and `up`. Asterisk stays.

    The new version has tables that have only grown: the former one goes on with them.
    """
    before, unexpected = stack.services(), stack.json("journeys", "--unexpected", "--tests")
    next_version(stack, tmp_path)
    settings = stack.folder / "env"
    former = settings.read_text()
    try:
        citizens = stack.citizens(*NUMBERS, dialled=f"{AREA}0", seconds=5)
        until(lambda: "durchwahl_calls_now 6.0" in stack.page(8080), 30)
        settings.write_text(former.replace(f"DURCHWAHL_IMAGE={IMAGE}\n", f"DURCHWAHL_IMAGE={NEXT}\n"))
        stack.compose("up", "-d", "--wait")
        after = stack.services()
        assert {name for name in after if after[name]["Id"] != before[name]["Id"]} == {"attend", "control"}
        until(lambda: "durchwahl_calls_now 6.0" in stack.page(8080), 30)
        assert heard(citizens) == {"answered": 6, "stayed": 6, "heard": 6}
        until(lambda: {each["caller"] for each in stack.journeys()} >= set(NUMBERS), 20)
        assert stack.json("journeys", "--unexpected", "--tests") == unexpected
        assert stack.status()["database"] == ""
    finally:
        settings.write_text(former)
        stack.compose("up", "-d", "--wait")
    told = f"of a newer version ({REVISION})"
    assert re.search(rf"^database +{re.escape(told)}", stack.durchwahl("status", check=False), re.MULTILINE)
    assert told in stack.compose("logs", "--no-color", "prepare")
    stack.goes_as_explained()
