"""What is too old goes, what is not stays; logs do not fill the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.messages.mailbox import DELETED, HEARD, Spool
from orchestrator.messages.retention import (
    DAY,
    DELETE_AFTER,
    PLAYING_AFTER,
    REJECTED_AFTER,
    UNDO_WITHIN,
    forget_playing,
    forget_rejected,
    remove,
    too_old,
)
from orchestrator.service import logs
from tests.spools import message


def test_messages_go_by_their_own_date_and_their_boxes_rule(tmp_path: Path) -> None:
    spool, now = Spool(tmp_path), 1_800_000_000.0
    for box, id_, days in (("10", "a", 91), ("10", "b", 89), ("20", "c", 31), ("20", "d", 29), ("30", "e", 91)):
        message(spool, box, id_, at=now - days * DAY)
    keep = {"10": 90 * DAY, "20": 30 * DAY, "30": 400 * DAY}
    found = [each for box in keep for each in too_old(spool.box(box), keep[box], now)]
    assert [(old.id, why) for old, why in found] == [("a", "aged"), ("c", "aged"), ("e", "aged")]
    for old, _ in found:
        assert remove(spool, old)
        assert not remove(spool, old)
    assert not [each for box in keep for each in too_old(spool.box(box), keep[box], now)]


def test_a_deleted_message_can_be_taken_back_for_a_day(tmp_path: Path) -> None:
    spool, now = Spool(tmp_path), time.time()
    box = spool.box("10")
    for id_ in ("a", "b", "c"):
        message(spool, "10", id_, at=now)
        box.move(id_, DELETED)
    for text in sorted((box.path / DELETED).glob("*.txt"))[:2]:
        os.utime(text, (0, now - UNDO_WITHIN - 60))
    box.move("b", HEARD)
    assert [(old.id, why) for old, why in too_old(box, DELETE_AFTER, now)] == [("a", "deleted")]


@pytest.mark.parametrize(
    ("folder", "forget", "after"),
    [("rejected", forget_rejected, REJECTED_AFTER), ("playing", forget_playing, PLAYING_AFTER)],
)
def test_leftovers_go_after_their_time(
    tmp_path: Path, folder: str, forget: Callable[[Spool, float], int], after: float
) -> None:
    (tmp_path / folder).mkdir()
    for name, age in (("old", after + 60), ("new", 60.0)):
        (tmp_path / folder / f"{name}.wav").touch()
        os.utime(tmp_path / folder / f"{name}.wav", (0, time.time() - age))
    assert forget(Spool(tmp_path), time.time()) == 1
    assert [path.name for path in (tmp_path / folder).iterdir()] == ["new.wav"]


def test_a_large_log_is_put_aside_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LARGEST", 100)
    (tmp_path / "small").write_text("x")
    with (tmp_path / "full").open("a") as writer:
        for number in range(8):
            writer.write(f"{number}" * 200 + "\n")
            writer.flush()
            logs.rotate(tmp_path)
        writer.write("after\n")
    assert (tmp_path / "full").read_text() == "after\n"
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == ["full", "full.1", "full.2", "full.3", "full.4", "full.5", "small"]
    assert (tmp_path / "full.1").read_text().startswith("777")
