"""The whole way: backed up while people speak to mailboxes, the host is gone, restored elsewhere, all is there."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from orchestrator.asterisk import database
from orchestrator.domain.directory import Directory
from orchestrator.messages import greetings
from orchestrator.messages.description import Description
from orchestrator.messages.mailbox import HEARD, NEW, Spool
from orchestrator.messages.pins import Pins
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import directory as directories
from orchestrator.service import present, restore, sealing, shelf, wiring
from orchestrator.service.running import connected
from orchestrator.service.state import State
from tests import ports
from tests.mailbox_line import PUBLIC, directory
from tests.running_town import CITIZEN, Town, prepared, started, until, world, wrong
from tests.spools import whole
from tests.test_cli import durchwahl
from tests.towns import MONDAY_10

pytestmark = pytest.mark.long

BOX, OTHER, PIN = "2500", "10", "805271936"
FAMILY, KEY, VALUE = "outside", "tel2500/hour", "498810:2"
"""What a telephone has used of its budget, which Asterisk alone keeps."""
SOON = 30.0
PORT = re.compile(r"^(\w+_port|rtp_start|rtp_end)( *= *)\d+", re.MULTILINE)


@dataclass
class Told:
    """What was true of the old host when it went."""

    file: Path
    identity: Path
    password: str
    """Of a telephone."""
    before: set[str]
    """Ids of the messages that were there when the backup began."""
    after: set[str]
    """The same when it had been made."""
    town: Directory


def ids(state: State, box: str) -> set[str]:
    spool = Spool(state.spool)
    return {message.id for message in spool.box(box).messages()}


def backup(town: Town, folder: Path) -> Path:
    done = durchwahl(town.state.root, "backup", "--folder", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    return Path(done.stdout.split("  ")[0])


async def leaves(town: Town, many: int) -> None:
    """Callers who leave messages, one after the other; each call must go as it should."""
    for _ in range(many):
        journey, different = await town.test_call(world(MONDAY_10), number="30")
        assert (different, journey.outcome) == ("", "message")


async def lived(town: Town, folder: Path) -> Told:
    """Things happen, a backup is made while calls go on, and then the host is no more."""
    spool = Spool(town.state.spool)
    for number in range(2):
        said = Description(id=f"{number}.1-1", caller="01712345678", at=time.time() - 60, seconds=3, origin=BOX)
        spool.box(BOX).put(town.words, said)
    spool.box(BOX).move("1.1-1", HEARD)
    Pins(spool, wiring.secrets(town.state).pin).change(BOX, PIN)
    greetings.put(spool, BOX, "unavail", town.words)
    done = durchwahl(town.state.root, "absent", "3501", "--why", "holiday")
    assert "in force at once" in done.stdout, done.stdout + done.stderr
    async with connected(town.state) as running:
        assert running
        await database.put(running.ami, FAMILY, KEY, VALUE)

    await leaves(town, 1)
    await asyncio.to_thread(until, lambda: ids(town.state, OTHER), SOON)
    callers = [asyncio.create_task(leaves(town, 2)) for _ in range(3)]
    made, before = list[Path](), set[str]()
    while not all(each.done() for each in callers):  # again and again, whatever the callers are at
        before = ids(town.state, OTHER)
        made.append(await asyncio.to_thread(backup, town, folder / "backups"))
    await asyncio.gather(*callers)
    assert len(made) > 2
    assert "Error executing SQL" not in (town.state.log / "full").read_text(errors="replace"), (
        "its database was left alone"
    )
    await asyncio.to_thread(until, lambda: not list(spool.recordings.glob("*.wav")), SOON)
    return Told(
        file=made[-1],
        identity=folder / "identity",
        password=wiring.secrets(town.state).of("sip:tel2500"),
        before=before,
        after=ids(town.state, OTHER),
        town=await directories.read(town.state),
    )


@pytest.fixture(scope="module")
def new_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, Told]]:
    folder = tmp_path_factory.mktemp("r")
    (folder / "backups").mkdir()
    key = sealing.new_key(folder / "identity")

    def furnish(state: State) -> None:
        with (state.root / "settings.toml").open("a") as file:
            file.write(f'\n[backup]\nkeys = ["{key}"]\n')

    state, town_, sounds = prepared(folder / "old", directory(), furnish)
    with started(Town(state, town_, sounds, state.run / "words.wav")) as old:
        until(old.ready, SOON)
        told = asyncio.run(lived(old, folder))
        until(lambda: not old.left(), SOON)
    shutil.rmtree(folder / "old")

    root = folder / "new" / "s"
    done = durchwahl(root, "restore", str(told.file), "--identity", str(told.identity))
    assert done.returncode == 0, done.stderr
    elsewhere(root / "settings.toml", folder / "backups")
    done = durchwahl(root, "apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    new = State(root)
    found = asyncio.run(directories.read(new))
    with started(Town(new, found, directories.spoken(new, found), new.run / "words.wav")) as town:
        until(town.ready, SOON)
        yield town, told


def elsewhere(path: Path, backups: Path) -> None:
    """Other ports, and a folder for backups, as an admin writes them."""
    listens = ports.exchange()
    given = {
        **{f"{name}_port": getattr(listens, name) for name in ("sip", "tls", "http", "ami", "web", "metrics")},
        "rtp_start": listens.rtp,
        "rtp_end": listens.rtp + listens.rtp_ports - 1,
    }
    text = PORT.sub(lambda found: f"{found[1]}{found[2]}{given[found[1]]}", path.read_text())
    path.write_text(text.replace("\n[backup]\n", f'\n[backup]\nfolder = "{backups}"\n'))


@pytest.fixture
def town(new_host: tuple[Town, Told]) -> Iterator[Town]:
    yield new_host[0]
    until(lambda: not new_host[0].left(), SOON)


@pytest.fixture
def told(new_host: tuple[Town, Told]) -> Told:
    return new_host[1]


async def test_nothing_is_wrong_and_the_directory_is_the_same(town: Town, told: Told) -> None:
    assert await directories.read(town.state) == told.town
    await asyncio.to_thread(until, lambda: "durchwahl_backup_timestamp" in town.page("/metrics"), SOON)
    assert [problem for problem in await wrong(town.state) if "backup" not in problem] == []


async def test_a_telephone_registers_with_its_old_password_and_is_rung(town: Town, told: Told) -> None:
    assert wiring.secrets(town.state).of("sip:tel2500") == told.password
    async with town.staff({"tel2500": "talked"}):
        journey, different = await town.test_call(world(MONDAY_10, phones={"tel2500": "talked"}), number="2500")
        assert (different, journey.outcome) == ("", "answered")


def test_every_message_is_there_and_whole(town: Town, told: Told) -> None:
    """What was there when the backup began, and nothing that was never left."""
    spool = Spool(town.state.spool)
    found = ids(town.state, OTHER)
    assert told.before
    assert told.before <= found <= told.after
    assert len(found) == len(spool.box(OTHER).messages()), "none is there twice"
    whole(spool, OTHER)
    assert {folder: set(messages) for folder, messages in whole(spool, BOX).items()} == {
        NEW: {"0.1-1"},
        HEARD: {"1.1-1"},
    }
    listed = durchwahl(town.state.root, "messages", BOX)
    assert "0.1-1" in listed.stdout, listed.stdout + listed.stderr


async def test_the_message_is_heard_from_outside_with_the_pin_that_was_chosen(town: Town, told: Told) -> None:
    line = Line(number="+491719900001", exchange=town.exchange)
    async with Telephone(wiring.program("baresip"), line, address=CITIZEN) as telephone:
        call = await telephone.dial(PUBLIC)
        await call.answered(within=SOON)
        for keys in (f"{BOX}#", f"{PIN}#", "1"):
            await call.stays(3.0)
            await call.press(keys)
        await asyncio.to_thread(until, lambda: len(Spool(town.state.spool).box(BOX).messages(HEARD)) == 2, SOON)
        await call.hang_up()
        heard = await call.heard()
    assert recognise(heard, read_sound(town.words)).share > 0.9


async def test_who_was_absent_still_is(town: Town, told: Told) -> None:
    switched = await present.now(town.state)
    assert "absent_3501" in switched
    described = replace(world(MONDAY_10, phones={"tel2501": "talked"}), switches=switched)
    journey, different = await town.test_call(described, number="3501", at_box="leaves")
    assert not different
    first = journey.steps[0]
    assert (first.place, first.answer) == ("n_3501.diverted", "nobody"), "with `off` she would be rung"


async def test_what_only_asterisk_knew_and_the_greeting_are_there(town: Town, told: Told) -> None:
    async with connected(town.state) as running:
        assert running
        assert (await database.entries(running.ami, FAMILY))[KEY] == VALUE
    assert greetings.path(Spool(town.state.spool), BOX, "unavail").is_file()


async def test_control_makes_a_backup_by_itself_and_tells(town: Town, told: Told) -> None:
    """The new host goes on: its note of the last backup was lost with the old one."""

    def figure(name: str) -> float:
        lines = (line for line in town.page("/metrics").splitlines() if line.startswith(f"durchwahl_backup_{name} "))
        return float(next(lines).split()[1])

    await asyncio.to_thread(until, lambda: figure("timestamp_seconds") > time.time() - 300, 90)
    newest = max(told.file.parent.iterdir())
    assert figure("bytes") == newest.stat().st_size
    assert figure("failed") == 0
    assert restore.verify(newest, told.identity).files > 10
    assert "Sicherung" in town.page("/")
    told.file.parent.rename(told.file.parent.with_name("away"))
    try:
        note = town.state.run / "backup.json"
        note.write_text(json.dumps({"at": time.time() - 2 * 86400, "size": 1, "name": newest.name}))
        await asyncio.to_thread(until, lambda: figure("failed") == 1, 60)
        assert "is it mounted?" in shelf.last(town.state).why
        assert [problem for problem in await wrong(town.state) if "the last backup failed" in problem]
    finally:
        told.file.parent.with_name("away").rename(told.file.parent)
