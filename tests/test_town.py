"""Real citizens call the running town by SIP: every way a call can go, with attendants and with none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import cycle

import pytest

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.rest import Rest
from orchestrator.domain.explain import World
from orchestrator.messages.lock import locked
from orchestrator.messages.retention import DELETE_AFTER
from orchestrator.phone.hearing import recognise, tone_seconds
from orchestrator.phone.sound import read_sound
from orchestrator.service import wiring
from orchestrator.service.control import Control
from orchestrator.store.database import open_database
from tests.hurry import QUOTA
from tests.running_town import MODES, Town, until, world
from tests.towns import BERLIN, CHRISTMAS_10, MONDAY_10

DESKS = ("tel2500", "tel2530", "tel2810", "tel2710", "tel2030")
"""One desk in each department, so that calls at the same time do not meet at one telephone."""
TALK, NOBODY, BUSY = (dict.fromkeys(DESKS, does) for does in ("talked", "nobody", "busy"))


@pytest.fixture(params=MODES)
def shift(request: pytest.FixtureRequest, town: Town) -> Iterator[bool]:
    """Once with attendants, once with none: a call must get to the same place."""
    python = request.param == "python"
    if not python:
        town.end("attend")
    yield python
    if not python:
        town.begin("attend")


async def together(town: Town, worlds: dict[str, tuple[World, str]], python: bool) -> int:
    """Place all calls at once; each must go where `explain` says, to the outcome that is named. How many there were."""
    calls = [town.test_call(replace(each, python=python)) for each, _ in worlds.values()]
    for (name, (_, outcome)), (journey, different) in zip(worlds.items(), await asyncio.gather(*calls), strict=True):
        assert not different, f"{name}: {different}\n{journey}"
        assert journey.outcome == outcome, f"{name}: {journey}"
        assert "deadline" not in journey.notes, f"{name}: a step waited for an attendant in vain"
    return len(calls)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.long
async def test_forty_seven_calls_to_the_operator(town: Town, shift: bool) -> None:
    """The councillor's calls: a week's hour classes, people in, busy, not registered; half of them without Python."""
    placed = 0
    async with town.staff(TALK):
        present = {key: (world(MONDAY_10, key, phones=TALK), "answered") for key in ("1", "3", "4", "")}
        placed += await together(town, present, shift)
        last_minute = world(at("2026-12-02 16:59:00"), "0", phones=TALK)
        placed += await together(town, {"last minute": (last_minute, "answered")}, shift)
    async with town.staff(BUSY):
        busy = {key: (world(MONDAY_10, key, phones=BUSY), "message") for key in ("1", "3", "4", "7,5")}
        placed += await together(town, busy, shift)
    away = {f"away {key}": (world(MONDAY_10, key), "message") for key in ("1", "2", "3", "")}
    closed = ("2026-11-30 06:00", "2026-11-28 10:00", "2026-11-29 10:00", "2026-12-04 13:00", "2026-12-02 17:00")
    holidays = ("2026-12-24 10:00", "2026-12-25 10:00", "2027-01-01 10:00")
    shut = {day: (world(at(day), press), "message") for day, press in zip(closed + holidays, cycle(("1", "", "9,1")))}
    gone = town.test_call(replace(world(MONDAY_10), python=shift), hangup_after=1.0)
    silent = town.test_call(
        replace(world(at("2026-11-29 11:00"), boxes={"10": "too_short"}), python=shift), at_box="silent"
    )
    (left, _), (mute, different), many = await asyncio.gather(gone, silent, together(town, away | shut, shift))
    placed += many
    assert (left.outcome, left.place) == ("gave_up", "town.welcome")
    assert (different, mute.outcome) == ("", "too_short")
    assert placed + 2 == 23  # twice, and the one by the trunk below: 47


async def test_citizens_come_in_by_the_trunk(town: Town) -> None:
    """The provider may write a number as it likes; 10 is the switchboard, 0 and the bare head number the entry flow."""
    now, busy = datetime.now(BERLIN), {"tel2030": "busy"}
    dialled = {"+4962052110": "d_zentrale", "004962052110": "d_zentrale", "062052110": "d_zentrale"}
    dialled |= {"+496205210": "town", "+49620521": "town", "+49620521777": "town"}
    async with town.staff(busy):
        calls = [town.citizen_calls(world(now, phones=busy), dialled=number) for number in dialled]
        found = await asyncio.gather(*calls)
    for (number, flow), (journey, different) in zip(dialled.items(), found, strict=True):
        assert not different, f"{number}: {different}\n{journey}"
        assert (journey.flow, journey.outcome) == (flow, "message"), number
    until(lambda: {journey.id for journey, _ in found} <= town.written().keys(), 15)
    assert {town.written()[journey.id].unexpected for journey, _ in found} == {""}


async def test_keys_and_languages(town: Town, shift: bool) -> None:
    async with town.staff(TALK):
        worlds = {
            "a wrong key, then the right one": (world(MONDAY_10, "7,2", phones=TALK), "answered"),
            "English, then key 3": (world(MONDAY_10, "9,3", phones=TALK), "answered"),
            "hear it again": (world(MONDAY_10, "*,*,4", phones=TALK), "answered"),
            "there and back": (world(MONDAY_10, "9,8,0", phones=TALK), "answered"),
        }
        await together(town, worlds, shift)


async def test_it_rings_and_nobody_picks_up(town: Town, shift: bool) -> None:
    async with town.staff(NOBODY):
        worlds = {
            "with a stand-in": (world(MONDAY_10, "2", phones=NOBODY), "message"),
            "without": (world(MONDAY_10, "3", phones=NOBODY), "message"),
            "at the switchboard": (world(MONDAY_10, phones=NOBODY), "message"),
        }
        await together(town, worlds, shift)


async def test_hangups_in_each_phase(town: Town, shift: bool) -> None:
    """In the menu, between two tries, while it rings, in the greeting, in the recording, in the talk."""
    phones = {**NOBODY, "tel2810": "talked"}
    closed, spoken = world(CHRISTMAS_10, "1"), town.sounds
    before_the_box = spoken["town.holiday"].seconds["de"] + 0.8
    greeting = spoken["town.box"].seconds["de"]
    async with town.staff(phones):
        menu, ring = world(MONDAY_10, phones=phones), world(MONDAY_10, "4", phones=phones)
        calls = {
            "menu": (town.test_call(menu, hangup_after=1.0), ("gave_up", "town.welcome")),
            "second try": (town.test_call(menu, hangup_after=6.0), ("gave_up", "town.welcome")),
            "ringing": (town.test_call(ring, hangup_after=2.5), ("gave_up", "d_sozialamt.ring")),
            "talk": (town.test_call(world(MONDAY_10, "3", phones=phones)), ("answered", "d_bauamt.ring")),
            "announcement": (town.test_call(closed, hangup_after=1.0), ("gave_up", "town.holiday")),
            "greeting": (town.test_call(closed, hangup_after=before_the_box + 1.5), ("gave_up", "town.box")),
            "message": (town.test_call(closed, hangup_after=before_the_box + greeting + 4.5), ("message", "town.box")),
        }
        found = await asyncio.gather(*(call for call, _ in calls.values()))
    for (name, (_, expected)), (journey, _) in zip(calls.items(), found, strict=True):
        assert (journey.outcome, journey.place) == expected, f"{name}: {journey}"


async def test_a_message_is_filed_once_and_told(town: Town) -> None:
    inbox = town.state.spool / "voicemail" / "town" / "71" / "INBOX"
    before = len(list(inbox.glob("msg*.txt")))
    journey, different = await town.test_call(world(MONDAY_10, "3"))
    assert (different, journey.outcome) == ("", "message")
    until(lambda: journey.id in town.written(), 15)
    messages = sorted(inbox.glob("msg*.txt"))
    assert len(messages) == before + 1
    assert f"msg_id={journey.recording}-1\n" in messages[-1].read_text()
    heard = recognise(read_sound(messages[-1].with_suffix(".wav")), read_sound(town.words))
    assert heard.share > 0.7, heard
    assert 'durchwahl_messages_total{verdict="message"}' in town.page("/metrics")
    assert not list((town.state.spool / "recording").glob(f"*{journey.recording}*"))


async def test_the_filer_and_asterisk_hold_off_each_other(town: Town) -> None:
    """While we hold the lock of a folder, Asterisk does not touch it; when we let go, it does."""
    inbox = town.state.spool / "voicemail" / "town" / "71" / "INBOX"
    inbox.mkdir(parents=True, exist_ok=True)
    last = f"msg{len(list(inbox.glob('msg*.txt'))):04d}"
    (inbox / f"{last}.txt").write_text("[message]\nmsg_id=to-be-removed\n")
    (inbox / f"{last}.wav").write_bytes(b"")
    ami = Ami(wiring.ami(town.state))
    line = asyncio.create_task(ami.run())
    try:
        assert await ami.ready(5)
        wanted = {"Context": "town", "Mailbox": "71", "Folder": "INBOX", "ID": "to-be-removed"}
        with locked(inbox):
            removing = asyncio.create_task(ami.action("VoicemailRemove", **wanted))
            await asyncio.sleep(0.7)
            assert (inbox / f"{last}.txt").exists()
            assert not removing.done()
        await removing
        assert not (inbox / f"{last}.txt").exists()
    finally:
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)


async def test_a_message_that_is_too_old_goes_and_its_lamp_with_it(town: Town) -> None:
    inbox = town.state.spool / "voicemail" / "town" / "61" / "INBOX"
    inbox.mkdir(parents=True, exist_ok=True)
    for number, (id_, left) in enumerate((("old", time.time() - DELETE_AFTER - 60), ("new", time.time()))):
        (inbox / f"msg{number:04d}.txt").write_text(f"[message]\norigtime={int(left)}\nmsg_id={id_}\n")
        (inbox / f"msg{number:04d}.wav").write_bytes(b"")
    engine, ami = open_database(town.state.database), Ami(wiring.ami(town.state))
    line = asyncio.create_task(ami.run())
    try:
        assert await ami.ready(5)
        control = Control(town.state, town.directory, engine, ami, Rest(wiring.ari(town.state)))
        await control.mailroom.forget()
        assert [path.name for path in sorted(inbox.glob("msg*"))] == ["msg0000.txt", "msg0000.wav"]
        assert "msg_id=new" in (inbox / "msg0000.txt").read_text()
    finally:
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)
        await engine.dispose()
        for path in inbox.glob("msg*"):
            path.unlink()


async def test_a_full_mailbox_leads_to_the_next_before_its_greeting(town: Town) -> None:
    inbox = town.state.spool / "voicemail" / "town" / "61" / "INBOX"
    inbox.mkdir(parents=True, exist_ok=True)
    for number in range(QUOTA):
        (inbox / f"msg{number:04d}.txt").write_text("[message]\n")
        (inbox / f"msg{number:04d}.wav").write_bytes(b"")
    try:
        journey, different = await town.test_call(world(MONDAY_10, "4", boxes={"61": "full"}))
    finally:
        for path in inbox.glob("msg*"):
            path.unlink()
    assert (different, journey.outcome, journey.place) == ("", "message", "b_10.box")


async def test_what_a_caller_hears(town: Town, shift: bool) -> None:
    """The menu's own words, in German and after key 9 in English; then a ringing tone until somebody picks up."""
    phones = {"tel2810": "nobody"}
    async with town.staff(phones):
        (german, _), heard = await town.listening_call(replace(world(MONDAY_10, phones=phones), python=shift), 4.0)
        assert recognise(heard, town.prompt("town.welcome", "de")).recognised
        assert not recognise(heard, town.prompt("town.welcome", "en")).recognised
        asked = replace(world(MONDAY_10, "9", phones=phones), python=shift)
        (english, _), heard = await town.listening_call(asked, 7.0)
        assert recognise(heard, town.prompt("town.welcome", "en")).recognised
        asked = replace(world(MONDAY_10, "3", phones=phones), python=shift)
        _, heard = await town.listening_call(asked, 5.5)
        assert tone_seconds(heard) > 0.8, "no ringing tone"
    assert (german.outcome, english.outcome) == ("gave_up", "gave_up")


