"""An employee in the mailbox: a real telephone, real attendants, control and its dialogue, the lamp on the desk."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.messages.description import Description
from orchestrator.messages.mailbox import DELETED, HEARD, NEW, Spool
from orchestrator.messages.pins import Pins
from orchestrator.phone.call import Call
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import Sound, read_sound, write_wav
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.running import connected
from tests.mailbox_line import NUMBER, PUBLIC, directory
from tests.running_town import CITIZEN, Town, running_town, until
from tests.sip_line import Lamp, lamp
from tests.towns import MONDAY_10

BOX = "2500"
KEPT = 0.9
"""Part of a sentence that must be recognised: the rest may be hidden by the end of a recording."""
SOON = 30.0
PATIENCE = 1.2
"""Seconds that somebody listens before a key."""


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("b"), directory()) as running:
        yield running


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    """All of it running, and two messages in the box: what was said, and a moment later the same again."""
    exchange.complete()
    box = Spool(exchange.state.spool).box(BOX)
    for number, at in enumerate((time.time() - 7200, time.time() - 3600)):
        said = Description(id=f"{number}.1-1", caller="01712345678", at=at, seconds=3, origin=BOX)
        box.put(exchange.words, said)
    asyncio.run(refreshed(exchange))
    yield exchange
    until(lambda: not exchange.left(), 20)
    for message in box.messages():
        box.remove(message.id)


async def refreshed(town: Town) -> None:
    """Messages that were put in by hand are told to Asterisk, as control does after filing."""
    async with connected(town.state) as running:
        assert running
        await running.ami.action("VoicemailRefresh", Context="town", Mailbox=BOX)


def folders(town: Town) -> list[str]:
    return [message.folder for message in Spool(town.state.spool).box(BOX).messages()]


@dataclass
class Visit:
    """A call to the mailbox."""

    call: Call

    async def press(self, keys: str, *, after: float = PATIENCE) -> None:
        await asyncio.sleep(after)
        await self.call.press(keys)


@asynccontextmanager
async def desk(town: Town) -> AsyncIterator[Visit]:
    """Anna at her own telephone."""
    password = wiring.secrets(town.state).of("sip:tel2500")
    line = Line(number="tel2500", exchange=town.exchange, password=password)
    async with Telephone(wiring.program("baresip"), line) as telephone:
        call = await telephone.dial(NUMBER)
        await call.answered(within=SOON)
        yield Visit(call)
        if call.ended is None:
            await call.hang_up()


async def becomes(true: Callable[[], Any]) -> None:
    await asyncio.to_thread(until, true, SOON)


async def shows(light: Lamp, new: int, heard: int) -> None:
    await becomes(lambda: light.shows == (new, heard))


def words(town: Town, heard: Sound) -> float:
    """How much of the sentence is in what was heard."""
    return recognise(heard, read_sound(town.words)).share


async def test_a_message_is_heard_deleted_and_taken_back_and_the_lamp_follows(town: Town) -> None:
    with lamp(town, "tel2500") as light:
        await shows(light, 2, 0)
        async with desk(town) as visit:
            await visit.press("1")
            await shows(light, 1, 1)  # it was heard to its end
            await visit.press("3", after=0.3)
            await shows(light, 1, 0)
            assert sorted(folders(town)) == [DELETED, NEW]
            await visit.press("9")
            await shows(light, 1, 1)
            await visit.press("#")
            await shows(light, 0, 2)
            assert folders(town) == [HEARD, HEARD]
            await visit.press("*")
            await visit.press("*")
            await visit.call.ends(within=SOON)
            assert words(town, await visit.call.heard()) > KEPT
        pressed = [told[2] for told in light.told]
    assert pressed == sorted(pressed)


async def test_from_outside_it_takes_the_pin_and_the_first_one_must_be_changed(town: Town) -> None:
    first = wiring.secrets(town.state).pin(BOX)
    pins = Pins(Spool(town.state.spool), wiring.secrets(town.state).pin)
    line = Line(number="+491719900001", exchange=town.exchange)
    try:
        async with Telephone(wiring.program("baresip"), line, address=CITIZEN) as telephone:
            call = await telephone.dial(PUBLIC)
            await call.answered(within=SOON)
            visit = Visit(call)
            for keys in (f"{BOX}#", "111111#", f"{BOX}#", f"{first}#"):  # a wrong one first
                await visit.press(keys, after=3.0)
            for _ in range(2):
                await visit.press("804162#", after=4.0)
            await becomes(lambda: pins.right(BOX, "804162"))
            await visit.press("1", after=3.0)
            await becomes(lambda: HEARD in folders(town))
            await call.hang_up()
            assert words(town, await call.heard()) > KEPT
    finally:
        pins.forget(BOX)


async def test_a_greeting_that_was_recorded_at_the_desk_is_what_callers_hear(town: Town) -> None:
    greeting = Spool(town.state.spool).box(BOX).path / "unavail.wav"
    async with desk(town) as visit:
        for keys in ("9", "1", "1", "2"):
            await visit.press(keys)
        dictation = town.state.spool / "dictation"
        await becomes(lambda: any(dictation.glob("*.wav")))
        await visit.call.say(town.words)
        await visit.press("#", after=4.0)
        await visit.press("1")
        await becomes(greeting.exists)
    try:
        password = wiring.secrets(town.state).of("sip:testcall")
        line = Line(number="testcall", exchange=town.exchange, password=password)
        async with Telephone(wiring.program("baresip"), line) as telephone:
            call = await telephone.dial(f"2500*{int(MONDAY_10.timestamp())}")
            await call.answered(within=SOON)
            await call.stays(8.0)
            await call.hang_up()
            assert words(town, await call.heard()) > KEPT
    finally:
        greeting.unlink()


@pytest.mark.long
async def test_an_attendant_that_is_killed_costs_a_moment(town: Town, tmp_path: Path) -> None:
    """The message begins anew, nobody is asked anything again, and it counts as heard once it was."""
    sentence = read_sound(town.words)
    write_wav(tmp_path / "long.wav", Sound(samples=list(sentence.samples) * 5))
    box = Spool(town.state.spool).box(BOX)
    long = Description(id="0.0-1", caller="", at=time.time() - 9000, seconds=15, origin=BOX)
    box.put(tmp_path / "long.wav", long)
    await refreshed(town)
    with lamp(town, "tel2500") as light:
        await shows(light, 3, 0)
        async with desk(town) as visit:
            await visit.press("1")
            await asyncio.sleep(3.0)
            kill_who_has_the_caller(town)
            await shows(light, 2, 1)
            assert box.find("0.0-1").folder == HEARD
            await visit.press("#")
            await shows(light, 1, 2)
            assert visit.call.ended is None


def kill_who_has_the_caller(town: Town) -> None:
    asterisk = Rest(wiring.ari(town.state))
    for worker in json.loads(town.state.shift.read_text())["workers"]:
        if asterisk.ask("GET", "applications", f"attendant-{worker['slot']}")["channel_ids"]:
            os.kill(worker["pid"], signal.SIGKILL)
            return
    raise AssertionError("nobody has the caller")
