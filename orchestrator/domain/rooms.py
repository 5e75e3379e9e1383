"""Conference rooms: the flow of each.

    door: the PIN, but for phones of the house -> room: all who are in it hear each other -> left
                                               -> refused | locked | full: what to do is said

Belongs here: the flow. Not here: the room itself (people), how it is performed (compile.rooms).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from orchestrator.domain import texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, HangUp, Say, Step
from orchestrator.domain.house import AskPin, Meet
from orchestrator.domain.people import Room
from orchestrator.domain.problems import Problem

SHORTEST, LONGEST = 6, 12
"""Digits of a PIN."""


def flow(room: Room) -> Flow:
    """The flow of one room."""
    name = room.flow
    steps: dict[str, Step] = {
        "door": AskPin(
            room=room.id,
            pin=room.pin,
            right=f"{name}.room",
            wrong=f"{name}.refused",
            locked=f"{name}.locked",
        ),
        "room": Meet(room=room.id, most=room.most, met=f"{name}.left", full=f"{name}.full"),
    }
    for said in ("refused", "locked", "full", "left"):
        prompt = "inside" if said == "refused" and not room.pin else said
        steps[said] = Say(prompt=texts.SHARED[f"room_{prompt}"], then=f"{name}.goodbye")
    return Flow(name=name, start="door", steps={**steps, "goodbye": HangUp()})


def problems(directory: Directory) -> Iterator[Problem]:
    """PINs that anybody would guess."""
    for room in directory.rooms.values():
        if room.pin and (weak := weakness(room.pin)):
            yield Problem(
                code="weak_pin",
                where=f"room {room.id}",
                what=f"its PIN {weak}",
                todo="choose another, or leave it out: then only phones of the house come in",
                caller=f"dials {room.extension} and guesses it",
            )


def weakness(pin: str) -> str:
    """Why a PIN is too easy to guess; empty for one that is not."""
    if not (pin.isascii() and pin.isdigit() and SHORTEST <= len(pin) <= LONGEST):
        return f"has not {SHORTEST} to {LONGEST} digits"
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
    if len(steps) == 1 and steps <= {0, 1, 9}:
        return "has digits that are all the same or in a row"
    return "has two different digits only" if len(set(pin)) < 3 else ""
