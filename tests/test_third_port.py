"""Audio from a third port, while two people talk: nobody hears it, and whoever sends it gets nothing back."""

from __future__ import annotations

import asyncio
import itertools
import math
import socket
import struct
import time
from array import array
from contextlib import ExitStack, suppress

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.phone.hearing import tone_bursts, tone_seconds
from orchestrator.phone.sound import ALAW, RATE, Sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from tests.running_town import CITIZEN, Town, sturdy, until
from tests.test_torture import hang_up, line, pen

STRANGER = "127.0.0.9"
THEIRS, OURS, FOREIGN = 500.0, 700.0, 1000.0
"""Hertz of what the citizen, the employee and the stranger say."""
ATTACK = 8.0
"""Seconds: Asterisk looks for five of them where audio comes from, before it is sure."""
FRAME = RATE // 50
"""Samples of one packet, 20 ms."""


def tone(hertz: float, seconds: float) -> Sound:
    count = round(seconds * RATE)
    return Sound(samples=array("h", (int(9000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(count))))


def alaw(sound: Sound) -> bytes:
    return bytes(min(range(256), key=lambda code: abs(ALAW[code] - sample)) for sample in sound.samples)


def media(town: Town) -> list[int]:
    """The ports at which Asterisk takes audio now, as somebody would find out who asks all of them."""
    settings, found = town.settings, []
    for port in range(settings.rtp_start, settings.rtp_end + 1):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((settings.bind, port))
            except OSError:
                found.append(port)
    return found


def sources(town: Town) -> list[int]:
    """What the streams of those who talk are called (SSRC); a stranger on the way might know it."""
    rest = Rest(wiring.ari(town.state))
    told = [rest.ask("GET", "channels", channel["id"], "rtp_statistics") for channel in rest.ask("GET", "channels")]
    return [int(each["remote_ssrc"]) for each in told]


def attack(town: Town, seconds: float, names: list[int]) -> int:
    """Send a tone to every port, under each of these names; the number of packets that came back."""
    frames, came = alaw(tone(FOREIGN, 1.0)), 0
    with ExitStack() as lines:
        where = list(itertools.product(media(town), names))
        assert where
        senders = [lines.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in where]
        for sender in senders:
            sender.bind((STRANGER, 0))
            sender.setblocking(False)
        began = time.monotonic()
        for number in range(round(seconds * 50)):
            said = frames[number * FRAME % RATE :][:FRAME]
            for sender, (port, name) in zip(senders, where, strict=True):
                head = struct.pack("!BBHII", 0x80, 8, 1000 + number, number * FRAME, name)
                with suppress(OSError):
                    sender.sendto(head + said, (town.settings.bind, port))
            time.sleep(max(0.0, began + (number + 1) / 50 - time.monotonic()))
        time.sleep(0.5)
        for sender in senders:
            with suppress(BlockingIOError):
                while sender.recv(2048):
                    came += 1
    return came


def phone(town: Town, number: str, says: float, *, registers: bool, address: str = "127.0.0.1") -> Telephone:
    password = wiring.secrets(town.state).of(f"sip:{number}") if registers else ""
    line = Line(number=number, exchange=town.exchange, password=password, registers=registers)
    says_ = tone(says, 60)
    return Telephone(wiring.program("baresip"), line, says=says_, address=address, codecs=("alaw",))


@pytest.mark.long
@pytest.mark.parametrize("after", [0.0, 6.0], ids=["at the beginning", "later"])
async def test_nobody_hears_it_and_nothing_comes_back(town: Town, after: float) -> None:
    """While Asterisk still looks where audio comes from, and when it is sure."""

    async def talk() -> tuple[int, list[Sound]]:
        async with (
            phone(town, "tel2030", OURS, registers=True) as desk,
            phone(town, "+4917112300", THEIRS, registers=False, address=CITIZEN) as citizen,
        ):
            asked = await citizen.dial("+496205212030")
            rang = await desk.incoming(within=15)
            await rang.answer()
            await asked.answered(within=5)
            assert await asked.stays(1.0 + after)
            names = [*await asyncio.to_thread(sources, town), 0x5EC0]
            came = await asyncio.to_thread(attack, town, ATTACK, names)
            assert await asked.stays(1.0)
            assert rang.ended is None
            await asked.hang_up()
            await rang.ends(within=5)
            return came, [await asked.heard(), await rang.heard()]

    came, (citizen, employee) = await sturdy(talk)
    assert came == 0
    for heard, other in ((citizen, OURS), (employee, THEIRS)):
        end = heard.part(heard.seconds - ATTACK)
        assert tone_bursts(heard, FOREIGN) == []
        assert tone_seconds(end, other) > ATTACK * 0.8


def test_what_a_caller_who_says_nothing_hears_goes_to_nobody_else(town: Town) -> None:
    """Asterisk cannot know where such a caller's audio would come from: it goes where it was asked for."""
    with line(town, "udp", CITIZEN) as talking:
        talking.sendall(pen(town, "udp", talking).asked())
        until(lambda: [channel for channel in town.left() if channel.get("state") == "Up"], 10)
        assert attack(town, 2.0, [0x5EC0]) == 0
    hang_up(town)
