"""A machine on which no name can be looked up: DNS takes every question and answers none, and its own name stands in no
file.

Only for the processes that are started under it; it needs no root where users may have name spaces of their own.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.service import up

NAME = "nowhere-written"
HERE, AWAY = "127.0.0.99", "192.0.2.1"
"""Who is asked: ourselves, where we may listen on port 53; else an address of RFC 5737, to which no way leads."""


@dataclass(frozen=True)
class BlackHole:
    """`under` starts a command there; `asked` is what it has asked, where we could listen."""

    under: tuple[str, ...]
    asked: list[bytes] = field(default_factory=list)


@contextmanager
def black_hole(folder: Path) -> Iterator[BlackHole]:
    """Skips, with a warning, where the machine gives us no name spaces, or where its questions are refused at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        try:
            line.bind((HERE, 53))
            server = HERE
        except OSError:
            server = AWAY
        made = BlackHole(_under(folder, server))
        _is_one(made)
        ear = threading.Thread(target=_listen, args=(line, made.asked)) if server == HERE else None
        if ear:
            ear.start()
        try:
            yield made
        finally:
            if ear:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                    end.sendto(b"", (HERE, 53))
                ear.join()


def _listen(line: socket.socket, asked: list[bytes]) -> None:
    while question := line.recv(4096):
        asked.append(question)


def _under(folder: Path, server: str) -> tuple[str, ...]:
    (folder / "resolv.conf").write_text(f"nameserver {server}\n")
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    mounts = " && ".join(f"mount --bind {folder / name} /etc/{name}" for name in ("resolv.conf", "hosts"))
    return (
        *("env", f"RES_OPTIONS={up.RESOLVER}"),
        *(
            "unshare",
            "--map-root-user",
            "--mount",
            "--uts",
            "sh",
            "-c",
            f'hostname {NAME} && {mounts} && exec "$@"',
            "sh",
        ),
    )


def _is_one(made: BlackHole) -> None:
    """Whether the own name is asked for, and nobody says anything."""
    try:
        known = subprocess.run([*made.under, "timeout", "1", "getent", "hosts", NAME], capture_output=True, text=True)
        found = "" if known.returncode == 124 else f"{known.returncode}: {known.stdout}{known.stderr}"
    except OSError as bad:
        found = str(bad)
    if found:
        warnings.warn(
            f"NOT SHOWN: an exchange without DNS. This machine does not let us take it away: {found}", stacklevel=2
        )
        pytest.skip(f"no black hole: {found}")
