"""Requests changed at random, and offers that nobody can take: no crash, no contact, nothing said in clear."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import trustme

from orchestrator.domain.town import Trunk
from orchestrator.service.state import State
from tests import hurry
from tests.console import console
from tests.mutations import mutated
from tests.running_town import CITIZEN, Town, running_town, world
from tests.test_torture import STRANGER, answered, hang_up, line, pen
from tests.towns import BERLIN

SEEDS, COUNT, SECONDS, EACH = (1, 2, 3), 500, 20.0, 25
"""Of each seed so many requests, in no more than so many seconds, and a plain question after so many of them."""
SECURE = "127.0.0.5"
HEAD = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\n"
ALAW = "m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5\r\n"


@pytest.fixture(scope="module")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The hurried town with a second provider, with whom every conversation is encrypted."""
    hurried = hurry.directory()
    secure = Trunk(id="secure", host=SECURE, transport="tls", order=2)

    def furnish(state: State) -> None:
        trustme.CA().cert_pem.write_to_path(str(state.root / "secrets" / "authorities.crt"))

    directory = replace(hurried, trunks={**hurried.trunks, secure.id: secure})
    with running_town(tmp_path_factory.mktemp("t"), directory, furnish) as town:
        yield town


@pytest.mark.parametrize("address", [CITIZEN, STRANGER], ids=["provider", "stranger"])
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_random_ends_it_or_registers(town: Town, seed: int, address: str) -> None:
    process, contacts, deadline = town.processes["asterisk"], _contacts(town), time.monotonic() + SECONDS
    with line(town, "udp", address) as wire:
        for number, text in enumerate(itertools.islice(mutated(seed, pen(town, "udp", wire)), COUNT)):
            wire.send(text)
            if number % EACH == EACH - 1:
                assert answered(town, "udp", address), f"seed {seed}, before {number}"
                assert process.poll() is None, f"seed {seed}, before {number}"
                hang_up(town)
            if time.monotonic() > deadline:
                break
    hang_up(town)
    assert number > COUNT / 10, "the machine was too busy for this to say anything"
    assert process.poll() is None
    assert _contacts(town) == contacts
    assert not list(Path.cwd().glob("core*"))


def _contacts(town: Town) -> list[str]:
    return sorted(re.findall(r"^ +Contact: +(\S+)", console(town, "pjsip show contacts"), re.MULTILINE))


async def test_calls_go_through_afterwards(town: Town) -> None:
    journey, different = await town.citizen_calls(world(datetime.now(BERLIN)), dialled="+496205210", at_box="leaves")
    assert not different, f"{different}\n{journey}"


def offered(town: Town, address: str, sdp: str) -> tuple[int, str]:
    """The final answer to a call with this offer, and what it offers itself."""
    with line(town, "udp", address) as wire:
        writer = pen(town, "udp", wire)
        wire.sendall(writer.asked(body=sdp.replace("{0}", address)))
        status = 100
        while status < 200:
            said = wire.recv(65535).decode(errors="replace")
            if found := re.match(r"SIP/2\.0 (\d+)", said):
                status = int(found[1])
    with suppress(OSError):
        hang_up(town)
    return status, said.partition("\r\n\r\n")[2]


@pytest.mark.parametrize(
    "sdp",
    [
        HEAD + "m=audio 40000 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n",
        HEAD + "m=audio 40000 RTP/AVP 0 3\r\n",
        HEAD + "m=video 40000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n",
        HEAD + "m=image 40000 udptl t38\r\n",
        HEAD + "m=message 40000 TCP/MSRP *\r\n",
        HEAD + ALAW.replace("RTP/AVP", "RTP/SAVP") + KEY,
        HEAD + ALAW.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF") + "a=setup:actpass\r\n",
    ],
    ids=["opus", "ulaw and gsm", "video", "fax", "text", "encrypted to who cannot", "dtls"],
)
def test_an_offer_that_we_cannot_take_is_488(town: Town, sdp: str) -> None:
    assert offered(town, CITIZEN, sdp)[0] == 488


@pytest.mark.parametrize(
    "sdp",
    [
        "nonsense",
        HEAD + "m=audio 40000 RTP/AVP\r\n",
        "\r\n" * 40,
        "v=0\r\n",
        HEAD.replace("c=", "x="),
        HEAD.replace("t=0 0\r\n", "") + ALAW,
        HEAD.replace("IN IP4 {0}", "IN IP9 {0}") + ALAW,
        HEAD + ALAW.replace("40000", "-1"),
        HEAD + ALAW.replace("40000", "99999999999"),
        HEAD + ALAW + "a=" + "x" * 8000 + "\r\n",
        HEAD + ALAW * 60,
        HEAD + ALAW.replace("rtpmap:8", "rtpmap:999999"),
        HEAD.replace("{0}", "nowhere.example") + ALAW,
    ],
)  # fmt: skip
def test_a_malformed_offer_is_refused_or_taken_and_nothing_breaks(town: Town, sdp: str) -> None:
    status, _ = offered(town, CITIZEN, sdp)
    assert status in (200, 400, 415, 488, 500)
    assert answered(town, "udp", CITIZEN)
    assert town.processes["asterisk"].poll() is None


def test_where_it_must_be_encrypted_nothing_is_said_in_clear(town: Town) -> None:
    secure = ALAW.replace("RTP/AVP", "RTP/SAVP")
    assert offered(town, SECURE, HEAD + ALAW)[0] == 488
    assert offered(town, SECURE, HEAD + secure)[0] == 488  # without a key
    for profile, sdp in (("RTP/SAVP", secure), ("RTP/AVP", ALAW)):  # a key counts, whatever the line above is called
        status, answer = offered(town, SECURE, HEAD + sdp + KEY)
        assert status == 200
        assert re.search(rf"^m=audio \d+ {profile} 8", answer, re.MULTILINE)
        assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in answer
