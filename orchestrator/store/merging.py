"""Files laid over what is stored: an entry of a file replaces the stored one, a row only the fields that it has.

Belongs here: which entry counts. The result is read and judged as if it were one import (reading).
Not here: how a table becomes rows (tables_in).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from orchestrator.store.comparison import SINGULAR
from orchestrator.store.marked import STORED, Marked, Mistakes, Spot
from orchestrator.store.writing import Sections
from orchestrator.store.written import node


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing of a table: its key and the fields for which the table has columns; None where the cell is empty."""

    key: yaml.ScalarNode
    mark: Spot
    fields: Mapping[str, yaml.Node | None]


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows of one file, all of one section."""

    section: str
    file: str
    rows: tuple[Row, ...]


def over(
    stored: Sections,
    brought: Mapping[str, list[Marked]],
    mistakes: Mistakes,
    *,
    tables: Sequence[Table] = (),
    replaced: Collection[str] = (),
) -> dict[str, list[Marked]]:
    """`stored` with everything that files and tables say in its stead; of `replaced` sections nothing else stays."""
    result: dict[str, list[Marked]] = {}
    for section in (*SINGULAR, "town"):
        files = brought.get(section, [])
        rows = [table for table in tables if table.section == section]
        keys = {key.text() for marked in files for key, _ in marked.items()} if section != "town" else set()
        keys |= {str(row.key.value) for table in rows for row in table.rows}
        gone = section in replaced or (section == "town" and files)
        rest = {} if gone else _without(stored.get(section, {}), keys)
        result[section] = [_stored(section, rest, mistakes)] if rest else []
        result[section] += files
        result[section] += [_laid_over(table, stored.get(section, {}), mistakes) for table in rows]
    return result


def _without(things: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: data for key, data in things.items() if str(key) not in keys}


def _stored(section: str, things: Mapping[str, Any], mistakes: Mistakes) -> Marked:
    kind = SINGULAR.get(section, section)
    pairs = []
    for key, data in things.items():
        mark = Spot(heading=f"{kind} {key}")
        pairs.append((node(str(key), mark), node(data, mark)))
    top = Spot(heading=section)
    return Marked(yaml.MappingNode("tag:yaml.org,2002:map", pairs, top, top), STORED, mistakes)


def _laid_over(table: Table, stored: Mapping[str, Any], mistakes: Mistakes) -> Marked:
    pairs = []
    for row in table.rows:
        before = stored.get(str(row.key.value), {})
        mark = row.mark
        if isinstance(before, str) or (set(row.fields) == {""}):  # a pair: the one other column is its value
            value = next(iter(row.fields.values()), None) or node("", mark)
            pairs.append((row.key, value))
            continue
        kept = [
            (node(key, mark), node(data, mark))
            for key, data in before.items()
            if key not in row.fields or (data == "" and row.fields[key] is None)
        ]
        cells = [(node(key, mark), cell) for key, cell in row.fields.items() if cell is not None]
        pairs.append((row.key, yaml.MappingNode("tag:yaml.org,2002:map", [*kept, *cells], mark, mark)))
    mark = Spot(line=0)
    return Marked(yaml.MappingNode("tag:yaml.org,2002:map", pairs, mark, mark), table.file, mistakes)
