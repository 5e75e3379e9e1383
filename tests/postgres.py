"""A real PostgreSQL server for the tests, out of Debian's archive, without root and on loopback only.

PostgreSQL refuses to run as root. Then it runs as `nobody`, on links to the fetched files: root's cache is closed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL, make_url

from orchestrator.asterisk.archive import fetch
from orchestrator.store.database import migrate

T = TypeVar("T")
USER, PASSWORD = "durchwahl", "geheim"
PARTS = ("usr/lib", "usr/share/postgresql")
SETTINGS = {
    "fsync": "off",
    "autovacuum": "off",  # it visits every database of the cluster, and tests make hundreds: half a core
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "timezone": "UTC",
}
START, STOP = 60.0, 20.0
"""Seconds that the server may take."""


@dataclass
class Server:
    """A cluster of its own; `start` and `stop` it at will."""

    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    made: int = 0
    migrated: bool = False

    def fresh(self, like: str = "template1") -> URL:
        """An empty database of its own, or one like `like`."""
        self.made += 1
        self.run(f"CREATE DATABASE test{self.made} TEMPLATE {like}")
        return self._at(f"test{self.made}")

    def current(self) -> URL:
        """A database of its own, of this version, in which nothing is."""
        if not self.migrated:
            self.run("DROP DATABASE IF EXISTS migrated")  # of a try that failed
            self.run("CREATE DATABASE migrated")
            _elsewhere(migrate(self._at("migrated")))
            self.migrated = True
        return self.fresh("migrated")

    def _at(self, name: str) -> URL:
        return make_url(self.url(name)).set(drivername="postgresql+asyncpg", password=PASSWORD)

    def url(self, name: str) -> str:
        """As settings.toml says it: without the password."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def run(self, statement: str, name: str = "postgres") -> list[Any]:
        """One statement by a connection of its own."""

        async def once() -> list[Any]:
            connection = await asyncpg.connect(
                host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, database=name, timeout=5
            )
            try:
                return await connection.fetch(statement, timeout=30)
            finally:
                await connection.close(timeout=5)

        return _elsewhere(once())

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
        argv = [self.home / "bin/postgres", "-D", self.home / "data", "-k", "", "-p", str(self.port), *options]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, **_as_whom())
        end = time.monotonic() + START
        while True:
            try:
                self.run("SELECT 1")
                return
            except (OSError, asyncpg.PostgresError):
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError((self.home / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self) -> None:
        """End it and every connection to it."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP)
            self.process = None

    def crash(self) -> None:
        """End it at once, whatever it does: as `pg_ctl stop -m immediate`, and what a fault of it comes to."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(STOP)
            self.process = None


def _elsewhere(work: Coroutine[Any, Any, T]) -> T:
    with ThreadPoolExecutor(1) as thread:  # tests have an event loop of their own
        return thread.submit(asyncio.run, work).result()


@contextmanager
def running_postgres() -> Iterator[Server]:
    """A server with an empty cluster, ended and removed afterwards."""
    programs = fetch(lambda text: None, ("postgresql",))
    home = Path(tempfile.mkdtemp(prefix="durchwahl-postgres-"))
    try:
        home.chmod(0o755)
        _wrap(programs, home)
        (home / "password").write_text(PASSWORD)
        data = home / "data"
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(data, "nobody")
        share = next((home / "usr/share/postgresql").iterdir())
        argv = [home / "bin/initdb", "-D", data, "-L", share, "-U", USER, f"--pwfile={home / 'password'}", "-N"]
        fixed = ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]
        subprocess.run([*argv, *fixed], check=True, timeout=START, stdout=subprocess.DEVNULL, **_as_whom())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Server(home, port)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home)


def _as_whom() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": []}


def _wrap(programs: Path, home: Path) -> None:
    """Scripts that start the programs by their own loader; each believes to lie where its files are."""
    for part in PARTS:
        shutil.copytree(programs / part, home / part, symlinks=True, copy_function=_link)
    real = next(home.glob("usr/lib/postgresql/*/bin"))
    loader = next(home.glob("usr/lib/*-linux-gnu*/ld-linux-*.so.*"))
    (home / "bin").mkdir()
    for name, believed in (("postgres", real), ("initdb", home / "bin")):
        script = home / "bin" / name
        script.write_text(
            f'#!/bin/sh\nexec {loader} --argv0 {believed / name} --library-path {loader.parent} {real / name} "$@"\n'
        )
        script.chmod(0o755)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
