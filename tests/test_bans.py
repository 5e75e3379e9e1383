"""Who guesses is banned: the count, the log that strangers write into, and a real Asterisk that refuses."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from orchestrator.asterisk import security
from orchestrator.domain.bans import FAILURES, FLOOD, LONGEST, MOST, SHORTEST, TRUSTED, WINDOW, Attempt, Bans
from orchestrator.metrics.lines import BanMetrics
from orchestrator.service import bans as service
from orchestrator.service import wiring
from orchestrator.service.bans import Guard
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import connected
from orchestrator.service.state import State
from tests.running_town import CITIZEN, Town, until
from tests.sip_line import REGISTER, register
from tests.test_entries import invited

A, B = "192.0.2.1", "2001:db8::1"


def failed(address: str, begin: float = 0.0, every: float = 1.0, count: int = FAILURES) -> list[Attempt]:
    return [Attempt(at=begin + number * every, address=address) for number in range(count)]


def test_ten_in_a_minute_are_a_ban_and_each_further_one_is_longer() -> None:
    bans, now = Bans(), 0.0
    for number in range(10):
        assert bans.take(failed(A, now)) == [A]
        lasts = bans.until[A] - (now + FAILURES - 1)
        assert lasts == min(LONGEST, SHORTEST * 2**number)
        assert bans.take(failed(A, now + FAILURES)) == [], "it is banned already"
        now = bans.until[A]
        assert bans.expire(now - 1) == []
        assert bans.expire(now) == [A]


def test_few_or_seldom_is_no_ban() -> None:
    assert Bans().take(failed(A, count=FAILURES - 1)) == []
    assert Bans().take(failed(A, every=WINDOW / (FAILURES - 1) + 0.1, count=100)) == []


def test_nobody_is_banned_where_somebody_has_logged_in_or_of_a_spared_network() -> None:
    bans = Bans(never=(ip_network("2001:db8::/32"),))
    assert bans.take([Attempt(at=0.0, address=A, succeeded=True), *failed(A, 1.0, count=50), *failed(B)]) == []
    bans.expire(60.0)
    assert bans.take(failed(A, TRUSTED - 20)) == []
    assert bans.take(failed(A, TRUSTED + 1)) == [A]


def test_a_flood_that_brings_no_password_is_a_ban_unless_somebody_logs_in() -> None:
    def asked(count: int, every: float) -> list[Attempt]:
        return [Attempt(at=number * every, address=A, asked=True) for number in range(count)]

    assert Bans().take(asked(FLOOD - 1, 0.01)) == []
    assert Bans().take(asked(FLOOD, 0.01)) == [A]
    assert Bans().take(asked(FLOOD * 10, WINDOW / (FLOOD - 2))) == []
    logged_in = Attempt(at=FLOOD / 2 * 0.01, address=A, succeeded=True)
    assert Bans().take(sorted([*asked(FLOOD * 3, 0.01), logged_in], key=lambda attempt: attempt.at)) == []
    bans = Bans()
    bans.take(asked(FLOOD - 1, 0.01))
    bans.expire(FLOOD * 0.01 + WINDOW)
    assert bans._asked == {}


@given(st.lists(st.integers(0, 3000), max_size=3000))
def test_it_keeps_no_more_than_it_may(addresses: list[int]) -> None:
    bans = Bans()
    for number in addresses:
        bans.take(failed(f"10.0.{number // 256}.{number % 256}"))
    assert len(bans.until) <= MOST
    bans.expire(WINDOW * 3)
    assert bans._failed == {}


def record(kind: str, account: str = "x", sender: str = A, call: str = "c", more: str = "") -> bytes:
    message = (
        f'SecurityEvent="{kind}",EventTV="2026-11-26T12:15:09.220+0000",Severity="Error",Service="PJSIP",'
        f'EventVersion="1",AccountID="{account}",SessionID="{call}",LocalAddress="IPV4/UDP/127.0.0.1/5060",'
        f'RemoteAddress="IPV4/UDP/{sender}/59751"{more}\n'
    )
    return json.dumps({"timestamp": "?", "logmsg": {"message": message}}).encode()


@pytest.mark.parametrize("kind", [*security.FAILED, security.SUCCEEDED, security.ASKED])
def test_a_record_is_an_attempt(kind: str) -> None:
    (found,) = security.attempts(record(kind))
    assert found == Attempt(
        at=1795695309.22, address=A, succeeded=kind == security.SUCCEEDED, asked=kind == security.ASKED
    )


def test_what_a_stranger_calls_himself_makes_no_record_and_hides_nobody() -> None:
    forged = '",SessionID="1",LocalAddress="x",RemoteAddress="IPV4/UDP/198.51.100.7/1"'
    for line in (record("InvalidAccountID", forged), record("InvalidPassword", call=forged)):
        assert [each.address for each in security.attempts(line)] == [A]
    assert list(security.attempts(record("InvalidPassword", sender="::::"))) == []
    (found,) = security.attempts(record("InvalidPassword", sender="2001:DB8:0::1"))
    assert found.address == B
    inner = record("SuccessfulAuth").decode().replace("\\n", "")
    (found,) = security.attempts(record("InvalidAccountID", f"\n{inner}\n"))
    assert not found.succeeded


@given(st.binary(max_size=300))
def test_garbage_is_no_attempt(line: bytes) -> None:
    assert list(security.attempts(line)) == []


def test_whole_lines_are_read_once_and_a_new_file_from_its_beginning(tmp_path: Path) -> None:
    path, line = tmp_path / "security", record("InvalidPassword") + b"\n"
    path.write_bytes(line * 3 + line[:40])
    first = security.read(path, 0)
    assert (len(first.attempts), first.end) == (3, 3 * len(line))
    path.write_bytes(line * 4)
    second = security.read(path, first.end)
    assert (len(second.attempts), second.end) == (1, 4 * len(line))
    path.write_bytes(line)
    assert len(security.read(path, second.end).attempts) == 1


def test_a_trunk_is_known_by_address_network_and_name() -> None:
    assert service._networks("192.0.2.7") == [ip_network("192.0.2.7")]
    assert service._networks("2001:db8::7/64") == [ip_network("2001:db8::/64")]
    assert ip_network("127.0.0.1") in service._networks("localhost")
    assert service._networks("nobody.invalid") == []


@pytest.fixture
async def guard(town: Town) -> AsyncIterator[Guard]:
    """Control's, with which only the provider is spared, at the real Asterisk."""
    town.end("control")
    async with connected(town.state) as running:
        assert running
        made = Guard(
            state=town.state, directory=lambda: town.directory, ami=running.ami, metrics=BanMetrics(CollectorRegistry())
        )
        await made.look()
        assert ip_network(CITIZEN) in made.bans.never
        made.bans.never = (ip_network(CITIZEN),)
        made._again = float("inf")
        yield made
        made.bans.until.clear()
        await made.look()
    town.begin("control")


