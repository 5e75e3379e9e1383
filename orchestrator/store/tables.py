"""The tables. Those of the directory have a column for each field of its dataclass, so that they cannot drift apart.

Texts and numbers are columns of their own; what is structured (opening hours, steps) is a JSON column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from functools import cache
from typing import Any, get_type_hints

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TextClause,
    text,
)

from orchestrator.domain.flow import Flow
from orchestrator.domain.people import Box, Department, Group, Person, Phone, Room
from orchestrator.domain.queues import WaitingQueue
from orchestrator.domain.schedule import Calendar, Schedule
from orchestrator.domain.town import NumberRange, Permission, Retired, Site, Town, Trunk, Wave
from orchestrator.store.codec import to_data

metadata = MetaData()
_TYPES = {str: Text, int: Integer, float: Float, bool: Boolean}


def stored(kind: type) -> list[Field[Any]]:
    """The fields of a dataclass that have a column: all but those that are worked out from others."""
    return [field for field in fields(kind) if not field.metadata.get("computed")]


@cache
def _columns(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in stored(kind))


def row(thing: Any) -> dict[str, Any]:
    """One thing of the directory as its row."""
    kind: Any = type(thing)
    return {name: to_data(getattr(thing, name)) for name in _columns(kind)}


def _table(name: str, kind: type, key: str) -> Table:
    hints = get_type_hints(kind)
    columns = [
        Column(field.name, _TYPES.get(hints[field.name], JSON)(), primary_key=field.name == key, nullable=False)
        for field in stored(kind)
    ]
    return Table(name, metadata, *columns)


KINDS: Mapping[str, tuple[Table, type, str]] = {
    name: (_table(name, kind, key), kind, key)
    for name, kind, key in (
        ("sites", Site, "id"),
        ("phones", Phone, "id"),
        ("boxes", Box, "id"),
        ("departments", Department, "id"),
        ("people", Person, "id"),
        ("groups", Group, "id"),
        ("queues", WaitingQueue, "id"),
        ("rooms", Room, "id"),
        ("trunks", Trunk, "id"),
        ("calendars", Calendar, "id"),
        ("schedules", Schedule, "name"),
        ("permissions", Permission, "id"),
        ("ranges", NumberRange, "id"),
        ("retired", Retired, "extension"),
        ("waves", Wave, "id"),
        ("flows", Flow, "name"),
    )
}
"""Field of the Directory -> its table, its dataclass and its key."""

town = _table("town", Town, "name")


def _pairs(name: str, key: str, value: str) -> Table:
    return Table(name, metadata, Column(key, Text(), primary_key=True), Column(value, Text(), nullable=False))


PAIRS: Mapping[str, tuple[Table, str, str]] = {
    name: (_pairs(name, key, value), key, value)
    for name, key, value in (
        ("numbers", "extension", "flow"),
        ("singles", "number", "extension"),
        ("switches", "name", "meaning"),
        ("switch_codes", "digit", "switch"),
    )
}
"""Field of the Directory that maps one text to another -> its table and the names of its two columns."""
changes = Table(
    "changes",
    metadata,
    Column("id", Integer(), primary_key=True, autoincrement=True),
    Column("at", Float(), nullable=False),
    Column("who", Text(), nullable=False),
    Column("what", Text(), nullable=False),
    Column("why", Text(), nullable=False),
)
edits = Table(
    "edits",
    metadata,
    Column("id", Integer(), primary_key=True, autoincrement=True),
    Column("change", Integer(), ForeignKey("changes.id"), nullable=False, index=True),
    Column("kind", Text(), nullable=False),
    Column("key", Text(), nullable=False),
    Column("before", JSON(none_as_null=True), nullable=True),
    Column("after", JSON(none_as_null=True), nullable=True),
)
"""What a change did to each thing of the directory: its row before (null: it is new) and after (null: it is gone)."""
switched = Table(
    "switched",
    metadata,
    Column("name", Text(), primary_key=True),
    Column("value", JSON(), nullable=False),
    Column("at", Float(), nullable=False),
    Column("who", Text(), nullable=False),
    Column("why", Text(), nullable=False),
)
"""What is switched on now without a rollout: absences, forwardings, night service, waves. Asterisk's own database holds
a copy."""
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer(), primary_key=True, autoincrement=True),
    Column("key", Text(), nullable=False, unique=True),
    Column("kind", Text(), nullable=False),
    Column("box", Text(), nullable=False),
    Column("message", Text(), nullable=False),
    Column("recipient", Text(), nullable=False),
    Column("created", Float(), nullable=False),
    Column("queued", Float(), nullable=False, server_default="0"),
    Column("due", Float(), nullable=False, index=True),
    Column("attempts", Integer(), nullable=False),
    Column("state", Text(), nullable=False, index=True),
    Column("sent", Float(), nullable=True),
    Column("error", Text(), nullable=False),
)
"""Mail to be sent, and mail that was: `key` says what it tells whom, so that nothing is told twice."""
cases = Table(
    "cases",
    metadata,
    Column("message", Text(), primary_key=True),
    Column("box", Text(), nullable=False, index=True),
    Column("opened", Float(), nullable=False),
    Column("state", Text(), nullable=False, index=True),
    Column("who", Text(), nullable=False),
    Column("changed", Float(), nullable=False),
    Column("escalated", Float(), nullable=True),
    Column("comment", Text(), nullable=False),
    Column("before", Text(), nullable=False, default=""),
)
"""Messages to a department as what somebody has to deal with."""
deletions = Table(
    "deletions",
    metadata,
    Column("id", Integer(), primary_key=True, autoincrement=True),
    Column("at", Float(), nullable=False, index=True),
    Column("box", Text(), nullable=False),
    Column("message", Text(), nullable=False),
    Column("received", Float(), nullable=False),
    Column("why", Text(), nullable=False),
    Column("who", Text(), nullable=False),
)
"""The deletion log: which message is gone, when and why; never what was said or who called."""
lockouts = Table(
    "lockouts",
    metadata,
    Column("box", Text(), primary_key=True),
    Column("failed", Integer(), nullable=False),
    Column("until", Float(), nullable=False),
)
"""Wrong PINs in a row, and until when a box is locked for them."""
journeys = Table(
    "journeys",
    metadata,
    Column("id", Text(), primary_key=True),
    Column("began", Float(), nullable=False, index=True),
    Column("ended", Float(), nullable=False),
    Column("caller", Text(), nullable=False),
    Column("number", Text(), nullable=False),
    Column("flow", Text(), nullable=False),
    Column("outcome", Text(), nullable=False),
    Column("place", Text(), nullable=False),
    Column("wait", Float(), nullable=True),
    Column("steps", JSON(), nullable=False),
    Column("unexpected", Text(), nullable=False),
    Column("recording", Text(), nullable=False),
    Column("test", Boolean(), nullable=False),
)
FEW = {
    "numbers": ("began", "caller <> ''"),
    "tests": ("began", "test"),
    "unexpected": ("began", "unexpected <> ''"),
    "recording": ("recording", "recording <> ''"),
}
"""Journeys that are few among those that are kept, and asked for: index -> column, and which they are. A database uses
such an index only where the question says the same, word for word (PostgreSQL: Partial Indexes; SQLite: the same, 3).
"""
for _name, (_column, _which) in FEW.items():
    Index(f"ix_journeys_{_name}", journeys.c[_column], sqlite_where=text(_which), postgresql_where=text(_which))


def few(name: str) -> TextClause:
    """Which journeys `FEW` says that these are, for a question that is to use their index."""
    return text(FEW[name][1])


journal = Table(
    "journal",
    metadata,
    Column("id", Integer(), primary_key=True),
    Column("inode", BigInteger(), nullable=False),
    Column("offset", Integer(), nullable=False),
)
works_with = Table("works_with", metadata, Column("revision", Text(), primary_key=True))
"""Former revisions whose programs may use these tables as they are; written with them (compatible)."""
