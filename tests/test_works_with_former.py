"""What a migration says of the former version's program, on both databases: it is said, it is true, it is heard."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import URL, Connection, text

from orchestrator.store import database
from orchestrator.store.database import NewerDatabase, alone, migrate, open_database
from orchestrator.store.tables import metadata
from tests import future
from tests.schema import hurts, seen
from tests.test_migrations import rows, within

HEAD, FORMER = database.known()[:2]
SERVED = ["0014"]
"""Former revisions that the tables of this version serve: those since a migration said no."""
BEFORE_IT_WAS_ASKED = [f"{number:04d}" for number in range(1, 14)]
GROWS = [
    'op.create_table("forgets", sa.Column("person", sa.Text(), sa.ForeignKey("people.id", ondelete="SET NULL")))',
    'op.create_table("defaults", sa.Column("person", sa.Text(), sa.ForeignKey("people.id", ondelete="SET DEFAULT")))',
    'op.create_table("new", sa.Column("id", sa.Text(), primary_key=True))',
    'op.add_column("people", sa.Column("may", sa.Text(), nullable=True))',
    'op.add_column("people", sa.Column("has", sa.Text(), nullable=False, server_default=""))',
    'op.create_index("ix_new", "people", ["last_name"])',
    'op.drop_index("ix_journeys_began", "journeys")',
    future.GROWS,
]
HURTS = {
    "column people.source is gone": 'op.drop_column("people", "source")',
    "column people.function is another one": (
        'with op.batch_alter_table("people") as batch:\n    batch.alter_column("function", type_=sa.String(9))'
    ),
    "column outbox.sent is another one": (
        'with op.batch_alter_table("outbox") as batch:\n    batch.alter_column("sent", nullable=False)'
    ),
    "column people.must must be given": (
        'with op.batch_alter_table("people", recreate="always") as batch:\n'
        '    batch.add_column(sa.Column("must", sa.Text(), nullable=False))'
    ),
    "table deletions is gone": 'op.rename_table("deletions", "gone")',
    "rule of people is new: unique ['extension']": (
        'with op.batch_alter_table("people") as batch:\n    batch.create_unique_constraint("once", ["extension"])'
    ),
    "rule of people is new: unique ['email']": 'op.create_index("ix_once", "people", ["email"], unique=True)',
    "rule of outbox is gone: unique ['key']": (
        'with op.batch_alter_table("outbox", naming_convention={"uq": "outbox_key_key"}) as batch:\n'
        '    batch.drop_constraint("outbox_key_key", type_="unique")'
    ),
    "table holds keeps rows of people": (
        'op.create_table("holds", sa.Column("person", sa.Text(), sa.ForeignKey("people.id"), primary_key=True))'
    ),
    "table restricts keeps rows of people": (
        'op.create_table("restricts", sa.Column("id", sa.Text(), primary_key=True),\n'
        '    sa.Column("person", sa.Text(), sa.ForeignKey("people.id", ondelete="RESTRICT")))'
    ),
    "table refuses keeps rows of people": (
        'op.create_table("refuses", sa.Column("id", sa.Text(), primary_key=True),\n'
        '    sa.Column("person", sa.Text(), sa.ForeignKey("people.id", ondelete="NO ACTION")))'
    ),
}
"""What is found, and the migration in which it is."""


def scripts(migrations: Path) -> list[Script]:
    """Every migration in a folder, the oldest first."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    return list(ScriptDirectory.from_config(config).walk_revisions())[::-1]


def undecided(migrations: Path) -> list[str]:
    """Migrations that do not say whether the former program may go on."""
    asked = (each for each in scripts(migrations) if each.revision not in BEFORE_IT_WAS_ASKED)
    return [each.revision for each in asked if type(getattr(each.module, "works_with_former", None)) is not bool]


async def hurting(url: URL, after: str = "") -> dict[str, list[str]]:
    """Migration -> what the former program would stumble over, of those that have something; only those `after` one."""
    if after:
        await migrate(url, after)
    found, before = {}, await within(url, seen)
    for script in scripts(database.MIGRATIONS):
        if script.revision > after:
            await migrate(url, script.revision)
            now = await within(url, seen)
            found[script.revision], before = hurts(before, now), now
    return {revision: told for revision, told in found.items() if told}


