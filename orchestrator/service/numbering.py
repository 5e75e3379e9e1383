"""Which extension can be given to somebody next: by range, department or site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice

from orchestrator.domain import ranges
from orchestrator.domain.directory import Directory
from orchestrator.domain.town import NumberRange
from orchestrator.service.errors import ServiceError
from orchestrator.store.marked import suggest


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """For whom a number is sought; at most one is named, none means every range."""

    department: str = ""
    site: str = ""
    range_: str = ""


def free(directory: Directory, wanted: Wanted, count: int, today: date) -> tuple[str, ...]:
    """Up to `count` free extensions; raises ServiceError if there is no such range, or no number left in it."""
    within = _within(directory, wanted)
    found = tuple(islice(ranges.free(directory, within, today), count))
    if not found:
        spans = ", ".join(f"{each.first}–{each.last}" for each in within)
        raise ServiceError(f"no number is free in {spans}", todo="widen the range, or retire numbers that nobody needs")
    return found


def _within(directory: Directory, wanted: Wanted) -> list[NumberRange]:
    named = [each for each in (wanted.department, wanted.site, wanted.range_) if each]
    if len(named) > 1:
        raise ServiceError("a department, a site and a range at once", todo="name one of them")
    if wanted.range_:
        return [directory.ranges[_known(directory.ranges, wanted.range_, "range")]]
    if wanted.department:
        found = ranges.of_department(directory, _known(directory.departments, wanted.department, "department"))
    elif wanted.site:
        _known(directory.sites, wanted.site, "site")
        found = [each for each in directory.ranges.values() if each.site == wanted.site]
    else:
        found = list(directory.ranges.values())
    if not found:
        whose = f"{named[0]} has no range of numbers" if named else "the directory has no ranges of numbers"
        raise ServiceError(whose, todo="write one under `ranges:`")
    return found


def _known(things: Mapping[str, object], name: str, kind: str) -> str:
    if name not in things:
        raise ServiceError(f"there is no {kind} {name!r}", todo=suggest(name, things) or f"known: {', '.join(things)}")
    return name
