"""The evidence page of a real, running town: what it says is so, and each deviation is provoked and told.

A page that says less than the truth is worse than none: the truth is asked another way wherever there is one.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.asterisk.conf import sections
from orchestrator.domain import deviations as judgement
from orchestrator.domain.deviations import Deviation, deviations
from orchestrator.domain.evidence import Evidence, Package, PrivateFile
from orchestrator.service import certificate, evidence, wiring
from orchestrator.service.state import State
from orchestrator.web.evidence import SHOWS, page
from tests import hurry, ports
from tests.console import console, endpoint
from tests.provoked import PROVOKED, changed, settings
from tests.running_town import Town, prepared, running_town, until
from tests.tls_telephone import TlsTelephone, certified

USUAL = {
    "trunk_without_tls",
    "trunk_without_srtp",
    "telephones_without_srtp",
    "not_confined",
    "no_reasons",
    "no_backup",
}
"""Of the town as the tests have it: all of it is so."""
if os.geteuid() == 0:
    USUAL |= {"runs_as_root"}
OF_PROCESSES = {"not_confined", "runs_as_root"}
"""What is not to be seen of a process out of sight."""
ELSEWHERE = ("unshare", "--map-root-user", "--pid", "--fork", "--mount-proc")
"""As in another container of the exchange: its network, and no process but one's own."""


EVERYWHERE = "0.0.0.0"  # noqa: S104
CONSTANT = {"SIP", "SIP über TLS", "ARI", "AMI", "Statusseite, Metriken", "Metriken"}
"""What listens all the time, whether somebody calls or not."""


def furnished(state: State) -> None:
    """A certificate, with a key that is private."""
    certified(state)
    wiring.pair(state)[1].chmod(0o600)


@pytest.fixture(scope="module")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("e"), furnish=furnished, afresh=True) as town:
        yield town


def seen(state: State) -> Evidence:
    return asyncio.run(evidence.look(state))


def codes(state: State) -> set[str]:
    return {each.code for each in deviations(seen(state))}


def told(state: State, code: str) -> list[str]:
    return [each.what for each in deviations(seen(state)) if each.code == code]


