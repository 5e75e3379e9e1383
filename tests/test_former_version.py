"""The former version on tables of the next one, both as real processes: it goes on, loses nothing, and may go back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, MetaData, Table, select, text

from orchestrator.domain.directory import Directory
from orchestrator.messages import ledger
from orchestrator.messages.mail import outbox
from orchestrator.messages.mail.letters import Letter
from orchestrator.messages.mailbox import Message, Spool
from orchestrator.service import changing, sealing
from orchestrator.service.database import opened
from orchestrator.service.state import State, create
from orchestrator.store.dump import NOT
from orchestrator.store.tables import KINDS, PAIRS, journal, journeys
from tests import future
from tests.databases import use
from tests.full_town import full
from tests.future import Version
from tests.running_town import Town, prepared, started, world
from tests.spools import message
from tests.test_cli import durchwahl
from tests.test_import import GOOD
from tests.test_migrations import rows, within
from tests.test_random_rollouts import old
from tests.towns import SUNDAY_10

NOTE, BADGE, BOX = "noted by the next version", "B 7", "31"
ONLY_ADDED_TO = {"changes", "edits"}
MAY = "of a newer version (9001), which this one may use"
SOON = 30.0
Rows = dict[str, list[dict[str, Any]]]


def everything(connection: Connection) -> Rows:
    """Every row of every table, with all that it has."""
    return {
        table.name: [dict(row) for row in connection.execute(asked).mappings()]
        for table in reflected(connection)
        for asked in [select(table).order_by(*table.primary_key.columns)]
    }


def reflected(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name not in NOT - {"journal"}]


def note(connection: Connection) -> None:
    """What the next version writes where the former one has no column."""
    for table in reflected(connection):
        if "noted" in table.c and table.name not in ONLY_ADDED_TO:
            connection.execute(table.update().values(noted=NOTE))
    connection.execute(text("INSERT INTO badges VALUES ('7', 'p2500')"))
    connection.execute(text("UPDATE people SET badge = :badge WHERE id = 'p2500'"), {"badge": BADGE})


def noted(connection: Connection) -> dict[str, set[str]]:
    """Table -> the keys of the rows in which the next version has noted something."""
    return {
        table.name: {str(key) for key in connection.execute(asked).scalars()}
        for table in reflected(connection)
        if "noted" in table.c
        for asked in [select(next(iter(table.primary_key.columns))).where(table.c.noted == NOTE)]
    }


def does(state: State, *words: str) -> str:
    """A command of the former version that must succeed."""
    done = durchwahl(state.root, *words)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


async def lived(state: State) -> None:
    """Before the update: something in every table."""
    does(state, "absent", "3501", "--until", "2050-01-01")
    told, now = message(Spool(state.spool), BOX, "1.1-1", at=time.time() - 60), time.time()
    letter = Letter(key="k", kind="message", box=BOX, recipient="a@stadt.example", created=now, message=told.id)
    past = {"id": "past", "began": now, "ended": now, "wait": None, "steps": [], "test": False}
    texts = dict.fromkeys(("caller", "number", "flow", "outcome", "place", "unexpected", "recording"), "")
    async with opened(state) as engine, engine.begin() as connection:
        await ledger.open_case(connection, told)
        await ledger.guessed_wrong(connection, BOX, now)
        await ledger.deleted(connection, [replace(told, id="gone")], "deleted", who="tests", at=now)
        await outbox.queue(connection, [letter])
        await connection.execute(journeys.insert(), [{**texts, **past}])
        await connection.execute(journal.insert(), [{"id": 1, "inode": 1, "offset": 1}])


def otherwise(town: Directory) -> Directory:
    """The same town with something changed in every kind of thing."""

    def of(kind: str, key: str, **fields: Any) -> dict[str, Any]:
        things: Mapping[str, Any] = getattr(town, kind)
        return {kind: {**things, key: replace(things[key], **fields)}}

    hours, flow = town.schedules["rathaus"], town.flows["info"]
    changed: dict[str, Any] = {
        "town": replace(town.town, longest_wait=899),
        **of("sites", "schule", name="Grundschule"),
        **of("phones", "saal", label="Großer Saal"),
        **of("boxes", BOX, quota=99),
        **of("departments", "standesamt", ring_seconds=6),
        **of("people", "p2500", last_name="Gelb"),
        **of("groups", "hotline", name="Auskunft"),
        **of("queues", "schalter", most=7),
        **of("rooms", "saal", name="Großer Saal"),
        **of("trunks", "amt", port=5061),
        **of("calendars", "ferien", name="Betriebsferien"),
        **of("schedules", "rathaus", week={**hours.week, "sat": hours.week["mon"]}),
        **of("permissions", "sparsam", per_hour=4),
        **of("ranges", "amt", last="2998"),
        **of("retired", "2499", why="umgezogen"),
        **of("waves", "2", day=date(2027, 4, 1)),
        **of("flows", "info", steps={**flow.steps, "desk": replace(flow.steps["desk"], seconds=6)}),
        "numbers": {**town.numbers, "41": "info"},
        "singles": {"+4962057788": "41"},
        "switches": {**town.switches, "umzug": "Umzugstag"},
        "switch_codes": {**town.switch_codes, "7": "umzug"},
    }
    assert changed.keys() == {"town", *KINDS, *PAIRS}
    return replace(town, **changed)


@pytest.fixture
def small_one(tmp_path: Path, url: URL) -> State:
    """A state of the former version with a small town in it, not applied, and whom its backups are for."""
    state = create(tmp_path / "state")
    settle(state, url, tmp_path)
    (tmp_path / "town.yaml").write_text(GOOD)
    does(state, "import", str(tmp_path / "town.yaml"), "--yes")
    return state


def settle(state: State, url: URL, folder: Path) -> None:
    if url.get_backend_name() == "postgresql":
        use(state, url)
    (folder / "backups").mkdir()
    key = sealing.new_key(folder / "identity")
    with (state.root / "settings.toml").open("a") as file:
        file.write('\n[mail]\nhost = "127.0.0.1"\nport = 9\nsender = "telefon@stadt.example"\n')
        file.write(f'\n[backup]\nfolder = "{folder / "backups"}"\nkeys = ["{key}"]\n')


@pytest.fixture
def next_one(tmp_path: Path) -> Version:
    """The version to come, which lets the former one go on."""
    (tmp_path / "next").mkdir()
    return future.version(tmp_path / "next", works=True)


@pytest.fixture
def exchange(tmp_path: Path, url: URL) -> Town:
    """The full town, applied by the former version, with a past."""
    written = full(old())
    boxes = {**written.boxes, BOX: replace(written.boxes[BOX], email="amt@stadt.example")}
    state, directory, sounds = prepared(
        tmp_path, replace(written, boxes=boxes), lambda state: settle(state, url, tmp_path)
    )
    asyncio.run(lived(state))
    return Town(state, directory, sounds, state.run / "words.wav")


async def leaves_a_message(town: Town) -> None:
    """Until there is a second case: control has written it all down then."""
    journey, different = await town.test_call(world(SUNDAY_10), number=BOX)
    assert (different, journey.outcome) == ("", "message")
    asked = text("SELECT count(*) FROM cases")
    for _ in range(int(SOON)):
        if await within(town.state.database, lambda connection: connection.execute(asked).scalar()) == 2:
            return
        await asyncio.sleep(1)
    raise TimeoutError("there is no second case")


async def works(town: Town) -> None:
    """The former version's day, by its own commands and its own control: every table is written to."""
    state = town.state
    changed = await changing.change(state, otherwise, what="all of it", why="tests")
    assert changed.saved, changed.problems
    assert "last_name: Grün → Gelb" in does(state, "changes", "--of", "person:p2500")
    does(state, "closed", "2026-12-29", "--all", "--name", "Inventur")
    does(state, "undo", str(json.loads(does(state, "changes", "--limit", "1", "--json"))[0]["id"]))
    does(state, "apply", "--yes", "--force", "operator", "--force", "emergency")
    assert "in force at once" in does(state, "forward", "2500", "3502")
    does(state, "messages", BOX, "--case", "1.1-1=done")
    does(state, "messages", BOX, "--delete", "1.1-1")
    does(state, "mail", "--retry", "all")
    async with opened(state) as engine, engine.begin() as connection:
        await ledger.guessed_wrong(connection, BOX, time.time())
        gone = Message(id="gone, too", box=BOX, folder="INBOX", caller="", at=time.time(), seconds=2)
        await ledger.deleted(connection, [gone], "aged", who="tests", at=time.time())
    assert BOX in does(state, "journeys", "--tests")


