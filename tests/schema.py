"""What of two schemas a former program would stumble over: it goes on reading and writing as it was made.

Belongs here: what tables are like, and what differs. Not here: which migration is looked at (the tests).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Inspector, inspect, text

TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = to_regclass(quote_ident(:name))",
}


LETS_GO = ("CASCADE", "SET NULL", "SET DEFAULT")
"""What a reference says `ON DELETE` so that the row that it refers to can be deleted all the same."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One table."""

    columns: Mapping[str, tuple[str, bool, str | None]]
    """Name -> its type, whether it may be empty, what it has where nothing is given."""
    rules: frozenset[str]
    """What refuses rows, or does something with them."""
    holds: frozenset[str]
    """Tables of which it keeps rows from being deleted."""


def seen(connection: Connection) -> dict[str, Seen]:
    """Every table."""
    asked = inspect(connection)
    return {name: _seen(connection, asked, name) for name in asked.get_table_names()}


def _seen(connection: Connection, asked: Inspector, name: str) -> Seen:
    columns = {
        str(each["name"]): (str(each["type"]), bool(each["nullable"]), each["default"])
        for each in asked.get_columns(name)
    }
    refers = asked.get_foreign_keys(name)
    return Seen(
        columns=columns,
        rules=frozenset(_rules(connection, asked, name)),
        holds=frozenset(each["referred_table"] for each in refers if each["options"].get("ondelete") not in LETS_GO),
    )


def _rules(connection: Connection, asked: Inspector, name: str) -> Iterator[str]:
    yield f"key {asked.get_pk_constraint(name)['constrained_columns']}"
    for unique in asked.get_unique_constraints(name):
        yield f"unique {unique['column_names']}"
    for index in asked.get_indexes(name):
        if index["unique"]:
            yield f"unique {index.get('expressions') or index['column_names']}"
    for refers in asked.get_foreign_keys(name):
        yield f"{refers['constrained_columns']} refers to {refers['referred_table']}"
    for check in asked.get_check_constraints(name):
        yield f"check {check['sqltext']}"
    for trigger in connection.execute(text(TRIGGERS[connection.dialect.name]), {"name": name}).scalars():
        yield f"trigger {trigger}"


def hurts(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> list[str]:
    """What a program would stumble over that was made for `before`; nothing, where things were only added."""
    return sorted(_hurts(before, after))


def _hurts(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> Iterator[str]:
    for name, was in before.items():
        if name not in after:
            yield f"table {name} is gone"
            continue
        now = after[name]
        for column, like in was.columns.items():
            if column not in now.columns:
                yield f"column {name}.{column} is gone"
            elif now.columns[column] != like:
                yield f"column {name}.{column} is another one"
        for column in now.columns.keys() - was.columns.keys():
            _, may_be_empty, default = now.columns[column]
            if not may_be_empty and default is None:
                yield f"column {name}.{column} must be given"
        yield from (f"rule of {name} is new: {rule}" for rule in now.rules - was.rules)
        yield from (f"rule of {name} is gone: {rule}" for rule in was.rules - now.rules)
    for name in after.keys() - before.keys():
        yield from (f"table {name} keeps rows of {held}" for held in after[name].holds & before.keys())