def spare_nobody(state: State) -> None:
    """Ban also on this machine: only the exchange itself and the provider are spared."""
    settings = state.root / "settings.toml"
    settings.write_text(re.sub(r"(?m)^never_banned = \S+ \S+", "never_banned = []", settings.read_text()))
    assert state.settings().never_banned == ()


def asks(town: Town, address: str, user: str = "guessed") -> str:
    """The status that a REGISTER without a password gets."""
    host, port = town.exchange.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((address, 0))
        line.settimeout(5)
        line.connect((host, int(port)))
        own = ":".join(map(str, line.getsockname()))
        asked = {"exchange": town.exchange, "address": own, "tag": f"b{time.monotonic_ns()}", "phone": user}
        line.send(REGISTER.format(number=1, proof="", expires=60, **asked).replace("\n", "\r\n").encode())
        found = re.match(r"SIP/2.0 (\d+)", line.recv(4096).decode())
        assert found
        return found[1]


async def looks(guard: Guard) -> None:
    """As control would: Asterisk is told once a second at most."""
    await asyncio.sleep(service.TOLD_EVERY)
    await guard.look()


async def test_who_guesses_is_refused_and_others_are_not(town: Town, guard: Guard) -> None:
    stranger, desk = "127.0.0.9", "127.0.0.10"
    assert asks(town, stranger) == "401"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((desk, 0))
        line.settimeout(5)
        host, port = town.exchange.split(":")
        line.connect((host, int(port)))
        register(town, line, "tel2810", expires=60)
        register(town, line, "tel2810", expires=0)
    for number in range(FAILURES + 5):
        for address in (stranger, desk, CITIZEN):
            asks(town, address, f"guess{number}")
    until(lambda: b"guess14" in (town.state.log / "security").read_bytes(), 10)
    await looks(guard)
    assert list(guard.bans.until) == [stranger]
    until(lambda: asks(town, stranger) == "403", 5)
    assert invited(town, CITIZEN, user="anonymous") == 200
    assert asks(town, desk) == "401"
    service.lift(town.state, stranger)
    await looks(guard)
    assert guard.bans.until == {}
    until(lambda: asks(town, stranger) == "401", 5)


async def test_a_ban_outlives_control_and_ends_by_itself(town: Town, guard: Guard) -> None:
    stranger = "127.0.0.11"
    guard.bans.until[stranger] = time.time() + 6.0
    await looks(guard)
    until(lambda: asks(town, stranger) == "403", 5)
    again = Guard(
        state=town.state, directory=lambda: town.directory, ami=guard.ami, metrics=BanMetrics(CollectorRegistry())
    )
    await looks(again)
    assert stranger in again.bans.until
    assert asks(town, stranger) == "403"
    await asyncio.sleep(max(0.0, again.bans.until[stranger] - time.time()))
    await looks(again)
    until(lambda: asks(town, stranger) == "401", 5)
    guard.bans.until.clear()


async def test_nothing_is_reloaded_while_an_apply_is_under_way(town: Town, guard: Guard) -> None:
    with wiring.trees(town.state).alone():
        guard.bans.until["127.0.0.12"] = time.time() + 60
        await looks(guard)
        assert asks(town, "127.0.0.12") == "401"
    await looks(guard)
    until(lambda: asks(town, "127.0.0.12") == "403", 5)


def test_a_ban_that_is_none_cannot_be_lifted(town: Town) -> None:
    with pytest.raises(ServiceError, match=r"192\.0\.2\.9 is not banned"):
        service.lift(town.state, "192.0.2.9")
    town.state.bans.write_text("[1, 2]")
    assert service.banned(town.state) == {}
