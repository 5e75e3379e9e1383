"""The tables. Those of the directory have a column for each field of its dataclass, so that they cannot drift apart.

Texts and numbers are columns of their own; what is structured (opening hours, steps) is a JSON column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from sqlalchemy import JSON, Boolean, Column, Float, Integer, MetaData, Table, Text

from orchestrator.domain.directory import Box, Department, Person, Phone, Site, Town, Trunk
from orchestrator.domain.flow import Flow
from orchestrator.domain.schedule import Schedule

metadata = MetaData()
_TYPES = {str: Text, int: Integer, float: Float, bool: Boolean}


def _table(name: str, kind: type, key: str) -> Table:
    hints = get_type_hints(kind)
    columns = [
        Column(field.name, _TYPES.get(hints[field.name], JSON)(), primary_key=field.name == key, nullable=False)
        for field in fields(kind)
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
        ("trunks", Trunk, "id"),
        ("schedules", Schedule, "name"),
        ("flows", Flow, "name"),
    )
}
"""Field of the Directory -> its table, its dataclass and its key."""

town = _table("town", Town, "name")
numbers = Table(
    "numbers",
    metadata,
    Column("extension", Text(), primary_key=True),
    Column("flow", Text(), nullable=False),
)
changes = Table(
    "changes",
    metadata,
    Column("id", Integer(), primary_key=True, autoincrement=True),
    Column("at", Float(), nullable=False),
    Column("who", Text(), nullable=False),
    Column("what", Text(), nullable=False),
    Column("why", Text(), nullable=False),
)
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
journal = Table(
    "journal",
    metadata,
    Column("id", Integer(), primary_key=True),
    Column("inode", Integer(), nullable=False),
    Column("offset", Integer(), nullable=False),
)


def rows(things: Mapping[str, Any]) -> list[Any]:
    """The values of a mapping, in a stable order."""
    return [things[key] for key in sorted(things)]
