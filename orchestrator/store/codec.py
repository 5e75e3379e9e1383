"""Frozen dataclasses ↔ plain data, by their type hints: what a row or a JSON column holds.

Belongs here: the general rule, no name of any object. A union of dataclasses is told apart by `kind`, the class name.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from functools import cache
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

Thing = TypeVar("Thing")


def to_data(value: Any) -> Any:
    """`value` as what JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        data = {field.name: to_data(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, **data}
    match value:
        case Mapping():
            return {to_data(key): to_data(item) for key, item in value.items()}
        case tuple() | list():
            return [to_data(item) for item in value]
        case frozenset():
            return sorted(value)
        case date() | time():
            return value.isoformat()
        case _:
            return value


def from_data(wanted: type[Thing], data: Any) -> Thing:
    """What `to_data` was given; raises KeyError, TypeError or ValueError for data of another shape."""
    return _read(wanted, data)  # type: ignore[no-any-return]


def _read(wanted: Any, data: Any) -> Any:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        if data is None:
            return None
        if len(known := [one for one in arguments if one is not type(None)]) == 1:
            return _read(known[0], data)
        return _read({one.__name__: one for one in arguments}[data["kind"]], data)
    if origin is tuple:
        return tuple(_read(arguments[0], item) for item in data)
    if origin is frozenset:
        return frozenset(data)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {_read(arguments[0], key): _read(arguments[1], item) for key, item in data.items()}
    if isinstance(wanted, type) and is_dataclass(wanted):
        return wanted(**{name: _read(hint, data[name]) for name, hint in _hints(wanted).items() if name in data})
    if wanted in (date, time):
        return wanted.fromisoformat(data)
    return wanted(data)


@cache
def _hints(wanted: type) -> dict[str, Any]:
    return {name: hint for name, hint in get_type_hints(wanted).items() if get_origin(hint) is not ClassVar}
