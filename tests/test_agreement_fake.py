"""Random flows in random worlds, attended on the fake exchange in virtual time, go where `explain` says.

The same as tests/test_agreement.py on the original, for many more flows, and for replies and events that race.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from orchestrator.apps.attend import Attendant
from orchestrator.apps.book import Book
from orchestrator.compile import attend
from orchestrator.compile.sounds import prompts_of
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, explain, predict
from orchestrator.domain.flow import END, KEYS, Do, Flow, Menu
from orchestrator.domain.prompts import Sound, Sounds
from tests.citizens import Citizens
from tests.exchange import clock
from tests.exchange.fake import FakeExchange, Place
from tests.exchange.line import Delays
from tests.exchange.natives import menu, takes
from tests.random_flows import flows, town, worlds

PROMPT = 1.0
SETTLE = 0.4
"""Seconds that the caller listens before pressing."""


def sounds(directory: Directory) -> Sounds:
    return {name: Sound(file=f"town/{name}", seconds={"de": PROMPT}) for name in prompts_of(directory)}


def places(directory: Directory, world: World) -> dict[str, Place]:
    """The town as the fake's dialplan."""
    made = {}
    for place, step in directory.graph.items():
        leads = {answer: "" if to == END else to for answer, to in step.exits.items()}
        if isinstance(step, Menu):
            keys = {key: KEYS[key] for key in step.keys}
            native = menu(keys, seconds=PROMPT, wait=step.wait, tries=step.tries)
            made[place] = Place(native=native, leads=leads, deadline=PROMPT + step.wait + 3, tries=step.tries)
        elif isinstance(step, Do):
            made[place] = Place(native=takes(0, "python_down"), leads=leads, deadline=step.seconds + 3)
        else:
            made[place] = Place(native=takes(0.2, predict(directory, place, world, [])), leads=leads)
    return made


async def call(directory: Directory, flow: Flow, world: World, book: Path, delays: Delays) -> list[str]:
    """One call, pressed through its menus; the answers that the journal has."""
    fake = FakeExchange(
        places(directory, world), media=lambda name: PROMPT if name.startswith("sound:town") else 0.1, delays=delays
    )
    fake.globals["ATTENDANTS"] = "1" if world.python else "0"
    attendant = Attendant(slot=1, dial=fake.dial, book=Book(book))
    working = asyncio.create_task(attendant.run())
    async with Citizens(fake.dial) as citizens:
        await asyncio.sleep(1)
        pressing = asyncio.create_task(press(fake, directory, list(world.keys)))
        await citizens.call("citizen", flow.first)
        while fake.channels:
            await asyncio.sleep(0.05)
        pressing.cancel()
        await asyncio.sleep(0.5)
        attendant.drain()
        await working
    assert fake.left_over() == []
    return [mark.removeprefix("ANSWER ") for mark in fake.marks["citizen-line"] if mark.startswith("ANSWER ")]


async def press(fake: FakeExchange, directory: Directory, keys: list[str]) -> None:
    """One key per try of each menu that the caller is in; an empty one is a try without a key."""
    seen = 0
    while keys:
        marks = fake.marks.get("citizen-line", [])
        at = next((mark for mark in reversed(marks) if mark.startswith(("PLACE", "ANSWER"))), "")
        step = directory.graph.get(at.removeprefix("PLACE "))
        if len(marks) > seen and isinstance(step, Menu):
            seen = len(marks)
            await through(fake, step, keys, marks)
        await asyncio.sleep(0.01)


async def through(fake: FakeExchange, step: Menu, keys: list[str], marks: list[str]) -> None:
    visit = len(marks)
    for _ in range(step.tries):
        if not keys:
            return
        key = keys.pop(0)
        await asyncio.sleep(SETTLE if key else PROMPT + step.wait + 0.1)
        if key:
            assert len(marks) == visit, "the menu was over before its key"
            fake.press(fake.channels["citizen-line"], key)
            if key in step.keys:
                return


@pytest.mark.parametrize("delays", [Delays(), Delays(reply=0.05, event=0.001), Delays(reply=0.001, event=0.05)])
@settings(max_examples=120, deadline=None)
@given(flow=flows(), world=worlds)
@pytest.mark.long
def test_attended_calls_go_where_explain_says(delays: Delays, flow: Flow, world: World) -> None:
    directory = town(flow)
    world = replace(world, boxes={"10": world.boxes["10"]})
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "attend.json"
        book.write_text(attend.text(directory, sounds(directory), "random"))
        went = clock.run(call(directory, flow, world, book, delays))
    assert went == [f"{visit.place}={visit.answer}" for visit in explain(directory, flow.first, world)]
