"""What must hold before a directory goes live: no call goes nowhere, with Python up and with Python down.

Every number, every answer of every step is followed. Problems are data; nothing here raises for a bad directory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from orchestrator.domain import (
    audit,
    findable,
    narrate,
    numbers,
    outgoing,
    promises,
    ranges,
    retired,
    rooms,
    secretaries,
    switches,
)
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import (
    END,
    Announce,
    CallBack,
    Dictate,
    Do,
    FindByName,
    Forward,
    HangUp,
    LeaveMessage,
    Listen,
    Menu,
    Place,
    Queue,
    Ring,
    Say,
    Speak,
    Switch,
    Transfer,
    When,
)
from orchestrator.domain.house import AskPin, GoBack, Meet, Park, Promise, Recall, Screen, StandIn
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.references import calendar_notes, calendars, references
from orchestrator.domain.routes import Routes, Wait
from orchestrator.domain.town import CODES, PARKING


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The verdict: what is wrong, and how long a silent caller waits at worst."""

    problems: tuple[Problem, ...]
    places: int
    numbers: int
    worst_wait: float
    """Seconds until a person, a mailbox or a spoken next step."""
    worst_number: str
    """The extension where it happens."""
    worst_hung: float = 0.0
    """Seconds of the same, if each attendant on the way hangs at the last moment and nobody rescues its callers."""
    notes: tuple[Problem, ...] = ()
    """Worth knowing, and no reason against an apply."""


def prove(directory: Directory, sounds: Sounds, today: date) -> Proof:
    """Judge a derived directory as a call meets it, for the year from `today` on."""
    found = [*numbers.problems(directory), *ranges.problems(directory), *retired.problems(directory, today)]
    found += [*references(directory), *calendars(directory, today), *switches.problems(directory)]
    found += [*outgoing.problems(directory), *audit.graves(directory), *findable.problems(directory)]
    found += [*rooms.problems(directory), *promises.problems(directory), *secretaries.problems(directory)]
    starts = {flow: directory.first(flow) for flow in _entries(directory) if flow in directory.flows}
    judged = [Routes(graph=directory.graph, starts=tuple(starts.values()), python=up) for up in (True, False, None)]
    found += [*_starts(directory), *_graph(directory, judged)]
    worst, number, hung = 0.0, "", 0.0
    if not any(problem.code in ("silent_loop", "unknown_place") for problem in found):
        anyhow = judged[-1]
        waits = anyhow.waits(sounds)
        worst, number = max(_waits(directory, waits), default=(0.0, ""))
        apart = {PARKING, *promises.starts(directory)}  # who is parked has talked before; a stand-in is nobody
        called = (place for flow, place in starts.items() if flow not in apart)
        hung = max((waits[place].hung for place in called if place in waits), default=0.0)
        if worst > directory.town.longest_wait:
            found.append(_too_long(directory, worst, number))
    return Proof(
        problems=tuple({(problem.code, problem.where, problem.what): problem for problem in found[::-1]}.values())[
            ::-1
        ],
        places=len(directory.graph),
        numbers=len(directory.numbers),
        worst_wait=worst,
        worst_number=number,
        worst_hung=hung,
        notes=(*numbers.notes(directory), *ranges.notes(directory), *calendar_notes(directory, today)),
    )


def _starts(directory: Directory) -> Iterator[Problem]:
    """A number must lead to a place that exists, and not straight into silence."""
    for extension, flow in directory.numbers.items():
        if flow not in directory.flows:
            continue  # told by references
        first = directory.first(flow)
        caller = f"dials {numbers.written(directory.town, extension)}"
        if first not in directory.graph:
            yield Problem(
                code="unknown_place",
                where=f"flow {flow}",
                what=f"begins at {first}, which does not exist",
                todo="begin at one of its steps",
                caller=caller,
            )
        elif isinstance(directory.graph[first], HangUp):
            yield Problem(
                code="dead_end",
                where=first,
                what=f"number {extension} begins with a hangup: the caller is cut off without a word",
                todo="say what to do next before hanging up, or lead to a person or a mailbox",
                caller=caller,
            )


def _entries(directory: Directory) -> Iterator[str]:
    yield directory.town.catch_all
    yield from directory.numbers.values()
    if directory.town.parked:
        yield PARKING
    yield CODES
    yield from promises.starts(directory)


def _graph(directory: Directory, judged: list[Routes]) -> Iterator[Problem]:
    """The last of `judged` has every edge of the others: what is right in it is right in each."""
    anyhow = judged[-1]
    for place in sorted(directory.graph.keys() - anyhow.came_by.keys()):
        yield Problem(
            code="unreachable", where=place, what="no caller can ever get here", todo="lead to it, or take it out"
        )
    if not anyhow.silent_loop() and next(_edges(directory, anyhow), None) is None:
        return
    for routes in judged:
        yield from _edges(directory, routes)
        if loop := routes.silent_loop():
            yield Problem(
                code="silent_loop",
                where=loop[0],
                what=f"a caller who does nothing goes round for ever: {' -> '.join(loop)}",
                todo="let one of these places end at a person, a mailbox or a spoken next step",
                **narrate.caller(directory, routes, loop[0]),
            )


def _edges(directory: Directory, routes: Routes) -> Iterator[Problem]:
    for place in routes.came_by:
        step = directory.graph[place]
        for answer, to in step.exits.items():
            if to != END and to not in directory.graph:
                yield Problem(
                    code="unknown_place",
                    where=place,
                    what=f"on {answer} goes to {to}, which does not exist",
                    todo="lead it to a place that exists",
                    **narrate.caller(directory, routes, place, answer),
                )
            elif isinstance(directory.graph.get(to), HangUp) and not _spoken(directory, place, answer):
                yield Problem(
                    code="dead_end",
                    where=place,
                    what=f"on {answer} the caller is cut off without a word",
                    todo="say what to do next before hanging up, or lead to a person or a mailbox",
                    **narrate.caller(directory, routes, place, answer),
                )


def _spoken(directory: Directory, place: Place, answer: str) -> bool:
    """Whether a caller who leaves `place` by `answer` has just been told something, or has left a message."""
    match directory.graph[place]:
        case Say() | Announce():
            return True
        case LeaveMessage():
            return answer == "left"
        case Do():
            return answer in ("said", "done", "refused")
        case Listen():
            return True
        case Speak() | Menu() | When() | Ring() | Queue() | Transfer() | Switch() | Forward():
            return False
        case HangUp() | Dictate() | CallBack():
            return False
        case FindByName():
            return False
        case Park() | GoBack() | AskPin() | Meet() | Promise() | StandIn() | Recall() | Screen():
            return False


def _waits(directory: Directory, waits: Mapping[Place, Wait]) -> Iterator[tuple[float, str]]:
    for extension, flow in directory.numbers.items():
        if flow in directory.flows:
            yield waits[directory.first(flow)].usual, extension


def _too_long(directory: Directory, worst: float, number: str) -> Problem:
    return Problem(
        code="long_wait",
        where=f"number {number}",
        what=f"a caller who does nothing waits {worst:.0f} s, more than {directory.town.longest_wait} s",
        todo="shorten ring times, tries or prompts on the way, or raise longest_wait",
        caller=f"dials {numbers.written(directory.town, number)} and does nothing",
    )
