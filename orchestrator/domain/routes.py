"""Ways through the graph: which places a call can reach, by which answers, and how long a silent caller is kept.

Belongs here: the graph as such. Not here: what is wrong with it (proof).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, assert_never

from orchestrator.domain import texts
from orchestrator.domain.flow import (
    Announce,
    Answer,
    CallBack,
    Dictate,
    Do,
    Exits,
    FindByName,
    Forward,
    Graph,
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
    exits,
)
from orchestrator.domain.house import AskPin, GoBack, Meet, Park, Promise, Recall, Screen, StandIn
from orchestrator.domain.people import ALL_AT_ONCE
from orchestrator.domain.prompts import Sounds, length
from orchestrator.domain.skills import in_turns
from orchestrator.domain.switches import ANNOUNCEMENT

Edge = tuple[Place, Answer]
"""A place left by an answer."""
AT_ONCE = ("off", "quiet", "full")
"""Answers of Forward, LeaveMessage and Queue that are known before anything is said or rung."""
ANNOUNCED = 15.0
"""Seconds that the announcements of a queue may keep a caller beyond its time: place, wait and keys, once."""
NOTICED = 5.0
"""Seconds after its time that a step is taken back from a hung attendant: 3, rounded up, and the offer of each try."""


def seconds(step: Step, sounds: Sounds, answer: Answer = "") -> float:
    """The longest that `step` keeps a caller who says nothing and presses nothing, up to the beep of a mailbox.

    `answer`: what it came to, where that makes a difference.
    """
    if answer in AT_ONCE:
        return 0.0
    match step:
        case Say():
            return length(step.prompt, sounds)
        case Menu() | FindByName():
            return step.tries * (length(step.prompt, sounds) + step.wait)
        case Ring(order=order) if order != ALL_AT_ONCE:
            return step.seconds * len(step.phones)
        case Do(skill=skill) if in_turns(skill):
            return 0.0
        case Ring() | Transfer() | Do() | Park() | GoBack():
            return step.seconds
        case Queue():
            return step.seconds + ANNOUNCED
        case AskPin():
            asked, wrong = (length(said, sounds) for said in texts.HOUSE["AskPin"])
            return step.tries * (asked + step.wait + wrong) if step.pin else 0.0
        case LeaveMessage():
            return greeting_seconds(step, sounds)
        case Announce():
            return max(length(step.prompt, sounds), ANNOUNCEMENT)
        case Forward():
            said = max(length(step.absent, sounds), ANNOUNCEMENT) if step.absent else 0.0
            return said + step.seconds
        case Speak() | When() | Switch() | HangUp() | Dictate() | CallBack() | Listen() | Meet() | Screen():
            return 0.0
        case Promise() | StandIn() | Recall():
            return 0.0  # nobody waits on the line
        case _:
            assert_never(step)


def greeting_seconds(step: LeaveMessage, sounds: Sounds) -> float:
    """The longest that a caller hears at a mailbox before the beep."""
    found = length(step.greeting, sounds)
    if step.wording:
        states = texts.WORDINGS[step.wording].values()
        hint = length(texts.SHARED["zero"], sounds) if step.human else 0.0
        found += max((length(said, sounds) for said in states), default=0.0)
        found += hint + length(texts.SHARED["notice"], sounds)
    return found


def lost_seconds(step: Step, sounds: Sounds) -> float:
    """What `step` takes longer if its attendant hangs: until the deadline, then a menu's try once more, natively.

    The tries after it are native too, so this happens once a step.
    """
    match step:
        case Menu():
            return length(step.prompt, sounds) + step.wait + NOTICED
        case Do():
            return NOTICED
        case _:
            return 0.0


class SilentLoop(Exception):
    """Places that a silent caller walks for ever."""

    def __init__(self, ring: list[Place]) -> None:
        super().__init__(" -> ".join(ring))
        self.ring = ring


class Wait(NamedTuple):
    """How long a silent caller is kept at most, in seconds."""

    usual: float
    hung: float
    """If each attendant on the way hangs at the last moment, and nobody rescues its callers."""


@dataclass(frozen=True, kw_only=True)
class Routes:
    """The graph as a call meets it, while Python is up, while it is down, or (None) while it comes and goes."""

    graph: Graph
    starts: Iterable[Place]
    python: bool | None

    @cached_property
    def exits(self) -> Mapping[Place, Exits]:
        """The answers that each place can get, and where they lead."""
        return {place: exits(step, python=self.python) for place, step in self.graph.items()}

    @cached_property
    def came_by(self) -> Mapping[Place, Edge | None]:
        """Every place that a call can reach -> the edge that leads there first (None for a start)."""
        came: dict[Place, Edge | None] = {start: None for start in self.starts if start in self.graph}
        todo = deque(came)
        while todo:
            place = todo.popleft()
            for answer, target in self.exits[place].items():
                if target not in came and target in self.graph:
                    came[target] = (place, answer)
                    todo.append(target)
        return came

    def path(self, place: Place) -> list[Edge]:
        """The shortest way from a start to `place`: each place and the answer by which it is left."""
        edges: list[Edge] = []
        while edge := self.came_by.get(place):
            edges.append(edge)
            place = edge[0]
        return edges[::-1]

    @cached_property
    def silent(self) -> Mapping[Place, Exits]:
        """Where a caller can be led from each reachable place without doing anything."""
        return {
            place: {
                answer: to
                for answer, to in self.exits[place].items()
                if to in self.graph and answer not in self.graph[place].by_caller
            }
            for place in self.came_by
        }

    def silent_loop(self) -> list[Place]:
        """A ring of places that a silent caller would walk for ever, first repeated last; empty if there is none."""
        try:
            self._order  # noqa: B018
        except SilentLoop as loop:
            return loop.ring
        return []

    def waits(self, sounds: Sounds) -> Mapping[Place, Wait]:
        """The longest silent wait from each reachable place; raises SilentLoop."""
        found: dict[Place, Wait] = {}
        for place in self._order:
            step, onward = self.graph[place], self.silent[place]
            usual = hung = 0.0
            differs = isinstance(step, Forward | LeaveMessage | Queue)
            takes = seconds(step, sounds) if differs else 0.0
            for answer, to in onward.items():
                after, own = found[to], 0.0 if answer in AT_ONCE else takes
                usual, hung = max(usual, own + after.usual), max(hung, own + after.hung)
            if not (onward and differs):
                takes = seconds(step, sounds)
                usual, hung = usual + takes, hung + takes
            found[place] = Wait(usual, hung + lost_seconds(step, sounds))
        return found

    @cached_property
    def _order(self) -> list[Place]:
        """Places, each after all that a silent caller can reach from it; raises SilentLoop."""
        return list(_inside_out(self.silent))


def _inside_out(graph: Mapping[Place, Exits]) -> Iterator[Place]:
    """Depth first. graphlib does the same in three times the time: it keeps more of each place, and goes twice."""
    done: set[Place] = set()
    for start in graph:
        way = {} if start in done else {start: iter(graph[start].values())}
        while way:
            place = next(reversed(way))
            for to in way[place]:
                if to in way:
                    raise SilentLoop([*list(way)[list(way).index(to) :], to])
                if to not in done:
                    way[to] = iter(graph[to].values())
                    break
            else:
                del way[place]
                done.add(place)
                yield place