@pytest.mark.long
async def test_it_goes_on_and_the_next_version_finds_all_again(exchange: Town, next_one: Version) -> None:
    town, state = exchange, exchange.state
    with started(town):
        next_one.does(state.root, "check")
        await within(state.database, note)
        before, kept = await within(state.database, everything), await within(state.database, noted)
        assert {name for name in kept if not kept[name]} == ONLY_ADDED_TO
        assert kept.keys() == before.keys() - {"badges"}

        await leaves_a_message(town)  # control began before the next version came
        town.end("control")
        town.begin("control")
        assert MAY in (state.log / "control.out").read_text()
        assert f"database    {MAY}" in durchwahl(state.root, "status").stdout
        await works(town)

    after = await within(state.database, everything)
    assert await within(state.database, noted) == kept
    assert [name for name in before if after[name] == before[name]] == ["badges"]
    assert {row["id"]: row["badge"] for row in after["people"] if row["badge"]} == {"p2500": BADGE}

    next_one.does(state.root, "check")
    next_one.does(state.root, "closed", "2026-12-30", "--all", "--name", "Inventur")
    assert "Inventur" in next_one.does(state.root, "changes", "--limit", "1")
    assert await within(state.database, noted) == kept
    assert (await within(state.database, rows))["alembic_version"] == {"version_num": future.REVISION}


