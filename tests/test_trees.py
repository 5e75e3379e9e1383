"""What is kept of trees, and what the history tells: also where its file is cut, empty, or gone."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.asterisk.address import Address
from orchestrator.asterisk.rest import LIMIT, Rest
from orchestrator.rollout import apply as rollout
from orchestrator.rollout.record import LINES
from orchestrator.rollout.trees import KEPT, Trees, read
from orchestrator.service.running import LIST_WITHIN


def tree(number: int) -> dict[str, str]:
    return {"asterisk/x.conf": str(number)}


async def grown(folder: Path, many: int) -> Trees:
    """`many` trees applied in turn, an hour from one to the next."""
    trees = Trees(folder, folder / "current")
    for number in range(many):
        await rollout.apply(trees, tree(number), f"t{number}", None, {"what": f"edit {number}"})
        os.utime(folder / f"t{number}", (number * 3600, number * 3600))
    return trees


def names(trees: Trees) -> set[str]:
    return {path.name for path in trees.folder.iterdir() if path.is_dir() and not path.is_symlink()}


HARM: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_text(""),
    "cut": lambda path: path.write_text(path.read_text()[:200]),
    "garbage": lambda path: path.write_bytes(b'\xff\x00 \n[1]\n../x 1 {}\nt1 nan {}\nt1 1 []\n\nt2 5 {"files": 3}\n'),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
async def test_a_history_that_is_lost_costs_no_tree(tmp_path: Path, harm: str) -> None:
    trees = await grown(tmp_path, 5)
    HARM[harm](tmp_path / "history")
    assert set(trees.kept()) == {f"t{number}" for number in range(5)}
    assert trees.kept()[0] == "t4", "what runs is number 0"
    assert trees.doubts()
    await rollout.apply(trees, tree(5), "t5", None)
    assert names(trees) == {f"t{number}" for number in range(6)}
    assert trees.kept()[0] == "t5"
    assert trees.doubts() == ""
    assert set(trees.kept()) == {f"t{number}" for number in range(6)}


async def test_old_trees_go_and_those_of_a_lost_history_only_when_they_are_older_still(tmp_path: Path) -> None:
    trees = await grown(tmp_path, KEPT + 3)
    assert names(trees) == {f"t{number}" for number in range(3, KEPT + 3)}
    (tmp_path / "history").unlink()
    await rollout.apply(trees, tree(99), "t99", None)
    assert len(names(trees)) == KEPT, "one is too many, and the oldest goes"
    assert "t3" not in names(trees)
    (tmp_path / ".t1.4711").mkdir()
    (tmp_path / "newer").mkdir()
    await rollout.apply(trees, tree(100), "t100", None)
    assert "newer" in names(trees)
    assert ".t1.4711" not in names(trees), "what a killed apply left"


async def test_the_history_tells_everything_that_happened(tmp_path: Path) -> None:
    trees = await grown(tmp_path, 2)
    await rollout.apply(trees, tree(0), "t0", None, {"did": "rollback"})
    assert [each.name for each in trees.applied()] == ["t0", "t1", "t0"]
    assert trees.kept() == ["t0", "t1"]
    for _ in range(LINES):
        trees.remember("t0", 1.0, {})
    assert len((tmp_path / "history").read_text().splitlines()) == LINES
    assert trees.kept() == ["t0", "t1"], "no line of t1 is left, and its folder is"


async def test_the_history_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = await grown(tmp_path, 1)
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda path, to: (done.append(f"replace {path}"), replace(path, to))[1])
    trees.remember("t0", 2.0, {})
    synced, renamed, folder = done
    assert renamed == f"replace {synced}"
    assert folder == str(tmp_path)


async def test_a_tree_that_was_undone_is_none_to_go_back_to(tmp_path: Path) -> None:
    trees = await grown(tmp_path, 2)

    class Wrong:
        async def reload(self, module: str) -> None: ...

        async def differences(self, tree: dict[str, str], changed: object) -> list[str]:
            return [] if tree["asterisk/x.conf"] == "1" else ["extension more x1 is missing"]

    outcome = await rollout.apply(trees, tree(7), "t7", Wrong())  # type: ignore[arg-type]
    assert not outcome.done
    assert trees.kept() == ["t1", "t0"]
    outcome = await rollout.apply(trees, tree(0), "t0", Wrong())  # type: ignore[arg-type]
    assert not outcome.done
    assert trees.kept() == ["t1", "t0"], "one that ran before stays"


def test_lines_of_former_versions_are_read(tmp_path: Path) -> None:
    trees = Trees(tmp_path, tmp_path / "current")
    for name in "abc":
        (tmp_path / name).mkdir()
    (tmp_path / "history").write_text(f"c 30 {json.dumps({'why': 'x y'})}\nb 20\na\n")
    assert [(each.name, each.at, each.note) for each in trees.applied()] == [
        ("c", 30, {"why": "x y"}),
        ("b", 20, {}),
        ("a", 0, {}),
    ]


def test_a_damaged_tree_that_does_not_run_is_replaced_under_its_name(tmp_path: Path) -> None:
    trees = Trees(tmp_path, tmp_path / "current")
    trees.write(tree(1), "t1")
    (tmp_path / "t1/asterisk/x.conf").write_text("damaged")
    assert trees.write(tree(1), "t1") == tmp_path / "t1"
    assert read(tmp_path / "t1") == tree(1)


class Busy:
    """An Asterisk that cannot be read back the first `times`."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def reload(self, module: str) -> None: ...

    async def differences(self, tree: object, changed: object) -> list[str]:
        self.times -= 1
        if self.times >= 0:
            raise OSError("GET modules: no answer")
        return []


async def test_a_busy_asterisk_undoes_no_good_apply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = await grown(tmp_path, 1)
    monkeypatch.setattr(rollout, "ASK_AGAIN", 0.01)
    assert (await rollout.apply(trees, tree(1), "t1", Busy(3))).done
    assert trees.name() == "t1"


async def test_what_could_not_be_read_back_in_time_is_not_told_as_different(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = await grown(tmp_path, 1)
    monkeypatch.setattr(rollout, "ASK_AGAIN", 0.01)
    monkeypatch.setattr(rollout, "READ_WITHIN", 0.05)
    outcome = await rollout.apply(trees, tree(1), "t1", Busy(1000))
    assert not outcome.done
    assert outcome.differences[0].startswith("it could not be read back within 0 s")
    assert "no answer" in outcome.differences[0]
    assert trees.name() == "t0"
    assert trees.unsettled, "nobody knows what Asterisk has: the next apply reloads everything"


def test_a_list_may_take_longer_than_what_a_caller_waits_for() -> None:
    with socket.socket() as slow:
        slow.bind(("127.0.0.1", 0))
        slow.listen()
        thread = threading.Thread(target=_answers_late, args=(slow, LIMIT + 0.3))
        thread.start()
        address = Address(url=f"http://127.0.0.1:{slow.getsockname()[1]}/ari", user="u", password="p")
        assert Rest(address, within=LIST_WITHIN).ask("GET", "asterisk", "modules") == []
        thread.join()


def _answers_late(slow: socket.socket, seconds: float) -> None:
    line, _ = slow.accept()
    with line:
        line.recv(4096)
        time.sleep(seconds)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
