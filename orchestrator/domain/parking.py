"""Callers whom somebody put through by hand: parked, come back because nobody fetched them or nobody picked up.

A parked caller: waits -> nobody fetched them: the phone that parked them rings -> its department, else the catch-all.
Who was put through and whom nobody took is rung back inside of the step that rang (`Ring.back`, `Forward.back`): so
the graph stays as it is, and where the call goes on is what the flow says.

Belongs here: the flow, and which phone belongs to which department. Not here: the codes (codes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow
from orchestrator.domain.house import GoBack, Park
from orchestrator.domain.place import Place
from orchestrator.domain.town import PARKING

FIRST, LAST = 71, 79
"""The places."""
LEAST = 20
"""Seconds that the phone rings which parked a caller, in a town where nobody else is rung back."""


def flow(directory: Directory, starts: Mapping[str, Place]) -> Iterator[Flow]:
    """The flow of parked callers, of a directory that is not derived yet. `starts`: department -> where its calls
    begin.
    """
    town = directory.town
    offices = {directory.departments[id_].flow: start for id_, start in starts.items()}
    written = directory.flows.get(town.catch_all)
    catch_all = written.first if written else offices.get(town.catch_all, "")
    if not (town.parked and catch_all):
        return  # without a catch-all nothing is right: references tells of it
    back = GoBack(offices=offices, nobody=catch_all, seconds=town.back or LEAST)
    keep = Park(nobody=f"{PARKING}.back", full=f"{PARKING}.back", seconds=town.parked)
    yield Flow(name=PARKING, start="keep", steps={"keep": keep, "back": back})


def offices(directory: Directory) -> Mapping[str, str]:
    """Phone -> the department where a call goes on that came back to it in vain."""
    found = {phone: home.id for home in directory.departments.values() for phone in home.phones}
    found |= {phone: person.department for person in directory.people.values() for phone in person.phones}
    return {phone: id_ for phone, id_ in found.items() if phone in directory.phones and id_ in directory.departments}
