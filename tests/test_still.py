"""The spool held still: no message is lost, half or there twice, whatever is done to the boxes meanwhile."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from orchestrator.messages import lock
from orchestrator.messages.folder import Folder
from orchestrator.messages.lock import locked
from orchestrator.messages.mailbox import HEARD, NEW, NoSuchMessage, Spool
from orchestrator.messages.still import FOLDER, still
from tests.spools import message

BOX = "2500"
STAY = {f"{number}.0-1" for number in range(8)}
"""Ids of messages that go from folder to folder, and are never removed."""


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path)
    spool.recordings.mkdir()
    for id_ in sorted(STAY):
        message(spool, BOX, id_, seconds=0.2)
    return spool


@contextmanager
def busy(root: Path) -> Iterator[None]:
    """Two who move messages, leave new ones and remove those, so that all the others get other numbers."""
    over = threading.Event()
    failed: list[BaseException] = []

    def work(which: int) -> None:
        rolled, box, left = random.Random(which), Spool(root).box(BOX), 0
        try:
            while not over.is_set():
                box.move(rolled.choice(sorted(STAY)), rolled.choice((NEW, HEARD)))
                message(Spool(root / f"made{which}"), "1", f"{left}.{which}-9", seconds=0.1)
                audio = next((root / f"made{which}").glob("voicemail/town/1/INBOX/*.wav"))
                box.put(audio, Spool(root / f"made{which}").box("1")._folder(NEW).listed()[0].described)
                Spool(root / f"made{which}").box("1").remove(f"{left}.{which}-9")
                box.remove(f"{left}.{which}-9")
                left += 1
        except NoSuchMessage:
            pass
        except BaseException as bad:
            failed.append(bad)

    for which in range(2):
        (root / f"made{which}" / "recording").mkdir(parents=True)
    workers = [threading.Thread(target=work, args=(which,)) for which in range(2)]
    for each in workers:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in workers:
            each.join()
    assert failed == []


def test_what_is_moved_meanwhile_is_there_once_and_whole(spool: Spool) -> None:
    moved = set()
    with busy(spool.root):
        for _ in range(60):
            with still(Spool(spool.root)) as held:
                assert held.boxes() == []
                ids = [each.id for each in Spool(held.root).box(BOX).messages()]
                assert set(ids) >= STAY
                assert len(ids) == len(set(ids))
                folders = [path for path in (held.root / "voicemail/town" / BOX).iterdir() if path.is_dir()]
                assert [Folder(path).halves() for path in folders] == [([], [])] * len(folders)
                moved.add(tuple(sorted(each.name for path in folders for each in path.iterdir())))
    assert len(moved) > 5, "they were moved"


def test_a_folder_that_is_made_at_that_instant_is_held_too(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first message that anybody has heard: until then the box has no folder for it."""

    def late(*folders: Path) -> AbstractContextManager[None]:
        monkeypatch.undo()
        spool.box(BOX).move("6.0-1", HEARD)
        return locked(*folders)

    assert not (spool.box(BOX).path / HEARD).exists()
    monkeypatch.setattr("orchestrator.messages.still.locked", late)
    with still(spool) as held:
        assert held.boxes() == []
        assert {each.id for each in Spool(held.root).box(BOX).messages()} == STAY


def test_what_is_removed_can_still_be_read(spool: Spool) -> None:
    with still(spool) as held:
        held.recordings()
        held.boxes()
        there = dict(held.files())
        assert len(there) == 2 * len(STAY)
        for id_ in STAY:
            spool.box(BOX).remove(id_)
        assert all(path.read_bytes() for path in there.values())
    assert not (spool.root / FOLDER).exists()


def test_locks_and_what_is_being_written_are_left_out(spool: Spool) -> None:
    box = spool.box(BOX).path
    for name in ("secret.conf", ".secret.conf", "unavail.wav", "greetings.json"):
        (box / name).write_text("x")
    (box / "tmp").mkdir()
    (box / "tmp" / "x.wav").write_text("x")
    (spool.recordings / "2500-1.1-1.wav").write_text("x")
    (spool.recordings / ".room.1").write_text("x")
    with still(spool) as held:
        held.recordings()
        held.boxes()
        names = {name for name, _ in held.files() if "msg" not in name}
    at = f"voicemail/town/{BOX}/"
    assert names == {f"{at}secret.conf", f"{at}unavail.wav", f"{at}greetings.json", "recording/2500-1.1-1.wav"}


def test_a_box_that_is_kept_for_long_is_taken_as_it_lies(spool: Spool) -> None:
    lock.PATIENCE.set(0.1)
    with locked(spool.box(BOX).path / NEW), still(spool) as held:
        assert held.boxes() == [BOX]
        assert len(list(held.files())) == 2 * len(STAY)


def test_a_spool_in_which_nothing_ever_was(tmp_path: Path) -> None:
    with still(Spool(tmp_path)) as held:
        held.recordings()
        assert held.boxes() == []
        assert list(held.files()) == []
