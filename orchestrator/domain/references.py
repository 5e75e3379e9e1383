"""Everything that a directory names must exist: flows, phones, boxes, schedules, languages, calendars far enough ahead.

Belongs here: names and dates. Not here: where a call can go (proof).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import NAME, LeaveMessage, Place, Ring, Speak, Step, Transfer, When, prompts
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Prompt

YEAR = timedelta(days=365)


def references(directory: Directory) -> Iterator[Problem]:
    """Everything that a flow, a number or an object names must exist."""
    if directory.town.catch_all not in directory.flows:
        yield _unknown("catch_all", "flow", directory.town.catch_all, "name a flow for unknown direct numbers")
    for extension, flow in directory.numbers.items():
        if flow not in directory.flows:
            yield _unknown(f"number {extension}", "flow", flow, "write that flow or lead the number elsewhere")
    for place, step in directory.graph.items():
        if not all(NAME.fullmatch(part) for part in place.split(".")):
            yield Problem(code="bad_name", where=place, what=f"a name must match {NAME.pattern}", todo="rename it")
        yield from _named(directory, place, step)
        yield from _texts(directory, place, step)
    yield from _doubles(directory)


def _named(directory: Directory, place: Place, step: Step) -> Iterator[Problem]:
    match step:
        case When(schedule=name) if name not in directory.schedules:
            yield _unknown(place, "schedule", name, "write that schedule")
        case LeaveMessage(box=name) if name not in directory.boxes:
            yield _unknown(place, "box", name, "give it a mailbox")
        case Transfer(trunk=name) if name not in directory.trunks:
            yield _unknown(place, "trunk", name, "name a trunk of the directory")
        case Speak(language=name) if name not in directory.town.languages:
            yield _unknown(place, "language", name, f"use one of {', '.join(directory.town.languages)}")
        case Ring(phones=()):
            yield Problem(code="no_phone", where=place, what="rings no phone", todo="name at least one phone")
        case Ring(phones=phones):
            yield from (
                _unknown(place, "phone", name, "name a phone of the directory")
                for name in phones
                if name not in directory.phones
            )
        case _:
            pass


def _texts(directory: Directory, place: Place, step: Step) -> Iterator[Problem]:
    for prompt in prompts(step):
        for language in directory.town.languages:
            if not prompt.texts.get(language, "").strip():
                yield Problem(
                    code="missing_text",
                    where=place,
                    what=f"says nothing to a caller who hears {language}",
                    todo=f"write the text in {language}",
                )


def _doubles(directory: Directory) -> Iterator[Problem]:
    """One name, one sentence: a recorded file replaces a prompt by its name."""
    first: dict[str, tuple[Place, Prompt]] = {}
    for place, step in directory.graph.items():
        for prompt in prompts(step):
            where, known = first.setdefault(prompt.name, (place, prompt))
            if known.texts != prompt.texts:
                yield Problem(
                    code="double_prompt",
                    where=place,
                    what=f"prompt {prompt.name} already says something else at {where}",
                    todo="give one of the two another name",
                )


def _unknown(where: str, kind: str, name: str, todo: str) -> Problem:
    return Problem(code=f"unknown_{kind}", where=where, what=f"there is no {kind} {name!r}", todo=todo)


def calendars(directory: Directory, today: date) -> Iterator[Problem]:
    """Each schedule must be in a known time zone, open at some time, and know its holidays a year ahead."""
    for schedule in directory.schedules.values():
        try:
            ZoneInfo(schedule.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            yield _unknown(f"schedule {schedule.name}", "timezone", schedule.timezone, "use a name like Europe/Berlin")
        if schedule.known_until < today + YEAR:
            yield Problem(
                code="calendar_ends",
                where=f"schedule {schedule.name}",
                what=f"holidays are known only until {schedule.known_until:%Y-%m-%d}, less than a year ahead",
                todo="import the directory again: the calendar is extended then",
            )
        if not any(schedule.week.values()):
            yield Problem(
                code="never_open", where=f"schedule {schedule.name}", what="is never open", todo="give it hours"
            )
