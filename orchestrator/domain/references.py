"""Everything that a directory names must exist: flows, phones, boxes, schedules, languages, calendars far enough ahead.

Belongs here: names and dates. Not here: where a call can go (proof).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.domain import listening, service_codes, texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import (
    NAME,
    NAME_HINT,
    Do,
    LeaveMessage,
    Place,
    Queue,
    Ring,
    Speak,
    Step,
    Transfer,
    When,
    prompts,
)
from orchestrator.domain.house import Park
from orchestrator.domain.links import links
from orchestrator.domain.numbers import E164, is_ours
from orchestrator.domain.outgoing import FLOW
from orchestrator.domain.people import ALL_AT_ONCE
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Prompt, audible
from orchestrator.domain.skills import SKILLS
from orchestrator.domain.town import CODES, MAILBOX, PARKING

MOST_IN_TURN = 30
"""Phones that ring one after the other; Asterisk sorts no more of them in one line either."""
MOST_AT_ONCE = 150
"""Phones that ring at once: Asterisk leaves out a line of its configuration that has more than 8191 characters."""
YEAR = timedelta(days=365)
NOBODY_LEFT = "nobody of its members is left ({}): its messages would be heard by nobody"
NAME_OTHERS = "name other members, or a `head` before they leave; without `members` all of the department may hear them"
RESERVED_PHONES = ("global", "udp", "tcp", "tls", "translated", "phone", "trunk", "testcall", "strangers")
"""Sections that pjsip.conf has for itself; those of trunks begin with `trunk-`, which no name can."""


def references(directory: Directory) -> Iterator[Problem]:
    """Everything that a flow, a number or an object names must exist."""
    if directory.town.catch_all not in directory.flows:
        yield _unknown("catch_all", "flow", directory.town.catch_all, "name a flow for unknown direct numbers")
    for extension, flow in directory.numbers.items():
        if flow not in directory.flows:
            yield _unknown(f"number {extension}", "flow", flow, "write that flow or lead the number elsewhere")
    fit = _fit_names(directory)
    for place, step in directory.graph.items():
        if not fit.issuperset(place.split(".")):
            yield Problem(code="bad_name", where=place, what=f"a name must match {NAME.pattern}", todo="rename it")
        yield from _named(directory, place, step)
    yield from _texts(directory)
    for group in directory.groups.values():
        if group.department not in directory.departments:
            yield _unknown(f"group {group.id}", "department", group.department, "name a department of the directory")
    yield from _names(directory)
    yield from links(directory)


def _fit_names(directory: Directory) -> frozenset[str]:
    """The names of flows and steps that may stand in a dialplan; many flows have steps of the same name."""
    names = {*directory.flows, *(step for flow in directory.flows.values() for step in flow.steps)}
    return frozenset(name for name in names if NAME.fullmatch(name))


def _names(directory: Directory) -> Iterator[Problem]:
    """What becomes a name in Asterisk's configuration must be fit for it."""
    named = {
        "phone": directory.phones,
        "trunk": directory.trunks,
        "permission": directory.permissions,
        "schedule": directory.schedules,
        "department": directory.departments,
        "group": directory.groups,
        "queue": directory.queues,
        "room": directory.rooms,
        "flow": directory.flows,
    }
    for kind, things in named.items():
        for name in things:
            if not NAME.fullmatch(name):
                yield _bad_name(f"{kind} {name!r}", NAME_HINT)
    for name in directory.phones.keys() & set(RESERVED_PHONES):
        yield _bad_name(f"phone {name!r}", "give it another name: the exchange itself has this one")
    if directory.town.mailbox and directory.flows.get(MAILBOX) != listening.flow(directory):
        yield _bad_name(f"flow {MAILBOX!r}", "give it another name: the mailbox by telephone has this one")
    if (parking := directory.flows.get(PARKING)) and not isinstance(parking.steps.get("keep"), Park):
        yield _bad_name(f"flow {PARKING!r}", "give it another name: callers who are parked have this one")
    if directory.flows.get(CODES, made := service_codes.flow(directory)) != made:
        yield _bad_name(f"flow {CODES!r}", "give it another name: what desks switch by dialling has this one")
    if FLOW in directory.flows:
        yield _bad_name(f"flow {FLOW!r}", "give it another name: calls to the outside stand under this one")
    for box in directory.boxes:
        if not (box.isascii() and box.isdigit()):
            yield _bad_name(f"box {box!r}", "a mailbox is a number")
    yield from _people_of_boxes(directory)
    for site in directory.sites.values():
        if not E164.fullmatch(site.emergency_number):
            yield _bad_name(f"site {site.id}: emergency number {site.emergency_number!r}", "write it as +49 6205 2110")


def _people_of_boxes(directory: Directory) -> Iterator[Problem]:
    """Who works with a box, and who is told what is overdue there, must exist, and it must be one department's."""
    own: dict[str, list[str]] = {}
    for department in directory.departments.values():
        own.setdefault(department.box, []).append(department.id)
    for box in directory.boxes.values():
        nobody = bool(box.members) and not any(id_ in directory.people for id_ in box.members)
        if nobody:
            yield Problem(
                code="box_of_nobody",
                where=f"box {box.id}",
                what=NOBODY_LEFT.format(", ".join(box.members)),
                todo=NAME_OTHERS,
            )
        for id_ in (*(() if nobody else box.members), *((box.head,) if box.head else ())):
            if id_ not in directory.people:
                yield _unknown(f"box {box.id}", "person", id_, "name the number of a person of the directory")
        kept = {box.department} & directory.departments.keys()
        if len(homes := list(dict.fromkeys((*own.get(box.id, ()), *kept)))) > 1:
            yield Problem(
                code="box_of_many",
                where=f"box {box.id}",
                what=f"is the box of {' and '.join(homes)}: only one department can deal with its messages",
                todo="give each department a box of its own",
            )


