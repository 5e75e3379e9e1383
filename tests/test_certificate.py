"""A certificate that is renewed while people talk: taken over if it is good, and nobody notices either way."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import subprocess
import sys
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from orchestrator.service import certificate, wiring
from orchestrator.service.state import State, create
from tests.console import console
from tests.running_town import CITIZEN, Town, until
from tests.test_torture import hang_up, line, pen, town_up
from tests.tls_telephone import TlsTelephone

__all__ = ["town_up"]

NOW = datetime(2026, 11, 26, tzinfo=UTC)
DAY = timedelta(days=1)
CALLS = 24
KINDS = ("udp", "tls")
TELEPHONES = ("tel2030", "tel2031", "tel2810", "tel2811")


def made(
    since: datetime = NOW - DAY, until: datetime = NOW + 60 * DAY, bits: int = 2048
) -> tuple[bytes, rsa.RSAPrivateKey]:
    """A certificate of its own authority, and its key."""
    key = rsa.generate_private_key(65537, bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "telefon.stadt.example")])
    names = x509.SubjectAlternativeName([x509.DNSName("telefon.stadt.example")])
    asked = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), since, until)
    return asked.add_extension(names, critical=False).sign(key, SHA256()).public_bytes(Encoding.PEM), key


def pem(key: rsa.RSAPrivateKey, password: bytes = b"") -> bytes:
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)


CHAIN, KEY = made()
OTHER, OTHER_KEY = made()


def test_what_a_good_one_says() -> None:
    found = certificate.judged(CHAIN + OTHER, pem(KEY), NOW)
    assert (found.names, found.subject) == (("telefon.stadt.example",), "CN=telefon.stadt.example")
    assert found.days(NOW) == 60
    assert found.fingerprint == hashlib.sha256(ssl.PEM_cert_to_DER_cert(CHAIN.decode())).hexdigest()


@pytest.mark.parametrize(
    ("chain", "key", "told"),
    [
        (CHAIN, pem(OTHER_KEY), "tls.key does not belong to tls.crt"),
        (OTHER + CHAIN, pem(KEY), "belongs to a later certificate"),
        (b"", pem(KEY), "tls.crt holds no certificate"),
        (CHAIN[:300], pem(KEY), "tls.crt holds no certificate"),
        (CHAIN.replace(b"MII", b"MIX"), pem(KEY), "tls.crt holds no certificate"),
        (CHAIN, b"", "tls.key holds no key"),
        (CHAIN, pem(KEY)[:300], "tls.key holds no key"),
        (CHAIN, pem(KEY, b"secret"), "tls.key holds no key"),
        (CHAIN, CHAIN, "tls.key holds no key"),
    ],
)
def test_a_pair_that_is_none_is_told(chain: bytes, key: bytes, told: str) -> None:
    with pytest.raises(certificate.Unfit, match=told) as raised:
        certificate.judged(chain, key, NOW)
    assert raised.value.todo


def test_one_that_is_over_or_not_yet_good_is_told() -> None:
    with pytest.raises(certificate.Unfit, match="has ended on 2027-01-25"):
        certificate.judged(CHAIN, pem(KEY), NOW + 61 * DAY)
    with pytest.raises(certificate.Unfit, match="is good from 2026-11-25"):
        certificate.judged(CHAIN, pem(KEY), NOW - 2 * DAY)


def write(state: State, chain: bytes, key: bytes) -> None:
    for path, text in zip(wiring.pair(state), (chain, key), strict=True):
        path.write_bytes(text)


def test_it_is_taken_over_whole_or_not_at_all(tmp_path: Path) -> None:
    state, now = create(tmp_path / "s"), datetime.now(UTC)
    assert certificate.take_over(state) is None
    write(state, CHAIN, pem(OTHER_KEY))
    (told,) = certificate.ready(state)  # it is no reason to take no calls
    assert told.startswith("no TLS: tls.key does not belong")
    assert not wiring.shown(state).exists()
    good, key = made(now - DAY, now + 10 * DAY)
    write(state, good, pem(key))
    assert certificate.ready(state) == ()
    assert not certificate.waits(state)
    found, text = certificate.in_force(state), wiring.shown(state).read_bytes()
    assert found
    assert "ends on" in next(certificate.problems(state, now))
    assert wiring.shown(state).stat().st_mode & 0o77 == 0
    weak, short = made(now - DAY, now + DAY, bits=1024)
    for chain, private in ((CHAIN, pem(OTHER_KEY)), (weak, pem(short))):
        write(state, chain, private)
        assert len(certificate.ready(state)) == 1
        assert "is not taken over" in " ".join(certificate.problems(state, now))
        assert wiring.shown(state).read_bytes() == text
    assert [path.name for path in (state.root / "secrets").glob("tls*")].sort() == [
        "tls.crt",
        "tls.key",
        "tls.pem",
    ].sort()
    wiring.pair(state)[1].unlink()
    assert "is there alone" in " ".join(certificate.problems(state, now))
    assert certificate.in_force(state) == found
    wiring.pair(state)[0].unlink()
    assert list(certificate.problems(state, now)) == []


def renew(town: Town) -> None:
    issued = trustme.CA().issue_cert("127.0.0.1")
    write(town.state, issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes())


def asked(town: Town, *more: str) -> tuple[int, dict[str, Any]]:
    """`durchwahl certificate`: its exit code, and what it says."""
    command = (
        sys.executable,
        "-m",
        "orchestrator.cli",
        "--state",
        str(town.state.root),
        "certificate",
        *more,
        "--json",
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout or "{}")


def calls(town: Town) -> set[str]:
    """The channels that are up."""
    return {channel["id"] for channel in town.left() if channel.get("state") == "Up"}


def fingerprint(town: Town) -> str:
    """Of what the admin has put there."""
    (chain, _) = wiring.pair(town.state)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(chain.read_text())).hexdigest()


def shows(town: Town, wanted: str) -> None:
    until(lambda: certificate.seen(town.state) == wanted, 30)


@pytest.mark.long
async def test_it_is_renewed_while_many_talk(town: Town) -> None:
    before = certificate.seen(town.state)
    async with AsyncExitStack() as desks:
        telephones = [await desks.enter_async_context(TlsTelephone(town=town, phone=phone)) for phone in TELEPHONES]
        assert [await each.registers() for each in telephones] == [200] * len(telephones)
        with ExitStack() as callers:
            for number in range(CALLS):
                talking = callers.enter_context(line(town, KINDS[number % 2], CITIZEN))
                talking.sendall(pen(town, KINDS[number % 2], talking).asked())
            await asyncio.to_thread(until, lambda: len(calls(town)) == CALLS, 30)
            talk = calls(town)
            renew(town)
            assert fingerprint(town) != before
            await asyncio.to_thread(shows, town, fingerprint(town))
            await asyncio.sleep(1)
            assert talk == calls(town)
            assert not any(each.cut for each in telephones)
            for phone in TELEPHONES:  # who was registered can be rung
                asking = callers.enter_context(line(town, "udp", CITIZEN))
                asking.sendall(pen(town, "udp", asking).asked(uri=f"sip:+49620521{phone[3:]}@{town.exchange}"))
            await asyncio.to_thread(until, lambda: all(each.rung for each in telephones), 20)
            assert [await each.registers() for each in telephones] == [200] * len(telephones)
            await asyncio.to_thread(hang_up, town)


@pytest.mark.long
def test_a_broken_pair_never_reaches_asterisk(town: Town) -> None:
    before = certificate.seen(town.state)
    write(town.state, CHAIN, pem(OTHER_KEY))
    until(lambda: "durchwahl_certificate_refused 1.0" in town.page("/metrics"), 10)
    assert (town.state.log / "control.out").read_text().count("tls.key does not belong to tls.crt") == 1
    code, told = asked(town)
    assert code == 1
    assert "tls.key does not belong to tls.crt" in " ".join(told["problems"])
    assert asked(town, "--take-over")[0] == 2
    console(town, "module reload res_pjsip.so")
    assert certificate.seen(town.state) == before
    town.end("asterisk")
    town.begin("asterisk")
    assert certificate.seen(town.state) == before
    renew(town)
    shows(town, fingerprint(town))
    until(lambda: "durchwahl_certificate_refused 0.0" in town.page("/metrics"), 10)
    assert "durchwahl_certificate_days_left" in town.page("/metrics")
    until(town.ready, 30)


def test_it_is_taken_over_without_control(town: Town) -> None:
    town.end("control")
    renew(town)
    code, told = asked(town)
    assert code == 1
    assert "a new certificate waits" in " ".join(told["problems"])
    code, told = asked(town, "--take-over")
    assert (code, told["problems"], told["seen"]) == (0, [], fingerprint(town))
    assert certificate.seen(town.state) == fingerprint(town)
    town.begin("control")


def test_control_that_was_away_takes_it_over_when_it_is_back(town: Town) -> None:
    town.end("control")
    renew(town)
    certificate.take_over(town.state)  # and died before Asterisk was told
    assert certificate.seen(town.state) != fingerprint(town)
    town.begin("control")
    shows(town, fingerprint(town))
