"""Whoever is in the mailbox by telephone waits for nothing that hangs, and holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.messages.lock import locked
from orchestrator.messages.mailbox import NEW
from orchestrator.messages.telephone.by_telephone import Dialogues
from tests.on_the_line import PATIENT, OnTheLine, Town, town
from tests.spools import message, whole
from tests.test_dialogue import desk, left, three


@pytest.fixture
async def at(url: URL, tmp_path: Path) -> AsyncIterator[Town]:
    async with town(url, tmp_path) as there:
        yield there


def hurried(at: Town, **changed: Any) -> Dialogues:
    """Those of the town, with callers of their own, who give up soon."""
    fresh = {"_lines": {}, "_guessing": asyncio.Lock(), "_working": set()}
    return replace(at.dialogues, **{"acts": 0.3, **fresh, **changed})


async def test_a_database_that_hangs_is_said_and_holds_up_nobody_else(at: Town) -> None:
    at.pins.change("40", "271828")
    dialogues = hurried(at)
    line = replace(at.line(), dialogues=dialogues)
    await line.comes()
    async with at.messages.engine.connect() as other:
        if at.messages.engine.dialect.name == "sqlite":
            await other.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            await other.exec_driver_sql("LOCK TABLE lockouts IN ACCESS EXCLUSIVE MODE")
        for pin in ("271828", "314159"):  # whether it was right nobody learns
            await line.press("40", pin)
            assert line.words.startswith("Das ging gerade nicht."), pin
            assert line.last.most == 12, "they may try once more"
            assert not dialogues._guessing.locked()
            assert not dialogues._lines["1.1"].lock.locked()
        await other.rollback()
    if dialogues._working:
        await asyncio.wait(dialogues._working)
    line.dialogues = replace(dialogues, acts=PATIENT)
    await line.press("40", "271828")
    assert line.words == "Sie haben keine Nachrichten."


async def test_who_waits_for_others_to_guess_is_told_so(at: Town) -> None:
    dialogues = hurried(at)
    line = replace(at.line(), dialogues=dialogues)
    await line.comes()
    async with dialogues._guessing:
        await line.press("40", "314159")
    assert line.words.startswith("Das ging gerade nicht.")


async def test_a_folder_that_is_locked_is_said_before_control_is_given_up(at: Town) -> None:
    three(at)
    line = replace(at.line("tel10"), dialogues=hurried(at, says=0.3))
    await line.comes()
    with locked(at.spool.box("40").path / NEW):
        await line.press("1")
        assert line.words == "Das ging gerade nicht. Bitte versuchen Sie es noch einmal."
        await line.press("3")
        assert line.words.startswith("Das ging gerade nicht.")
        await asyncio.get_running_loop().shutdown_default_executor()  # a thread waits for the lock longer than we do
    assert whole(at.spool, "40")[NEW] == {"a": 2.0, "b": 3.0}


async def test_messages_are_heard_without_a_database(at: Town) -> None:
    three(at)
    message(at.spool, "10", "c", at=left(15), seconds=2)
    gone = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/gone")
    dialogues = hurried(at, messages=replace(at.messages, engine=gone), acts=PATIENT)
    for phone, words in (("tel10", "um 14 digits/oclock 10 von 01711234567 [40-a]"), ("tel2500", "[10-c]")):
        line = OnTheLine(dialogues=dialogues, caller=at.line(phone, f"4.{phone}").caller)
        await line.comes()
        await line.press("1")
        assert line.words.endswith(words)
    await line.press("8", "2")
    assert line.words.startswith("Das ging gerade nicht."), "a case is in the database"
    await gone.dispose()


async def test_nobody_waits_until_others_are_told_of_a_greeting_or_a_pin(at: Town) -> None:
    told, done = list[str](), asyncio.Event()

    async def slowly(box: str) -> None:
        await done.wait()
        told.append(box)

    dialogues = hurried(at, greeted=slowly, repinned=slowly, acts=PATIENT)
    line = replace(at.line("tel10"), dialogues=dialogues)
    await line.comes()
    async with asyncio.timeout(PATIENT):
        await line.press("9", "1", "1", "2")
        await line.says(at.spoken(2.0))
        await line.press("1")
        assert line.words.startswith("Die Ansage gilt ab sofort.")
        await line.press("*", "*", "9", "2", "271828", "271828")
    assert at.pins.right("40", "271828")
    assert not told
    done.set()
    await asyncio.wait(dialogues._working)
    assert told == ["40", "40"]


async def test_a_clock_that_is_set_forward_throws_nobody_out(at: Town) -> None:
    line = await desk(at)
    await line.press("9")
    at.clock.now += 86400
    at.dialogues.forget(at.clock.now - 3600)
    await line.press("*")
    assert line.offered[0].startswith("main_"), "back from the settings"
    at.steady.now += 3601
    at.dialogues.forget(at.clock.now - 3600)
    assert not at.dialogues._lines
