"""Versions that are still to come: a migration more, beside ours or in a copy of the package that runs by itself.

Belongs here: making them. Not here: what is expected of the two versions (the tests).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from orchestrator.store import database

ROOT = Path(__file__).parents[1]
REVISION = "9001"
NOT_THE_EXCHANGE = ("alembic_version", "works_with")
SCRIPT = '''"""Of a version to come"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{former}"
branch_labels = None
depends_on = None

works_with_former = {works}


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
    raise NotImplementedError
'''
GROWS = f"""
op.create_table(
    "badges",
    sa.Column("number", sa.Text(), primary_key=True),
    sa.Column("person", sa.Text(), sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
)
for table in sa.inspect(op.get_bind()).get_table_names():
    if table not in {(*NOT_THE_EXCHANGE, "badges")!r}:
        op.add_column(table, sa.Column("noted", sa.Text(), nullable=True))
op.add_column("people", sa.Column("badge", sa.Text(), nullable=False, server_default=""))
op.create_index("ix_people_last_name", "people", ["last_name"])
"""
"""A new table, a new column that may be empty in every old one, one that must not be, and an index."""
TABLES = """
badges = Table(
    "badges",
    metadata,
    Column("number", Text(), primary_key=True),
    Column("person", Text(), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
)
"""
"""How the program to come knows of it."""


def add(migrations: Path, upgrade: str, works: object, revision: str = REVISION) -> None:
    """One more script in the folder of `migrations`, after the last one there."""
    former = max(path.name.partition("_")[0] for path in (migrations / "versions").glob("[0-9]*.py"))
    body = indent(upgrade.strip(), "    ")
    text = SCRIPT.format(revision=revision, former=former, works=works, upgrade=body)
    (migrations / "versions" / f"{revision}_to_come.py").write_text(text)


def beside(folder: Path) -> Path:
    """A copy of our migrations in `folder`."""
    return shutil.copytree(database.MIGRATIONS, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version that lies in a folder of its own."""

    root: Path

    def durchwahl(self, state: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """One command of that version."""
        argv = (sys.executable, "-m", "orchestrator.cli", "--state", str(state), *words)
        env = {**os.environ, "PYTHONPATH": str(self.root)}
        done = subprocess.run(
            argv,
            cwd=self.root,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def does(self, state: Path, *words: str) -> str:
        """One that must succeed; what it said."""
        done = self.durchwahl(state, *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr


def version(folder: Path, works: bool) -> Version:
    """The version to come in `folder`: people have badges there."""
    package = shutil.copytree(
        ROOT / "orchestrator", folder / "orchestrator", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("asterisk-conf", "dialplans"):
        (folder / name).symlink_to(ROOT / name)
    add(package / "store" / "migrations", GROWS, works)
    with (package / "store" / "tables.py").open("a") as file:
        file.write(TABLES)
    people = package / "domain" / "people.py"
    before = people.read_text()
    after = before.replace('    source: str = ""\n', '    source: str = ""\n    badge: str = ""\n', 1)
    assert after != before
    people.write_text(after)
    return Version(root=folder)
