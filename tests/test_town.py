"""Real citizens call the running town by SIP: every way a call can go, with attendants and with none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.domain.explain import World
from tests.running_town import Town, until, world
from tests.towns import CHRISTMAS_10, MONDAY_10, SUNDAY_10

DESKS = ("tel2500", "tel2530", "tel2810", "tel2710", "tel2030")
"""One desk in each department, so that calls at the same time do not meet at one telephone."""
TALK, NOBODY, BUSY = (dict.fromkeys(DESKS, does) for does in ("talked", "nobody", "busy"))


@pytest.fixture(params=["python", "native"])
def shift(request: pytest.FixtureRequest, town: Town) -> Iterator[bool]:
    """Once with attendants, once with none: a call must get to the same place."""
    python = request.param == "python"
    if not python:
        town.end("attend")
    yield python
    if not python:
        town.begin("attend")


WORLDS = {
    "answered": (world(MONDAY_10, "1", phones=TALK), "answered"),
    "a wrong key, then the right one": (world(MONDAY_10, "7,2", phones=TALK), "answered"),
    "English, then key 3": (world(MONDAY_10, "9,3", phones=TALK), "answered"),
    "hear it again": (world(MONDAY_10, "*,*,4", phones=TALK), "answered"),
    "silence": (world(MONDAY_10, phones=TALK), "answered"),
}


async def test_calls_while_people_are_in(town: Town, shift: bool) -> None:
    async with town.staff(TALK):
        await together(town, WORLDS, shift)


async def test_calls_while_nobody_picks_up(town: Town, shift: bool) -> None:
    worlds = {
        "message": (world(MONDAY_10, "1", phones=NOBODY), "message"),
        "silence, then a message": (world(MONDAY_10, phones=NOBODY), "message"),
        "wrong keys, then a message": (world(MONDAY_10, "7,5", phones=NOBODY), "message"),
        "closed": (world(SUNDAY_10, "1", phones=NOBODY), "message"),
        "closed, silence": (world(SUNDAY_10, phones=NOBODY), "message"),
        "holiday": (world(CHRISTMAS_10, "9,1", phones=NOBODY), "message"),
    }
    async with town.staff(NOBODY):
        await together(town, worlds, shift)


async def test_calls_while_everyone_is_busy_or_away(town: Town, shift: bool) -> None:
    async with town.staff(BUSY):
        await together(town, {"busy": (world(MONDAY_10, "1", phones=BUSY), "message")}, shift)
    await together(town, {"not registered": (world(MONDAY_10, "2"), "message")}, shift)


async def test_a_silent_recording_is_no_message(town: Town) -> None:
    silent = replace(world(MONDAY_10, "3"), boxes={"71": "too_short"})
    journey, different = await town.test_call(silent, says=False)
    assert (different, journey.outcome) == ("", "too_short")
    assert not list((town.state.spool / "voicemail" / "town" / "71").rglob("msg*.txt"))


async def together(town: Town, worlds: dict[str, tuple[World, str]], python: bool) -> None:
    """Place all calls at once; each must go where `explain` says, to the outcome that is named."""
    calls = [town.test_call(replace(each, python=python)) for each, _ in worlds.values()]
    for (name, (_, outcome)), (journey, different) in zip(worlds.items(), await asyncio.gather(*calls), strict=True):
        assert not different, f"{name}: {different}\n{journey}"
        assert journey.outcome == outcome, f"{name}: {journey}"
        if not python:
            assert "deadline" not in journey.notes, f"{name}: waited for Python although there was none"
    until(lambda: not town.left(), 10)
