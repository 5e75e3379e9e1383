"""The database as lines of JSON and back, between both kinds: every row, one instant, all or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    URL,
    BigInteger,
    Boolean,
    Connection,
    Float,
    Integer,
    Text,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from orchestrator.store import dump
from orchestrator.store.database import NewerDatabase, migrate, open_database
from orchestrator.store.load import save
from orchestrator.store.tables import metadata
from tests.databases import sqlite
from tests.test_migrations import fill, within
from tests.towns import small

Parts = list[tuple[str, bytes]]


@pytest.fixture(params=["sqlite", "postgres"])
def to(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """Where a dump goes: another empty database."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres").fresh()  # type: ignore[no-any-return]
    (tmp_path / "to").mkdir()
    return sqlite(tmp_path / "to")


def everything(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table that a dump holds, by its key."""
    return {
        table.name: [dict(row) for row in connection.execute(asked).mappings()]
        for table in metadata.sorted_tables
        if table.name not in dump.NOT
        for asked in [select(table).order_by(*table.primary_key.columns)]
    }


async def dumped(url: URL) -> tuple[str, Parts]:
    async with dump.frozen(url) as frozen:
        return frozen.revision, [part async for part in frozen.parts()]


async def restored(url: URL, revision: str, parts: Parts) -> None:
    async with dump.filling(url, revision) as filling:
        for table, lines in parts:
            await filling.take(table, lines)


async def filled(url: URL) -> None:
    """A town, its record of changes, and one row of everything else."""
    await migrate(url)
    engine = open_database(url)
    await save(engine, small(), who="test", what="save", why="with „quotes“ and \\ and \n")
    async with engine.begin() as connection:
        await connection.run_sync(_others)
    await engine.dispose()


def _others(connection: Connection) -> None:
    there = everything(connection)
    for name, row in fill_rows().items():
        if name in there and not there[name]:
            connection.execute(metadata.tables[name].insert(), [row])


def fill_rows() -> dict[str, dict[str, Any]]:
    """A row for every table, whatever its columns are."""
    values = {
        Boolean: True,
        BigInteger: 2**40,
        Integer: 7,
        Float: 0.1,
        JSON: {"a": [1, "ß", None, 0.1]},
        Text: "x\u2028'\"",
    }
    return {
        table.name: {
            column.name: next(value for kind, value in values.items() if isinstance(column.type, kind))
            for column in table.columns
        }
        for table in metadata.sorted_tables
    }


async def test_every_row_comes_back_and_new_ones_are_numbered_on(url: URL, to: URL) -> None:
    await filled(url)
    before = await within(url, everything)
    assert all(before.values()), [name for name, rows in before.items() if not rows]
    assert any(edit["before"] is None for edit in before["edits"])
    revision, parts = await dumped(url)
    await restored(to, revision, parts)
    assert await within(to, everything) == before
    for each in (url, to):
        absent = text("SELECT count(*) FROM edits WHERE before IS NULL")
        assert await within(each, lambda connection, asked=absent: connection.execute(asked).scalar_one()) > 0
    for name in ("changes", "outbox", "deletions"):
        row = {key: value for key, value in before[name][0].items() if key != "id"}
        new = metadata.tables[name].insert().values({**row, **({"key": "another"} if name == "outbox" else {})})
        made = await within(to, lambda connection, new=new: connection.execute(new).inserted_primary_key[0])
        assert made == max(each["id"] for each in before[name]) + 1


async def test_the_record_of_changes_is_only_added_to_there_too(url: URL, to: URL) -> None:
    await filled(url)
    await restored(to, *await dumped(url))
    with pytest.raises(DBAPIError, match="only added to"):
        await within(to, lambda connection: connection.execute(text("DELETE FROM changes")))


async def test_one_instant_is_read_while_others_write(url: URL) -> None:
    await filled(url)
    before = await within(url, everything)
    engine = open_database(url)
    async with dump.frozen(url) as frozen:
        await save(engine, small(numbers={"0": "town", "1": "town"}), who="test", what="meanwhile", why="")
        parts = [part async for part in frozen.parts()]
    await engine.dispose()
    lines = {table: sum(lines.count(b"\n") for name, lines in parts if name == table) for table, _ in parts}
    assert lines == {table: len(rows) for table, rows in before.items()}
    assert len((await within(url, everything))["numbers"]) == len(before["numbers"]) + 1


async def test_large_tables_come_in_parts(url: URL, to: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "PART", 200)
    await filled(url)
    revision, parts = await dumped(url)
    assert len([table for table, _ in parts if table == "edits"]) > 3
    await restored(to, revision, parts)
    assert await within(to, everything) == await within(url, everything)


async def test_rows_of_an_older_version_are_migrated(to: URL, tmp_path: Path) -> None:
    old = sqlite(tmp_path)
    await migrate(old, "0004")
    made = await within(old, fill)
    parts = [(name, f"{json.dumps(row)}\n".encode()) for name, row in made.items()]
    order = ["changes", *(name for name in made if name != "changes")]
    await restored(to, "0004", sorted(parts, key=lambda part: order.index(part[0])))
    after = await within(to, everything)
    assert after["outbox"][0]["queued"] == made["outbox"]["created"], "as migration 0005 says"
    await migrate(old)
    assert await within(old, everything) == after


async def test_a_database_that_holds_something_is_left_alone(url: URL, to: URL) -> None:
    await filled(url)
    await filled(to)
    before = await within(to, everything)
    with pytest.raises(dump.NotEmpty):
        await restored(to, *await dumped(url))
    assert await within(to, everything) == before


def tables(connection: Connection) -> list[str]:
    return inspect(connection).get_table_names()


@pytest.mark.parametrize("part", [("changes", b"{}\n"), ("nothing", b"{}\n"), ("changes", b"{\n"), ("changes", b"1\n")])
async def test_rows_that_do_not_fit_leave_nothing(to: URL, part: tuple[str, bytes]) -> None:
    with pytest.raises(dump.Unfitting):
        await restored(to, "0013", [part])
    assert await within(to, tables) == []


async def test_what_fails_at_the_end_leaves_nothing(url: URL, to: URL) -> None:
    await filled(url)
    revision, parts = await dumped(url)
    with pytest.raises(dump.Unfitting):
        await restored(to, revision, [*parts, ("changes", b"{}\n")])
    assert await within(to, tables) == []


async def test_a_newer_revision_is_refused(to: URL) -> None:
    with pytest.raises(NewerDatabase):
        await restored(to, "9999", [])
    assert await within(to, tables) == []