def _bad_name(where: str, todo: str) -> Problem:
    return Problem(code="bad_name", where=where, what="is not fit for Asterisk's configuration", todo=todo)


def _skill(directory: Directory, place: Place, step: Do) -> Iterator[Problem]:
    """A skill must exist, every answer of it must lead somewhere, and it must be told what it needs."""
    if not (skill := SKILLS.get(step.skill)):
        yield _unknown(place, "skill", step.skill, f"use one of {', '.join(SKILLS)}")
        return
    for answer in skill.answers:
        if answer not in step.outcomes:
            yield Problem(
                code="missing_exit",
                where=place,
                what=f"does not say where to go when {step.skill} answers {answer!r}",
                todo=f"add an exit for {answer}",
            )
    for answer in step.outcomes.keys() - set(skill.answers):
        yield _unknown(place, "answer", answer, f"{step.skill} answers {', '.join(skill.answers)}")
    for name in skill.arguments:
        if name not in step.arguments:
            yield Problem(
                code="missing_argument", where=place, what=f"{step.skill} needs {name!r}", todo=f"add {name} to `with`"
            )
    for name in step.arguments.keys() - set(skill.arguments):
        yield _unknown(place, "argument", name, f"{step.skill} takes {', '.join(skill.arguments)}")
    if (name := step.arguments.get("schedule", "")) and name not in directory.schedules:
        yield _unknown(place, "schedule", name, "name a schedule of the directory")


def _named(directory: Directory, place: Place, step: Step) -> Iterator[Problem]:
    match step:
        case When(schedule=name) if name not in directory.schedules:
            yield _unknown(place, "schedule", name, "write that schedule")
        case LeaveMessage(box=name) if name not in directory.boxes:
            yield _unknown(place, "box", name, "give it a mailbox")
        case LeaveMessage(state=name) if name not in texts.STATES:
            yield _unknown(place, "state", name, f"use one of {', '.join(texts.STATES)}")
        case Transfer(trunk=name) if name not in directory.trunks:
            yield _unknown(place, "trunk", name, "name a trunk of the directory")
        case Transfer(number=number) if is_ours(directory, number):
            yield Problem(
                code="own_number",
                where=place,
                what=f"puts through to {number}, a number of our own, by way of the trunk: that may go round for ever",
                todo="lead to the flow, department or person instead",
            )
        case Do():
            yield from _skill(directory, place, step)
        case Speak(language=name) if name not in directory.town.languages:
            yield _unknown(place, "language", name, f"use one of {', '.join(directory.town.languages)}")
        case Ring():
            yield from _rung(directory, place, step)
        case Queue(members=phones):
            yield from _rung(directory, place, Ring(phones=phones, busy=place, nobody=place, unreachable=place))
        case _:
            pass


def _rung(directory: Directory, place: Place, step: Ring) -> Iterator[Problem]:
    match step:
        case Ring(phones=()):
            yield Problem(code="no_phone", where=place, what="rings no phone", todo="name at least one phone")
        case Ring(phones=phones, order=order) if order != ALL_AT_ONCE and len(phones) > MOST_IN_TURN:
            yield Problem(
                code="too_many_phones",
                where=place,
                what=f"rings {len(phones)} phones one after the other; a caller waits for {MOST_IN_TURN} at most",
                todo="name fewer, or let all of them ring at once",
            )
        case Ring(phones=phones) if len(phones) > MOST_AT_ONCE:
            yield Problem(
                code="too_many_phones",
                where=place,
                what=f"rings {len(phones)} phones at once; {MOST_AT_ONCE} are the most",
                todo="name fewer",
            )
        case Ring(phones=phones):
            yield from (
                _unknown(place, "phone", name, "name a phone of the directory")
                for name in phones
                if name not in directory.phones
            )


def _texts(directory: Directory) -> Iterator[Problem]:
    """Each prompt says something in every language, and one name is one sentence: a recorded file replaces it by name.

    A prompt that many places share is looked at once.
    """
    first: dict[str, tuple[Place, Prompt]] = {}
    for place, step in directory.graph.items():
        for prompt in prompts(step):
            where, known = first.setdefault(prompt.name, (place, prompt))
            if known is prompt and where != place:
                continue
            for language in directory.town.languages:
                if not audible(prompt.texts.get(language, "")):
                    yield _silent(place, language)
            if known.texts != prompt.texts:
                yield Problem(
                    code="double_prompt",
                    where=place,
                    what=f"prompt {prompt.name} already says something else at {where}",
                    todo="give one of the two another name",
                )


def _silent(place: Place, language: str) -> Problem:
    return Problem(
        code="missing_text",
        where=place,
        what=f"says nothing to a caller who hears {language}",
        todo=f"write the text in {language}",
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
        for name in schedule.calendars:
            if name not in directory.calendars:
                yield _unknown(f"schedule {schedule.name}", "calendar", name, "name a calendar of the directory")
        if not any(schedule.week.values()):
            yield Problem(
                code="never_open", where=f"schedule {schedule.name}", what="is never open", todo="give it hours"
            )


def calendar_notes(directory: Directory, today: date) -> Iterator[Problem]:
    """Calendars that say nothing about the days ahead: nobody is hurt, and somebody may have forgotten them."""
    for calendar in directory.calendars.values():
        if not calendar.days or max(calendar.days) < today:
            last = f"its last day was {max(calendar.days):%Y-%m-%d}" if calendar.days else "it has no days"
            yield Problem(
                code="calendar_over",
                where=f"calendar {calendar.id}",
                what=f"says nothing about the days ahead: {last}",
                todo="`durchwahl calendar import` the coming year",
            )
