"""Frozen dataclasses ↔ plain data, by their type hints: what a row or a JSON column holds.

Belongs here: the general rule, no name of any object. A union of dataclasses is told apart by `kind`, the class name.
How a type is read is worked out once per type: a directory of 30,000 people is read in seconds.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from functools import cache
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

Thing = TypeVar("Thing")
PLAIN = frozenset({str, int, float, bool, type(None)})
"""Types whose values are data already."""


def to_data(value: Any) -> Any:
    """`value` as what JSON can hold."""
    kind: Any = type(value)
    if kind in PLAIN:
        return value
    if kind is tuple or kind is list:
        return [to_data(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        found = {"kind": kind.__name__}
        for name in _names(kind):
            item = getattr(value, name)
            found[name] = item if type(item) in PLAIN else to_data(item)
        return found
    match value:
        case Mapping():
            return {to_data(key): to_data(item) for key, item in value.items()}
        case frozenset():
            return sorted(value)
        case date() | time():
            return value.isoformat()
        case _:
            return value


def from_data(wanted: type[Thing], data: Any) -> Thing:
    """What `to_data` was given; raises KeyError, TypeError or ValueError for data of another shape."""
    hint: Any = wanted
    return _reader(hint)(data)  # type: ignore[no-any-return]


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _reader(wanted: Any) -> Callable[[Any], Any]:
    """The function that reads data of type `wanted`."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return _union_reader(arguments)
    if origin is tuple:
        read = _reader(arguments[0])
        return lambda data: tuple([read(item) for item in data])
    if origin is frozenset:
        return frozenset
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, item = _reader(arguments[0]), _reader(arguments[1])
        return lambda data: {key(name): item(value) for name, value in data.items()}
    if isinstance(wanted, type) and is_dataclass(wanted):
        return _thing_reader(wanted)
    if wanted in (date, time):
        return wanted.fromisoformat  # type: ignore[no-any-return]
    return wanted  # type: ignore[no-any-return]


def _union_reader(arguments: tuple[Any, ...]) -> Callable[[Any], Any]:
    known = [one for one in arguments if one is not type(None)]
    if len(known) == 1:
        read = _reader(known[0])
    else:
        readers = {one.__name__: _reader(one) for one in known}

        def read(data: Any) -> Any:
            return readers[data["kind"]](data)

    if len(known) == len(arguments):
        return read
    return lambda data: None if data is None else read(data)


def _thing_reader(wanted: type) -> Callable[[Any], Any]:
    hints = {name: hint for name, hint in get_type_hints(wanted).items() if get_origin(hint) is not ClassVar}
    readers = [(name, _reader(hint)) for name, hint in hints.items()]
    return lambda data: wanted(**{name: read(data[name]) for name, read in readers if name in data})
