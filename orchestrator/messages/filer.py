"""The one writer of mailboxes: takes finished recordings and files them into `app_voicemail`'s spool, exactly once.

A recording is linked into the box, described, and only then removed: killed at any instant, the next attempt finds
what was done and goes on from there. `VoiceMailMain()` and the lamps see the box as if Asterisk had written it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from orchestrator.messages.audio import judge, repair

Verdict = Literal["message", "too_short"]
RECORDING = re.compile(r"(?P<box>[0-9]+)-(?P<id>(?P<channel>[0-9.]+)-[0-9]+(-[0-9]+)?)\.wav")
LOCK_LIMIT = 5.0
TEXT = """\
;
; Message Information file
;
[message]
origmailbox={box}
context=town
macrocontext=
exten=
rdnis=unknown
priority=1
callerchan={channel}
callerid={caller}
origdate={date}
origtime={time}
category=
msg_id={id}
flag=
duration={seconds}
"""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of a recording."""

    verdict: Verdict
    box: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Filer:
    """Files from `spool/recording` into `spool/voicemail/town/<box>/INBOX`. Blocking: call it from a thread."""

    spool: Path

    @property
    def recordings(self) -> Path:
        """Where Asterisk records."""
        return self.spool / "recording"

    def waiting(self) -> list[tuple[float, str]]:
        """Recordings that are not filed, the oldest first: when each was last written (epoch seconds), its channel."""
        found = []
        for path in self.recordings.glob("*.wav"):
            if named := RECORDING.fullmatch(path.name):
                with contextlib.suppress(FileNotFoundError):  # filed meanwhile
                    found.append((path.stat().st_mtime, named["channel"]))
        return sorted(found)

    def file(self, channel: str, *, caller: str, at: float) -> list[Taken]:
        """File every recording of `channel`, made by `caller` at `at` (epoch seconds). Raises OSError."""
        found = sorted(self.recordings.glob(f"*-{channel}-*.wav"))
        named = [(path, match) for path in found if (match := RECORDING.fullmatch(path.name))]
        return [self._take(path, match["box"], match["id"], caller, at) for path, match in named]

    def filed(self, channel: str) -> Verdict | None:
        """What became of a recording of `channel` that was taken before; None if there never was one."""
        for text in (self.spool / "voicemail" / "town").glob("*/*/msg*.txt"):
            with contextlib.suppress(FileNotFoundError):  # moved or deleted meanwhile
                if f"\nmsg_id={channel}-" in text.read_text(errors="replace"):
                    return "message"
        return "too_short" if any((self.spool / "rejected").glob(f"*-{channel}-*.wav")) else None

    def _take(self, path: Path, box: str, id: str, caller: str, at: float) -> Taken:
        repair(path)
        seconds, said = judge(path)
        if not said:
            rejected = self.spool / "rejected"
            rejected.mkdir(exist_ok=True)
            path.replace(rejected / path.name)
            return Taken(verdict="too_short", box=box, seconds=seconds)
        inbox = self.spool / "voicemail" / "town" / box / "INBOX"
        inbox.mkdir(parents=True, exist_ok=True)
        text = TEXT.format(
            box=box,
            channel=id.partition("-")[0],
            caller=re.sub(r"[^0-9+*#]", "", caller) or "Unknown",
            date=datetime.fromtimestamp(at, UTC).strftime("%a %b %d %I:%M:%S %p UTC %Y"),
            time=int(at),
            id=id,
            seconds=max(1, round(seconds)),
        )
        with locked(inbox):
            self._file(path, inbox, text, id)
        return Taken(verdict="message", box=box, seconds=seconds)

    def _file(self, path: Path, inbox: Path, text: str, id: str) -> None:
        if not any(f"msg_id={id}\n" in other.read_text(errors="replace") for other in inbox.glob("msg*.txt")):
            name = self._linked(path, inbox)
            beside = inbox / f".{name}.txt"
            beside.write_text(text)
            with beside.open() as written:
                os.fsync(written.fileno())
            beside.replace(inbox / f"{name}.txt")
        path.unlink()

    def _linked(self, path: Path, inbox: Path) -> str:
        """The name under which `path` is in the box now: linked before, or linked now under the first free number."""
        for other in inbox.glob("msg*.wav"):
            if other.samefile(path):
                return other.stem
        number = 0
        while any((inbox / f"msg{number:04d}{suffix}").exists() for suffix in (".wav", ".txt")):
            number += 1
        (inbox / f"msg{number:04d}.wav").hardlink_to(path)
        return f"msg{number:04d}"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock that Asterisk takes with `lockmode=flock`: the file `lock` of the folder. Raises TimeoutError.

    (`.lock` is the file of its other mode.) Asterisk removes the file when it lets go; so we look which one we hold.
    """
    deadline = time.monotonic() + LOCK_LIMIT
    while (lock := _lock(folder / "lock")) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{folder} is locked for more than {LOCK_LIMIT:.0f} s")
        time.sleep(0.05)
    try:
        yield
    finally:
        os.close(lock)


def _lock(path: Path) -> int | None:
    """The descriptor of the locked file; None while another has it, or if it was removed meanwhile."""
    lock = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino == path.stat().st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None
