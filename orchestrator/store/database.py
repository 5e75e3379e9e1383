"""Opening the central database: SQLite in the state folder, or PostgreSQL; migrated before anything reads it.

Belongs here: connections with their limits, locks and snapshots on both. Not here: what is read and written (load,
changes), what an admin is told when it fails (service.database).
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Connection, event, func, inspect, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from orchestrator.store import compatible

CONNECT = 10.0
"""Seconds that a connection may take."""
BUSY = 20.0
"""Seconds that a writer waits for another."""
STATEMENT = 60.0
"""Seconds that one statement may take, and a transaction stay open doing nothing."""
MIGRATION = 900.0
"""The same while the tables are changed; who comes second waits as long."""
WRITERS = 6205_0001
"""Number of the advisory lock that writers of the directory hold, one after the other (PostgreSQL)."""


MIGRATIONS = Path(__file__).parent / "migrations"


class NewerDatabase(Exception):
    """The database was made by a newer version, and does not serve this one; nothing was changed."""


def open_database(url: URL | str, *, limit: float = STATEMENT, patience: float = BUSY) -> AsyncEngine:
    """An engine for `url` that keeps its connections, for whoever goes on; nothing is read yet.

    `limit` and `patience`: as STATEMENT and BUSY.
    """
    return _engine(make_url(url), limit, patience)


@lru_cache(maxsize=8)
def brief(url: URL, *, limit: float = STATEMENT, patience: float = BUSY) -> AsyncEngine:
    """An engine for `url` that keeps no connection, for what soon is done: there is nothing to dispose of.

    A process has one of a kind: it learns what the server is, and compiles a statement, once. For a new engine that is
    most of the work. It serves one event loop after the other, and not two at once: its first connection has a lock.
    """
    return _engine(url, limit, patience, poolclass=NullPool)


def _engine(url: URL, limit: float, patience: float, **more: Any) -> AsyncEngine:
    sqlite = url.get_backend_name() == "sqlite"
    engine = create_async_engine(
        url,
        pool_pre_ping=not sqlite,
        connect_args={"timeout": patience} if sqlite else _limits(limit, patience),
        json_serializer=_json,
        json_deserializer=orjson.loads,
        hide_parameters=True,  # what fails with a row is logged, and callers' numbers are in rows
        **more,
    )
    if sqlite:
        event.listen(engine.sync_engine, "connect", _sqlite)
    return engine


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _limits(limit: float, patience: float) -> dict[str, Any]:
    """What the server keeps to; and a little more after which we give up a server that is silent."""
    settings = {
        "application_name": "durchwahl",
        "statement_timeout": f"{limit * 1000:.0f}ms",
        "lock_timeout": f"{patience * 1000:.0f}ms",
        "idle_in_transaction_session_timeout": f"{limit * 1000:.0f}ms",
    }
    return {"timeout": CONNECT, "command_timeout": limit + 5, "server_settings": settings}


def _sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    _write_ahead(connection, cursor)
    for pragma in ("foreign_keys=ON", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(connection: Any, cursor: Any) -> None:
    """WAL mode. Where several open a new file at once, SQLite refuses all but one without asking its busy timeout."""
    deadline = time.monotonic() + BUSY
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as bad:
            if "locked" not in str(bad) or time.monotonic() > deadline:
                raise
        connection.run_async(lambda _: asyncio.sleep(0.02))


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection on which every read sees the same instant."""
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("BEGIN")
        else:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield connection


def alone(connection: Connection) -> None:
    """Hold off all other writers until this transaction ends. Must be its first statement."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(select(func.pg_advisory_xact_lock(WRITERS)))


async def migrate(url: URL | str, to: str = "head") -> str:
    """Bring the database at `url` to revision `to`, up or down; raises NewerDatabase. Only one process does it.

    Tables of a newer version that serve this one too stay as they are: their revision, else nothing.
    """
    async with brief(make_url(url), limit=MIGRATION, patience=MIGRATION).connect() as connection:
        return await connection.run_sync(_migrate, to)


def _migrate(connection: Connection, to: str) -> str:
    if not _stays(connection, to):  # else without waiting for a writer
        connection.rollback()
        bring(connection, to)
        connection.commit()
    current = revision_of(connection)
    return current if current and is_newer(current) else ""


def _stays(connection: Connection, to: str) -> bool:
    """Whether the tables are at `to`; or newer, and say that they serve this version too."""
    current, head = revision_of(connection), known()[0]
    if to != "head" or not current:
        return current == to
    return current == head or (is_newer(current) and compatible.serves(connection, head))


def bring(connection: Connection, to: str = "head") -> None:
    """Bring the tables to revision `to`, up or down; whoever calls it commits. Raises NewerDatabase.

    Holds off all other writers, unless a transaction is under way: then the caller must have done that.
    """
    wanted = known()[0] if to == "head" else to
    if not connection.in_transaction():
        alone(connection)
    if _stays(connection, to):
        return
    current = revision_of(connection)
    for each in (current, wanted):
        if each is not None and is_newer(each):
            raise NewerDatabase(f"the database is of a newer version ({each})")
    from orchestrator.store import migrating  # who has nothing to change does without Alembic

    migrating.run(connection, MIGRATIONS, wanted, down=current is not None and current > wanted)


def is_newer(revision: str) -> bool:
    """Whether it is none of this version's, nor of a former one's."""
    return revision not in known()


def known() -> list[str]:
    """Every revision of this version, the newest first: the files of the migrations begin with them."""
    files = (MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return sorted((path.stem.partition("_")[0] for path in files), reverse=True)


def revision_of(connection: Connection) -> str | None:
    """The revision of the tables, where Alembic notes it; None: there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