@pytest.mark.long
async def test_a_backup_of_the_former_version_holds_all_and_is_for_the_next_one(
    small_one: State, next_one: Version, tmp_path: Path
) -> None:
    state = small_one
    next_one.does(state.root, "check")
    await within(state.database, note)
    (tmp_path / "town.yaml").write_text(GOOD.replace("Grün", "Blau"))
    assert "last: Grün → Blau" in does(state, "import", str(tmp_path / "town.yaml"), "--yes")
    file, identity = does(state, "backup").split("  ")[0], str(tmp_path / "identity")
    where = ("--identity", identity, "--database", "sqlite")
    refused = durchwahl(tmp_path / "former", "restore", file, *where)
    assert (refused.returncode, "of a newer version (9001)" in refused.stderr) == (2, True), refused.stderr
    assert "install that version" in refused.stderr
    assert not (tmp_path / "former").exists()
    next_one.does(tmp_path / "again", "restore", file, *where)
    restored = State(tmp_path / "again")
    assert await within(restored.database, everything) == await within(state.database, everything)
    assert (await within(restored.database, noted))["people"] == {"p2500"}
    assert BADGE in {row["badge"] for row in (await within(restored.database, everything))["people"]}
    assert f"database is {MAY}" in does(restored, "prepare")


@pytest.mark.long
async def test_where_the_next_version_says_no_the_former_one_stops(small_one: State, tmp_path: Path) -> None:
    state = small_one
    future.version(tmp_path, works=False).does(state.root, "check")
    before = await within(state.database, everything)
    for words in (
        ("check",),
        ("plan",),
        ("changes",),
        ("closed", "2026-12-29", "--all", "--name", "X"),
        ("backup",),
    ):
        done = durchwahl(state.root, *words)
        assert done.returncode == 2, words
        assert "the database is of a newer version (9001)" in done.stderr
        assert "install that version" in done.stderr
    assert await within(state.database, everything) == before
