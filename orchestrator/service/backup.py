"""`durchwahl backup`: everything that an exchange needs to go on elsewhere, in one file that the exchange cannot read.

    recordings held still -> database's instant -> boxes held still -> Asterisk's own database -> packed and sealed

In this order whatever was filed meanwhile is in the backup once at least, and what control does anyway after a start
puts the rest right. Belongs here: what goes in and in which order. Not here: the form of the file (packing, sealing),
which files are kept (shelf), when it is made (nightly).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from orchestrator.asterisk.errors import AsteriskError
from orchestrator.messages.mailbox import Spool
from orchestrator.messages.still import clear, still
from orchestrator.rollout.record import sync
from orchestrator.service import sealing, shelf, wiring
from orchestrator.service.database import explained, prepare
from orchestrator.service.errors import ServiceError
from orchestrator.service.packing import DATABASE, STATE, Manifest, Packer, packing
from orchestrator.service.running import NotAnswering, connected
from orchestrator.service.state import State
from orchestrator.service.version import version
from orchestrator.store import dump

ASTDB = "lib/astdb.sqlite3"
FILES = ("state.json", "settings.toml", "secrets/*", "prompts/recorded/**/*", "data/moh/**/*")
"""What is taken as it lies, in this order: what a restore needs to know first comes first."""
NOT = ("secrets/tls.pem",)
"""Made of others."""
HALF = ".new"
"""How the name of a file ends while it is being written."""


def make(state: State, folder: str = "") -> shelf.Made:
    """Make a backup now, in the folder of the settings (with those that are too old removed) or in another one.

    Raises ServiceError; then none was removed, unless only the note of it could not be written. Blocking, for minutes.
    """
    wanted = state.settings().backup
    if not wanted.keys:
        raise ServiceError(
            "there is no key to which a backup could be sealed",
            todo="run `durchwahl backup --new-key FILE` elsewhere, and write what it says into `keys` of [backup]",
        )
    if not (into := folder or wanted.folder):
        raise ServiceError("no folder for backups is set", todo="set `folder` of [backup] in settings.toml")
    with _alone(state):
        try:
            made = _make(state, Path(into), wanted.keys)
            if folder:
                return made
            made = shelf.tidied(made, wanted.keep)  # before anything else may fail: they would multiply
            shelf.succeeded(state, made)
        except Exception as bad:
            told = _told(bad, into)
            if not folder:
                shelf.failed(state, f"{told}; {told.todo}" if isinstance(told, ServiceError) else str(told))
            raise told from bad
    return made


def _told(bad: Exception, folder: str) -> Exception:
    """For an admin."""
    if not isinstance(bad, OSError):
        return bad
    where = bad.filename or folder
    if bad.errno in (errno.ENOSPC, errno.EDQUOT):
        return ServiceError(f"the disk is full: {bad}", todo=f"make room at {where}, then run `durchwahl backup`")
    return ServiceError(str(bad), todo=f"look at {where}: is it reachable, and may this user read and write there?")


@contextlib.contextmanager
def _alone(state: State) -> Iterator[None]:
    """Hold off any other backup of this exchange; the lock goes with the process that holds it."""
    state.run.mkdir(exist_ok=True)
    with (state.run / "backup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServiceError("another backup is being made", todo="wait for it, then try again") from None
        yield


def sweep(state: State) -> None:
    """Remove what a killed backup has left in the spool, unless one is being made. Raises OSError. Blocking."""
    with contextlib.suppress(ServiceError), _alone(state):
        clear(Spool(state.spool))


def _make(state: State, folder: Path, keys: Sequence[str]) -> shelf.Made:
    """The file, written beside and renamed when it is whole and on disk. Raises OSError, ServiceError."""
    if not folder.is_dir():
        raise ServiceError(f"{folder} is not there", todo="is it mounted? A folder for backups is never made here")
    now = time.time()
    path = folder / shelf.name(now)
    beside = folder / f".{path.name}{HALF}"
    for left in folder.glob(f".durchwahl-*{HALF}"):
        left.unlink()  # of somebody who was killed
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with sealing.sealed(file, keys) as plain, packing(plain) as packer:
                notes = asyncio.run(_pack(state, packer, now))
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        beside.replace(path)
        with contextlib.suppress(OSError):  # not every file server can do that for a folder
            sync(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    return shelf.Made(path=path, size=size, notes=tuple(notes))


async def _pack(state: State, packer: Packer, now: float) -> list[str]:
    """Everything, in the order that this file's head gives; what an admin should know."""
    await prepare(state)
    with still(Spool(state.spool)) as spool:
        await asyncio.to_thread(spool.recordings)
        async with _instant(state) as frozen:
            busy = await asyncio.to_thread(spool.boxes)
            entries, notes = await _astdb(state)
            tree = wiring.trees(state).name()
            packer.manifest(Manifest(durchwahl=version() or "unknown", at=now, tree=tree, revision=frozen.revision))
            for name, path in _files(state):
                packer.file(f"{STATE}{name}", path)
            number = 0
            async for table, lines in _parts(state, frozen):
                packer.data(f"{DATABASE}{number:05d}.{table}.jsonl", lines)
                number += 1
        if entries:
            packer.data(f"{STATE}{ASTDB}", entries)
        for name, path in spool.files():
            packer.file(f"{STATE}spool/{name}", path)
    return [*notes, *(f"box {number} was in use for long, and was taken as it lay" for number in busy)]


@contextlib.asynccontextmanager
async def _instant(state: State) -> AsyncIterator[dump.Frozen]:
    """The database as it is now; what fails in the block is not taken for its fault."""
    url = state.database
    async with contextlib.AsyncExitStack() as open_:
        with explained(state, url):
            frozen = await open_.enter_async_context(dump.frozen(url))
        yield frozen


async def _parts(state: State, frozen: dump.Frozen) -> AsyncIterator[tuple[str, bytes]]:
    """Its rows; what fails between two of them is not taken for its fault."""
    parts, url = frozen.parts(), state.database
    while True:
        with explained(state, url):
            part = await anext(parts, None)
        if part is None:
            return
        yield part


def _files(state: State) -> Iterator[tuple[str, Path]]:
    for pattern in FILES:
        for path in sorted(state.root.glob(pattern)):
            name = str(path.relative_to(state.root))
            if path.is_file() and name not in NOT and not name.endswith(HALF):
                yield name, path


async def _astdb(state: State) -> tuple[bytes, list[str]]:
    """Asterisk's own database as a file (nothing, if there is none), and what an admin should know of it.

    A running Asterisk is asked, and its file left alone: one that is being read when Asterisk writes would make it
    throw away what it had to write (main/db.c rolls back a commit that fails).
    """
    try:
        async with connected(state) as running:
            if running:
                rows = await running.ami.rows("DBGetTree")
                return _as_file([(row["key"], row.get("val", "")) for row in rows if "key" in row]), []
    except (NotAnswering, AsteriskError) as bad:
        return b"", [f"Asterisk could not be asked who is logged in to queues, and for promised call-backs ({bad})"]
    path = state.root / ASTDB
    if not path.is_file():
        return b"", []
    try:
        with contextlib.closing(sqlite3.connect(path)) as file:
            return _as_file(file.execute("SELECT key, value FROM astdb").fetchall()), []
    except sqlite3.Error as bad:
        return b"", [f"{path} was left out: {bad}"]


def _as_file(rows: Sequence[tuple[str, str]]) -> bytes:
    """A database as Asterisk makes it."""
    with contextlib.closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        made.executemany("INSERT INTO astdb VALUES (?, ?)", rows)
        made.commit()
        return made.serialize()
