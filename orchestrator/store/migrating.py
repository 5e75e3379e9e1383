"""Running the migrations: Alembic, imported by who has tables to change and by nobody else (0.2 s of each start).

Not here: whether there is anything to do, and who else waits (database).
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from orchestrator.store import compatible


def run(connection: Connection, migrations: Path, wanted: str, *, down: bool) -> None:
    """Bring the tables up or down to the revision `wanted`, and have them say whom they serve; the caller commits."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(config, wanted)
    compatible.tell(connection, _former(ScriptDirectory.from_config(config), wanted))


def _former(scripts: ScriptDirectory, revision: str) -> list[str]:
    """The revisions before `revision` whose programs may use its tables, the newest first.

    Who only adds to what only added has added, so it goes back to the first migration that says no, or nothing.
    """
    found: list[str] = []
    for script in scripts.walk_revisions("base", revision):
        if getattr(script.module, "works_with_former", None) is not True:
            break
        found.append(str(script.down_revision))
    return found
