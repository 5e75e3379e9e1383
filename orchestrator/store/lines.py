"""A directory as lines of JSON, one thing each: what lies in an applied tree, and is compared there as text.

Belongs here: the format. Not here: rows (difference), files that people write (reading). A line that two directories
share is not read again: both have the same object then, and are told apart by identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, get_args, get_type_hints

import orjson

from orchestrator.domain.directory import Directory
from orchestrator.domain.town import Town
from orchestrator.store.codec import from_data, to_data

TOWN = "town"
SECTIONS: Mapping[str, Any] = {
    field.name: get_args(get_type_hints(Directory)[field.name])[1] for field in fields(Directory) if field.name != TOWN
}
"""Field of the directory -> the type of its things."""


def write(directory: Directory) -> str:
    """`directory`, derived or not: the town, then every thing by section and name."""
    things = ((TOWN, "", directory.town), *_things(directory))
    return "".join(
        orjson.dumps([section, name, to_data(thing)], option=orjson.OPT_SORT_KEYS).decode() + "\n"
        for section, name, thing in things
    )


def read(text: str) -> Directory:
    """What `write` was given; raises KeyError, TypeError or ValueError for anything else."""
    return _read(text, {})


def read_beside(text: str, other: Directory, written: str) -> Directory:
    """The same; what `other`, which is `written` too, has in the same words is the very same object."""
    known = dict(zip(_lines(written)[1:], _things(other), strict=True))
    found = _read(text, known)
    return replace(found, town=other.town) if found.town == other.town else found


def _read(text: str, known: Mapping[str, tuple[str, str, Any]]) -> Directory:
    found: dict[str, Any] = {section: {} for section in SECTIONS}
    first, *rest = _lines(text)
    for line in rest:
        if line in known:
            section, name, thing = known[line]
        else:
            section, name, data = orjson.loads(line)
            thing = from_data(SECTIONS[section], data)
        found[section][name] = thing
    _, _, town = orjson.loads(first)
    return Directory(town=from_data(Town, town), **found)


def _lines(text: str) -> list[str]:
    """Not `splitlines`, which splits at characters that JSON leaves as they are (U+2028)."""
    return text.removesuffix("\n").split("\n")


def _things(directory: Directory) -> Iterator[tuple[str, str, Any]]:
    for section in SECTIONS:
        things = getattr(directory, section)
        yield from ((section, name, things[name]) for name in sorted(things))
