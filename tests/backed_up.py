"""A state in which there is something of everything, for backups of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from orchestrator.domain.directory import Directory
from orchestrator.messages.mailbox import HEARD, Spool
from orchestrator.messages.pins import Pins
from orchestrator.service import backup as service
from orchestrator.service import directory as directories
from orchestrator.service import wiring
from orchestrator.service.state import State
from tests.running_town import prepared
from tests.spools import message
from tests.test_cli import durchwahl
from tests.towns import small

BOX, PIN = "2500", "805271"


class Made:
    """A state in which there is something of everything, a folder for backups, and who can read them."""

    def __init__(self, at: Path) -> None:
        self.state, self.folder, self.identity = State(at / "s"), at / "backups", at / "identity"

    @classmethod
    def of(cls, furnished: Path, at: Path) -> Made:
        """A copy of what was furnished, with a key of its own."""
        shutil.copytree(furnished / "s", at / "s", symlinks=True)
        made = cls(at)
        made.folder.mkdir()
        done = durchwahl(at / "none", "backup", "--new-key", str(made.identity))
        assert done.returncode == 0, done.stderr
        with (made.state.root / "settings.toml").open("a") as file:
            file.write(f'\n[backup]\nfolder = "{made.folder}"\nkeys = ["{done.stdout.strip()}"]\nkeep = 3\n')
        return made

    def durchwahl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return durchwahl(self.state.root, *arguments)

    def backup(self) -> Path:
        done = self.durchwahl("backup")
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.split("  ")[0])

    def restore(self, file: Path, to: Path, *more: str) -> subprocess.CompletedProcess[str]:
        return durchwahl(to, "restore", str(file), "--identity", str(self.identity), *more)

    def refused(self, *arguments: str) -> str:
        done = self.durchwahl(*arguments)
        assert done.returncode == 2, done.stdout
        assert "to do: " in done.stderr
        return done.stderr


def furnish(at: Path) -> Path:
    """A state, only ever copied: applied, not running."""
    state, _, _ = prepared(at, small())
    spool = Spool(state.spool)
    for number in range(3):
        message(spool, BOX, f"{number}.0-1", at=time.time() - 3600, seconds=1.0 + number)
    spool.box(BOX).move("1.0-1", HEARD)
    Pins(spool, wiring.secrets(state).pin).change(BOX, PIN)
    shutil.copy(next(spool.box(BOX).path.glob("INBOX/*.wav")), spool.box(BOX).path / "unavail.wav")
    (spool.recordings / "2500-7.1-1.wav").write_bytes(b"not finished")
    (state.root / "data/moh/town").mkdir()
    (state.root / "data/moh/town/music.wav").write_bytes(os.urandom(200_000))
    with closing(sqlite3.connect(state.root / service.ASTDB)) as file:
        file.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        file.execute("INSERT INTO astdb VALUES ('/Queue/PersistentMembers/q_a', 'PJSIP/tel2500;0;0')")
        file.commit()
    (state.root / "secrets" / "smtp").write_text("kanarie-8Zt4Wq1M\n")
    return at


def directory(state: State) -> Directory:
    return asyncio.run(directories.read(state))


def files(state: State) -> dict[str, tuple[bytes, float]]:
    """What of a state must be the same after a restore: path -> bytes and time of the last change."""
    kept = ("state.json", "settings.toml", "secrets", "prompts", "data/moh", "spool/voicemail", "spool/recording")
    found = (path for path in state.root.rglob("*") if path.is_file())
    return {
        name: (path.read_bytes(), path.stat().st_mtime)
        for path in found
        if (name := str(path.relative_to(state.root))).startswith(kept) and path.name != "lock"
    }
