"""Mistakes that an admin makes in an edit, each of which the proof must refuse whatever was edited before.

Made in the full town (tests/full_town.py). Not here: edits that are right (tests/random_edits.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Menu
from orchestrator.domain.town import Retired
from tests.full_town import FAR, desk_phone
from tests.random_edits import put

Mistake = Callable[[Directory], Directory]


def office(**values: Any) -> Mistake:
    """The one department that always stays gets values that cannot be."""
    return lambda directory: put(
        directory, "departments", "buergerbuero", replace(directory.departments["buergerbuero"], **values)
    )


def help_sent_elsewhere(directory: Directory) -> Directory:
    return put(directory, "sites", "rathaus", replace(directory.sites["rathaus"], emergency_number="+4930110"))


def never_open(directory: Directory) -> Directory:
    return put(directory, "schedules", "rathaus", replace(directory.schedules["rathaus"], week={}))


def key_nowhere(directory: Directory) -> Directory:
    town = directory.flows["town"]
    menu = town.steps["welcome"]
    assert isinstance(menu, Menu)
    steps = {**town.steps, "welcome": replace(menu, keys={"1": "town.nowhere"})}
    return put(directory, "flows", "town", replace(town, steps=steps))


def no_way_out(directory: Directory) -> Directory:
    return replace(directory, trunks={id_: replace(t, public=False) for id_, t in directory.trunks.items()})


def round_and_round(directory: Directory) -> Directory:
    for number, to in (("2397", "2398"), ("2398", "2397")):
        directory = put(directory, "retired", number, Retired(extension=number, to=to, until=FAR))
    return directory


def no_name_for_asterisk(directory: Directory) -> Directory:
    return put(directory, "phones", "tel-1,x", replace(desk_phone("2399", "rathaus"), id="tel-1,x"))


MISTAKES: Mapping[str, Mistake] = {
    "number twice": office(extension="0"),
    "emergency number": office(numbers=("112",)),
    "no phone": office(phones=()),
    "no such stand-in": office(stand_in="niemand"),
    "no such permission": office(permission="alles"),
    **{
        each.__name__: each
        for each in (help_sent_elsewhere, never_open, key_nowhere, no_way_out, round_and_round, no_name_for_asterisk)
    },
}
