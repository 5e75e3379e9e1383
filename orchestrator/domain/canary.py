"""A test call that nobody notices: what a citizen hears at the operator's number before any telephone rings.

Belongs here: whether there is such a call, and how long it may listen. Not here: making it (service.canary).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import Visit, World, explain
from orchestrator.domain.flow import Announce, Do, Forward, LeaveMessage, Menu, Say, Speak, Switch, When
from orchestrator.domain.numbers import OPERATOR
from orchestrator.domain.place import Place
from orchestrator.domain.prompts import Sounds, length

LONGEST, SHORTEST = 4.0, 1.5
"""Seconds that a canary listens at most; and at least, as there may be a pause before a prompt."""


@dataclass(frozen=True, kw_only=True)
class Canary:
    """Where a caller to the operator's number may be, and for how long they may listen there."""

    quiet: frozenset[Place]
    """The places on the way of who presses nothing, before anybody is reached for: elsewhere a telephone may ring."""
    seconds: float


def canary(directory: Directory, sounds: Sounds, world: World) -> Canary | None:
    """The call to the operator's number; None where a telephone rings there before enough was said.

    It stays for half of what is said: a machine that is late must let no telephone ring. KeyError like `explain`.
    """
    way = tuple(explain(directory, directory.first(directory.numbers[OPERATOR]), world))
    quiet = dict(_unnoticed(directory, sounds, way))
    seconds = min(LONGEST, sum(quiet.values()) / 2)
    return Canary(quiet=frozenset(quiet), seconds=seconds) if seconds >= SHORTEST else None


def _unnoticed(directory: Directory, sounds: Sounds, way: tuple[Visit, ...]) -> Iterator[tuple[Place, float]]:
    """How long each step keeps who presses nothing, up to the first that reaches for a person, or records."""
    for visit in way:
        match step := directory.graph[visit.place]:
            case Say():
                yield visit.place, length(step.prompt, sounds)
            case Menu():
                yield visit.place, step.tries * (length(step.prompt, sounds) + step.wait)
            case LeaveMessage():
                yield visit.place, length(step.greeting, sounds)
                return
            case When() | Switch() | Speak() | Do() | Announce():
                yield visit.place, 0.0  # or none that is known
            case Forward() if visit.answer == "off":
                yield visit.place, 0.0
            case _:
                return
