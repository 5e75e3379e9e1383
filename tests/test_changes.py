"""What was changed, by whom and why, as an admin reads it; and taking changes back, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import URL, insert

from orchestrator.domain.directory import Directory
from orchestrator.service import changes as service
from orchestrator.service import directory as directories
from orchestrator.service import importing
from orchestrator.service.changing import change
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store import tables
from tests.databases import new_state, use
from tests.test_cli import durchwahl
from tests.test_import import GOOD

ANNA = '"2500": {first: Anna, last: Grün, department: amt}'
GELB = ANNA.replace("Grün", "Gelb")
BEATE = '\n  "2600": {first: Beate, last: Blau, department: amt}'


@pytest.fixture
def state(tmp_path: Path, url: URL) -> State:
    """A new state on either database."""
    made = new_state(tmp_path / "state")
    if url.get_backend_name() == "postgresql":
        use(made, url)
    return made


async def bring(state: State, people: str, why: str = "") -> Directory:
    """Import the small town with these people; the directory that is stored then."""
    path = state.root.parent / "town.yaml"
    path.write_text(GOOD.replace(ANNA, people))
    imported = await importing.plan(state, [path])
    assert not imported.problems
    await importing.keep(state, imported, why=why)
    return (await directories.read_stored(state)).directory


async def test_a_change_is_told_in_words(state: State) -> None:
    await bring(state, ANNA)
    await bring(state, GELB + BEATE, why="Heirat; eine neue Kollegin")
    told = durchwahl(state.root, "changes", "--limit", "1").stdout.splitlines()
    number, day, time, who, *what = told[0].split()
    assert (number, who, what) == ("2", directories.who(), ["import", str(state.root.parent / "town.yaml")])
    assert len(f"{day} {time}") == len("2026-11-24 10:00:00")
    assert told[1] == "    why: Heirat; eine neue Kollegin"
    assert "    ~ person p2500: last_name: Grün → Gelb" in told
    assert "    ~ phone tel2500: label: Anna Grün → Anna Gelb" in told
    assert any(line.startswith("    + person p2600: id p2600, first_name Beate, last_name Blau") for line in told)
    assert not any("first_name: " in line or "site" in line for line in told if line.startswith("    ~"))


async def test_changes_of_one_thing_or_kind_or_time(state: State) -> None:
    await bring(state, ANNA)
    await bring(state, GELB)
    await bring(state, GELB + BEATE)
    for option, value, numbers in (
        ("--of", "person:p2500", [2, 1]),
        ("--of", "people:2600", [3]),
        ("--of", "town", [1]),
        ("--kind", "phones", [3, 2, 1]),
        ("--kind", "flow", [1]),
        ("--since", "2099-01-01 00:00", []),
        ("--since", "2001-01-01 00:00", [3, 2, 1]),
    ):
        wanted = {"since": "", "of": "", "kind": "", option.strip("-"): value}
        found = await service.past(state, **wanted, limit=9, whole=False)
        assert [past.change.id for past in found] == numbers, (option, value)
    (change,) = json.loads(durchwahl(state.root, "changes", "--of", "person:2600", "--json").stdout)
    (edit,) = change["edits"]
    assert (edit["kind"], edit["key"], edit["before"], edit["after"]["last_name"]) == ("people", "p2600", None, "Blau")
    for option, wrong, todo in (
        ("kind", "persons", "mean 'person'"),
        ("of", "person", "NAME"),
        ("since", "x", "write"),
    ):
        with pytest.raises(ServiceError) as refused:
            await service.past(state, **{"since": "", "of": "", "kind": "", option: wrong}, limit=9, whole=False)
        assert todo in refused.value.todo


async def test_of_a_large_change_the_first_edits_are_told(state: State) -> None:
    many = "".join(BEATE.replace("2600", str(number)) for number in range(2600, 2625))
    await bring(state, ANNA)
    await bring(state, ANNA + many)
    (past,) = await service.past(state, since="", of="", kind="", limit=1, whole=False)
    *_, last = lines = list(past.lines())
    assert (past.change.count, len(lines)) == (50, 1 + service.SHOWN + 1)
    assert last == "    … and 30 more; --json shows them"
    (whole,) = await service.past(state, since="", of="", kind="", limit=1, whole=True)
    assert len(whole.change.edits) == 50


async def test_an_import_without_a_difference_is_no_change(state: State) -> None:
    await bring(state, ANNA)
    await bring(state, ANNA)
    assert len(await service.past(state, since="", of="", kind="", limit=9, whole=True)) == 1


async def test_undo_and_undo_of_the_undo(state: State) -> None:
    first = await bring(state, ANNA)
    second = await bring(state, GELB + BEATE)
    done = durchwahl(state.root, "undo", "2", "--dry-run")
    assert done.returncode == 0
    assert "~ person p2500: last_name: Gelb → Grün" in done.stdout
    assert "would take back change 2" in done.stdout
    assert (await directories.read_stored(state)).directory == second
    done = durchwahl(state.root, "undo", "2", "--why", "war falsch")
    assert "change 3 takes back change 2" in done.stdout
    assert (await directories.read_stored(state)).directory == first
    assert "undo of change 2\n    why: war falsch" in durchwahl(state.root, "changes").stdout
    assert (await service.undo(state, 3, why="", dry_run=False)).number == 4
    assert (await directories.read_stored(state)).directory == second


async def test_an_older_change_is_taken_back_alone(state: State) -> None:
    await bring(state, ANNA)
    await bring(state, GELB)
    await bring(state, GELB + BEATE)
    await service.undo(state, 2, why="", dry_run=False)
    people = (await directories.read_stored(state)).directory.people
    assert [person.last_name for person in people.values()] == ["Grün", "Blau"]


async def test_hours_are_taken_back(state: State) -> None:
    first = await bring(state, ANNA)
    hours = first.schedules["immer"]
    longer = replace(hours, week={**hours.week, "sat": hours.week["mon"]})
    await change(state, lambda directory: replace(directory, schedules={"immer": longer}), what="", why="")
    undone = await service.undo(state, 2, why="", dry_run=False)
    assert (undone.problems, undone.number) == ((), 3)
    assert (await directories.read_stored(state)).directory == first


async def test_a_thing_that_was_changed_again_is_not_taken_back(state: State) -> None:
    await bring(state, ANNA)
    await bring(state, GELB)
    before = await bring(state, GELB.replace("Anna", "Anne"))
    done = durchwahl(state.root, "undo", "2")
    assert done.returncode == 2
    told = done.stderr.replace("\n", " ")
    assert "change 2 cannot be taken back: phone tel2500 was changed again since, by change 3 (" in told
    assert "and 1 more things were changed again too" in told
    assert "`durchwahl changes --of phone:tel2500` shows all" in told
    assert (await directories.read_stored(state)).directory == before
    await service.undo(state, 3, why="", dry_run=False)
    await service.undo(state, 2, why="", dry_run=False)  # now it is as it was left
    assert (await directories.read_stored(state)).directory.people["p2500"].name == "Anna Grün"


async def test_what_the_proof_refuses_is_not_saved(state: State) -> None:
    await bring(state, ANNA)
    await bring(state, ANNA + BEATE)
    stands_in = ANNA.replace("department: amt", "department: amt, stand_in: '2600'")
    before = await bring(state, stands_in + BEATE)
    done = durchwahl(state.root, "undo", "2")
    assert done.returncode == 1
    assert "person p2500: there is no person 'p2600' [unknown_person]" in done.stdout
    assert "problems; nothing was changed" in done.stderr
    assert (await directories.read_stored(state)).directory == before


async def test_what_cannot_be_taken_back(state: State) -> None:
    with pytest.raises(ServiceError, match="the directory is empty"):
        await service.undo(state, 1, why="", dry_run=False)
    await bring(state, ANNA)
    async with opened(state) as engine, engine.begin() as connection:
        old = {"at": 0.0, "who": "x", "what": "import of the first version", "why": ""}
        await connection.execute(insert(tables.changes), [old])
        await connection.execute(insert(tables.changes), [{**old, "what": "import of another version"}])
        strange = [
            {"change": 3, "kind": "boxes", "key": "1", "before": None, "after": {"colour": "red"}},
            {"change": 4, "kind": "pagers", "key": "1", "before": None, "after": {"id": "1"}},
        ]
        await connection.execute(insert(tables.changes), [old])
        await connection.execute(insert(tables.edits), strange)
    for number, what in (
        (1, "made the directory"),
        (2, "a version that wrote no edits"),
        (3, "knew other things"),
        (4, "knew other things"),
        (99, "there is no change 99"),
    ):
        with pytest.raises(ServiceError, match=what) as refused:
            await service.undo(state, number, why="", dry_run=False)
        assert refused.value.todo


async def test_the_second_of_two_admins_is_told_of_the_first(state: State) -> None:
    await bring(state, ANNA)
    read = await directories.read_stored(state)
    theirs = await bring(state, GELB)
    told = f"changed meanwhile: change 2 by {directories.who()} at 20.*, import .*; nothing was saved"
    with pytest.raises(ServiceError, match=told) as no:
        await directories.keep(state, read.directory, what="mine", why="", since=read.revision)
    assert "run this command again" in no.value.todo
    assert (await directories.read_stored(state)).directory == theirs


async def test_an_import_during_another_is_refused(state: State) -> None:
    await bring(state, ANNA)
    mine = state.root.parent / "mine.yaml"
    mine.write_text(GOOD.replace("Anna", "Anne"))
    planned = await importing.plan(state, [mine])
    theirs = state.root.parent / "theirs.yaml"
    theirs.write_text(GOOD.replace("Grün", "Gelb"))
    done = durchwahl(state.root, "import", str(theirs))
    assert done.returncode == 0, done.stderr
    with pytest.raises(ServiceError, match="changed meanwhile: change 2 by"):
        await importing.keep(state, planned, why="")
    assert (await directories.read_stored(state)).directory.people["p2500"].name == "Anna Gelb"
