"""`durchwahl restore`: an exchange out of its backup, on a host where there is none; and `backup --verify`.

Everything is written into one folder inside the new state folder. Only when the whole backup was read, and was sound,
the database is committed and the files move up, the one last that makes the folder a state. What goes wrong before
leaves nothing. Belongs here: the way back. Not here: what is in a backup (backup), its form (packing, sealing).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.service import sealing
from orchestrator.service.database import DatabaseFails, explained
from orchestrator.service.errors import ServiceError
from orchestrator.service.packing import DATABASE, STATE, Entry, Manifest, NoBackup, Unpacker, unpacking
from orchestrator.service.state import FOLDERS, State, open_state, write_whole
from orchestrator.store import dump

BESIDE = ".restoring"
"""In the new state folder, until all of it is there."""
SQLITE = "sqlite"
"""What `--database` is given for a file in the state folder."""
DATABASE_LINE = re.compile(r"^database\s*=.*$", re.MULTILINE)
ELSEWHERE = f"name an empty database of yours with --database and --database-password, or --database {SQLITE}"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a backup was found to hold."""

    manifest: Manifest
    files: int
    size: int
    """Bytes of them."""


def verify(path: Path, identity: Path) -> Restored:
    """Read a whole backup, and write nothing. Raises ServiceError where it is not whole."""
    with _read(path, identity) as backup:
        return _counted(backup, [entry.size for entry in backup.entries()])


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where a backup is restored to."""

    root: Path
    """The new state folder: empty, or not there."""
    database: str | None = None
    """As in settings.toml, or `SQLITE`; None: as it was."""
    password: Path | None = None
    """A file with the password of that database."""


async def restore(path: Path, identity: Path, where: Where) -> Restored:
    """Make the state that `path` is a backup of. Raises ServiceError; then nothing is there that was not before."""
    root = where.root.absolute()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ServiceError(f"{root} is not empty", todo="name an empty folder, or a new one, with --state")
    was_there = root.exists()
    with _read(path, identity) as backup:
        try:
            for folder in FOLDERS:
                (root / BESIDE / folder).mkdir(mode=0o700, parents=True)
            root.chmod(0o700)
            sizes = await _unpack(backup, State(root / BESIDE), where)
            _settle(root)
        except BaseException:
            _clear(root, was_there)
            raise
    return _counted(backup, sizes)


@contextmanager
def _read(path: Path, identity: Path) -> Iterator[Unpacker]:
    with sealing.opened(path, sealing.identities(identity)) as plain, unpacking(plain) as backup:
        yield backup


def _counted(backup: Unpacker, sizes: list[int]) -> Restored:
    return Restored(manifest=backup.manifest, files=len(sizes), size=sum(sizes))


async def _unpack(backup: Unpacker, new: State, where: Where) -> list[int]:
    """Everything but the last step; the bytes of each file. Raises ServiceError."""
    sizes = list[int]()
    async with AsyncExitStack() as open_:
        filling: dump.Filling | None = None
        for entry in backup.entries():
            sizes.append(entry.size)
            if not entry.name.startswith(DATABASE):
                _write(new.root / entry.name.removeprefix(STATE), entry)
                continue
            if filling is None:  # what says where the database is has come before it
                _point(new, where)
                filling = await open_.enter_async_context(_filling(new, backup.manifest.revision))
            await filling.take(entry.name.split(".")[1], entry.file.read())
        if filling is None:
            raise NoBackup("there is no database in this backup", todo="take another one")
        open_state(new.root)
        os.sync()
    return sizes


@asynccontextmanager
async def _filling(new: State, revision: str) -> AsyncIterator[dump.Filling]:
    """The new database; it is committed when the block ends well. Raises ServiceError."""
    url = new.database
    try:
        with explained(new, url):
            async with dump.filling(url, revision) as filling:
                yield filling
    except dump.NotEmpty as bad:
        raise ServiceError(
            str(bad), todo=f"make an empty one and name it with --database, or --database {SQLITE}"
        ) from bad
    except dump.Unfitting as bad:
        raise NoBackup(f"the rows do not fit: {bad}", todo="take another backup") from bad
    except DatabaseFails as bad:
        raise ServiceError(str(bad), todo=ELSEWHERE) from bad


def _point(new: State, where: Where) -> None:
    """Have the settings say where the database is now, and its password lie where it is looked for."""
    if where.password:
        try:
            write_whole(new.password, where.password.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as bad:
            raise ServiceError(f"{where.password}: {bad}", todo="name a file with the password on one line") from bad
    if where.database is not None:
        path = new.root / "settings.toml"
        line = f"database = {json.dumps('' if where.database == SQLITE else where.database)}"
        text, found = DATABASE_LINE.subn(lambda _: line, path.read_text(encoding="utf-8"), count=1)
        write_whole(path, text if found else f"{line}\n{text}")
    if where.database is not None and new.settings().database != ("" if where.database == SQLITE else where.database):
        raise ServiceError(
            "DURCHWAHL_DATABASE of the environment says where the database is, whatever --database says",
            todo="change it there, or take one of the two away",
        )
    new.settings()


def _write(path: Path, entry: Entry) -> None:
    """One file, readable for its owner only. Raises ServiceError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(entry.file, file)
        os.utime(path, (entry.mtime, entry.mtime))  # since when a message lies where it does
    except OSError as bad:
        raise ServiceError(f"{path}: {bad.strerror}", todo="make room there; nothing is left of this try") from bad


def _settle(root: Path) -> None:
    """What lies beside moves up; last what makes the folder a state."""
    for path in sorted((root / BESIDE).iterdir(), key=lambda each: each.name == "state.json"):
        path.rename(root / path.name)
    (root / BESIDE).rmdir()


def _clear(root: Path, was_there: bool) -> None:
    """Leave nothing: the folder was empty, or not there."""
    for path in root.iterdir() if root.is_dir() else ():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    if not was_there:
        shutil.rmtree(root, ignore_errors=True)
