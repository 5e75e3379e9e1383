"""Databases of the tests: a SQLite file, and either kind opened and migrated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.service.state import State
from orchestrator.store.database import migrate, open_database


def sqlite(folder: Path) -> URL:
    """The address of a SQLite file in `folder`."""
    return URL.create("sqlite+aiosqlite", database=str(folder / "directory.db"))


def use(state: State, url: URL) -> None:
    """Make `url` the database of `state`, as an admin does."""
    named = url.set(drivername="postgresql")._replace(password=None).render_as_string()
    path = state.root / "settings.toml"
    path.write_text(path.read_text().replace('database = ""', f'database = "{named}"'))
    state.password.write_text(f"{url.password}\n")


_new: list[bytes] = []
"""A SQLite file of this version in which nothing is, once one was made."""


def _is_new(url: URL, path: Path) -> bool:
    return url.drivername == "sqlite+aiosqlite" and not path.exists()


def _keep(path: Path) -> None:
    assert not [*path.parent.glob(f"{path.name}-*")], "there is more than one file"
    _new.append(path.read_bytes())


@asynccontextmanager
async def database(url: URL) -> AsyncIterator[AsyncEngine]:
    """The database at `url`, of this version."""
    path = Path(url.database or "")
    new = _is_new(url, path)
    if new and _new:
        await asyncio.to_thread(path.write_bytes, _new[0])
    else:
        await migrate(url)
    if new and not _new:
        _keep(path)
    engine = open_database(url)
    try:
        yield engine
    finally:
        await engine.dispose()
