"""The filer: every recording is filed exactly once, whatever instant it is killed at, and Asterisk can read it."""

from __future__ import annotations

import fcntl
import math
import os
import signal
import struct
import subprocess
import sys
import threading
from array import array
from functools import cache
from pathlib import Path

import pytest

from orchestrator.messages.audio import judge, repair
from orchestrator.messages.filer import Filer, Taken
from orchestrator.messages.lock import locked
from orchestrator.messages.mailbox import Spool
from tests.killed import killer


def recording(path: Path, seconds: float, level: float = 0.1) -> Path:
    """A WAV as Asterisk records it, with a tone in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(recorded(seconds, level))
    return path


@cache
def recorded(seconds: float, level: float) -> bytes:
    """What is in it: thousands of tests want the same few."""
    samples = array("h", (int(32767 * level * math.sin(n * 0.3)) for n in range(int(seconds * 8000))))
    data = samples.tobytes()
    header = (
        b"RIFF"
        + struct.pack("<I", len(data) + 36)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    )
    return header + b"data" + struct.pack("<I", len(data)) + data


def file(spool: Path, channel: str, *, caller: str = "", at: float = 1.0) -> list[Taken]:
    """File and release, as control does."""
    filer = Filer(Spool(spool))
    taken = filer.file(channel, caller=caller, at=at)
    for each in taken:
        filer.release(each)
    return taken


def filed(spool: Path, channel: str) -> str | None:
    return Filer(Spool(spool)).filed(channel, Spool(spool).boxes())


def inbox(spool: Path, box: str = "10") -> list[str]:
    return sorted(path.name for path in (spool / "voicemail" / "town" / box / "INBOX").glob("msg*"))


def test_a_message_is_filed_as_app_voicemail_does(tmp_path: Path) -> None:
    recording(tmp_path / "recording" / "10-1795.1-1.wav", 3)
    (taken,) = file(tmp_path, "1795.1", caller="+491711234567", at=1795463178.5)
    assert (taken.verdict, taken.box, taken.seconds) == ("message", "10", 3.0)
    assert inbox(tmp_path) == ["msg0000.txt", "msg0000.wav"]
    text = (tmp_path / "voicemail/town/10/INBOX/msg0000.txt").read_text()
    assert "callerid=+491711234567\n" in text
    assert "origtime=1795463178\n" in text
    assert "duration=3\n" in text
    assert not list((tmp_path / "recording").iterdir())
    assert file(tmp_path, "1795.1", caller="", at=0) == []
    assert (filed(tmp_path, "1795.1"), filed(tmp_path, "1795.2")) == ("message", None)


def test_a_caller_who_comes_back_leaves_two(tmp_path: Path) -> None:
    recording(tmp_path / "recording" / "10-1.1-1.wav", 2)
    recording(tmp_path / "recording" / "10-1.1-2.wav", 3)
    recording(tmp_path / "recording" / "20-1.1-3.wav", 4)
    recording(tmp_path / "recording" / "10-1.11-1.wav", 4)
    taken = file(tmp_path, "1.1", caller="", at=1.0)
    assert [(each.box, each.seconds) for each in taken] == [("10", 2.0), ("10", 3.0), ("20", 4.0)]
    assert [channel for _, channel in Filer(Spool(tmp_path)).waiting()] == ["1.11"]


def test_the_last_take_in_which_something_was_said_is_the_message(tmp_path: Path) -> None:
    """Who asks for another try and then says nothing has left what was said before."""
    for take, (length, level) in enumerate(((2.0, 0.1), (4.0, 0.1), (3.0, 0.0)), 1):
        recording(tmp_path / "recording" / f"10-1.1-1-{take}.wav", length, level)
    (taken,) = file(tmp_path, "1.1")
    assert (taken.verdict, taken.seconds) == ("message", 4.0)
    assert inbox(tmp_path) == ["msg0000.txt", "msg0000.wav"]
    assert not list((tmp_path / "recording").iterdir())


def test_what_is_filed_and_not_released_is_filed_once(tmp_path: Path) -> None:
    recording(tmp_path / "recording" / "10-1.1-1.wav", 2)
    filer = Filer(Spool(tmp_path))
    (first,) = filer.file("1.1", caller="", at=1.0)
    assert first.message
    Spool(tmp_path).box("10").move(first.message.id, "Old")
    (second,) = filer.file("1.1", caller="", at=1.0)
    assert second.message == Spool(tmp_path).box("10").find("1.1-1")
    filer.release(second)
    assert [message.folder for message in Spool(tmp_path).box("10").messages()] == ["Old"]


def test_a_caller_cannot_write_into_the_description(tmp_path: Path) -> None:
    recording(tmp_path / "recording" / "10-1.1-1.wav", 3)
    file(tmp_path, "1.1", caller="0171\nmsg_id=x", at=1.0)
    text = (tmp_path / "voicemail/town/10/INBOX/msg0000.txt").read_text()
    assert text.count("msg_id=") == 1


@pytest.mark.parametrize(("seconds", "level"), [(1.0, 0.5), (5.0, 0.0), (5.0, 0.001)])
def test_nothing_said_is_no_message_and_stays_so(tmp_path: Path, seconds: float, level: float) -> None:
    recording(tmp_path / "recording" / "10-1.1-1.wav", seconds, level)
    (taken,) = file(tmp_path, "1.1", caller="", at=1.0)
    assert taken.verdict == filed(tmp_path, "1.1") == "too_short"
    assert inbox(tmp_path) == []


def test_a_header_cut_short_by_a_crash_is_repaired(tmp_path: Path) -> None:
    path = recording(tmp_path / "10-1.1-1.wav", 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\0\0\0\0" + whole[8:40] + b"\0\0\0\0" + whole[44:])
    repair(path)
    assert path.read_bytes() == whole
    assert judge(path) == (2.0, True)


KILLED = {
    "imports": "from pathlib import Path; from tests.test_filer import file",
    "work": 'file(Path(at), "1.1", caller="0171")',
}


@pytest.mark.long
def test_killed_at_every_line_it_files_once(tmp_path: Path) -> None:
    """A child is killed after each line of the filer in turn; the next attempt leaves exactly one message."""
    with killer(**KILLED, files=("filer.py", "mailbox.py", "folder.py", "lock.py")) as killing:
        for line in range(900):
            spool = tmp_path / str(line)
            recording(spool / "recording" / "10-1.1-1.wav", 2)
            survived = killing.survives(spool, line)
            file(spool, "1.1", caller="0171", at=1.0)
            assert inbox(spool) == ["msg0000.txt", "msg0000.wav"], f"killed at line {line}"
            assert not list((spool / "recording").iterdir())
            assert judge(spool / "voicemail/town/10/INBOX/msg0000.wav") == (2.0, True)
            if survived:
                assert line > 20, "the child was never killed"
                return
    pytest.fail("the filer never came to its end")


def test_many_at_once_leave_no_gap_and_no_double(tmp_path: Path) -> None:
    for number in range(20):
        recording(tmp_path / "recording" / f"10-1.{number}-1.wav", 2)
    threads = [threading.Thread(target=file, args=(tmp_path, f"1.{n}")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    wanted = {f"msg{n:04d}{suffix}" for n in range(20) for suffix in (".txt", ".wav")}
    assert set(inbox(tmp_path)) == wanted
    texts = (tmp_path / "voicemail/town/10/INBOX").glob("*.txt")
    assert len({line for text in texts for line in text.read_text().splitlines() if "msg_id" in line}) == 20


def test_a_lock_is_respected_and_a_stale_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("stale")
    with locked(tmp_path):
        pass
    holder = os.open(tmp_path / "lock", os.O_WRONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    threading.Timer(0.4, os.close, [holder]).start()
    with locked(tmp_path):
        pass
    with pytest.raises(TimeoutError), locked_by_another(tmp_path), locked(tmp_path):
        pass


class locked_by_another:  # noqa: N801
    """Another process holds the lock and does not let go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        program = (
            "import fcntl,sys,time; f=open(sys.argv[1],'w'); fcntl.flock(f,2); print(1,flush=True); time.sleep(60)"
        )
        argv = [sys.executable, "-c", program, str(self._folder / "lock")]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        assert self._process.stdout
        self._process.stdout.readline()

    def __exit__(self, *raised: object) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        assert self._process.stdout
        self._process.stdout.close()
