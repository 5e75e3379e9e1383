"""What differs between two directories as they are written: new, changed and gone things, in an admin's words.

Belongs here: comparing sections (writing). Not here: what that does to Asterisk's configuration (rollout.plan).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.kinds import ONE
from orchestrator.store.writing import Sections

SINGULAR = {
    **{section: one for section, one in ONE.items() if section != "flows"},
    "retired": "retired number",
    "singles": "single number",
    "switch_codes": "switch code",
    "prompts": "prompt",
    "flows": ONE["flows"],
}
"""Section -> what one of its things is called."""
NEW, CHANGED, GONE = "new", "changed", "gone"
LONGEST = 60
"""Characters of a value that are shown."""
NOTHING = "–"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that is new, changed or gone."""

    kind: str
    """`new`, `changed` or `gone`."""
    section: str
    thing: str
    """`person 2500 Anna Grün`."""
    fields: tuple[tuple[str, str, str], ...] = ()
    """(field, old, new) of a changed thing."""

    def __str__(self) -> str:
        told = ", ".join(f"{name}: {old} → {new}" for name, old, new in self.fields)
        return f"{self.kind:<8} {self.thing}" + (f": {told}" if told else "")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All changes, and how many things there were in each section before."""

    changes: tuple[Change, ...]
    before: Mapping[str, int]

    def count(self, kind: str) -> int:
        """How many things are `kind`."""
        return sum(change.kind == kind for change in self.changes)

    def __str__(self) -> str:
        return ", ".join(f"{self.count(kind)} {kind}" for kind in (NEW, CHANGED, GONE))


def difference(old: Sections, new: Sections) -> Difference:
    """What makes `new` of `old`; no sections at all are an empty directory."""
    changes = (*_town(old.get("town", {}), new.get("town", {})), *_things(old, new))
    return Difference(changes=changes, before={section: len(old.get(section, {})) for section in SINGULAR})


def _town(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    if old != new:
        thing, changed = f"town {new.get('name', '')}".strip(), tuple(_fields(old, new))
        yield (
            Change(kind=CHANGED, section="town", thing=thing, fields=changed)
            if old
            else Change(kind=NEW, section="town", thing=thing)
        )


def _things(old: Sections, new: Sections) -> Iterator[Change]:
    for section, kind in SINGULAR.items():
        before, after = _keyed(section, old), _keyed(section, new)
        for key in sorted(before.keys() | after.keys()):
            was, is_ = before.get(key), after.get(key)
            if was == is_:
                continue
            thing = f"{kind} {_named(is_ if is_ is not None else was)}"
            change = NEW if was is None else GONE if is_ is None else CHANGED
            told = tuple(_fields(was, is_)) if change == CHANGED else ()
            yield Change(kind=change, section=section, thing=thing, fields=told)


def _keyed(section: str, sections: Sections) -> dict[str, tuple[str, Any]]:
    """Key -> (name, what is written); people by their id, which stays when their number changes."""
    things = sections.get(section, {})
    if section != "people":
        return {name: (name, data) for name, data in things.items()}
    return {data.get("id", f"p{number}"): (number, data) for number, data in things.items()}


def _named(thing: Any) -> str:
    number, data = thing
    if not isinstance(data, Mapping):
        return f"{number} ({data})"
    if "last" in data:
        return f"{number} {data.get('first', '')} {data['last']}"
    name = data.get("name", data.get("label", ""))
    return f"{number} ({name})" if name and isinstance(name, str) and name != number else str(number)


def _fields(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Each field that differs, with its name from the outside in: `steps.door.closed`."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        if old[0] != new[0]:
            yield "number", old[0], new[0]
        yield from _fields(old[1], new[1])
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in (*old, *(key for key in new if key not in old)):
            if old.get(key) != new.get(key) and not (not path and key == "id"):
                yield from _fields(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    else:
        yield path or "value", _shown(old), _shown(new)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, Mapping):
        value = ", ".join(f"{key}: {each}" for key, each in value.items())
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
