"""What a call passes without waiting, and mostly by the same answers: all of it asked in one line.

Nothing is switched, nothing is forwarded, it is an ordinary day and open. A chain of such places costs what one costs
(decisions/0042). Where anything is otherwise, each place asks for itself, as if this were not there.
"""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.compile import hours
from orchestrator.compile.asking import held
from orchestrator.compile.extensions import Line
from orchestrator.compile.switched import forwarding
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Forward, Place, Step, Switch, When

LABEL = "usual"
LONGEST = 1500
"""Characters of a condition: Asterisk gives an expression 4,096, what its variables hold included."""


class Chain(NamedTuple):
    """What is passed, and where that leads."""

    asked: str
    """What an expression compares with `found`."""
    found: str
    passed: tuple[tuple[Place, str], ...]
    """Each place with its answer, in turn."""
    onward: Place

    def condition(self) -> Line:
        """Goes the usual way, if it is so."""
        return Line(f'GotoIf($["{self.asked}" = "{self.found}"]?{LABEL})')

    def told(self) -> Line:
        """What the journal reads as a place and an answer for each."""
        return Line(f"CELGenUserEvent(WENT,{' '.join(f'{place}={answer}' for place, answer in self.passed)})")


def chain(directory: Directory, place: Place) -> Chain | None:
    """What a call mostly passes from `place` on. None where that is one place with a switch: it is one line anyway."""
    found = Chain("", "", (), place)
    seen: set[Place] = set()
    while found.onward not in seen and (link := _link(directory, directory.graph.get(found.onward))):
        asked, expected, answer = link
        if len(found.asked) + len(asked) > LONGEST:
            break
        seen.add(found.onward)
        onward = directory.graph[found.onward].exits[answer]
        passed = (*found.passed, (found.onward, answer))
        found = Chain(found.asked + asked, found.found + expected, passed, onward)
    many = len(found.passed) > 1 or isinstance(directory.graph[place], When)
    return found if found.passed and many else None


def _link(directory: Directory, step: Step | None) -> tuple[str, str, str] | None:
    """What is asked at a step, what is mostly found, and the answer that it is then."""
    match step:
        case When():
            asked, found = hours.usual(directory.schedules[step.schedule])
            return (asked, found, "open") if asked and "open" in step.exits else None
        case Switch():
            return held(step.name), "", "off"
        case Forward() if not step.missed:
            return held(*forwarding(step, bool(directory.hot_desks))), "", "off"
    return None
