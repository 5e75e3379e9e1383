"""All of Python killed: who talks goes on talking, and who rings up hears something at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.phone.call import Call
from orchestrator.phone.hearing import SILENCE, level, recognise
from orchestrator.phone.sound import Sound, read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from tests.running_town import Town, until
from tests.towns import MONDAY_10

TALK = 30.0
"""Seconds that people go on talking without Python."""
PACKETS = 50 * TALK * 0.9
"""Of sound each way in that time; a telephone sends 50 a second."""
AT_ONCE, ROOM = 1.0, 1.0
"""Seconds from the answer to the first sound, and what a busy machine and the recording of a telephone may add."""


def kill_python(town: Town) -> None:
    """Control, the shift's parent, then every attendant: nobody is left to begin another one."""
    workers = [each["pid"] for each in json.loads(town.state.shift.read_text())["workers"]]
    town.end("control", signal.SIGKILL)
    town.end("attend", signal.SIGKILL)
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def packets(town: Town) -> dict[str, int]:
    """Channel -> how many packets of sound have come in on it."""
    rest = Rest(wiring.ari(town.state))
    names = [channel["id"] for channel in rest.ask("GET", "channels")]
    return {name: int(rest.ask("GET", "channels", name, "rtp_statistics")["rxcount"]) for name in names}


async def spoken(speaker: Call, listener: Call, words: Sound) -> bool:
    """Whether what one says is what the other hears."""
    await speaker.say(words)
    await asyncio.sleep(1)
    return recognise(await listener.heard(), words).recognised


def phone(town: Town, name: str) -> Telephone:
    password = wiring.secrets(town.state).of(f"sip:{name}")
    line = Line(number=name, exchange=town.exchange, password=password, registers=True)
    return Telephone(wiring.program("baresip"), line)


@pytest.mark.long
async def test_two_people_talk_on_and_their_call_is_written_down_later(town: Town) -> None:
    known = set(town.written())
    try:
        async with phone(town, "tel2500") as caller, phone(town, "tel2510") as called:
            call = await caller.dial("2510")
            taken = await called.incoming(within=20)
            await taken.answer()
            await call.answered(within=10)
            kill_python(town)
            before = packets(town)
            assert len(before) == 2
            assert await call.stays(TALK)
            after = packets(town)
            assert after.keys() == before.keys()
            assert [name for name, count in after.items() if count - before[name] < PACKETS] == []
            assert await spoken(call, taken, read_sound(town.words))
            assert await spoken(taken, call, town.prompt("thanks", "de"))
            town.begin("control")
            until(lambda: "durchwahl_calls_now 1.0" in town.page("/metrics"), 10)
            assert call.ended is None
            await call.hang_up()
    finally:
        town.complete()
    until(lambda: len(set(town.written()) - known) == 1, 20)
    (past,) = (past for id_, past in town.written().items() if id_ not in known)
    assert (past.outcome, past.place) == ("answered", "n_2510.ring")


async def first_sound(town: Town) -> float:
    """Seconds from the answer of a call to the operator's number until the caller has heard something."""
    password = wiring.secrets(town.state).of("sip:testcall")
    line = Line(number="testcall", exchange=town.exchange, password=password)
    clock = asyncio.get_running_loop().time
    async with Telephone(wiring.program("baresip"), line) as telephone:
        call = await telephone.dial(f"210*{int(MONDAY_10.timestamp())}")
        await call.answered(within=10)
        while level(await call.heard()) < SILENCE:
            assert clock() - (call.answered_at or 0.0) < 10, "nothing is to be heard"
            await asyncio.sleep(0.02)
        took = clock() - (call.answered_at or 0.0)
        await call.hang_up()
    return took


async def test_without_any_attendant_a_caller_hears_something_at_once(town: Town) -> None:
    with_them = await first_sound(town)
    town.end("attend", signal.SIGTERM)
    orderly = await first_sound(town)
    town.begin("attend")
    kill_python(town)
    try:
        killed = await first_sound(town)
    finally:
        town.complete()
    print(f"with attendants {with_them:.2f} s, sent home {orderly:.2f} s, killed {killed:.2f} s")
    assert max(orderly, killed) < AT_ONCE + ROOM
