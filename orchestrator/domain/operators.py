"""Callers whom an operator has put through by hand and whom nobody takes, that operator neither: their queue has them.

Each step that rings back who did it leads there then, by the answer `operators`. Belongs here: which queue that is,
and whom callers of their number meet.
Not here: ringing back (domain.parking).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import END, Flow, Forward, Queue, Ring, Step
from orchestrator.domain.numbers import OPERATOR
from orchestrator.domain.place import Place


def queue(directory: Directory) -> Place:
    """Where a caller of the operator's number who does nothing waits first; empty: in no queue."""
    return next((place for place, _ in met(directory, Queue)), "")


def met(directory: Directory, *kinds: type[Step]) -> Iterator[tuple[Place, Step]]:
    """The first steps of these kinds that a caller of the operator's number meets who does nothing, whatever the hour;
    the nearest first.
    """
    flow = directory.flows.get(directory.numbers.get(OPERATOR, ""))
    todo = deque([flow.first] if flow else [])
    seen = set(todo)
    while todo:
        place = todo.popleft()
        if not (step := _step(directory, place)):
            continue
        if isinstance(step, kinds):
            yield place, step
            continue
        onward = [to for answer, to in step.exits.items() if answer not in step.by_caller and to not in seen]
        seen.update(onward)
        todo.extend(onward)


def _step(directory: Directory, place: Place) -> Step | None:
    """Without the graph of all flows, which may be many."""
    name, _, step = place.partition(".")
    flow = directory.flows.get(name)
    return flow.steps.get(step) if flow and place != END else None


def lead(directory: Directory) -> Directory:
    """`directory`, which has all flows already, with the way to the operators' queue."""
    if not directory.town.back or not (place := queue(directory)):
        return directory
    return replace(directory, flows={name: _led(flow, place) for name, flow in directory.flows.items()})


def _led(flow: Flow, place: Place) -> Flow:
    steps = {
        name: replace(step, operators=place)
        for name, step in flow.steps.items()
        if isinstance(step, Ring | Forward) and step.back
    }
    return replace(flow, steps={**flow.steps, **steps}) if steps else flow
