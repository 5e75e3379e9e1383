"""What one thing of the directory names must be there: a person's department, a phone's site, a schedule's calendars;
and no department lies above itself, nobody stands in for themselves.

Reading a file finds this too, with its line; here it is found whatever way a change came: an undo, a merge.
Not here: what flows name (references).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from orchestrator.domain.callers import PRESETS
from orchestrator.domain.directory import Directory
from orchestrator.domain.kinds import ONE
from orchestrator.domain.problems import Problem

LINKS: Mapping[str, Mapping[str, str]] = {
    "people": {
        "department": "departments",
        "site": "sites",
        "stand_in": "people",
        "secretary": "people",
        "direct": "people",
    },
    "departments": {"site": "sites", "parent": "departments", "stand_in": "departments", "queue": "queues"},
    "phones": {"site": "sites"},
    "groups": {"department": "departments"},
    "queues": {"department": "departments"},
    "sites": {"trunk": "trunks"},
    "waves": {"trunk": "trunks"},
    "ranges": {"department": "departments", "site": "sites"},
    "schedules": {"calendars": "calendars"},
}
"""Field of the directory -> which fields of its things name things of which other field."""
PERMITTED = ("people", "departments", "phones")


def links(directory: Directory) -> Iterator[Problem]:
    """One problem for each name that leads nowhere."""
    for kind, named in LINKS.items():
        for key, thing in getattr(directory, kind).items():
            for field, target in named.items():
                known = getattr(directory, target)
                yield from _missing(f"{ONE[kind]} {key}", ONE[target], getattr(thing, field), known)
    permissions = {*PRESETS, *directory.permissions}
    for kind in PERMITTED:
        for key, thing in getattr(directory, kind).items():
            yield from _missing(f"{ONE[kind]} {key}", "permission", thing.permission, permissions)
    yield from _missing("town", "permission", directory.town.permission, permissions)
    yield from _waves(directory)
    yield from _rings(directory)
    yield from _own_stand_ins(directory)


def _waves(directory: Directory) -> Iterator[Problem]:
    """Who is in a wave that nobody declared would never be sent to the old exchange. The first wave is here already."""
    for called, things in (("site", directory.sites), ("person", directory.people)):
        for key, thing in things.items():
            if thing.wave > 1 and str(thing.wave) not in directory.waves:
                yield Problem(
                    code="unknown_wave",
                    where=f"{called} {key}",
                    what=f"is in wave {thing.wave}, which does not exist",
                    todo="declare it under `waves:` with the trunk of the old exchange, or leave `wave` out",
                )


def _rings(directory: Directory) -> Iterator[Problem]:
    """Departments that lie above themselves: once for each ring, at the first of its names."""
    for name in directory.departments:
        ring = [name]
        while (above := directory.departments[ring[-1]].parent) in directory.departments and above not in ring:
            ring.append(above)
        if above == name == min(ring):
            yield Problem(
                code="department_ring",
                where=f"department {name}",
                what=f"lies above itself: {' → '.join([*ring, name])}",
                todo="take `parent` away from one of them",
            )


def _own_stand_ins(directory: Directory) -> Iterator[Problem]:
    """Departments and people whose stand-in is they themselves: nobody would ring when they do not pick up."""
    for kind, things in (("department", directory.departments), ("person", directory.people)):
        for name, thing in things.items():
            if thing.stand_in == name:
                yield Problem(
                    code="own_stand_in",
                    where=f"{kind} {name}",
                    what="is its own stand-in",
                    todo="name another, or take `stand_in` away",
                    caller=f"calls {thing.extension}, where nobody picks up, and hears the same phones ring again",
                )


def _missing(where: str, kind: str, named: str | tuple[str, ...], known: Collection[str]) -> Iterator[Problem]:
    for name in (named,) if isinstance(named, str) else named:
        if name and name not in known:
            yield Problem(
                code=f"unknown_{kind}",
                where=where,
                what=f"there is no {kind} {name!r}",
                todo=f"give it another {kind}, or bring that one back",
            )
