"""What callers meet at a mailbox, on a real Asterisk: review, key 0, full boxes, greetings; attended and not."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import explain
from orchestrator.domain.flow import Flow, Ring
from orchestrator.domain.people import Box
from orchestrator.journal.journeys import Journey
from orchestrator.messages import greetings
from orchestrator.messages.mailbox import Spool
from orchestrator.phone.call import Call
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import Sound, read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import present, switching, testcall, wiring
from orchestrator.service.questions import start
from orchestrator.service.running import connected, life
from tests.running_town import MODES, Town, performed_by, running_town, until, world
from tests.side_by_side import always
from tests.towns import MONDAY_10, SUNDAY_10, small, town_flow

Does = Callable[["Caller"], Awaitable[None]]
LONG = 60.0
"""Seconds that anything may take on a busy machine."""


def town_of_boxes() -> Directory:
    """The operator rings, then takes messages; the office has a box of its own, and so has Beate Blau (3501)."""
    town = small()
    desk = Ring(phones=("tel10",), busy="town.box", nobody="town.box", unreachable="town.box", seconds=3)
    written = town_flow()
    steps = {name: written.steps[name] for name in ("box", "thanks", "sorry", "bye")}
    office = replace(town.departments["buergerbuero"], box="30", ring_seconds=2, phones=("tel2500",))
    beate = replace(town.people["p3501"], ring_seconds=2)
    anna = replace(town.people["p2500"], ring_seconds=2, stand_in="")
    boxes = ("10", "30", "3501")
    return replace(
        town,
        flows={"town": Flow(name="town", start="desk", steps={"desk": desk, **steps})},
        departments={"buergerbuero": office},
        people={"p3501": beate, "p2500": anna},
        boxes={id_: Box(id=id_, name=f"Postfach {id_}", quota=40, limit=20) for id_ in boxes},
        numbers={"0": "town"},
    )


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("c"), town_of_boxes()) as running:
        yield running


@pytest.fixture(params=MODES)
def town(request: pytest.FixtureRequest, exchange: Town) -> Iterator[Town]:
    """Once with attendants, once with none."""
    with performed_by(exchange, request.param) as town:
        yield town


@dataclass
class Caller:
    """Somebody in front of a mailbox."""

    town: Town
    call: Call
    before: frozenset[Path]

    async def beep(self, take: int = 1) -> Path:
        """Wait until Asterisk records this take, of this call."""
        deadline = asyncio.get_running_loop().time() + LONG
        while not (found := [path for path in self.takes() if path.stem.endswith(f"-{take}")]):
            assert asyncio.get_running_loop().time() < deadline, f"take {take} was never recorded"
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        return found[0]

    def takes(self) -> list[Path]:
        """What was recorded in this call so far."""
        return sorted(set((self.town.state.spool / "recording").glob("*.wav")) - self.before)

    async def speak(self) -> None:
        await self.call.say(self.town.words)

    async def press(self, key: str, after: float = 0.7) -> None:
        await self.call.stays(after)
        await self.call.press(key)


async def calls(
    town: Town,
    number: str,
    does: Does,
    *,
    place: str,
    answer: str = "left",
    at: datetime = MONDAY_10,
    phones: dict[str, str] | None = None,
    boxes: dict[str, str] | None = None,
) -> tuple[Journey, Sound]:
    """Call `number`; at `place` do as `does`. The journey, which must be as `explain` says, and what was heard."""
    town.used += 49 - town.used % 50
    dialled = f"{number}*{int(at.timestamp()) + town.used % 50}"
    line = Line(number="testcall", exchange=town.exchange, password=wiring.secrets(town.state).of("sip:testcall"))
    before = frozenset((town.state.spool / "recording").glob("*.wav"))
    switched = await present.now(town.state)
    async with Telephone(wiring.program("baresip"), line) as telephone:
        follower = testcall.Follower(town.state.journal, testcall.tested(dialled), lambda: life(town.state))
        placed = await telephone.dial(dialled)
        doing: asyncio.Task[None] | None = None
        async for event in follower.events(within=2 * LONG):
            if event.kind == "PLACE" and event.mark == place and doing is None:
                doing = asyncio.ensure_future(does(Caller(town, placed, before)))  # type: ignore[arg-type]
        assert doing, f"the call was never at {place}"
        await doing
        heard = await placed.heard()
    assert follower.call
    made = testcall.journey(follower.call)
    assert made
    described = replace(world(at, phones=phones or {}, boxes=boxes or {}), observed={place: answer})
    described = replace(described, python="attend" in town.processes, switches=switched)
    different = testcall.difference(made, tuple(explain(town.directory, start(town.directory, number), described)))
    assert not different, f"{different}\n{made}"
    return made, heard


def inbox(town: Town, box: str) -> list[Path]:
    return sorted((town.state.spool / "voicemail" / "town" / box / "INBOX").glob("msg*.wav"))


def filed(town: Town, box: str, before: list[Path]) -> list[Sound]:
    """What came into a box since."""
    until(lambda: len(inbox(town, box)) > len(before), LONG)
    return [read_sound(path) for path in inbox(town, box)[len(before) :]]


async def test_a_caller_listens_and_keeps_it(town: Town) -> None:
    before = inbox(town, "3501")

    async def does(caller: Caller) -> None:
        await caller.beep()
        await caller.speak()
        await caller.press("#")
        await caller.press("1", 1.2)
        await caller.press("#", read_sound(town.words).seconds + 1.5)

    journey, heard = await calls(town, "3501", does, place="n_3501.box")
    assert [step.answer for step in journey.steps][-3:] == ["left", "said", "gone"]
    assert journey.outcome == "message"
    assert recognise(heard, read_sound(town.words)).share > 0.7
    assert recognise(heard, town.prompt("review", "de")).at > 0
    (message,) = filed(town, "3501", before)
    assert recognise(message, read_sound(town.words)).share > 0.7


@pytest.mark.parametrize("second", always(["spoken", "hung up", "silent"]))
async def test_a_caller_who_speaks_anew_does_not_lose_the_first(town: Town, second: str) -> None:
    before, takes = inbox(town, "3501"), []

    async def does(caller: Caller) -> None:
        await caller.beep()
        await caller.speak()
        await caller.press("#")
        await caller.press("2")
        await caller.beep(2)
        takes.extend(caller.takes())
        if second == "spoken":
            await caller.speak()
        if second != "silent":
            await caller.call.hang_up()

    journey, _ = await calls(town, "3501", does, place="n_3501.box")
    assert (journey.outcome, journey.place) == ("message", "n_3501.box")
    assert [path.stem.split("-")[0] for path in takes] == ["3501", "3501"]
    assert recognise(filed(town, "3501", before)[-1], read_sound(town.words)).share > 0.7


async def test_hanging_up_in_the_review_keeps_it(town: Town) -> None:
    async def does(caller: Caller) -> None:
        await caller.beep()
        await caller.speak()
        await caller.press("#")
        await caller.call.stays(1.0)
        await caller.call.hang_up()

    journey, _ = await calls(town, "3501", does, place="n_3501.box")
    assert (journey.outcome, journey.steps[-1].answer) == ("message", "left")


@pytest.mark.long
async def test_who_is_not_heard_is_asked_once_more(town: Town) -> None:
    async def does(caller: Caller) -> None:
        await caller.beep(2)

    journey, heard = await calls(town, "3501", does, place="n_3501.box", answer="too_short")
    assert journey.outcome == "too_short"
    assert recognise(heard, town.prompt("again", "de")).recognised


async def test_who_hangs_up_in_the_greeting_gave_up_and_one_who_says_nothing_said_nothing(town: Town) -> None:
    async def gives_up(caller: Caller) -> None:
        await caller.call.stays(1.0)
        await caller.call.hang_up()

    async def mute(caller: Caller) -> None:
        await caller.beep()
        await caller.call.hang_up()

    journey, _ = await calls(town, "3501", gives_up, place="n_3501.box")
    assert (journey.outcome, journey.place) == ("gave_up", "n_3501.box")
    journey, _ = await calls(town, "3501", mute, place="n_3501.box", answer="too_short")
    assert (journey.outcome, journey.place) == ("too_short", "n_3501.box")


async def test_zero_in_the_greeting_leads_to_a_human(town: Town) -> None:
    async with town.staff({"tel10": "talked"}):

        async def does(caller: Caller) -> None:
            await caller.press("0", 1.0)
            await caller.call.stays(6.0)
            await caller.call.hang_up()

        journey, _ = await calls(town, "3501", does, place="n_3501.box", answer="human", phones={"tel10": "talked"})
    assert (journey.outcome, journey.place) == ("answered", "town.desk")
    assert journey.notes == ()


async def test_zero_while_recording_keeps_what_was_said(town: Town) -> None:
    before = inbox(town, "3501")

    async def does(caller: Caller) -> None:
        await caller.beep()
        await caller.speak()
        await caller.press("0")
        await caller.call.stays(2.0)
        await caller.call.hang_up()

    silent = {"10": "too_short"}  # where the operator does not pick up
    journey, _ = await calls(town, "3501", does, place="n_3501.box", answer="human", boxes=silent)
    assert (journey.outcome, journey.place) == ("message", "n_3501.box")
    (message,) = filed(town, "3501", before)
    assert recognise(message, read_sound(town.words)).share > 0.7


async def test_hash_skips_to_the_beep(town: Town) -> None:
    async def does(caller: Caller) -> None:
        await caller.press("#", 0.8)
        await caller.press("#", 0.8)
        await caller.beep()
        await caller.speak()
        await caller.call.hang_up()

    journey, heard = await calls(town, "3501", does, place="n_3501.box")
    assert journey.outcome == "message"
    assert not recognise(heard, town.prompt("zero", "de")).recognised


async def test_a_full_box_leads_to_the_next_and_that_to_the_operators(town: Town) -> None:
    async def does(caller: Caller) -> None:
        await caller.beep()
        await caller.speak()
        await caller.call.hang_up()

    for full, place, prompt in (
        (("3501",), "d_buergerbuero.overflow", "d_buergerbuero.overflow"),
        (("3501", "30"), "b_10.box", "next_box"),
    ):
        for box in full:
            fill(town, box)
        try:
            journey, heard = await calls(town, "3501", does, place=place, boxes=dict.fromkeys(full, "full"))
        finally:
            for box in full:
                empty(town, box)
        assert (journey.outcome, journey.place) == ("message", place)
        assert recognise(heard, town.prompt(prompt, "de")).recognised


def fill(town: Town, box: str) -> None:
    folder = town.state.spool / "voicemail" / "town" / box / "INBOX"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(40):
        (folder / f"msg{number:04d}.txt").write_text("[message]\n")
        (folder / f"msg{number:04d}.wav").write_bytes(b"")


def empty(town: Town, box: str) -> None:
    for path in (town.state.spool / "voicemail" / "town" / box / "INBOX").glob("msg*"):
        path.unlink()


async def test_a_closed_office_tells_when_it_opens(town: Town) -> None:
    """With attendants the next opening, and without them that it is closed; a message is taken in both cases."""
    attended = "attend" in town.processes

    async def does(caller: Caller) -> None:
        await caller.beep()
        await caller.speak()
        await caller.call.hang_up()

    place = "d_buergerbuero.box_told" if attended else "d_buergerbuero.box_closed"
    journey, heard = await calls(town, "30", does, place=place, at=SUNDAY_10)
    assert (journey.outcome, journey.place) == ("message", place)
    said = {name: recognise(heard, town.prompt(name, "de")).recognised for name in ("opens", "office_closed", "notice")}
    assert said == {"opens": attended, "office_closed": not attended, "notice": True}


@pytest.mark.long
async def test_the_greeting_says_how_the_callee_was_found(town: Town) -> None:
    """Busy, nobody there, not reachable; and who is absent is not named a second time."""

    async def does(caller: Caller) -> None:
        await caller.beep()
        await caller.call.hang_up()

    async def said(desk: str) -> set[str]:
        phones = {"tel2501": desk} if desk else {}
        async with town.staff(phones):
            _, heard = await calls(town, "3501", does, place="n_3501.box", answer="too_short", phones=phones)
        names = ("n_3501.box", "person_busy", "person_nobody", "person_unreachable", "person_absent", "zero", "notice")
        return {name for name in names if recognise(heard, town.prompt(name, "de")).recognised}

    always = {"n_3501.box", "zero", "notice"}
    assert await said("busy") == {*always, "person_busy"}
    assert await said("nobody") == {*always, "person_nobody"}
    assert await said("") == {*always, "person_unreachable"}
    await switching.absent(town.state, "3501", switching.Period(), stand_in="", text="", why="")
    try:
        assert await said("") == {"person_absent", "zero", "notice"}
    finally:
        await switching.back(town.state, "3501", why="")


async def test_a_recorded_greeting_is_heard_until_its_end(town: Town) -> None:
    """Then comes the notice in any case; past its end, or without its file, the compiled greeting."""

    async def does(caller: Caller) -> None:
        await caller.beep()
        await caller.call.hang_up()

    async def greeted(number: str, place: str, at: datetime = MONDAY_10) -> tuple[bool, bool]:
        """Whether the recorded greeting was heard, and whether the compiled one."""
        _, heard = await calls(town, number, does, place=place, answer="too_short", at=at)
        assert recognise(heard, town.prompt("notice", "de")).recognised
        own, compiled = (recognise(heard, each).recognised for each in (read_sound(town.words), compiled_of(place)))
        return own, compiled

    def compiled_of(place: str) -> Sound:
        return town.prompt(f"{place.partition('.')[0]}.box", "de")

    folder = town.state.spool / "voicemail" / "town" / "3501"
    folder.mkdir(parents=True, exist_ok=True)
    spool = Spool(town.state.spool)
    try:
        shutil.copy(town.words, folder / "unavail.wav")
        await tell(town)
        assert await greeted("3501", "n_3501.box") == (True, False)
        (folder / "unavail.wav").rename(folder / "temp.wav")
        greetings.end(spool, "3501", "temp", MONDAY_10.timestamp())
        await tell(town)
        assert await greeted("3501", "n_3501.box") == (False, True)
        greetings.end(spool, "3501", "temp", None)
        await tell(town)
        assert await greeted("3501", "n_3501.box") == (True, False)
        (folder / "temp.wav").unlink()
        assert await greeted("3501", "n_3501.box") == (False, True)
    finally:
        for name in ("temp.wav", "unavail.wav"):
            (folder / name).unlink(missing_ok=True)
        await tell(town)


async def tell(town: Town) -> None:
    """What control does each minute, now: tell Asterisk which greetings there are, and until when."""
    async with connected(town.state) as running:
        assert running
        await present.correct_greetings(Spool(town.state.spool), running.ami, town.directory)