def from_elsewhere(*command: str) -> dict[str, Any]:
    """What `durchwahl evidence --json` says where it sees no process of the exchange."""
    if subprocess.run((*ELSEWHERE, "true"), capture_output=True, timeout=20, check=False).returncode:
        warnings.warn("NOT SHOWN: evidence from another container. This machine gives no name space", stacklevel=2)
        pytest.skip("no name space for processes")
    done = subprocess.run((*ELSEWHERE, *command), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def durchwahl(town: Town, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(town.command(*words), capture_output=True, text=True, timeout=60, check=False)


def test_a_running_town_is_seen_as_it_is(town: Town) -> None:
    found = seen(town.state)
    assert found.unseen == ()
    assert {each.code for each in deviations(found)} == USUAL
    assert found.versions.asterisk in console(town, "core show version")
    assert found.versions.asterisk == found.versions.installed
    assert {each.role for each in found.processes} == {"Asterisk", "control", "attendants"}
    pids = {process.pid for process in town.processes.values()}
    assert pids <= {each.pid for each in found.processes}
    assert all(each.installed == each.locked for each in found.versions.packages)
    assert found.certificate
    assert found.certificate.shown
    assert found.certificate.fingerprint == certificate.seen(town.state)
    assert found.configured.transports == ("udp", "tcp", "tls")


def test_every_port_is_there_and_none_is_missing(town: Town) -> None:
    """What listens is found by knocking: at every TCP port of the area that the town has."""
    found = {port.number: port for port in seen(town.state).ports if port.protocol == "tcp"}
    settings = town.settings
    first = min(settings.sip_port, settings.web_port)
    for number in range(first, settings.metrics_port + settings.attendants + 2):
        with socket.socket() as knock:
            knock.settimeout(2)
            assert (knock.connect_ex(("127.0.0.1", number)) == 0) is (number in found), number
    assert {found[n].purpose for n in (settings.ami_port, settings.http_port)} == {"AMI", "ARI"}
    inside = {
        settings.ami_port,
        settings.http_port,
        settings.web_port,
        settings.metrics_port,
        settings.metrics_port + 1,
    }
    assert {number for number, port in found.items() if port.inside} == inside
    udp = [port for port in seen(town.state).ports if port.protocol == "udp"]
    assert settings.sip_port in {port.number for port in udp}


def test_from_another_container_the_ports_are_the_same(town: Town) -> None:
    """And of the processes nothing is claimed; nor which Asterisk the next start would take."""
    here, there = seen(town.state), from_elsewhere(*town.command("evidence", "--json"))

    def exchanges(found: list[dict[str, Any]]) -> set[tuple[str, str, int, str]]:
        return {(each["protocol"], each["address"], each["number"], each["purpose"]) for each in found}

    assert exchanges(there["ports"]) >= exchanges([asdict(port) for port in here.ports if port.purpose in CONSTANT])
    assert {each["role"] for each in there["ports"]} == {""}
    assert there["processes"] == []
    assert there["versions"]["asterisk"] == here.versions.asterisk
    assert there["versions"]["installed"] == ""
    assert any("Benutzer, Rechte und Filter ihrer Prozesse" in each for each in there["unseen"])
    assert {each["code"] for each in there["deviations"]} == USUAL - OF_PROCESSES


def test_a_port_is_judged_by_its_address_whoever_has_it(tmp_path: Path) -> None:
    peer = ports.one()

    def furnish(state: State) -> None:
        with (state.root / "settings.toml").open("a") as file:
            file.write(f'altanlage = "127.0.0.1:{peer}"\n')

    state, _, _ = prepared(tmp_path, hurry.directory(), furnish)
    settings, other = state.settings(), ports.one()
    listening = {
        ("tcp", EVERYWHERE, settings.sip_port): "SIP",
        ("tcp", EVERYWHERE, settings.http_port): "ARI",
        ("tcp", "127.0.0.1", settings.ami_port): "AMI",
        ("udp", "127.0.0.1", settings.rtp_start): "Sprache (RTP)",
        ("udp", "127.0.0.1", peer): "Gegenstelle des Trunks altanlage",
        ("tcp", EVERYWHERE, other): "",
    }
    with ExitStack() as held:
        for protocol, address, number in listening:
            kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
            waits = held.enter_context(socket.socket(socket.AF_INET, kind))
            waits.bind((address, number))
            if protocol == "tcp":
                waits.listen()
        command = (sys.executable, "-m", "orchestrator.cli", "--state", str(state.root), "evidence", "--json")
        found = from_elsewhere(*command)
    told = {(each["protocol"], each["address"], each["number"]): each["purpose"] for each in found["ports"]}
    assert {key: told.get(key) for key in listening} == listening
    judged = {each["code"]: each["what"] for each in found["deviations"]}
    where = f"TCP 0.0.0.0 Port {settings.http_port} (Prozess nicht zu sehen)"
    assert judged["reachable_from_outside"] == f"ARI ist von außen erreichbar: {where}"
    assert "sip_everywhere" in judged
    assert "unknown_port" not in judged


def test_encryption_is_what_asterisk_does(town: Town) -> None:
    found = seen(town.state)
    for trunk in found.configured.trunks:
        assert endpoint(town, f"trunk-{trunk.id}")["media_encryption"] == trunk.media
    assert sum(each.count for each in found.configured.telephones) == len(town.directory.phones)
    assert sum(each.encrypted for each in found.configured.telephones) == 0
    for phone in list(town.directory.phones)[:5]:
        assert endpoint(town, phone)["media_encryption"] == "no"


def test_sections_are_read_as_asterisk_reads_them(town: Town) -> None:
    """Every option of a telephone, a trunk and the test endpoint, templates and all."""
    written = [
        each
        for each in sections((town.state.current / "asterisk/pjsip.conf").read_text())
        if each.one("type") == "endpoint" and each.name in ("tel2030", "trunk-provider", "testcall")
    ]
    assert len(written) == 3
    for section in written:
        has = endpoint(town, section.name)
        for option in (
            "context",
            "direct_media",
            "dtmf_mode",
            "rtp_timeout",
            "language",
            "allow_subscribe",
            "send_pai",
        ):
            wanted = {"yes": "true", "no": "false"}.get(section.one(option), section.one(option))
            assert not wanted or has[option] == wanted, (section.name, option)


def test_how_telephones_have_registered(town: Town) -> None:
    async def registered() -> set[str]:
        async with TlsTelephone(town=town, phone="tel2030") as by_tls, town.staff({"tel2810": "busy"}):
            assert await by_tls.registers() == 200
            found = await evidence.look(town.state)
            (plain,) = [each.what for each in deviations(found) if each.code == "registered_in_the_clear"]
            assert plain.startswith("1 Telefone sind ohne TLS angemeldet")
            counts: dict[str, int] = {}
            for each in found.configured.telephones:
                for by, count in each.registered.items():
                    counts[by] = counts.get(by, 0) + count
            assert counts == {"tls": 1, "udp": 1}
            assert await by_tls.registers(expires=0) == 200
        return set()

    asyncio.run(registered())


def test_the_page_is_whole_and_holds_no_secret(town: Town, tmp_path: Path) -> None:
    done = durchwahl(town, "evidence")
    assert done.returncode == 1, done.stderr
    for head in ("Abweichungen", "Verschlüsselung", "Wer darf was", "Offene Ports", "Versionen", "Aufbewahrung"):
        assert f"\n## {head}\n" in done.stdout
    assert (
        "| AMI | control | system, user, reporting | system, user, reporting, agent | 127.0.0.1/255.255.255.255 |"
        in done.stdout
    )
    for line in done.stdout.splitlines():
        assert not line.startswith("|") or line.endswith("|")
    written = tmp_path / "nachweis.md"
    assert durchwahl(town, "evidence", "--out", str(written)).returncode == 1
    assert written.stat().st_mode & 0o777 == 0o600
    data = durchwahl(town, "evidence", "--json").stdout
    assert {each["code"] for each in json.loads(data)["deviations"]} == USUAL
    secrets = wiring.secrets(town.state)
    private = [secrets.of("ari"), secrets.of("ami:control"), secrets.of("sip:tel2030"), town.state.master.hex()]
    private += [secrets.pin(box) for box in town.directory.boxes]
    for text in (done.stdout, written.read_text(), data):
        assert not [secret for secret in private if re.search(rf"(?<!\d){secret}(?!\d)", text)]
        assert "+49171" not in text


@pytest.mark.long
@pytest.mark.parametrize("case", PROVOKED)
def test_each_deviation_is_told_while_it_is_so(town: Town, case: str) -> None:
    act, words = PROVOKED[case]
    with act(town):
        found = told(town.state, case.strip())
        assert any(words in each for each in found), (case, found, codes(town.state))
    until(town.ready, 30)
    assert codes(town.state) == USUAL


def test_reasons_are_wanted_no_more_told(town: Town) -> None:
    with settings(town, "require_why = false", "require_why = true"):
        assert codes(town.state) == USUAL - {"no_reasons"}


@pytest.mark.long
def test_a_town_that_is_down_is_judged_as_far_as_it_can_be_seen(town: Town) -> None:
    for name in ("attend", "control", "asterisk"):
        town.end(name)
    try:
        found = seen(town.state)
        assert found.versions.asterisk == ""
        assert found.versions.installed
        assert any(each == "Asterisk: läuft nicht" for each in found.unseen)
        assert any("laufen nicht, oder in einem anderen Container" in each for each in found.unseen)
        assert {each.code for each in deviations(found)} == USUAL - OF_PROCESSES
        assert "## Nicht gesehen\n\n- Asterisk: läuft nicht" in page(found, deviations(found))
        with changed(town.state.root / "settings.toml", 'database = ""', 'database = "postgresql://d@127.0.0.1:1/d"'):
            away = seen(town.state)
        assert any(each.startswith("Datenbank: ") for each in away.unseen)
        assert away.configured.trunks == found.configured.trunks
    finally:
        town.complete()


def test_a_trunk_by_tls_is_no_deviation(tmp_path: Path) -> None:
    """And nothing needs to run for it."""
    directory = hurry.directory()
    secure = {name: replace(trunk, transport="tls") for name, trunk in directory.trunks.items()}
    state, _, _ = prepared(tmp_path, replace(directory, trunks=secure), furnished)
    found = seen(state)
    assert {(each.transport, each.media) for each in found.configured.trunks} == {("tls", "sdes")}
    assert {each.code for each in deviations(found)} == {"telephones_without_srtp", "no_reasons", "no_backup"}
    own = PrivateFile(path="secrets/master", mode=0o600, owner="nobody")
    versions, package = found.versions, Package(name="aiohttp", locked="3.14.5", installed="3.0")
    for other, code in (
        (replace(found, versions=replace(versions, installed="22.9.0", good=False)), "old_asterisk"),
        (replace(found, versions=replace(versions, asterisk="22.10.1", installed="22.10.2")), "restart_waits"),
        (replace(found, versions=replace(versions, packages=(package,))), "packages_not_as_locked"),
        (replace(found, files=(own,), owner="durchwahl"), "owned_by_another"),
        (replace(found, configured=replace(found.configured, transports=("udp",))), "telephones_without_tls"),
    ):
        assert code in {each.code for each in deviations(other)}, code


def test_every_requirement_that_is_cited_is_listed() -> None:
    cited = set(re.findall(r"[A-Z]+(?:\.\d)+\.A\d+", Path(judgement.__file__).read_text()))
    listed = {requirement for requirement, _, _ in SHOWS}
    assert cited - {"NET.4.2.A16"} <= listed  # which no program sees: the page says so
    assert {requirement.rpartition(".")[0] for requirement in listed} >= {"NET.4.1", "NET.4.2"}


def test_each_says_what_to_do(town: Town) -> None:
    for each in deviations(seen(town.state)):
        assert isinstance(each, Deviation)
        assert each.todo
        assert re.fullmatch(r"(?:[A-Z]+(?:\.\d)+\.A\d+(?:, )?)+", each.requirement), each
