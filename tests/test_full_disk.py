"""The disk of the exchange is full: calls go on and are written down, nothing is half written, and after room is made
all is as before, by itself.

Everything that the exchange writes lies on that disk: messages, journal, database, trees, logs.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.explain import World
from orchestrator.journal import reserve
from orchestrator.messages.mailbox import Spool
from orchestrator.phone.hearing import recognise
from orchestrator.rollout.trees import Trees
from orchestrator.service.state import State
from tests.hurry import QUOTA
from tests.running_town import Town, performed_by, prepared, started, until, world
from tests.small_disk import MIB, SmallDisk, small_disk
from tests.spools import whole
from tests.towns import MONDAY_10, small, town_flow

BOX, NUMBER = "10", "30"
ROOM = reserve.ROOM + 12 * MIB
"""For the journal's own, and for what a few calls and applies write."""
SOON = 20.0
"""Seconds until all is written down after there is room again: control tries at least each 10."""
DESKS = {"tel2500": "talked"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, SmallDisk]]:
    """A town, and the disk on which all of it lies."""
    folder = tmp_path_factory.mktemp("d")
    town = small()
    boxes = {id_: replace(box, quota=QUOTA) for id_, box in town.boxes.items()}
    phones = {**town.phones, "tel10": replace(town.phones["tel10"], kind="other")}
    written = replace(town, flows={"town": town_flow()}, numbers={"0": "town"}, boxes=boxes, phones=phones)
    state, directory, sounds = prepared(folder, written)
    (folder / "disk").mkdir()
    with small_disk(state.root, folder / "disk", room=ROOM) as disk:
        seen = State(disk.folder)
        town = Town(seen, directory, sounds, seen.run / "words.wav", under=disk.under, root=state.root)
        with started(town):
            until(lambda: "durchwahl_disk_writable" in town.page("/metrics"), 20)
            yield town, disk


@pytest.fixture(scope="module")
def town_up(made: tuple[Town, SmallDisk]) -> Town:
    return made[0]


@pytest.fixture
def disk(made: tuple[Town, SmallDisk]) -> Iterator[SmallDisk]:
    """With room, before and after."""
    yield made[1]
    made[1].make_room()


