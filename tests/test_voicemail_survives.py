"""Messages survive: a thousand at once; Asterisk, control and the attendants killed while people speak.

What lies in the recordings folder when Asterisk is killed is what there is to be saved: all of that, and each once.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.flow import LeaveMessage
from orchestrator.domain.routes import greeting_seconds
from orchestrator.messages.audio import SHORTEST, judge, repair
from orchestrator.messages.filer import RECORDING
from orchestrator.messages.mailbox import Message, Spool
from orchestrator.service import wiring
from tests.crowd import Crowd, crowd
from tests.running_town import Town, running_town, until
from tests.spools import whole
from tests.towns import MONDAY_10, small

BOX = "10"
NUMBER = f"30*{int(MONDAY_10.timestamp())}"
"""The department, at a time when it is open, and nobody is at a telephone: its mailbox."""
SOME_LATER = 60.0
"""Seconds until a call that was cut must be filed: 15 without an event, a look at Asterisk, and a busy machine."""


@pytest.fixture(scope="module")
def mailed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose boxes take ten thousand messages."""
    town = small()
    many = replace(town, boxes={id_: replace(box, quota=9999) for id_, box in town.boxes.items()})
    with running_town(tmp_path_factory.mktemp("v"), many) as running:
        yield running


@pytest.fixture
def town(mailed: Town) -> Iterator[Town]:
    """Everything at work and no message in it, before and after."""
    for name in ("asterisk", "control", "attend"):
        if name not in mailed.processes:
            mailed.begin(name)
    yield mailed
    until(lambda: not mailed.left(), 30)
    for message in messages(mailed):
        Spool(mailed.state.spool).box(BOX).remove(message.id)


def voices(town: Town, *, speaking: float) -> AbstractAsyncContextManager[Crowd]:
    """Callers who say a sentence over and over, until they have spoken for so many seconds behind the greeting."""
    step = town.directory.graph["d_buergerbuero.box"]
    assert isinstance(step, LeaveMessage)
    after = greeting_seconds(step, town.sounds) + 1.5 + speaking
    return crowd(wiring.ari(town.state), str(town.words.with_suffix("")), after=after)


def messages(town: Town) -> list[Message]:
    return Spool(town.state.spool).box(BOX).messages()


def recordings(town: Town) -> list[Path]:
    return sorted((town.state.spool / "recording").glob(f"{BOX}-*.wav"))


async def come(callers: Crowd, count: int, *, prefix: str, every: float) -> list[str]:
    """Callers one after the other, `every` so many seconds: the ids of their channels."""
    ids = [f"{prefix}.{number}" for number in range(count)]
    for id_ in ids:
        await callers.calls(id_, NUMBER, context="from-test")
        await asyncio.sleep(every)
    return ids


@pytest.mark.crowded
async def test_a_thousand_messages_left_in_parallel_are_a_thousand(town: Town) -> None:
    async with voices(town, speaking=4.0) as callers:
        ids = await come(callers, 1000, prefix="1000", every=0.06)
        await asyncio.to_thread(until, lambda: not town.left(), 60)
    await asyncio.to_thread(until, lambda: not recordings(town), 120)
    found = whole(Spool(town.state.spool), BOX)["INBOX"]
    assert set(found) == {f"{id_}-1" for id_ in ids}
    assert all(seconds >= SHORTEST for seconds in found.values())
    assert set((await written(town, ids)).values()) == {"message"}


async def written(town: Town, ids: list[str]) -> dict[str, str]:
    """Caller -> the outcome of the call, once all of them are written down."""

    def outcomes() -> dict[str, str]:
        past = town.written()
        return {id_: past[f"voice-{id_}"].outcome for id_ in ids if f"voice-{id_}" in past}

    await asyncio.to_thread(until, lambda: len(outcomes()) == len(ids), SOME_LATER)
    return outcomes()


@pytest.mark.long
@pytest.mark.parametrize("number", range(2))
async def test_asterisk_killed_while_people_speak(town: Town, number: int) -> None:
    """Callers of every age meet the kill; what had reached the disk is filed once Asterisk is back."""
    async with voices(town, speaking=30.0) as callers:
        ids = await come(callers, 12, prefix=f"9{number}", every=0.8)
        await asyncio.to_thread(until, lambda: len(recordings(town)) >= 9, 60)
        town.end("asterisk", signal.SIGKILL)
    saved = what_is_there(town)
    assert len(saved) >= 3, "people were speaking for up to six seconds"
    town.begin("asterisk")
    await asyncio.to_thread(until, lambda: not recordings(town), SOME_LATER)
    found = whole(Spool(town.state.spool), BOX).get("INBOX", {})
    assert found == pytest.approx(saved)
    wanted = {f"{id_}-1" for id_ in ids}
    assert set(found) <= wanted
    for id_, outcome in (await written(town, ids)).items():
        assert (outcome == "message") == (f"{id_}-1" in saved), id_


def what_is_there(town: Town) -> dict[str, float]:
    """Recordings as they lie there: message id -> seconds, of those in which something was said."""
    found = {}
    for path in recordings(town):
        named = RECORDING.fullmatch(path.name)
        assert named
        copy = Path(shutil.copy(path, town.state.run / path.name))
        repair(copy)
        seconds, said = judge(copy)
        copy.unlink()
        if said:
            found[named["id"]] = seconds
    return found


@pytest.mark.parametrize("name", ["control", "attend"])
@pytest.mark.long
async def test_python_killed_while_people_speak_and_messages_are_filed(town: Town, name: str) -> None:
    """Killed five times in the middle of it: all messages are there once, and whole."""
    async with voices(town, speaking=4.0) as callers:
        coming = asyncio.create_task(come(callers, 30, prefix=f"7{len(name)}", every=0.5))
        for pause in (2.1, 2.9, 3.3, 1.7, 2.6):
            await asyncio.sleep(pause)
            town.end(name, signal.SIGKILL)
            town.begin(name)  # in this thread: what is started ends with the thread that started it
        ids = await coming
        await asyncio.to_thread(until, lambda: not town.left(), 60)
    began = time.monotonic()
    await asyncio.to_thread(until, lambda: not recordings(town), SOME_LATER)
    found = whole(Spool(town.state.spool), BOX)["INBOX"]
    assert set(found) == {f"{id_}-1" for id_ in ids}, f"{time.monotonic() - began:.1f} s after the last call"
    assert all(seconds >= SHORTEST for seconds in found.values())
