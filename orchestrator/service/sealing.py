"""Files that only the holder of a key can read: age, version 1 (https://age-encryption.org/v1), as a stream.

The exchange knows public keys alone: it can write such a file and not read it. Memory does not grow with the file.
Belongs here: keys, sealing, opening. Not here: what is in the file (packing).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Any

import pyrage
from pyrage.x25519 import Identity, Recipient

from orchestrator.service.errors import ServiceError

BEGINNING = b"age-encryption.org/v1\n"
"""How every such file begins."""


class Unreadable(ServiceError):
    """A sealed file cannot be opened, or only a part of it."""


def public(key: str) -> Recipient:
    """A public key as it is written; raises ValueError."""
    try:
        return Recipient.from_str(key)
    except pyrage.RecipientError as bad:
        raise ValueError(f"{key!r} is no public key: it begins with age1 and has 62 characters") from bad


def new_key(path: Path) -> str:
    """Write a new identity (private key) to `path`, as `age-keygen` does; its public key. Raises ServiceError."""
    identity = Identity.generate()
    key = str(identity.to_public())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ServiceError(f"{path} exists already", todo="name a new file: no key is ever overwritten") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(f"# public key: {key}\n{identity}\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def identities(path: Path) -> list[Identity]:
    """The private keys in a file; raises ServiceError."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        found = [Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as bad:
        told = bad.strerror if isinstance(bad, OSError) else "it holds something else than AGE-SECRET-KEY-1…"
        raise ServiceError(f"{path}: {told}", todo="name the file that --new-key or age-keygen has written") from None
    if not found:
        raise ServiceError(f"{path} holds no identity", todo="name the file that --new-key or age-keygen has written")
    return found


class _Witness(BufferedIOBase):
    """Passes on, and remembers what failed: the library tells it as a text, and not at all at the very end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.bad: OSError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        """As of the file."""
        with self._noting():
            return self._file.read(-1 if size is None else size)

    def write(self, data: Any, /) -> int:
        """As of the file."""
        with self._noting():
            return self._file.write(data)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as bad:
            self.bad = bad
            raise


class _Into(BufferedIOBase):
    """What is written here is sealed. Raises what kept the sealed file from being written."""

    def __init__(self, pipe: IO[bytes], done: Future[None], out: _Witness) -> None:
        self._pipe, self._done, self._out = pipe, done, out

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any, /) -> int:
        """Seal `data`."""
        try:
            return self._pipe.write(data)
        except (BrokenPipeError, ValueError):  # also what gzip still writes when it is ended by that
            self.finish()
            raise

    def finish(self) -> None:
        """All of it is written, and sealed; raises OSError otherwise."""
        with suppress(BrokenPipeError):
            self._pipe.close()
        failed = self._done.exception()
        if self._out.bad:
            raise self._out.bad
        if failed:
            raise failed


@contextmanager
def sealed(out: IO[bytes], keys: Sequence[str]) -> Iterator[_Into]:
    """A stream: what is written to it is in `out`, sealed to `keys`, when the block ends. Raises OSError."""
    recipients = [public(key) for key in keys]
    read, write = os.pipe()
    witness = _Witness(out)

    def work() -> None:
        with os.fdopen(read, "rb") as plain:
            pyrage.encrypt_io(plain, witness, recipients)

    with ThreadPoolExecutor(1) as pool:
        pipe = os.fdopen(write, "wb")
        into = _Into(pipe, pool.submit(work), witness)
        try:
            yield into
            into.finish()
        finally:
            with suppress(BrokenPipeError):
                pipe.close()


class _Plain(BufferedIOBase):
    """What is read here was sealed. Its end is told only when the whole file was sound; raises Unreadable else."""

    def __init__(self, pipe: IO[bytes], done: Future[None], path: Path, file: _Witness) -> None:
        self._pipe, self._done, self._path, self._file = pipe, done, path, file

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        data = self._pipe.read(-1 if size is None else size)
        if (not data or size is None or size < 0) and (failed := self._done.exception()):
            raise self._told(failed) from None
        return data

    def _told(self, failed: BaseException) -> ServiceError:
        if self._file.bad:
            return Unreadable(f"{self._path}: {self._file.bad.strerror}", todo="look at the disk that it lies on")
        if isinstance(failed, pyrage.DecryptError) and "matching keys" in str(failed):
            return Unreadable(
                f"this identity does not open {self._path}",
                todo="take the one whose public key stood in `keys` when the backup was made",
            )
        what = "is cut" if "truncated" in str(failed) else "is damaged, or no backup"
        return Unreadable(f"{self._path} {what} ({failed})", todo="take a copy of it from elsewhere, or another backup")


@contextmanager
def opened(path: Path, keys: Sequence[Identity]) -> Iterator[_Plain]:
    """What is in the sealed file at `path`, as a stream; raises ServiceError where there is no such file."""
    try:
        file = path.open("rb")
    except OSError as bad:
        raise Unreadable(f"{path}: {bad.strerror}", todo="name a backup: durchwahl-….tar.gz.age") from bad
    read, write = os.pipe()
    witness = _Witness(file)

    def work() -> None:
        with os.fdopen(write, "wb") as plain:
            pyrage.decrypt_io(witness, plain, keys)

    with file, ThreadPoolExecutor(1) as pool, os.fdopen(read, "rb") as pipe:
        yield _Plain(pipe, pool.submit(work), path, witness)
