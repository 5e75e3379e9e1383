"""What one thing of each section of the directory is called: in files, in the record, in problems."""

from __future__ import annotations

from collections.abc import Mapping

ONE: Mapping[str, str] = {
    "sites": "site",
    "trunks": "trunk",
    "permissions": "permission",
    "waves": "wave",
    "ranges": "range",
    "retired": "retired",
    "phones": "phone",
    "boxes": "box",
    "switches": "switch",
    "switch_codes": "switch code",
    "numbers": "number",
    "singles": "single",
    "calendars": "calendar",
    "schedules": "schedule",
    "departments": "department",
    "groups": "group",
    "queues": "queue",
    "rooms": "room",
    "people": "person",
    "flows": "flow",
}
"""Field of the directory -> the word; what is named by others stands before who names it."""
