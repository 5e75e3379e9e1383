"""What differs between what is stored and a directory, thing by thing; an edit in words; edits taken back.

Belongs here: rows and directories as values. Not here: the tables that they lie in (load) and the record of them
(changes).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.kinds import ONE
from orchestrator.domain.town import Town
from orchestrator.store import tables
from orchestrator.store.codec import from_data

TOWN = "town"
"""Kind and key of the one town."""
SWITCHED = "switched"
"""Kind of what changes without a rollout: it has edits too, but is no part of the directory."""
SINGULAR: Mapping[str, str] = {TOWN: TOWN, **ONE, SWITCHED: SWITCHED}
"""Field of the directory, or `switched` -> what one of its things is called."""
LONGEST = 70
"""Characters of a value that are shown in words."""

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What happened to one thing: its row before (None: it is new) and after (None: it is gone)."""

    kind: str
    """The field of the directory: `people`; or `switched`."""
    key: str
    before: Row | None
    after: Row | None

    @property
    def name(self) -> str:
        """`person p2500`."""
        return TOWN if self.kind == TOWN else f"{SINGULAR.get(self.kind, self.kind)} {self.key}"

    def lines(self) -> Iterator[str]:
        """For a person: `~ person p2500: last_name: Grün → Blau`, a line for each field that differs."""
        if self.before is not None and self.after is not None:
            for field, old, new in _fields(self.before, self.after):
                yield f"~ {self.name}: {field}: {_short(old)} → {_short(new)}"
            return
        row = self.after if self.before is None else self.before
        filled = (f"{field} {_short(value)}" for field, value in (row or {}).items() if value not in ("", [], {}, None))
        yield f"{'+' if self.before is None else '-'} {self.name}: {', '.join(filled)}"


def _fields(before: Row, after: Row, within: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(field, old, new) of what differs; structured fields are looked into: `steps.door.closed`."""
    for field in [*before, *(field for field in after if field not in before)]:
        old, new = before.get(field), after.get(field)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _fields(old, new, f"{within}{field}.")
        else:
            yield f"{within}{field}", old, new


def _short(value: Any) -> str:
    if value in ("", None, [], {}):
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def rows(directory: Directory, kind: str) -> dict[str, Row]:
    """The rows that the things of one `kind` have, by key."""
    if kind == TOWN:
        return {TOWN: tables.row(directory.town)}
    if kind in tables.PAIRS:
        _, key, value = tables.PAIRS[kind]
        return {one: {key: one, value: other} for one, other in getattr(directory, kind).items()}
    return {key: tables.row(thing) for key, thing in getattr(directory, kind).items()}


def difference(kind: str, stored: Mapping[str, Row], wanted: Mapping[str, Row]) -> list[Edit]:
    """The edits that make `wanted` of `stored`, by key."""
    return [
        Edit(kind=kind, key=key, before=stored.get(key), after=wanted.get(key))
        for key in sorted({**stored, **wanted})
        if stored.get(key) != wanted.get(key)
    ]


def take_back(directory: Directory, edits: Iterable[Edit]) -> tuple[Directory, tuple[Edit, ...]]:
    """`directory` without `edits`, and those of them that no longer hold: their thing was changed again.

    Raises AttributeError, KeyError, TypeError or ValueError for an edit of a version that knew other things.
    """
    again: list[Edit] = []
    changed: dict[str, dict[str, Any]] = {}
    for edit in edits:
        things = changed.setdefault(edit.kind, dict(_things(directory, edit.kind)))
        if _row(edit.kind, things.get(edit.key)) != _row(edit.kind, _thing(edit.kind, edit.after)):
            again.append(edit)
        elif edit.before is None:
            del things[edit.key]
        else:
            things[edit.key] = _thing(edit.kind, edit.before)
    town = changed.pop(TOWN, {TOWN: directory.town})
    return replace(directory, town=town[TOWN], **changed), tuple(again)


def _things(directory: Directory, kind: str) -> Mapping[str, Any]:
    return {TOWN: directory.town} if kind == TOWN else getattr(directory, kind)


def _thing(kind: str, row: Row | None) -> Any:
    """The thing that a row was made of. What a later version added has its default."""
    if row is None:
        return None
    if kind in tables.PAIRS:
        return row[tables.PAIRS[kind][2]]
    return from_data(Town if kind == TOWN else tables.KINDS[kind][1], row)


def _row(kind: str, thing: Any) -> Any:
    """What is compared of a thing: nothing that is worked out from others."""
    return thing if thing is None or kind in tables.PAIRS else tables.row(thing)
