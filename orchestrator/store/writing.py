"""A directory as an admin writes it: sections of plain data, files of them. What `reading` reads is the same directory.

Belongs here: which section lies in which file. Not here: how one is written (write_town, write_people, write_flows).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.store import write_flows, write_people, write_queues, write_town
from orchestrator.store.written import text

FILES: Mapping[str, tuple[str, ...]] = {
    "town.yaml": (
        *("town", "sites", "trunks", "permissions", "waves", "ranges", "retired"),
        *("phones", "boxes", "switches", "switch_codes", "numbers", "singles"),
    ),
    "schedules.yaml": ("calendars", "schedules"),
    "departments.yaml": ("departments", "groups", "queues", "rooms"),
    "people.yaml": ("people",),
    "flows.yaml": ("prompts", "flows"),
}
"""File of an export -> the sections in it."""
Sections = Mapping[str, Mapping[str, Any]]
"""Section -> name -> what is written of it; `town`: field -> value."""


def sections(directory: Directory) -> Sections:
    """Everything that a directory says, which must not be derived; in an order that is always the same."""
    made, flows = directory.town, write_flows.Flows(directory)
    return {
        "town": write_town.town(made),
        "sites": _each(directory.sites, write_town.site),
        "trunks": _each(directory.trunks, write_town.trunk),
        "permissions": _each(directory.permissions, write_town.permission),
        "waves": _each(directory.waves, write_town.wave),
        "ranges": _each(directory.ranges, write_town.number_range),
        "retired": _each(directory.retired, write_town.retired),
        "phones": write_people.phones(directory),
        "boxes": write_people.boxes(directory),
        "switches": dict(sorted(directory.switches.items())),
        "switch_codes": dict(sorted(directory.switch_codes.items())),
        "numbers": dict(sorted(directory.numbers.items())),
        "singles": dict(sorted(directory.singles.items())),
        "calendars": _each(directory.calendars, write_town.calendar),
        "schedules": _each(directory.schedules, lambda schedule: write_town.schedule(schedule, made)),
        "departments": write_people.departments(directory),
        "groups": write_people.groups(directory),
        "queues": _each(directory.queues, lambda queue: write_queues.queue(directory, flows, queue)),
        "rooms": _each(directory.rooms, write_town.room),
        "people": write_people.people(directory),
        "prompts": write_flows.shared(directory),
        "flows": flows.written(),
    }


def _each(things: Mapping[str, Any], write: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: write(things[name]) for name in sorted(things)}


def files(found: Sections, names: Iterable[str] = FILES) -> dict[str, str]:
    """File -> its text, without files that would be empty."""
    made = {name: text({section: found.get(section) for section in FILES[name]}) for name in names}
    return {name: written for name, written in made.items() if written}
