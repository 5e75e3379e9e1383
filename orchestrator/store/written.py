"""Plain data as an admin writes it: what a line of a section holds, and the YAML nodes and the text of it.

Belongs here: the general rules, no name of any section. Not here: which fields a section has (write_town, …), how one
is read (marked).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import MISSING
from datetime import date
from typing import Any

import yaml

from orchestrator.store.marked import Spot
from orchestrator.store.tables import stored

WIDTH = 120
"""Characters of a line in a paragraph."""
UNBROKEN = 10_000
LONG = 80
"""A text of more characters than this stands in a paragraph of its own."""
_NUMBER = re.compile(r"[0-9+*#][0-9 ]*")
PARAGRAPHS = ("prompts", "flows")
"""Sections with long texts, which are broken; everywhere else a thing is one line."""


class Word(str):
    """A text that is written without quotes: `yes`, a date, a key of a telephone."""

    __slots__ = ()


class Line(dict[str, Any]):
    """A mapping that is written on one line."""


def fields(thing: Any, names: Mapping[str, str] = {}, leave: Collection[str] = ()) -> Line:
    """The fields of a thing that differ from their defaults, each under its own name or the one that `names` says."""
    line = Line()
    for field in stored(type(thing)):
        value = getattr(thing, field.name)
        if field.name not in leave and (field.default is MISSING or value != field.default):
            line[names.get(field.name, field.name)] = plain(value)
    return line


def plain(value: Any) -> Any:
    """A value of a field as it is written."""
    match value:
        case bool():
            return Word("yes" if value else "no")
        case date():
            return Word(value.isoformat())
        case tuple():
            return list(value)
        case _:
            return value


def node(data: Any, mark: Spot | None = None, *, line: bool = False) -> yaml.Node:
    """Data as YAML, every value of which stands at `mark`."""
    match data:
        case Mapping():
            flat = line or isinstance(data, Line)
            pairs = [(node(key, mark), node(value, mark, line=flat)) for key, value in data.items()]
            return yaml.MappingNode("tag:yaml.org,2002:map", pairs, mark, mark, flow_style=flat)
        case list():
            return yaml.SequenceNode(
                "tag:yaml.org,2002:seq", [node(each, mark, line=True) for each in data], mark, mark, flow_style=True
            )
        case Word() | int():
            return yaml.ScalarNode(_tag(str(data)), str(data), mark, mark)
        case _:
            style = '"' if _NUMBER.fullmatch(data) else ">" if len(data) > LONG and not line else None
            return yaml.ScalarNode("tag:yaml.org,2002:str", data, mark, mark, style=style)


def _tag(word: str) -> str:
    for tag, grammar in yaml.SafeDumper.yaml_implicit_resolvers.get(word[:1], []):
        if grammar.match(word):
            return str(tag)
    return "tag:yaml.org,2002:str"


def text(sections: Mapping[str, Any]) -> str:
    """Sections as one YAML file, the same for the same data."""
    parts = [
        yaml.serialize(
            node({name: data}),
            Dumper=yaml.CSafeDumper,
            width=WIDTH if name in PARAGRAPHS else UNBROKEN,
            allow_unicode=True,
        )
        for name, data in sections.items()
        if data
    ]
    return "\n".join(parts)
