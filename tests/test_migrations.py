"""Migrations up and down on both databases, with data in them; the tables are those of the code; one at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, URL, Boolean, Connection, Float, Integer, MetaData, Text, inspect, select, text

from orchestrator.domain.schedule import Block
from orchestrator.store import database
from orchestrator.store.database import NewerDatabase, alone, brief, migrate, open_database
from orchestrator.store.load import load, save
from orchestrator.store.tables import metadata
from tests.towns import MORNING, small

VALUES = {Text: "text", Integer: 7, Float: 1.5, Boolean: True, JSON: {"a": [1, "ß"]}}
Rows = dict[str, dict[str, Any]]


@pytest.fixture
def url(empty: URL) -> URL:
    """Without tables: they are made here."""
    return empty


async def within(url: URL, work: Any, *arguments: Any) -> Any:
    async with brief(url).begin() as connection:
        return await connection.run_sync(work, *arguments)


def fill(connection: Connection) -> Rows:
    """One row in every table, whatever its columns are."""
    tables = MetaData()
    tables.reflect(connection)
    made: Rows = {}
    for table in tables.sorted_tables:
        if table.name != "alembic_version":
            made[table.name] = {
                column.name: next(value for kind, value in VALUES.items() if isinstance(column.type, kind))
                for column in table.c
            }
            connection.execute(table.insert(), [made[table.name]])
    return made


def rows(connection: Connection) -> Rows:
    tables = MetaData()
    tables.reflect(connection)
    return {
        table.name: dict(connection.execute(select(table)).mappings().first() or {}) for table in tables.sorted_tables
    }


def different(connection: Connection) -> Any:
    return compare_metadata(MigrationContext.configure(connection), metadata)


async def test_migrations_make_the_tables_up_and_down_and_up(url: URL) -> None:
    for revision in ("head", "0001", "head"):
        await migrate(url, revision)
        assert (await within(url, different) == []) == (revision == "head")
    await migrate(url)
    assert await within(url, different) == []
    await migrate(url, "0001")
    assert "edits" not in await within(url, lambda connection: inspect(connection).get_table_names())


async def test_data_survives_the_way_up_and_down(url: URL) -> None:
    await migrate(url, "0001")
    made = await within(url, fill)
    assert len(made) == 13
    await migrate(url)
    after = await within(url, rows)
    known = made["schedules"].pop("known_until")
    for name, row in made.items():
        assert {column: after[name][column] for column in row} == row, name
    assert after["people"]["numbers"] == []
    assert after["trunks"]["public"] is True
    assert known
    await migrate(url, "0001")
    back = await within(url, rows)
    assert {**back["schedules"], "known_until": known} == {**made["schedules"], "known_until": known}
    assert {name: back[name] for name in made if name != "schedules"} == {
        name: row for name, row in made.items() if name != "schedules"
    }
    await migrate(url)
    again = await within(url, rows)
    assert {name: again[name] for name in made} == {name: after[name] for name in made}


async def test_whose_a_number_was_comes_and_goes_with_its_column(url: URL) -> None:
    await migrate(url, "0002")
    made = (await within(url, fill))["retired"]
    await migrate(url)
    assert (await within(url, rows))["retired"] == {**made, "source": ""}
    await migrate(url, "0002")
    assert (await within(url, rows))["retired"] == made
    await migrate(url)


async def test_a_directory_of_the_first_version_is_loaded_by_this_one(url: URL) -> None:
    await migrate(url, "0001")

    def write(connection: Connection) -> None:
        tables = MetaData()
        tables.reflect(connection)
        connection.execute(
            tables.tables["town"].insert(),
            {"name": "Kleinstadt", "area": "6205", "head": "21", "country": "49", "region": "BW"}
            | {"timezone": "Europe/Berlin", "languages": ["de"], "catch_all": "town", "longest_wait": 240},
        )
        hours = {"kind": "Block", "start": "08:00:00", "end": "12:00:00"}
        new_year = {"2026-01-01": {"kind": "SpecialDay", "name": "Neujahr", "blocks": []}}
        for name, special in (("rathaus", new_year), ("immer", {})):
            connection.execute(
                tables.tables["schedules"].insert(),
                {"name": name, "timezone": "Europe/Berlin", "week": {"mon": [hours]}}
                | {"special": special, "known_until": "2028-12-31"},
            )

    await within(url, write)
    await migrate(url)
    engine = open_database(url)
    directory = await load(engine, 2026)
    await engine.dispose()
    assert directory.town.permission == "mobile"
    assert directory.schedules["rathaus"].week == {"mon": (Block(start=MORNING.start, end=MORNING.end),)}
    assert {name: schedule.region for name, schedule in directory.schedules.items()} == {
        "rathaus": "BW",
        "immer": "none",
    }


async def test_a_newer_database_is_refused_untouched(url: URL) -> None:
    await migrate(url)
    await within(url, lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    before = await within(url, rows)
    with pytest.raises(NewerDatabase):
        await migrate(url)
    assert await within(url, rows) == before


async def test_two_that_migrate_at_once_do_not_collide(url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "brief", brief.__wrapped__)  # each with an engine of its own, as processes have
    await asyncio.gather(*(migrate(url) for _ in range(6)))
    assert await within(url, different) == []
    await asyncio.gather(*(migrate(url, "0001") for _ in range(3)))
    await asyncio.gather(*(migrate(url) for _ in range(3)))
    assert await within(url, different) == []


async def test_a_migrated_database_is_opened_while_somebody_writes(url: URL) -> None:
    await migrate(url)
    engine = open_database(url)
    await save(engine, small(), who="test", what="save", why="")
    async with engine.begin() as connection:
        await connection.run_sync(alone)
        await asyncio.wait_for(migrate(url), 5)
    await engine.dispose()


def test_what_the_names_of_files_say_is_what_the_migrations_say() -> None:
    """The order, too: so that who has nothing to change need not ask Alembic."""
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    assert database.known() == [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
