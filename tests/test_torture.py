"""Tortured SIP over every transport: Asterisk stays, answers the next question, and takes the next call."""

from __future__ import annotations

import re
import socket
import ssl
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from orchestrator.asterisk.errors import Refused
from orchestrator.asterisk.rest import Rest
from orchestrator.service import wiring
from tests.console import console
from tests.running_town import CITIZEN, Town, running_town, until, world
from tests.tls_telephone import certified
from tests.torture import Pen, messages
from tests.towns import BERLIN

STRANGER = "127.0.0.3"
LIMIT, USUAL = 10.0, 0.1
"""Seconds within which each question must be answered afterwards, and half of them; it takes milliseconds."""
FIRST, MORE, FORGOTTEN = 24, 6, 35.0
"""So often until Asterisk has the memory that it works with; and seconds until it has forgotten them: a transaction
lives for 32."""
GROWTH = 4_000
"""Kilobytes that it may have more after `MORE`: eleven for each message."""


@pytest.fixture(scope="module")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The hurried town, with TLS."""

    with running_town(tmp_path_factory.mktemp("t"), furnish=certified) as town:
        yield town


def line(town: Town, transport: str, address: str) -> socket.socket:
    """A socket of `address` that is connected to the exchange."""
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    made = socket.socket(socket.AF_INET, kind)
    made.settimeout(LIMIT)
    made.bind((address, 0))
    made.connect(("127.0.0.1", town.settings.tls_port if transport == "tls" else town.settings.sip_port))
    if transport == "tls":
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        return trusting.wrap_socket(made)
    return made


def pen(town: Town, transport: str, wire: socket.socket) -> Pen:
    host, port = wire.getsockname()
    return Pen(f"{host}:{port}", town.exchange, transport)


def answered(town: Town, transport: str, address: str) -> str:
    """The answer to a plain question, asked again each second as SIP does over UDP; TimeoutError if there is none."""
    with line(town, transport, address) as wire:
        asked = pen(town, transport, wire).asked("OPTIONS", but={"Call-ID": f"asked-{time.monotonic_ns()}"})
        wire.sendall(asked)
        if transport == "udp":
            wire.settimeout(1.0)
        for _ in range(int(LIMIT)):
            with suppress(TimeoutError):
                while True:
                    if (said := wire.recv(65535).decode(errors="replace")).startswith("SIP/2.0 "):
                        return said
            wire.sendall(asked if transport == "udp" else b"")
        raise TimeoutError


def torture(town: Town, transport: str, address: str) -> list[float]:
    """Each message on a line of its own, and a question after each: the seconds until it was answered."""
    took = []
    for name in messages(Pen("", "", "")):
        with line(town, transport, address) as wire:
            text = messages(pen(town, transport, wire))[name]
            with suppress(ConnectionError, ssl.SSLError):  # who hears nonsense may ring off in the middle of it
                wire.sendall(text)
            began = time.monotonic()
            try:
                answered(town, transport, address)
            except OSError as bad:
                pytest.fail(f"{name}: nothing is answered afterwards: {bad!r}")
            took.append(time.monotonic() - began)
        assert town.processes["asterisk"].poll() is None, name
    return took


def hang_up(town: Town) -> None:
    """End all calls, also those that are only just being made of what was sent.

    At Asterisk's own command line: ARI lists no channel while one has a Call-ID that is no UTF-8.
    """

    def nobody_talks() -> bool:
        console(town, "channel request hangup all")
        with suppress(Refused):
            return not town.left()
        return False

    until(nobody_talks, 30)


def kilobytes(town: Town) -> int:
    """What Asterisk has in memory."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{town.processes['asterisk'].pid}/status").read_text())
    assert found
    return int(found[1])


def contacts(town: Town) -> set[str]:
    """Every name at which a telephone is registered."""
    endpoints = Rest(wiring.ari(town.state)).ask("GET", "endpoints")
    return {each["resource"] for each in endpoints if each["state"] == "online"}


@pytest.mark.parametrize("address", [CITIZEN, STRANGER], ids=["provider", "stranger"])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_it_stays_and_answers(town: Town, transport: str, address: str) -> None:
    """Of an address that it knows, so that its calls are taken, and of one that must first give a password."""
    registered = contacts(town)
    took = torture(town, transport, address)
    hang_up(town)
    assert contacts(town) == registered
    assert statistics.median(took) < USUAL, took


@pytest.mark.long
def test_its_memory_stays_as_it_is(town: Town) -> None:
    _rounds(town, FIRST)
    before = kilobytes(town)
    _rounds(town, MORE)
    assert kilobytes(town) - before < GROWTH


def _rounds(town: Town, count: int) -> None:
    for _ in range(count):
        torture(town, "udp", CITIZEN)
        hang_up(town)
    time.sleep(FORGOTTEN)


async def test_calls_go_through_afterwards(town: Town) -> None:
    journey, different = await town.citizen_calls(world(datetime.now(BERLIN)), dialled="+496205210", at_box="leaves")
    assert not different, f"{different}\n{journey}"
