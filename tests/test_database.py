"""What an admin is told when the database fails: where, what, what to do, and never a password."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError

from orchestrator.service import directory as directories
from orchestrator.service.database import explained, opened, prepare
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State, create
from orchestrator.store import database
from orchestrator.store.database import alone, migrate, open_database
from orchestrator.store.load import save
from tests.databases import sqlite, use
from tests.postgres import PASSWORD, USER, Server
from tests.towns import small


def state_on(tmp_path: Path, url: URL) -> State:
    state = create(tmp_path / "state")
    use(state, url)
    return state


async def told(state: State) -> ServiceError:
    with pytest.raises(ServiceError) as failed:
        await directories.read(state)
    assert failed.value.todo
    assert PASSWORD not in f"{failed.value} {failed.value.todo} {failed.value.__cause__!r}"
    return failed.value


async def test_a_state_on_postgresql_is_read_and_shows_no_password(tmp_path: Path, postgres: Server) -> None:
    state = state_on(tmp_path, postgres.fresh())
    assert "is empty" in str(await told(state))
    assert state.database.password == PASSWORD
    assert PASSWORD not in f"{state.database} {state.database!r}"
    async with opened(state) as engine:
        await save(engine, small(), who="test", what="save", why="")
        assert PASSWORD not in f"{engine!r} {engine.url}"
    assert (await directories.read(state)).people == small().people
    assert not (state.root / "directory.db").exists()


async def test_a_wrong_password(tmp_path: Path, postgres: Server) -> None:
    state = state_on(tmp_path, postgres.fresh())
    for wrong in ("falsch\n", ""):
        state.password.write_text(wrong)
        failed = await told(state)
        assert f"postgresql+asyncpg://{USER}" in str(failed)
        if wrong:
            assert f'refuses this user (password authentication failed for user "{USER}")' in str(failed)
            assert failed.todo == f"put the password of the user into {state.password}, on one line"


async def test_a_database_that_is_not_there(tmp_path: Path, postgres: Server) -> None:
    failed = await told(state_on(tmp_path, postgres.fresh().set(database="fehlt")))
    assert 'has no such database (database "fehlt" does not exist)' in str(failed)
    assert failed.todo == f"create it, empty: createdb --owner {USER} fehlt"


async def test_a_user_who_may_not_make_tables(tmp_path: Path, postgres: Server) -> None:
    url = postgres.fresh()
    if not postgres.run("SELECT 1 FROM pg_roles WHERE rolname = 'gast'"):
        postgres.run("CREATE ROLE gast LOGIN PASSWORD 'gast'")
    state = state_on(tmp_path, url.set(username="gast", password="gast"))
    failed = await told(state)
    assert "forbids this user to do that (permission denied" in str(failed)
    assert "ALTER DATABASE" in failed.todo


async def test_a_newer_database(tmp_path: Path, url: URL) -> None:
    state = create(tmp_path / "state")
    if url.get_backend_name() == "postgresql":
        use(state, url)
    await prepare(state)
    async with opened(state) as engine, engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    failed = await told(state)
    assert "of a newer version (9999)" in str(failed)
    assert "install that version" in failed.todo


async def test_a_server_that_is_away(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failed = await told(state_on(tmp_path, make_url(f"postgresql+asyncpg://{USER}:{PASSWORD}@127.0.0.1:{port}/x")))
    assert f"@127.0.0.1:{port}/x: the database server does not answer" in str(failed)
    assert "settings.toml" in failed.todo


async def test_a_server_that_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "CONNECT", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        state = state_on(tmp_path, make_url(f"postgresql+asyncpg://{USER}:{PASSWORD}@127.0.0.1:{port}/x"))
        failed = await asyncio.wait_for(told(state), 20)
    assert "does not answer: TimeoutError" in str(failed)


async def test_every_wait_has_a_limit(postgres: Server) -> None:
    url = postgres.fresh()
    await migrate(url)
    first, second = open_database(url), open_database(url, limit=1, patience=0.5)
    async with second.connect() as connection:
        with pytest.raises(DBAPIError, match="statement timeout"):
            await asyncio.wait_for(connection.execute(text("SELECT pg_sleep(60)")), 20)
    async with first.begin() as holding:
        await holding.run_sync(alone)
        with pytest.raises(DBAPIError, match="lock timeout"):
            await asyncio.wait_for(save(second, small(), who="", what="", why=""), 20)
    await first.dispose()
    await second.dispose()


async def test_what_goes_wrong_with_a_row_is_told_without_it(tmp_path: Path) -> None:
    engine = open_database(sqlite(tmp_path))
    with pytest.raises(DBAPIError, match="no such table") as failed:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO journeys VALUES (:caller)"), {"caller": "+4920312345"})
    assert "20312345" not in f"{failed.value} {failed.value!r}"
    await engine.dispose()


def garbage(path: Path) -> None:
    path.write_text("garbage" * 1000)


def torn(path: Path) -> None:
    """As after a disk that lost what it had promised."""
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "what"), [(garbage, "is damaged"), (torn, "is damaged"), (folder, "cannot be opened")]
)
async def test_a_file_that_is_no_database(tmp_path: Path, damage: Callable[[Path], None], what: str) -> None:
    state = create(tmp_path / "state")
    async with opened(state) as engine:
        await save(engine, small(), who="", what="", why="")
    damage(state.root / "directory.db")
    assert f"{state.root / 'directory.db'} {what}" in str(await told(state))


@contextmanager
def failing(state: State, url: URL) -> Iterator[pytest.ExceptionInfo[ServiceError]]:
    with pytest.raises(ServiceError) as failed, explained(state, url):
        yield failed


async def test_a_file_that_may_only_be_read(tmp_path: Path) -> None:
    state = create(tmp_path / "state")
    await prepare(state)
    url = make_url(f"sqlite+aiosqlite:///file:{state.root / 'directory.db'}?mode=ro&uri=true")
    engine = open_database(url)
    with failing(state, url) as failed:
        await save(engine, small(), who="", what="", why="")
    await engine.dispose()
    assert "is read-only for this account" in str(failed.value)
    assert failed.value.todo


async def test_a_file_that_somebody_else_writes(tmp_path: Path) -> None:
    state = create(tmp_path / "state")
    await prepare(state)
    first, second = open_database(state.database), open_database(state.database, patience=0.2)
    async with first.begin() as holding:
        await holding.run_sync(alone)
        with failing(state, state.database) as failed:
            await save(second, small(), who="", what="", why="")
    await first.dispose()
    await second.dispose()
    assert "is in use by another process" in str(failed.value)


@pytest.mark.parametrize(("written", "what"), [
    ("postgresql://anna:geheim@host/name", "the password does not belong here"),
    ("postgresql://host/name", "postgresql://user@host/name"),
    ("postgresql://anna@host", "postgresql://user@host/name"),
    ("mysql://anna@host/name", "postgresql://user@host/name"),
    ("postgresql+psycopg2://anna@host/name", "postgresql://user@host/name"),
    ("postgresql://anna@host:port/name", "postgresql://user@host/name"),
    ("directory.db", "postgresql://user@host/name"),
    ("postgresql://anna@host/name?sslmode=require", "unknown option sslmode"),
])  # fmt: skip
def test_a_database_that_cannot_be_is_refused(tmp_path: Path, written: str, what: str) -> None:
    state = create(tmp_path / "state")
    path = state.root / "settings.toml"
    path.write_text(path.read_text().replace('database = ""', f'database = "{written}"'))
    with pytest.raises(ServiceError, match=r"settings\.toml: database: ") as refused:
        state.settings()
    assert what in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_a_database_may_lie_behind_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DURCHWAHL_DATABASE", "postgresql://anna@/town?host=/run/postgresql")
    url = create(tmp_path / "state").database
    assert (url.drivername, url.username, url.host, url.database) == ("postgresql+asyncpg", "anna", None, "town")
    assert url.query == {"host": "/run/postgresql"}
