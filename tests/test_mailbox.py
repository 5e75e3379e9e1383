"""A box: whatever is done to it, and whenever whoever does it is killed, each message is in it once and whole."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestrator.messages import retention
from orchestrator.messages.audio import judge
from orchestrator.messages.folder import FolderFull
from orchestrator.messages.mailbox import DELETED, FOLDERS, HEARD, NEW, NoSuchMessage, Spool
from tests.killed import killer
from tests.spools import message, whole
from tests.test_filer import recording


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


def three(spool: Spool, box: str = "10") -> None:
    for number, id_ in enumerate("abc", 2):
        message(spool, box, id_, at=float(number), seconds=number)


def test_messages_move_and_numbers_close_up(spool: Spool) -> None:
    three(spool)
    box = spool.box("10")
    assert [each.id for each in box.messages()] == ["a", "b", "c"]
    moved = box.move("a", HEARD)
    assert (moved.folder, moved.new, moved.seconds, moved.caller) == (HEARD, False, 2, "01711234567")
    assert whole(spool, "10") == {NEW: {"b": 3.0, "c": 4.0}, HEARD: {"a": 2.0}}
    assert box.move("a", HEARD) == moved
    box.remove("b")
    assert whole(spool, "10") == {NEW: {"c": 4.0}, HEARD: {"a": 2.0}}
    for missing in (lambda: box.find("b"), lambda: box.move("b", NEW), lambda: box.remove("b")):
        with pytest.raises(NoSuchMessage):
            missing()


def test_what_is_heard_stays_the_same_while_the_box_changes(spool: Spool) -> None:
    three(spool)
    box = spool.box("10")
    heard = box.audio("b")
    box.move("a", HEARD)
    box.move("b", DELETED)
    assert judge(heard)[0] == 3.0
    assert judge(box.audio("c"))[0] == 4.0
    assert box.audio("b") == heard
    box.remove("b")
    assert not heard.exists()


def test_a_copy_is_a_message_of_its_own_and_only_one(spool: Spool) -> None:
    three(spool)
    for _ in range(2):
        copy = spool.box("10").copy("a", spool.box("20"), as_id="a-to-20", by="p2500")
    assert (copy.box, copy.origin, copy.forwarded_by, copy.at, copy.new) == ("20", "10", "p2500", 2.0, True)
    spool.box("10").remove("a")
    assert whole(spool, "20") == {NEW: {"a-to-20": 2.0}}
    assert not list(spool.playing.glob("*.copy"))


def test_a_message_without_a_text_is_not_lost_and_a_text_without_a_message_goes(spool: Spool) -> None:
    three(spool)
    folder = spool.box("10").path / NEW
    (folder / "msg0000.txt").unlink()
    (folder / "msg0001.wav").unlink()
    spool.box("10").move("c", HEARD)
    found = whole(spool, "10")
    assert found[HEARD] == {"c": 4.0}
    assert list(found[NEW].values()) == [2.0]


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_link_to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere")


def far_too_long(path: Path) -> None:
    path.write_text(f"[message]\nmsg_id=b\norigtime={'9' * 5000}\nduration={'9' * 5000}\n")


@pytest.mark.parametrize("damage", [a_folder, a_link_to_nowhere, far_too_long, Path.unlink])
@pytest.mark.parametrize("suffix", ["wav", "txt"])
def test_one_damaged_file_is_in_nobodys_way(spool: Spool, damage: Callable[[Path], None], suffix: str) -> None:
    """Neither in that of the others in the box, nor in that of other boxes."""
    three(spool)
    three(spool, "20")
    damage(spool.box("10").path / NEW / f"msg0001.{suffix}")
    (spool.voicemail / "30").write_text("no box")
    assert {"a", "c"} <= {each.id for each in spool.box("10").messages()}
    message(spool, "10", "d", at=9.0, seconds=2)
    assert {"a", "c", "d"} <= {each.id for each in spool.box("10").messages()}
    assert all(each.at < time.time() + 1 for each in spool.box("10").messages())
    names = sorted(path.name for path in (spool.box("10").path / NEW).glob("msg*.wav"))
    assert names == [f"msg{number:04d}.wav" for number in range(len(names))]
    assert spool.boxes() == ["10", "20"]
    assert sum(len(list(retention.too_old(spool.box(box), 1.0, time.time()))) for box in spool.boxes()) >= 6


def test_what_asterisk_wrote_is_read(spool: Spool) -> None:
    three(spool)
    text = spool.box("10").path / NEW / "msg0001.txt"
    text.write_text(
        text.read_text()
        .replace("callerid=01711234567", 'callerid="Frau = Grün" <+49171 99>')
        .replace("msg_id=b", "msg_id=")
        .replace("duration=3", "duration=")
    )
    found = {each.id: each for each in spool.box("10").messages()}
    (odd,) = found.keys() - {"a", "c"}
    assert (found[odd].caller, found[odd].seconds) == ("+4917199", 0)
    spool.box("10").move("a", HEARD)
    assert spool.box("10").move(odd, HEARD).id == odd, "its id stays when it is numbered anew"


@pytest.mark.parametrize("number", ["", "..", "10/../20", "１０", "abc", "10\n"])
def test_a_box_is_a_number(spool: Spool, number: str) -> None:
    with pytest.raises(ValueError, match="is no box"):
        spool.box(number)


WORK = {
    "move": "box.move('a', 'Old')",
    "delete": "box.move('b', 'Deleted')",
    "remove": "box.remove('a')",
    "audio": "box.audio('b')",
    "copy": "box.copy('b', spool.box('20'), as_id='b-to-20', by='x')",
    "copied": "spool.box('20').copy('z', box, as_id='b', by='x')",
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.long
def test_killed_at_every_line_nothing_is_lost_or_twice(tmp_path: Path, work: str) -> None:
    """Whoever comes next finds whole folders, and doing it again gives what it would have given."""
    program = f"(lambda spool: (lambda box: {WORK[work]})(spool.box('10')))(Spool(Path(at)))"
    imports = "from pathlib import Path; from orchestrator.messages.mailbox import Spool"
    begun = Spool(tmp_path / "begun")
    recording(begun.root / "recording" / "10-9.9-1.wav", 1.8)
    three(begun)
    if work == "copied":
        begun.box("10").remove("b")
        message(begun, "20", "z", seconds=3.0)
    with killer(imports=imports, work=program, files=("mailbox.py", "folder.py", "lock.py")) as killing:
        for line in range(2000):
            spool = Spool(shutil.copytree(begun.root, tmp_path / str(line)))
            survived = killing.survives(spool.root, line)
            spool.box("10").audio("c")  # whoever comes next
            lost = {"a"} if work == "remove" else set()
            found = whole(spool, "10")
            ids = [id_ for messages in found.values() for id_ in messages]
            assert len(ids) == len(set(ids)), f"killed at line {line}: {found}"
            lost |= {"b"} if work == "copied" else set()
            assert {"a", "b", "c"} - lost <= set(ids) <= {"a", "b", "c"}, f"killed at line {line}: {found}"
            assert all(
                length == {"a": 2, "b": 3, "c": 4}[id_] for each in found.values() for id_, length in each.items()
            )
            assert (spool.root / "recording" / "10-9.9-1.wav").exists()
            if survived:
                assert line > 30, "the child was never killed"
                return
    pytest.fail("it never came to its end")


@pytest.mark.long
def test_ten_thousand_messages_and_not_one_more(spool: Spool) -> None:
    """As many as four digits can number; they are listed, moved and removed like any."""
    folder = spool.box("10").path / NEW
    first = message(spool, "10", "m0")
    text, wav = (folder / "msg0000.txt").read_text(), folder / "msg0000.wav"
    assert first.id == "m0"
    for number in range(1, 10_000):
        (folder / f"msg{number:04d}.wav").hardlink_to(wav)
        (folder / f"msg{number:04d}.txt").write_text(text.replace("msg_id=m0", f"msg_id=m{number}"))
    box = spool.box("10")
    assert len(box.messages(NEW)) == 10_000
    with pytest.raises(FolderFull):
        message(spool, "10", "one more")
    began = time.monotonic()
    box.move("m0", HEARD)
    box.remove("m5000")
    assert len(box.messages(NEW)) == 9_998
    assert {each.id for each in box.messages(NEW)} == {f"m{number}" for number in range(1, 10_000)} - {"m5000"}
    assert time.monotonic() - began < 60, "it is a matter of seconds, also on a busy machine"
    assert {path.name for path in folder.glob("*.txt")} == {f"msg{number:04d}.txt" for number in range(9_998)}
    for number in range(1, 4):
        box.move(f"m{number}", HEARD)
    assert {each.id for each in box.messages(HEARD)} == {f"m{number}" for number in range(4)}


def test_many_at_once_do_not_get_in_each_others_way(spool: Spool) -> None:
    """Two boxes and their folders changed from all sides: nobody waits for ever, and nothing is lost."""
    for number in range(12):
        message(spool, "10", f"m{number}", seconds=1.6)
    failed: list[Exception] = []

    def work(number: int) -> None:
        own = Spool(spool.root)  # as another process would
        try:
            for to in (HEARD, DELETED, NEW, HEARD):
                own.box("10").move(f"m{number}", to)
            own.box("10").copy(f"m{number}", own.box("20"), as_id=f"m{number}-to-20", by="x")
        except Exception as bad:
            failed.append(bad)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    assert whole(spool, "10") == {HEARD: {f"m{number}": 1.6 for number in range(12)}}
    assert len(whole(spool, "20")[NEW]) == 12


class AnyOrder(RuleBasedStateMachine):
    """Random commands on two boxes: they hold what a plain dictionary says that they should."""

    ids = st.sampled_from([f"m{number}" for number in range(6)])
    boxes = st.sampled_from(["10", "20"])

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.spool = Spool(Path(self._folder.name))
        self.model: dict[str, dict[str, str]] = {"10": {}, "20": {}}

    def teardown(self) -> None:
        self._folder.cleanup()

    @rule(box=boxes, id=ids, folder=st.sampled_from(FOLDERS))
    def put(self, box: str, id: str, folder: str) -> None:
        message(self.spool, box, id, folder=folder, seconds=1.6)
        self.model[box].setdefault(id, folder)

    @rule(box=boxes, id=ids, to=st.sampled_from(FOLDERS))
    def move(self, box: str, id: str, to: str) -> None:
        if id in self.model[box]:
            self.spool.box(box).move(id, to)
            self.model[box][id] = to
        else:
            with pytest.raises(NoSuchMessage):
                self.spool.box(box).move(id, to)

    @rule(box=boxes, id=ids)
    def remove(self, box: str, id: str) -> None:
        if self.model[box].pop(id, ""):
            self.spool.box(box).remove(id)
        else:
            with pytest.raises(NoSuchMessage):
                self.spool.box(box).remove(id)

    @rule(id=ids)
    @precondition(lambda self: self.model["10"])
    def copy(self, id: str) -> None:
        if id in self.model["10"]:
            self.spool.box("10").copy(id, self.spool.box("20"), as_id=id, by="x")
            self.model["20"].setdefault(id, NEW)

    @invariant()
    def the_boxes_hold_it(self) -> None:
        for box, wanted in self.model.items():
            found = self.spool.box(box).messages()
            assert {each.id: each.folder for each in found} == wanted
            assert len(found) == len(wanted)
            if self.spool.box(box).path.exists():
                whole(self.spool, box)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
