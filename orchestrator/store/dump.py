"""The whole database as lines of JSON, and back: into an empty one of either kind, at the revision that it had.

What is read is one instant; what is written is one transaction, with the tables themselves and every migration since.
So a dump of SQLite becomes a PostgreSQL database and the other way round, of this version or a newer one.
Tables of a newer version that serve this one too are dumped whole; only a program that knows them can make them again.
Belongs here: rows. Not here: where the lines are kept (service.packing).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from sqlalchemy import JSON, URL, Connection, MetaData, Table, func, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.store.database import bring, is_newer, open_database, revision_of, snapshot
from orchestrator.store.tables import journal, metadata, works_with

LONGEST = 6 * 3600.0
"""Seconds that a dump, or its way back, may take: gigabytes of messages are written meanwhile."""
PART = 4 * 1024 * 1024
"""Bytes of one part, more or less: memory holds one at a time."""
AT_ONCE = 500
"""Rows that are fetched in one go."""
NOT = frozenset({journal.name, works_with.name, "alembic_version"})
"""Tables that are not in it: how far a file was read that the dump does not come with; and what making the tables
says of them."""


class NotEmpty(Exception):
    """There are tables already where a dump was to be restored."""


class Unfitting(Exception):
    """Rows that do not fit into the tables of their revision."""


@dataclass(frozen=True)
class Frozen:
    """The database as it was at one instant."""

    connection: AsyncConnection
    revision: str
    tables: Sequence[Table]

    async def parts(self) -> AsyncIterator[tuple[str, bytes]]:
        """Table and lines, a row each; every table has one part at least, and comes after those that it refers to."""
        for table in self.tables:
            lines, size = list[bytes](), 0
            names = [str(column.name) for column in table.columns]  # of a name that is quoted, too, a plain text
            asked = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=AT_ONCE)
            async for row in await self.connection.stream(asked):
                lines.append(orjson.dumps(dict(zip(names, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE))
                size += len(lines[-1])
                if size > PART:
                    yield table.name, b"".join(lines)
                    lines, size = [], 0
            yield table.name, b"".join(lines)


@asynccontextmanager
async def frozen(url: URL) -> AsyncIterator[Frozen]:
    """The database at `url`, which must have been migrated, as it is now, for as long as the block lasts."""
    engine = open_database(url, limit=LONGEST)
    try:
        async with snapshot(engine) as connection:
            revision = await connection.run_sync(revision_of)
            if revision is None:
                raise LookupError(f"{url} was never migrated")
            yield Frozen(connection, revision, await connection.run_sync(_dumped, revision))
    finally:
        await engine.dispose()


def _dumped(connection: Connection, revision: str) -> list[Table]:
    """What is dumped, each table after those that it refers to."""
    found = metadata
    if is_newer(revision):  # there is more in it than this version knows, and must not be lost
        found = MetaData()
        found.reflect(connection)
    return [table for table in found.sorted_tables if table.name not in NOT]


@dataclass(frozen=True)
class Filling:
    """An empty database that gets its rows; nothing of it is there for others before it is whole."""

    connection: AsyncConnection
    tables: Mapping[str, Table] = field(default_factory=dict)

    async def take(self, table: str, lines: bytes) -> None:
        """Write one part; raises Unfitting."""
        try:
            rows, into = [orjson.loads(line) for line in lines.splitlines()], self.tables[table]
            names = {column.name for column in into.columns}
            strange = next((set(row) ^ names for row in rows if set(row) != names), None)
        except (KeyError, ValueError, TypeError) as bad:
            raise Unfitting(f"table {table}: {bad}") from bad
        if strange:
            raise Unfitting(f"table {table}: {', '.join(sorted(map(str, strange)))}")
        if rows:
            await self.connection.execute(insert(into), rows)


@asynccontextmanager
async def filling(url: URL, revision: str) -> AsyncIterator[Filling]:
    """Fill the database at `url`, which is committed at this version's revision when the block ends well.

    Raises NotEmpty, and NewerDatabase where `revision` is not known here.
    """
    engine = open_database(url, limit=LONGEST)
    try:
        async with engine.connect() as connection:
            tables = await connection.run_sync(_made, revision)
            yield Filling(connection, tables)
            await connection.run_sync(bring)
            await connection.run_sync(_count_on)
            await connection.commit()
    finally:
        await engine.dispose()


def _made(connection: Connection, revision: str) -> Mapping[str, Table]:
    """The tables of `revision`, just made."""
    if inspect(connection).get_table_names():
        raise NotEmpty(f"{connection.engine.url} holds tables already")
    connection.rollback()
    bring(connection, revision)
    found = MetaData()
    found.reflect(connection)
    for table in found.tables.values():
        for column in table.columns:
            if isinstance(column.type, JSON):  # where a column may be empty, nothing is not the JSON value null
                column.type = JSON(none_as_null=bool(column.nullable))
    return found.tables


def _count_on(connection: Connection) -> None:
    """Have PostgreSQL number new rows after those that came with a number of their own."""
    if connection.dialect.name != "postgresql":
        return  # SQLite looks for the highest number
    for table, column in _numbered():
        sequence = connection.execute(select(func.pg_get_serial_sequence(table.name, column))).scalar_one()
        if sequence and (highest := connection.execute(select(func.max(table.c[column]))).scalar_one()):
            connection.execute(select(func.setval(sequence, highest)))


def _numbered() -> Iterator[tuple[Table, str]]:
    for table in metadata.sorted_tables:
        if (column := table.autoincrement_column) is not None:
            yield table, column.name
