"""What a backup looks like inside: a gzipped tar that is written and read in one go.

    manifest.json    what it is of, and when; first
    state/…          files, by their path in the state folder
    database/…       rows, a table after the other (store.dump)
    sums.json        size and SHA-256 of each of them; last: without it the backup is not whole

Belongs here: this form. Not here: what goes in (backup), where it goes to (restore), who can read it (sealing).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from io import BufferedIOBase, BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from orchestrator.service.errors import ServiceError

FORMAT = 1
MANIFEST, SUMS, STATE, DATABASE = "manifest.json", "sums.json", "state/", "database/"
QUICKLY = 5
"""Of 9: how hard gzip tries. Speech hardly gets smaller, and the rest is little."""
ANOTHER = "take a copy of it from elsewhere, or another backup"


class NoBackup(ServiceError):
    """Something else than a whole backup that this version knows."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup is of."""

    format: int = FORMAT
    durchwahl: str
    """Version of the program that made it."""
    at: float
    """When, in seconds since the epoch."""
    tree: str
    """What was applied then."""
    revision: str
    """Of the database's tables."""


class _Summed(BufferedIOBase):
    """A file that is summed up while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sum, self._size = file, hashlib.sha256(), 0

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        data = self._file.read(-1 if size is None else size)
        self._sum.update(data)
        self._size += len(data)
        return data

    @property
    def sum(self) -> list[Any]:
        """Bytes so far, and their SHA-256."""
        return [self._size, self._sum.hexdigest()]


@dataclass
class Packer:
    """Puts one thing after the other. Raises OSError."""

    tar: tarfile.TarFile
    sums: dict[str, list[Any]] = field(default_factory=dict)

    def manifest(self, manifest: Manifest) -> None:
        """The first thing."""
        self.data(MANIFEST, json.dumps(asdict(manifest)).encode())

    def data(self, name: str, data: bytes) -> None:
        """A file that is in memory."""
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = len(data), time.time(), 0o600
        self._add(entry, BytesIO(data))

    def file(self, name: str, path: Path) -> None:
        """A file that may grow meanwhile: it is taken as long as it was."""
        with path.open("rb") as file:
            self._add(self.tar.gettarinfo(arcname=name, fileobj=file), file)

    def _add(self, entry: tarfile.TarInfo, file: IO[bytes]) -> None:
        entry.uname, entry.gname = "", ""
        summed = _Summed(file)
        self.tar.addfile(entry, summed)
        self.sums[entry.name] = summed.sum


@contextmanager
def packing(out: BufferedIOBase) -> Iterator[Packer]:
    """Pack into `out`; it is whole when the block ends well."""
    with (
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=QUICKLY, mtime=0) as smaller,
        # Dereferenced: a file that has two names is two files here.
        tarfile.open(fileobj=smaller, mode="w|", format=tarfile.PAX_FORMAT, dereference=True) as tar,
    ):
        packer = Packer(tar)
        yield packer
        packer.data(SUMS, json.dumps(packer.sums).encode())


@dataclass(frozen=True)
class Entry:
    """One file of a backup; to be read before the next one is asked for."""

    name: str
    file: BufferedIOBase
    size: int
    mtime: float


@dataclass
class Unpacker:
    """Reads a backup from its beginning to its end. Raises NoBackup, and whatever its stream raises."""

    manifest: Manifest
    _tar: tarfile.TarFile
    _stream: BufferedIOBase
    _sums: dict[str, list[Any]]

    def entries(self) -> Iterator[Entry]:
        """Every file after the manifest; the last one comes out only if all before it were what was written."""
        while entry := self._tar.next():
            self._tar.members.clear()  # type: ignore[attr-defined] # it would remember every one
            if entry.name == SUMS:
                told = json.loads(_content(self._tar, entry).read())
                if told != self._sums:
                    raise NoBackup("the backup is not what was written", todo=ANOTHER)
                while self._stream.read(65536):
                    pass  # only at its end it is known that all of it was sound
                return
            if not entry.isreg() or not _fit(entry.name):
                raise NoBackup(f"{entry.name!r} does not belong into a backup", todo=ANOTHER)
            summed = _Summed(_content(self._tar, entry))
            yield Entry(name=entry.name, file=summed, size=entry.size, mtime=entry.mtime)
            while summed.read(65536):
                pass
            self._sums[entry.name] = summed.sum
        raise NoBackup("the backup is cut", todo=ANOTHER)


@contextmanager
def unpacking(stream: BufferedIOBase) -> Iterator[Unpacker]:
    """Unpack what comes out of `stream`."""
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as larger, tarfile.open(fileobj=larger, mode="r|") as tar:
            first = tar.next()
            if first is None or first.name != MANIFEST:
                raise NoBackup("this is no backup of Durchwahl", todo="name a file durchwahl-….tar.gz.age")
            summed = _Summed(_content(tar, first))
            manifest = _manifest(summed.read())
            yield Unpacker(manifest, tar, stream, {MANIFEST: summed.sum})
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as bad:
        raise NoBackup(f"the backup is damaged: {bad}", todo=ANOTHER) from bad


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(entry)
    assert file, entry.name  # noqa: S101 - a regular file has a content
    return file


def _fit(name: str) -> bool:
    """Whether an entry may be called so: anybody who knows a public key can seal something."""
    path = PurePosixPath(name)  # as it is written, and no other way: `state//x` would be the absolute path /x
    return str(path) == name and name.startswith((STATE, DATABASE)) and ".." not in path.parts and "\0" not in name


def _manifest(text: bytes) -> Manifest:
    try:
        told = json.loads(text)
        if told["format"] == FORMAT:
            return Manifest(**told)
    except (ValueError, KeyError, TypeError) as bad:
        raise NoBackup(f"its manifest cannot be read: {bad}", todo=ANOTHER) from bad
    raise NoBackup(
        f"the backup was made by a newer Durchwahl ({told.get('durchwahl')}, form {told['format']})",
        todo="install that version; nothing was changed",
    )