def command(town: Town, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command of an admin, who sees that disk too."""
    return subprocess.run(town.command(*words), capture_output=True, text=True, env={**os.environ, **more}, timeout=120)


def outcomes(town: Town) -> list[str]:
    """Of every call that is in the database, the newest first."""
    return [past["outcome"] for past in json.loads(command(town, "journeys", "--json", "--tests").stdout)]


def writable(town: Town) -> set[str]:
    """What the metric says."""
    told = (line for line in town.page("/metrics").splitlines() if line.startswith("durchwahl_disk_writable{"))
    return {line.rpartition(" ")[2] for line in told}


def messages(town: Town) -> dict[str, float]:
    spool = Spool(town.state.spool)
    return whole(spool, BOX).get("INBOX", {}) if spool.box(BOX).path.exists() else {}


async def told_so(town: Town, now: World) -> None:
    """Callers at a mailbox hear that it cannot be done; what was written down of them is true, and waits."""
    cannot = replace(now, boxes={BOX: "failed"})
    for (journey, different), heard in await asyncio.gather(
        *(town.listening_call(cannot, 60, number=NUMBER) for _ in range(3))
    ):
        assert (different, journey.outcome) == ("", "told")
        assert recognise(heard, town.prompt("sorry", "de")).recognised, journey


@pytest.mark.long
async def test_who_would_leave_a_message_is_told_and_everything_goes_on_later(town: Town, disk: SmallDisk) -> None:
    now = world(MONDAY_10)
    _, different = await town.test_call(now, number=NUMBER)
    assert not different
    until(lambda: bool(messages(town)) and outcomes(town) == ["message"], SOON)
    before = messages(town)

    disk.fill()
    until(lambda: writable(town) == {"0.0"}, SOON)
    told = command(town, "status")
    assert "spool/recording cannot be written (No space left on device): no caller can leave a message" in told.stdout
    assert told.returncode == 1
    await told_so(town, now)
    async with town.staff(DESKS):  # telephones that register now
        journey, different = await town.test_call(replace(now, phones=DESKS), number="2500")
        assert (different, journey.outcome) == ("", "answered")
    assert outcomes(town) == ["message"], "nothing can be written, so nothing may have been"

    disk.make_room()
    _, different = await town.test_call(now, number=NUMBER)
    assert not different
    until(lambda: len(outcomes(town)) == 6, SOON)
    assert outcomes(town) == ["message", "answered", "told", "told", "told", "message"]
    until(lambda: writable(town) == {"1.0"}, SOON)
    until(lambda: len(messages(town)) == 2, SOON)
    assert messages(town).items() >= before.items()
    assert "durchwahl_journal_broken_lines 0.0" in town.page("/metrics")
    assert "cannot be written" not in command(town, "status").stdout


@pytest.mark.long
async def test_the_same_without_an_attendant(town: Town, disk: SmallDisk) -> None:
    known = outcomes(town)
    with performed_by(town, "native"):
        disk.fill()
        await told_so(town, replace(world(MONDAY_10), python=False))
        disk.make_room()
    until(lambda: outcomes(town) == ["told"] * 3 + known, SOON)


def trees(disk: SmallDisk) -> dict[str, dict[str, str]]:
    """Everything in the folder of trees, by its name."""
    folder = disk.folder / "trees"
    found = {path.name: _files(path) for path in folder.iterdir() if path.is_dir()}
    return {**found, "": {path.name: "" for path in folder.iterdir() if path.is_file()}}


def _files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
def test_an_apply_is_refused_whole_until_there_is_room(town: Town, disk: SmallDisk) -> None:
    edited = command(town, "edit", "people", "--yes", EDITOR="sed -i s/Blau/Braun/")
    assert edited.returncode == 0, edited.stderr
    before, runs = trees(disk), os.readlink(disk.folder / "current")
    secrets = _files(disk.folder / "secrets")
    for leaving in (0, 4096, 64 * 1024, MIB):
        disk.fill(leaving)
        refused = command(town, "apply", "--yes")
        assert refused.returncode == 2, refused.stdout
        assert "the disk is full" in refused.stderr
        assert "make room" in refused.stderr
        renewed = command(town, "renew", "master", "--yes")
        assert renewed.returncode == 2, renewed.stdout
        assert "the disk is full" in renewed.stderr
        assert (trees(disk), os.readlink(disk.folder / "current")) == (before, runs)
        assert _files(disk.folder / "secrets") == secrets
        disk.make_room()
    applied = command(town, "apply", "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "applied and read back" in applied.stdout
    assert os.readlink(disk.folder / "current") != runs


@pytest.mark.long
def test_a_tree_for_which_room_ran_out_leaves_nothing(town: Town, disk: SmallDisk) -> None:
    """As when somebody else fills the disk while it is written."""
    kept = Trees(disk.folder / "trees", disk.folder / "current")
    before = trees(disk)
    disk.fill(64 * 1024)
    with pytest.raises(OSError, match="No space left"):
        kept.write({"asterisk/a.conf": "a" * 1024, "asterisk/b.conf": "b" * MIB}, "0123456789abcdef")
    assert trees(disk) == before


@pytest.mark.long
def test_what_the_journal_has_put_by_is_written_to_when_nothing_else_can_be(made: tuple[Town, SmallDisk]) -> None:
    _, disk = made
    path = disk.folder / "journal.csv"
    path.write_text("line\n")
    reserve.hold(path, MIB)
    assert path.read_text() == "line\n"
    disk.fill()
    try:
        with path.open("ab", buffering=0) as file:
            assert file.write(bytes(MIB - 4096)) == MIB - 4096
        with pytest.raises(OSError, match="No space left"):
            reserve.hold(path, MIB)
    finally:
        disk.make_room()
    reserve.hold(path, MIB)
    path.unlink()