@pytest.fixture
def to_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, which are those of a version to come until the test ends."""
    migrations = future.beside(tmp_path)
    monkeypatch.setattr(database, "MIGRATIONS", migrations)
    return migrations


def test_every_migration_says_whether_the_former_program_may_go_on(tmp_path: Path) -> None:
    assert undecided(database.MIGRATIONS) == []
    copy = future.beside(tmp_path)
    config = Config()
    config.set_main_option("script_location", str(copy))
    new = command.revision(config, message="as alembic makes it")
    assert isinstance(new, Script)
    assert undecided(copy) == [new.revision]


async def test_who_says_so_only_adds(empty: URL) -> None:
    found = await hurting(empty)
    says = [each.revision for each in scripts(database.MIGRATIONS) if getattr(each.module, "works_with_former", False)]
    assert not found.keys() & set(says), found
    assert found.keys() == {"0002"}, "which takes a column, and seals the record of changes"
    assert "column schedules.known_until is gone" in found["0002"]
    assert any(told.startswith("rule of changes is new: trigger") for told in found["0002"])


@pytest.mark.long
async def test_what_grows_hurts_nobody(url: URL, to_come: Path) -> None:
    for number, upgrade in enumerate(GROWS):
        future.add(to_come, upgrade, True, f"{9001 + number}")
    assert await hurting(url, after=HEAD) == {}


@pytest.mark.long
async def test_what_hurts_is_found(url: URL, to_come: Path) -> None:
    for number, upgrade in enumerate(HURTS.values()):
        future.add(to_come, upgrade, True, f"{9001 + number}")
    found = await hurting(url, after=HEAD)
    assert {told: told in found.get(f"{9001 + number}", []) for number, told in enumerate(HURTS)} == dict.fromkeys(
        HURTS, True
    )


async def becomes(url: URL, migrations: Path, *works: object) -> None:
    """Versions to come bring the database to theirs, one after the other; then ours is here again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", migrations)
        for number, says in enumerate(works):
            upgrade = f'op.add_column("people", sa.Column("new{number}", sa.Text(), nullable=True))'
            future.add(migrations, upgrade, says, revision=f"900{number + 1}")
            assert await migrate(url) == ""


@pytest.mark.long
@pytest.mark.parametrize("works", [(True,), (True, True), (False, True), (True, False), (False,), (None,), ('"yes"',)])
async def test_ours_goes_on_where_all_that_came_later_say_so(
    url: URL, tmp_path: Path, works: tuple[object, ...]
) -> None:
    await migrate(url)
    await becomes(url, future.beside(tmp_path), *works)
    before = await within(url, rows)
    if all(each is True for each in works):
        assert await migrate(url) == f"900{len(works)}"
    else:
        with pytest.raises(NewerDatabase, match=f"of a newer version .900{len(works)}"):
            await migrate(url)
    for asked in (FORMER, HEAD):
        with pytest.raises(NewerDatabase):
            await migrate(url, asked)
    assert await within(url, rows) == before
    assert before["alembic_version"] == {"version_num": f"900{len(works)}"}


async def test_what_the_tables_say_follows_them_down(url: URL, to_come: Path) -> None:
    def told(connection: Connection) -> list[str]:
        return sorted(connection.execute(text("SELECT revision FROM works_with")).scalars())

    await migrate(url)
    assert await within(url, told) == SERVED
    await becomes(url, to_come, True, True)
    assert await within(url, told) == [*SERVED, HEAD, "9001"]
    down = to_come / "versions" / "9002_to_come.py"
    down.write_text(down.read_text().replace("raise NotImplementedError", 'op.drop_column("people", "new1")'))
    await migrate(url, "9001")
    assert await within(url, told) == [*SERVED, HEAD]
    assert "works_with" in metadata.tables


async def test_ours_waits_for_no_writer(url: URL, tmp_path: Path) -> None:
    await migrate(url)
    await becomes(url, future.beside(tmp_path), True)
    engine = open_database(url)
    async with engine.begin() as connection:
        await connection.run_sync(alone)
        assert await asyncio.wait_for(migrate(url), 5) == "9001"
    await engine.dispose()
