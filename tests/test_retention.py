"""What is too old goes, what is not stays; logs do not fill the disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from orchestrator.messages.retention import DELETE_AFTER, REJECTED_AFTER, forget_rejected, old_messages
from orchestrator.service import logs


def test_old_messages_are_found_by_their_own_date(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    for box, folder, age in (("10", "INBOX", 1.0), ("10", "INBOX", -1.0), ("20", "Old", 1.0)):
        inbox = tmp_path / "voicemail" / "town" / box / folder
        inbox.mkdir(parents=True, exist_ok=True)
        number = len(list(inbox.iterdir()))
        left = int(now - DELETE_AFTER - age)
        (inbox / f"msg{number:04d}.txt").write_text(f"[message]\norigtime={left}\nmsg_id=1.{number}-1\n")
    (tmp_path / "voicemail" / "town" / "20" / "Old" / "msg0001.txt").write_text("[message]\n")
    assert [(old.box, old.folder, old.id) for old in old_messages(tmp_path, now)] == [
        ("10", "INBOX", "1.0-1"),
        ("20", "Old", "1.0-1"),
    ]


def test_rejected_recordings_go_after_a_week(tmp_path: Path) -> None:
    folder = tmp_path / "rejected"
    folder.mkdir()
    for name, age in (("old", REJECTED_AFTER + 60), ("new", 60.0)):
        (folder / f"{name}.wav").touch()
        os.utime(folder / f"{name}.wav", (0, time.time() - age))
    assert forget_rejected(tmp_path, time.time()) == 1
    assert [path.name for path in folder.iterdir()] == ["new.wav"]


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
