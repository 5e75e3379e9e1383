"""The database, on SQLite and PostgreSQL: what is saved is loaded, only what differs is written, writers take turns."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from sqlalchemy import URL, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.flow import Flow
from orchestrator.store import tables
from orchestrator.store.changes import recorded
from orchestrator.store.codec import from_data, to_data
from orchestrator.store.database import snapshot
from orchestrator.store.load import EmptyDirectory, Overtaken, last_change, load, load_stored, save
from orchestrator.store.reading import read_files
from tests.databases import database
from tests.random_flows import flows
from tests.towns import small

EXAMPLE = Path(__file__).parents[1] / "examples" / "town"


async def keep(engine: AsyncEngine, directory: object, since: int | None = None) -> int:
    return await save(engine, directory, who="test", what="save", why="because", since=since)  # type: ignore[arg-type]


async def test_what_is_saved_is_loaded(url: URL) -> None:
    async with database(url) as engine:
        with pytest.raises(EmptyDirectory):
            await load(engine, 2026)
        example = read_files([EXAMPLE], 2026).directory
        for directory in (small(), example, small()):
            await keep(engine, directory)
            assert await load(engine, 2026) == directory


async def test_a_save_that_fails_leaves_what_was(url: URL) -> None:
    async with database(url) as engine:
        first = await keep(engine, small())
        broken = read_files([EXAMPLE], 2026).directory
        object.__setattr__(broken, "numbers", {"0": None})
        with pytest.raises(DBAPIError, match=r"(?i)not.null"):
            await keep(engine, broken)
        assert await load(engine, 2026) == small()
        assert await last_change(engine) == first
        assert [change.id for change in await recorded(engine)] == [first]


async def test_only_what_differs_is_written(url: URL) -> None:
    async with database(url) as engine:
        before = small()
        await keep(engine, before)
        written: list[str] = []
        event.listen(
            engine.sync_engine, "before_cursor_execute", lambda c, k, statement, *more: written.append(statement)
        )
        assert await keep(engine, before) == 0
        assert [statement for statement in written if not statement.startswith(("SELECT", "BEGIN"))] == []
        anna = replace(before.people["p2500"], last_name="Gelb")
        people = {"p2500": anna, "p9": replace(anna, id="p9", extension="9")}
        written.clear()
        number = await keep(engine, replace(before, people=people))
        tables_written = [statement.split()[:3] for statement in written if not statement.startswith("SELECT")]
        assert sorted(" ".join(words) for words in tables_written if words[0] != "BEGIN") == [
            "DELETE FROM people",
            "INSERT INTO changes",
            "INSERT INTO edits",
            "INSERT INTO people",
            "UPDATE people SET",
        ]
        change, _ = await recorded(engine)
        assert (change.id, change.who, change.what, change.why, change.count) == (number, "test", "save", "because", 3)
        told = [line for edit in change.edits for line in edit.lines()]
        assert told[0] == "~ person p2500: last_name: Grün → Gelb"
        assert told[1].startswith("- person p3501: id p3501, first_name Beate, last_name Blau")
        assert told[2].startswith("+ person p9: id p9, first_name Anna, last_name Gelb")


async def test_every_kind_of_thing_is_written_down(url: URL) -> None:
    async with database(url) as engine:
        await keep(engine, replace(small(), switches={"night": "Nacht"}, singles={"+496205": "10"}))
        door = replace(small().flows["town"].steps["door"], closed="town.box")  # type: ignore[call-arg]
        flow = replace(small().flows["town"], steps={**small().flows["town"].steps, "door": door})
        changed = replace(
            small(),
            town=replace(small().town, name="Großstadt"),
            switches={"night": "Nachtschaltung"},
            numbers={},
            flows={**small().flows, "town": flow},
        )
        await keep(engine, changed)
        assert await load(engine, 2026) == changed
        change = (await recorded(engine))[0]
        told = [line for edit in change.edits for line in edit.lines()]
        assert "~ town: name: Kleinstadt → Großstadt" in told
        assert "~ switch night: meaning: Nacht → Nachtschaltung" in told
        assert "- single +496205: number +496205, extension 10" in told
        assert any(line.startswith("- number 0: extension 0, flow town") for line in told)
        assert "~ flow town: steps.door.closed: town.later → town.box" in told


async def test_a_save_that_was_overtaken_is_refused(url: URL) -> None:
    async with database(url) as engine:
        await keep(engine, small())
        read = await load_stored(engine, 2026)
        other = replace(small(), switches={"night": "Nacht"})
        number = await save(engine, other, who="mueller", what="import b", why="", since=read.revision)
        with pytest.raises(Overtaken) as refused:
            await keep(engine, small(), since=read.revision)
        assert (refused.value.id, refused.value.who, refused.value.what) == (number, "mueller", "import b")
        assert await load(engine, 2026) == other
        assert await last_change(engine) == number


async def test_of_two_saves_at_once_one_is_overtaken(url: URL) -> None:
    """Each has an engine of its own, as two commands have."""
    async with database(url) as first, database(url) as second:
        since = await keep(first, small())
        changed = [replace(small(), switches={"night": name}) for name in ("one", "two")]
        came = await asyncio.gather(
            *(keep(engine, each, since) for engine, each in zip((first, second), changed, strict=True)),
            return_exceptions=True,
        )
        assert sorted(type(each) for each in came if isinstance(each, Exception)) == [Overtaken]
        (saved,) = (at for at, each in enumerate(came) if isinstance(each, int))
        assert await load(first, 2026) == changed[saved]


async def test_writers_take_turns(url: URL) -> None:
    async with database(url) as first, database(url) as second:
        names = [f"name{number}" for number in range(8)]
        saves = [
            keep((first, second)[at % 2], replace(small(), switches={"night": name})) for at, name in enumerate(names)
        ]
        numbers = await asyncio.gather(*saves)
        assert sorted(numbers) == list(range(1, 9))
        last = names[numbers.index(8)]
        assert (await load(first, 2026)).switches == {"night": last}
        befores = [
            edit.before["meaning"]  # type: ignore[index]
            for change in await recorded(first, kinds=("switches",))
            for edit in change.edits
            if edit.before
        ]
        assert sorted([*befores, last]) == names  # each began where another ended


async def test_a_reader_sees_one_instant(url: URL) -> None:
    """What is saved while a directory is read is not in it, not even in the tables that are read later."""
    async with database(url) as engine, database(url) as other:
        await keep(engine, small())
        phones, people = (select(func.count()).select_from(tables.KINDS[kind][0]) for kind in ("phones", "people"))
        async with snapshot(engine) as connection:
            assert (await connection.execute(phones)).scalar_one() == 3
            await keep(other, replace(small(), people={}))
            assert (await connection.execute(people)).scalar_one() == 2


@pytest.mark.parametrize("statement", [
    "UPDATE changes SET who = 'nobody'", "DELETE FROM changes WHERE id = 1",
    "DELETE FROM edits", "UPDATE edits SET key = 'x'",
])  # fmt: skip
async def test_the_record_is_only_added_to(url: URL, statement: str) -> None:
    async with database(url) as engine:
        await keep(engine, small())
        before = await recorded(engine)
        with pytest.raises(DBAPIError, match="only added to"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
        assert await recorded(engine) == before


@settings(max_examples=100, deadline=None)
@given(flows(finds=True))
def test_every_flow_survives_the_codec(flow: Flow) -> None:
    assert from_data(Flow, to_data(flow)) == flow
