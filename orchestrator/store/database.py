"""Opening the central database: SQLite in the state folder, or PostgreSQL; migrated before anything reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY = 5.0
"""Seconds that a writer waits for another."""


class NewerDatabase(Exception):
    """The database was made by a newer version; nothing was changed."""


def open_database(url: str) -> AsyncEngine:
    """An engine for `url`; nothing is read yet."""
    sqlite = url.startswith("sqlite")
    engine = create_async_engine(url, pool_pre_ping=not sqlite, connect_args={"timeout": BUSY} if sqlite else {})
    if sqlite:
        event.listen(engine.sync_engine, "connect", _sqlite)
    return engine


def _sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def migrate(url: str) -> None:
    """Bring the database at `url` to this version; raises NewerDatabase. Blocking: call it from a thread."""
    plain = url.replace("+aiosqlite", "").replace("+asyncpg", "")
    engine = create_engine(plain)
    try:
        with engine.begin() as connection:
            _migrate(connection)
    finally:
        engine.dispose()


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise NewerDatabase(f"the database is of a newer version ({current})")
    command.upgrade(config, "head")
