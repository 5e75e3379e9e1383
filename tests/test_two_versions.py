"""Two versions at once: attendants beside a dialplan, or a book, that is newer than they are. No call is lost by it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.compile.tree import checksum_of
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Menu
from orchestrator.service import directory as directories
from orchestrator.service import rollout, wiring
from orchestrator.store.database import brief
from orchestrator.store.load import save
from tests import hurry
from tests.leash import leashed
from tests.running_town import Town, until, world
from tests.towns import MONDAY_10


def newer() -> Directory:
    """Key 2 is gone, and key 3 leads to a menu that was not there before."""
    town = hurry.directory()
    flow = town.flows["town"]
    welcome = flow.steps["welcome"]
    assert isinstance(welcome, Menu)
    keys = {key: to for key, to in welcome.keys.items() if key != "2"}
    steps = {
        **flow.steps,
        "welcome": replace(welcome, keys={**keys, "3": "town.further"}),
        "further": replace(welcome, keys={"1": welcome.keys["4"]}),
    }
    return replace(town, flows={**town.flows, "town": replace(flow, steps=steps)})


async def apply(town: Town, written: Directory) -> None:
    await save(brief(town.state.database), written, who="tests", what="another version", why="tests")
    done = await rollout.apply(town.state, lambda done, total: None, checksum="", force=("operator",))
    assert done.done, done.told
    town.directory = await directories.running(town.state)
    town.sounds = directories.spoken(town.state, town.directory)


@contextmanager
def attending_by(town: Town, book: Path) -> Iterator[None]:
    """A shift whose attendants have `book`, and look at nothing newer."""
    town.end("attend")
    address, settings = wiring.ari(town.state), town.settings
    argv = (
        *(sys.executable, "-m", "orchestrator.apps.shift", "--attend", str(book), "--status", str(town.state.shift)),
        *("--url", address.url, "--user", address.user, "--conf", str(address.conf)),
        *("--", sys.executable, "-m", "orchestrator.service.attendant", "--metrics-port", str(settings.metrics_port)),
    )
    with (town.state.log / "attend.out").open("ab") as output:
        town.processes["attend"] = subprocess.Popen(
            leashed(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        until(town.ready, 30)
        yield
    finally:
        town.end("attend", signal.SIGTERM)
        town.begin("attend")


async def calls(town: Town) -> list[str]:
    """Callers who press what both versions know, and what leads to a place that the older one does not know."""
    pressed = ("1", "3,1", "1", "3,1", "")
    made = await asyncio.gather(
        *(town.test_call(world(MONDAY_10, press), at_box="leaves") for press in pressed), return_exceptions=False
    )
    assert all("town.welcome" in [step.place for step in journey.steps] for journey, _ in made)
    assert any("town.further" in [step.place for step in journey.steps] for journey, _ in made)
    return [different for _, different in made if different]


async def test_older_attendants_beside_a_newer_dialplan(town: Town, tmp_path: Path) -> None:
    book = tmp_path / "attend.json"
    book.write_bytes((town.state.current / "attend.json").read_bytes())
    try:
        with attending_by(town, book):
            await apply(town, newer())
            assert await calls(town) == []
            log = (town.state.log / "attend.out").read_text()
            assert "knows no place 'town.further'" in log, "the older attendant was asked for it"
            # What the older one still offers and the dialplan no longer has: heard again natively, and no call is lost.
            gone, _ = await town.test_call(world(MONDAY_10, "2,1"), at_box="leaves")
            kept, _ = await town.test_call(world(MONDAY_10, "1"), at_box="leaves")
            assert (gone.place, gone.outcome) == (kept.place, kept.outcome)
    finally:
        await apply(town, hurry.directory())


@pytest.mark.long
async def test_a_newer_book_is_read_as_far_as_this_version_can(town: Town) -> None:
    """Fields, a kind of step and a skill that it does not know: what it cannot perform goes on natively."""
    await apply(town, newer())
    trees = wiring.trees(town.state)
    before, tree = trees.name(), dict(trees.running())
    book = json.loads(tree["attend.json"])
    book["format"] = 7
    for step in book["places"].values():
        step["colour"] = "red"
    book["places"]["town.further"] = {"step": "survey", "questions": 3}
    welcome = book["places"]["town.welcome"]
    welcome["keys"].remove("1")  # so that one sees whose book counts
    tree["attend.json"] = json.dumps(book)
    trees.swap(trees.write(tree, checksum_of(tree)).name)
    try:
        await asyncio.sleep(1.5)
        journey, different = await town.test_call(world(MONDAY_10, "3,1"), at_box="leaves")
        assert different == ""
        assert "town.further" in [step.place for step in journey.steps]
        assert "callers at town.further are served natively" in (town.state.log / "attend.out").read_text()
        unheard, _ = await town.test_call(world(MONDAY_10, "1"), at_box="leaves")
        assert unheard.steps[-1].place != journey.steps[-1].place
        assert [s.answer for s in unheard.steps if s.place == "town.welcome"] == ["gave_up"], "its own book counts"
    finally:
        trees.swap(before)
        await apply(town, hurry.directory())
