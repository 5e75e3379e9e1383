"""A path through the graph as a caller would live it: `dials 06205 21-0, presses 1, finds everyone busy`."""

from __future__ import annotations

from typing import TypedDict, assert_never

from orchestrator.domain import numbers
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import (
    KEYS,
    OPERATORS,
    Announce,
    Answer,
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
    Step,
    Switch,
    Transfer,
    When,
)
from orchestrator.domain.house import AskPin, GoBack, House, Meet, Park, Promise, Recall, Screen, StandIn
from orchestrator.domain.place import AT_DESK
from orchestrator.domain.routes import Routes

_PRESSED = {answer: key for key, answer in KEYS.items()}


class Caller(TypedDict):
    """The part of a Problem that tells whom it hits."""

    caller: str
    path: tuple[str, ...]


def caller(directory: Directory, routes: Routes, place: Place, answer: Answer = "") -> Caller:
    """A caller who gets to `place` (and there meets `answer`), and the path that leads there."""
    edges = routes.path(place)
    start = edges[0][0] if edges else place
    lived = [_dials(directory, start)]
    lived += [words for at, said in edges if (words := _words(directory.graph[at], said))]
    if answer and (words := _words(directory.graph[place], answer)):
        lived.append(words)
    if routes.python is not True:
        lived.append("while Python is down" if routes.python is False else "while Python comes and goes")
    steps = [f"{at}={said}" for at, said in edges] + [f"{place}={answer}" if answer else place]
    return {"caller": ", ".join(lived), "path": tuple(steps)}


def _dials(directory: Directory, start: Place) -> str:
    for extension, flow in directory.numbers.items():
        if flow in directory.flows and directory.first(flow) == start:
            return f"dials {numbers.written(directory.town, extension)}"
    return "dials a number that nobody has"


def _words(step: Step, answer: Answer) -> str:
    match step:
        case Menu():
            return f"presses {_PRESSED[answer]}" if answer in _PRESSED else "presses nothing that counts"
        case When(schedule=name):
            return {"open": f"while {name} is open", "closed": f"while {name} is closed"}.get(answer, "on a day off")
        case Ring() | Forward() if answer == OPERATORS:
            return "comes back to an operator who put them through, who does not pick up"
        case Ring():
            return {"busy": "finds everyone busy", "nobody": "lets it ring until nobody answers"}.get(
                answer, "when no phone is registered" if answer == "unreachable" else ""
            )
        case Queue(queue=name):
            waits = {"waited": "in vain", "full": "finds it full", "nobody": "finds nobody logged in", "talked": ""}
            if answer in _PRESSED:
                return f"waits in queue {name}, presses {_PRESSED[answer]}"
            return f"waits in queue {name}: {waits[answer]}" if waits[answer] else ""
        case LeaveMessage(box=box):
            found = f"finds mailbox {box} {answer}"
            return {
                "left": "leaves a message",
                "too_short": "says nothing after the beep",
                "human": "presses 0 at a mailbox",
            }.get(answer, found)
        case Transfer(number=number):
            return f"is put through to {number}: {answer}"
        case Switch(name=name):
            return f"while switch {name} is {answer}"
        case Forward(number=number) if answer == "quiet":
            return f"while {number} is not to be disturbed"
        case Forward(number=number) if answer in AT_DESK:
            return f"whose calls to {number} ring at a desk elsewhere: {answer.removeprefix('desk_')}"
        case Forward(number=number):
            return f"whose calls to {number} go elsewhere: {answer}" if answer != "off" else ""
        case FindByName():
            said = {"found": "types a name and chooses somebody", "nobody": "types a name that nobody has"}
            return {**said, "human": "presses 0 instead of a name"}.get(answer, "types no name")
        case Do(skill=skill):
            return f"{skill}: {answer}"
        case Park() | GoBack() | AskPin() | Meet() | Promise() | StandIn() | Recall() | Screen():
            return _in_the_house(step, answer)
        case Say() | Speak() | Announce() | HangUp() | Dictate() | CallBack() | Listen():
            return ""
        case _:
            assert_never(step)


def _in_the_house(step: House, answer: Answer) -> str:
    match step:
        case Park():
            return "is parked and nobody fetches them" if answer == "nobody" else "finds no place to be parked at"
        case GoBack():
            return "comes back to who parked them, where nobody picks up"
        case AskPin(room=name):
            return {"right": f"dials the PIN of room {name}", "locked": f"finds room {name} locked"}.get(
                answer, f"dials a wrong PIN of room {name}"
            )
        case Meet(room=name):
            return f"finds room {name} full" if answer == "full" else f"leaves room {name}"
        case Promise():
            return "is promised a call back" if answer == "promised" else "cannot be called back"
        case StandIn(queue=name):
            return f"is stood in for in queue {name}, where nobody comes" if answer == "unserved" else ""
        case Recall():
            return f"is called back: {answer}"
        case Screen(number=number):
            who = {"on": "and is to speak to the secretary first", "direct": "and comes through"}
            return f"calls {number} {who.get(answer, 'who takes the own calls')}"
        case _:
            assert_never(step)
