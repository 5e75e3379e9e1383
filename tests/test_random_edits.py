"""Random edits of a directory: what is saved is loaded, and undoing every change in reverse gives back the first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow
from orchestrator.domain.people import Box, Group, Person
from orchestrator.domain.schedule import Calendar
from orchestrator.domain.town import NumberRange, Permission, Retired, Trunk, Wave
from orchestrator.store.changes import change_of, recorded
from orchestrator.store.difference import take_back
from orchestrator.store.load import load, save
from tests.databases import current, database
from tests.postgres import Server
from tests.random_flows import flows
from tests.towns import small

YEAR = 2026
NAMES = ("a", "b", "c")
"""So few that edits meet each other."""
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
names = st.sampled_from(NAMES)
listed = st.lists(names, max_size=3).map(tuple)
days = st.dates(date(2020, 1, 1), date(2040, 1, 1))
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "people": st.builds(
        Person,
        id=names,
        first_name=texts,
        last_name=texts,
        department=names,
        site=names,
        extension=names,
        phones=listed,
    ),
    "boxes": st.builds(Box, id=names, name=texts, limit=st.integers(0, 600)),
    "groups": st.builds(Group, id=names, name=texts, extension=names, phones=listed, department=names),
    "trunks": st.builds(Trunk, id=names, host=texts, sources=listed, public=st.booleans()),
    "calendars": st.builds(Calendar, id=names, name=texts, days=st.dictionaries(days, texts, max_size=3)),
    "permissions": st.builds(Permission, id=names, classes=listed, per_hour=st.integers(0, 9)),
    "ranges": st.builds(NumberRange, id=names, first=texts, last=texts),
    "retired": st.builds(Retired, extension=names, to=names, until=days, announced=st.booleans()),
    "waves": st.builds(Wave, id=names, name=texts, trunk=names, day=st.none() | days),
    "switches": texts,
    "numbers": names,
    "flows": flows(most=3),
}


@st.composite
def edits(draw: Any) -> dict[str, dict[str, Any]]:
    """Some kinds of things, each with a few of them replaced (or gone: None)."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4, unique=True))
    return {kind: draw(st.dictionaries(names, st.none() | KINDS[kind], min_size=1, max_size=3)) for kind in kinds}


def edited(directory: Directory, edit: dict[str, dict[str, Any]]) -> Directory:
    """`directory` with `edit` done to it; each thing gets the name that it is kept under."""
    changed = {}
    for kind, things in edit.items():
        after = dict(getattr(directory, kind))
        for name, thing in things.items():
            if thing is None:
                after.pop(name, None)
            else:
                after[name] = _named(thing, name)
        changed[kind] = after
    return replace(directory, **changed)


def _named(thing: Any, name: str) -> Any:
    if isinstance(thing, str):
        return thing
    key = "name" if isinstance(thing, Flow) else "extension" if isinstance(thing, Retired) else "id"
    return replace(thing, **{key: name})


async def there_and_back(engine: AsyncEngine, many: list[dict[str, dict[str, Any]]]) -> None:
    directory = small()
    first = await save(engine, directory, who="test", what="first", why="")
    was, numbers = {}, []
    for edit in many:
        before, directory = directory, edited(directory, edit)
        number = await save(engine, directory, who="test", what="edit", why="")
        assert bool(number) == (directory != before)
        if number:
            was[number] = before
            numbers.append(number)
        assert await load(engine, YEAR) == directory
    for number in reversed(numbers):
        change = await change_of(engine, number)
        assert change
        directory, again = take_back(await load(engine, YEAR), change.edits)
        assert again == ()
        assert directory == was[number]
        await save(engine, directory, who="test", what=f"undo {number}", why="")
    assert await load(engine, YEAR) == small()
    assert [change.id for change in await recorded(engine, limit=1000)] == list(range(first + 2 * len(numbers), 0, -1))


@settings(max_examples=40, deadline=None)
@given(many=st.lists(edits(), max_size=5))
@pytest.mark.long
async def test_on_sqlite(tmp_path_factory: pytest.TempPathFactory, many: list[dict[str, dict[str, Any]]]) -> None:
    async with database(current(tmp_path_factory.mktemp("e"))) as engine:
        await there_and_back(engine, many)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(many=st.lists(edits(), min_size=1, max_size=4))
@pytest.mark.long
async def test_on_postgresql(postgres: Server, many: list[dict[str, dict[str, Any]]]) -> None:
    url: URL = postgres.current()
    async with database(url) as engine:
        await there_and_back(engine, many)
