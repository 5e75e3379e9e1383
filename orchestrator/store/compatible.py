"""Which former programs may go on with tables that a newer one has changed: the tables say it themselves.

A former program has no file of a newer migration. So what the migrations declare (`works_with_former`) is written into
a table whenever tables are brought to a revision; its name and its column stay as they are for ever. Belongs here:
that table. Not here: when tables are changed (database), what a migration may declare (decision 0040).
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, inspect, select

from orchestrator.store.tables import works_with


def tell(connection: Connection, revisions: list[str]) -> None:
    """Have the tables say that programs of `revisions` may use them, and no other former ones."""
    if not inspect(connection).has_table(works_with.name):
        return  # they are of a revision that did not say it yet
    connection.execute(delete(works_with))
    if revisions:
        connection.execute(insert(works_with), [{"revision": each} for each in revisions])


def serves(connection: Connection, revision: str) -> bool:
    """Whether tables of a revision that is not known here say that a program of `revision` may use them."""
    if not inspect(connection).has_table(works_with.name):
        return False
    asked = select(works_with.c.revision).where(works_with.c.revision == revision)
    return connection.execute(asked).first() is not None