async def test_the_next_opening_is_told_in_the_time_of_the_call(town: Town) -> None:
    """The day before Monday the 23rd, whatever day it is now."""
    _, heard = await town.listening_call(world(at("2026-11-22 10:00")), 9.0)
    monday = read_sound(town.state.sounds / "de" / "digits" / "h-23.alaw")
    assert recognise(heard, monday).recognised
    tuesday = read_sound(town.state.sounds / "de" / "digits" / "h-24.alaw")
    assert not recognise(heard, tuesday).recognised


async def test_metrics_and_pages_tell_of_it(town: Town) -> None:
    async with town.staff({"tel2810": "talked"}):
        journey, _ = await town.test_call(world(MONDAY_10, "3", phones={"tel2810": "talked"}))
    until(lambda: journey.id in town.written(), 15)
    until(lambda: "durchwahl_attendants_up 2.0" in town.page("/metrics"), 10)
    page, metrics = town.page("/"), town.page("/metrics")
    assert "durchwahl_ami_up 1.0" in metrics
    assert "durchwahl_proof_problems 0.0" in metrics
    assert 'durchwahl_test_calls_total{outcome="answered"}' in metrics
    assert 'durchwahl_calls_total{flow="town",outcome="answered"} 0.0' in metrics, "a test call is no citizen's"
    assert "unexpected" not in {past.outcome for past in town.written().values()}
    assert "2 Bedienprozesse" in page
    first = town.state.settings().metrics_port
    attendants = [town.page("/metrics", port) for port in (first, first + 1)]
    assert all("durchwahl_attendant_connected 1.0" in text for text in attendants)
    assert all("process_cpu_seconds_total" in text for text in (metrics, *attendants))
    pressed = 'durchwahl_attendant_steps_total{answer="key_3",place="town.welcome"}'
    assert any(pressed in text for text in attendants), attendants
