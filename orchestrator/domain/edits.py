"""What an admin changed between two directories: things in groups, each with a reason in one line.

Belongs here: the comparison and its words. Not here: what Asterisk gets of it (rollout.plan), which calls end
elsewhere (outcomes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow
from orchestrator.domain.town import CODES, PARKING

CREATE, UPDATE, DELETE = "create", "update", "delete"
GROUPS: Mapping[str, tuple[str, str]] = {
    "people": ("person", "People"),
    "departments": ("department", "Departments"),
    "groups": ("group", "Groups"),
    "queues": ("queue", "Waiting queues"),
    "rooms": ("room", "Conference rooms"),
    "phones": ("phone", "Phones"),
    "numbers": ("number", "Numbers"),
    "singles": ("single", "Numbers without a head"),
    "retired": ("retired", "Retired numbers"),
    "ranges": ("range", "Number ranges"),
    "boxes": ("mailbox", "Mailboxes"),
    "flows": ("flow", "Flows"),
    "schedules": ("schedule", "Schedules"),
    "calendars": ("calendar", "Calendars"),
    "sites": ("site", "Sites"),
    "trunks": ("trunk", "Trunks"),
    "permissions": ("permission", "Permissions"),
    "waves": ("wave", "Waves"),
    "switches": ("switch", "Switches"),
    "switch_codes": ("switch code", "Digits of switches"),
}
"""Field of the directory -> what one of its things is called, and the title of all, in the order of a plan."""
LONG = 60
"""Characters of a value that a reason shows."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One thing of the directory that is new, gone or different."""

    kind: str
    """Of `GROUPS`, `town` or `settings`."""
    name: str
    """As an admin knows it: a person by number."""
    action: str
    """`create`, `update` or `delete`."""
    why: str
    flow: str = ""
    """The flow that is made of it, if any."""
    phones: tuple[str, ...] = ()
    """The phones of a person, department or group."""

    def __str__(self) -> str:
        """`person 2500: stand-in 2501 → 2502`."""
        match self.action:
            case "create":
                return f"{self.kind} {self.name} is new{f': {self.why}' if self.why else ''}"
            case "delete":
                return f"{self.kind} {self.name} is gone{f': {self.why}' if self.why else ''}"
            case _:
                return f"{self.kind} {self.name}: {self.why}"


def edits(before: Directory, after: Directory) -> Iterator[Edit]:
    """Everything that `after` has otherwise than `before`; both derived. Flows that were made are no edits."""
    if before.town != after.town:
        why = "; ".join(_changes(before, after, before.town, after.town))
        yield Edit(kind="town", name=after.town.name, action=UPDATE, why=why)
    made = derived(before) | derived(after)
    for field, (kind, _) in GROUPS.items():
        old, new = getattr(before, field), getattr(after, field)
        if old is new:
            continue
        for key in sorted(old.keys() | new.keys(), key=lambda key: (len(key), key)):
            if (one := old.get(key)) is (other := new.get(key)) or one == other or (field == "flows" and key in made):
                continue
            edit = _edit(before, after, kind, key, one, other)
            if edit.why or edit.action != UPDATE:  # holidays of another year are nobody's edit
                yield edit


def derived(directory: Directory) -> frozenset[str]:
    """Names of the flows that nobody wrote."""
    owners = (directory.departments, directory.people, directory.groups, directory.queues, directory.rooms)
    made = {owner.flow for things in (*owners, directory.phones, directory.retired) for owner in things.values()}
    return frozenset({*made, CODES, *([PARKING] if directory.town.parked else [])})


def owner(directory: Directory, number: str) -> str:
    """Who has an extension, in words."""
    flow = directory.numbers.get(number, "")
    return directory.names.get(flow) or (f"flow {flow}" if flow else "")


def _edit(before: Directory, after: Directory, kind: str, key: str, old: Any, new: Any) -> Edit:
    thing, directory = (new, after) if new is not None else (old, before)
    flow = str({"number": thing, "flow": key}.get(kind) or getattr(thing, "flow", ""))
    if old is None or new is None:
        action, why = CREATE if old is None else DELETE, owner(directory, key) if kind == "number" else _title(thing)
    elif kind == "number":
        action, why = UPDATE, f"{owner(before, key)} → {owner(after, key)}"
    elif is_dataclass(new):
        action, why = UPDATE, "; ".join(_changes(before, after, old, new))
    else:
        action, why = UPDATE, f"{_value(old)} → {_value(new)}"
    name, phones = (thing.extension if kind == "person" else key), getattr(thing, "phones", ())
    return Edit(kind=kind, name=name, action=action, why=why, flow=flow, phones=phones)


def _title(thing: Any) -> str:
    """What a new or former thing is, beside its id."""
    said = (getattr(thing, name, "") for name in ("name", "label", "address", "host"))
    return next((text for text in said if isinstance(text, str) and text), "" if is_dataclass(thing) else _value(thing))


def _changes(before: Directory, after: Directory, old: Any, new: Any) -> Iterator[str]:
    """Each field of a thing that differs, but for what is worked out."""
    for field in fields(new):
        if field.metadata.get("computed"):
            continue
        one, other = getattr(old, field.name), getattr(new, field.name)
        if one == other:
            continue
        label = field.name.replace("_", "-")
        if isinstance(one, Mapping):
            yield _entries("" if isinstance(new, Flow) or field.name == "week" else label, one, other)
        else:
            yield f"{label} {_named(before, field.name, one)} → {_named(after, field.name, other)}"


def _named(directory: Directory, field: str, value: Any) -> str:
    """A value of a field; people who are named by id are told by number."""
    if field == "stand_in" and value in directory.people:
        return directory.people[value].extension
    if field in ("secretary", "direct"):
        value = tuple(directory.people[id_].extension if id_ in directory.people else id_ for id_ in value)
    return _value(value)


def _entries(label: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> str:
    """What came into a mapping, what went, what is different; many are only counted."""
    parts = []
    for sign, keys in (
        ("+", [key for key in new if key not in old]),
        ("−", [key for key in old if key not in new]),
        ("", [key for key in new if key in old and old[key] != new[key]]),
    ):
        if len(keys) > 3:
            parts.append(f"{sign}{len(keys)} {'more' if sign == '+' else 'fewer' if sign else 'changed'}")
        else:
            parts += [f"{sign}{_value(key)}{'' if sign else _change(old[key], new[key])}" for key in keys]
    return f"{label} {', '.join(parts)}".strip()


def _change(old: Any, new: Any) -> str:
    """How one entry of a mapping differs, where that is short."""
    if is_dataclass(old) and is_dataclass(new):
        return " changed" if type(old) is type(new) else f" {type(old).__name__} → {type(new).__name__}"
    return f" {_value(old)} → {_value(new)}"


def _value(value: Any) -> str:
    """Anything in a few words; what is not there is a dash."""
    if hasattr(value, "start") and hasattr(value, "end"):
        return f"{value.start:%H:%M}–{value.end:%H:%M}"
    if isinstance(value, tuple | list | frozenset):
        text = ", ".join(_value(each) for each in value)
    elif is_dataclass(value):
        text = _title(value)
    else:
        text = str(value)
    return (text if len(text) <= LONG else text[: LONG - 1] + "…") or "–"
