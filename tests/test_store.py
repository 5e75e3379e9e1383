"""The database: what is saved is loaded, migrations match the tables, a newer database stays as it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given, settings
from sqlalchemy import create_engine, text

from orchestrator.domain.flow import Flow
from orchestrator.store.codec import from_data, to_data
from orchestrator.store.database import NewerDatabase, migrate, open_database
from orchestrator.store.load import EmptyDirectory, load, save
from orchestrator.store.reading import read_files
from orchestrator.store.tables import metadata
from tests.random_flows import flows
from tests.towns import small

EXAMPLE = Path(__file__).parents[1] / "examples" / "town"


def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'directory.db'}"


async def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    migrate(url(tmp_path))
    engine = open_database(url(tmp_path))
    with pytest.raises(EmptyDirectory):
        await load(engine, 2026)
    example = read_files([EXAMPLE], 2026).directory
    for directory in (small(), example, small()):
        await save(engine, directory, who="test", what="save", why="")
        assert await load(engine, 2026) == directory
    await engine.dispose()


async def test_a_save_that_fails_leaves_what_was(tmp_path: Path) -> None:
    migrate(url(tmp_path))
    engine = open_database(url(tmp_path))
    await save(engine, small(), who="test", what="save", why="")
    broken = read_files([EXAMPLE], 2026).directory
    object.__setattr__(broken, "numbers", {"0": None})  # the last table to be written refuses it
    with pytest.raises(Exception, match="NOT NULL"):
        await save(engine, broken, who="test", what="save", why="")
    assert await load(engine, 2026) == small()
    await engine.dispose()


def test_migrations_make_the_tables(tmp_path: Path) -> None:
    migrate(url(tmp_path))
    engine = create_engine(url(tmp_path).replace("+aiosqlite", ""))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    migrate(url(tmp_path))
    engine = create_engine(url(tmp_path).replace("+aiosqlite", ""))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    before = (tmp_path / "directory.db").read_bytes()
    with pytest.raises(NewerDatabase):
        migrate(url(tmp_path))
    assert (tmp_path / "directory.db").read_bytes() == before


@settings(max_examples=100, deadline=None)
@given(flows())
def test_every_flow_survives_the_codec(flow: Flow) -> None:
    assert from_data(Flow, to_data(flow)) == flow


def test_two_writers_take_turns(tmp_path: Path) -> None:
    async def both() -> None:
        migrate(url(tmp_path))
        engines = [open_database(url(tmp_path)) for _ in range(2)]
        saves = [save(engines[n % 2], small(), who=str(n), what="save", why="") for n in range(8)]
        await asyncio.gather(*saves)
        assert await load(engines[0], 2026) == small()
        for engine in engines:
            await engine.dispose()

    asyncio.run(both())
