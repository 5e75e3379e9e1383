"""Call flows and shared prompts as an admin writes them: the other way round of read_flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, assert_never

from orchestrator.domain import texts
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import (
    KEYS,
    Announce,
    CallBack,
    Dictate,
    Do,
    FindByName,
    Flow,
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
    prompts,
)
from orchestrator.domain.house import AskPin, GoBack, Meet, Park, Promise, Recall, Screen, StandIn
from orchestrator.domain.people import ALL_AT_ONCE
from orchestrator.domain.prompts import Prompt
from orchestrator.store.read_flows import target
from orchestrator.store.write_people import numbers_of
from orchestrator.store.written import Line, Word

PRESSED = {key: Word(key) for key in "0123456789"}
"""Keys that stand without quotes."""


def shared(directory: Directory) -> dict[str, dict[str, str]]:
    """The prompts that steps name instead of holding them, without those that come with the product."""
    found = {
        prompt.name: dict(prompt.texts)
        for flow in directory.flows.values()
        for name, step in flow.steps.items()
        for prompt in prompts(step)
        if prompt.name != f"{flow.name}.{name}" and prompt != texts.SHARED.get(prompt.name)
    }
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Flows:
    """Writes the flows of one directory that is not derived."""

    directory: Directory

    def written(self) -> dict[str, dict[str, Any]]:
        """Every written flow."""
        return {name: self._flow(flow) for name, flow in sorted(self.directory.flows.items())}

    @cached_property
    def _numbers(self) -> Mapping[str, str]:
        return numbers_of(self.directory)

    @cached_property
    def _derived(self) -> Directory:
        return derive(replace(self.directory, flows={}))

    @cached_property
    def _starts(self) -> Mapping[str, str]:
        return {name: flow.start for name, flow in {**self._derived.flows, **self.directory.flows}.items()}

    @cached_property
    def _steps(self) -> Mapping[str, frozenset[str]]:
        return {name: frozenset(flow.steps) for name, flow in self.directory.flows.items()}

    def _flow(self, flow: Flow) -> dict[str, Any]:
        steps = {name: self._step(flow.name, name, flow.steps[name]) for name in _in_order(flow)}
        return {"start": flow.start, "steps": steps}

    def _step(self, flow: str, name: str, step: Step) -> Any:
        def to(place: Place) -> str:
            return self._to(flow, place)

        def said(prompt: Prompt) -> Any:
            return dict(sorted(prompt.texts.items())) if prompt.name == f"{flow}.{name}" else prompt.name

        match step:
            case Say(prompt=prompt):
                data = {"say": said(prompt), "then": to(step.then)}
            case Speak(language=language):
                data = {"speak": language, "then": to(step.then)}
            case Menu():
                data = self._menu(step, said(step.prompt), flow)
            case When():
                holiday = {} if step.holiday == step.closed else {"holiday": to(step.holiday)}
                data = {"when": step.schedule, "open": to(step.open), "closed": to(step.closed), **holiday}
            case Ring() | Transfer() | Forward():
                data = self._rings(flow, step)
            case Switch():
                data = {"switch": step.name, "on": to(step.on), "off": to(step.off)}
            case Announce():
                data = {"announce": step.switch, "prompt": said(step.prompt), "then": to(step.then)}
            case LeaveMessage():
                data = self._message(step, said(step.greeting), flow)
            case FindByName():
                data = self._find(step, said(step.prompt), flow)
            case Do():
                intro = {"intro": said(step.intro)} if step.intro else {}
                given = {"with": Line(sorted(step.arguments.items()))} if step.arguments else {}
                exits = {answer: to(place) for answer, place in sorted(step.outcomes.items())}
                data = {"do": step.skill, **intro, **given, "exits": Line(exits), "python_down": to(step.python_down)}
                data |= _unless(20, seconds=_whole(step.seconds))
            case HangUp():
                return Word("hangup")
            case Dictate() | CallBack() | Listen() | Queue() | Park() | GoBack() | AskPin() | Meet() | Screen():
                raise ValueError(f"{flow}.{name}: only derived flows have this step, and they are not written")
            case Promise() | StandIn() | Recall():
                raise ValueError(f"{flow}.{name}: only derived flows have this step, and they are not written")
            case _:
                assert_never(step)
        return data if any(isinstance(value, dict) for value in data.values()) else Line(data)

    def _rings(self, flow: str, step: Ring | Transfer | Forward) -> dict[str, Any]:
        exits = {answer: place for answer, place in step.exits.items() if answer not in ("talked", "off", "back")}
        led = self._exits(flow, exits)
        match step:
            case Ring(phones=phones):
                rung = [self._numbers.get(phone, phone) for phone in phones]
                return {
                    "ring": rung,
                    **led,
                    **_unless(20, seconds=step.seconds),
                    **_unless(ALL_AT_ONCE, order=step.order),
                }
            case Transfer():
                return {"transfer": step.number, "trunk": step.trunk, **led, **_unless(30, seconds=step.seconds)}
            case Forward():
                off = self._to(flow, step.off)
                return {"forward": step.number, "off": off, **led, **_unless(20, seconds=step.seconds)}
            case _:
                assert_never(step)

    def _menu(self, step: Menu, said: Any, flow: str) -> dict[str, Any]:
        keys = Line({PRESSED.get(key, key): self._to(flow, step.keys[key]) for key in KEYS if key in step.keys})
        data = {"menu": said, "keys": keys, "otherwise": self._to(flow, step.otherwise)}
        return {**data, **_unless(3, tries=step.tries), **_unless(5, wait=_whole(step.wait))}

    def _message(self, step: LeaveMessage, said: Any, flow: str) -> dict[str, Any]:
        exits = {"left": step.left, "too_short": step.too_short, "full": step.full, "failed": step.failed}
        data = {"message": step.box, "greeting": said, **self._exits(flow, exits), **self._human(flow, step)}
        return {**data, **_unless(120, limit=step.limit), **_unless(texts.NOBODY, state=step.state)}

    def _find(self, step: FindByName, said: Any, flow: str) -> dict[str, Any]:
        exits = self._exits(flow, {"nobody": step.nobody, "gave_up": step.gave_up})
        data = {"find": said, **exits, **self._human(flow, step)}
        return {**data, **_unless(3, tries=step.tries), **_unless(5, wait=_whole(step.wait))}

    def _human(self, flow: str, step: LeaveMessage | FindByName) -> dict[str, str]:
        return {"human": self._to(flow, step.human)} if step.human else {}

    def _exits(self, flow: str, exits: Mapping[str, Place]) -> dict[str, str]:
        """Where each answer leads; one `otherwise` where most lead to the same place."""
        places = list(exits.values())
        most = max(exits.values(), key=places.count)
        own = {answer: self._to(flow, place) for answer, place in exits.items() if place != most}
        return {**own, "otherwise": self._to(flow, most)}

    def name(self, place: Place) -> str:
        """The shortest name by which a reader finds `place`, who is in no flow."""
        return self._to("", place)

    def _to(self, flow: str, place: Place) -> str:
        """The shortest name by which a reader of `flow` finds `place`."""
        return next((name for name in self._names(flow, place) if self._means(flow, name) == place), place)

    def _names(self, flow: str, place: Place) -> Iterator[str]:
        there, _, step = place.partition(".")
        if there == flow:
            yield step
        yield from (each.id for each in self.directory.departments.values() if each.flow == there)
        yield from (each.id for each in self.directory.queues.values() if each.flow == there)
        yield there[2:] if there[:2] in ("n_", "t_") else there
        yield there

    def _means(self, flow: str, name: str) -> Place | None:
        return target(name, self._steps.get(flow, frozenset()), flow, self._steps, self._starts, self._derived)


def _unless(usual: float | str, **given: float | str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value != usual}


def _whole(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds


def _in_order(flow: Flow) -> Iterable[str]:
    """The steps as a caller meets them: the first, what follows it, and so on; then those that nobody reaches."""
    found = [flow.start] if flow.start in flow.steps else []
    for name in found:
        for place in flow.steps[name].exits.values():
            there, _, step = place.partition(".")
            if there == flow.name and step in flow.steps and step not in found:
                found.append(step)
    return [*found, *sorted(flow.steps.keys() - set(found))]
