"""The flows that nobody has to write: one for every department, person, group and shared phone.

A department: opening hours -> its phones -> its stand-in's phones -> its mailbox -> a spoken goodbye.
A group: its phones, in its order -> its department.
A shared phone: rings -> the catch-all.
A person: own phones -> the stand-in's -> the department (which ends in its mailbox), or the own mailbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from orchestrator.domain import texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, HangUp, LeaveMessage, Ring, Say, Step, When
from orchestrator.domain.people import ALL_AT_ONCE, Department, Group, Person
from orchestrator.domain.prompts import Prompt


def derive(directory: Directory) -> Directory:
    """The directory with the flows of its people and departments, and every number led to its flow."""
    derived = {flow.name: flow for flow in _flows(directory)}
    numbers = {
        **{number: d.flow for d in directory.departments.values() for number in (d.extension, *d.numbers)},
        **{number: p.flow for p in directory.people.values() for number in (p.extension, *p.numbers)},
        **{g.extension: g.flow for g in directory.groups.values()},
        **{p.extension: p.flow for p in directory.phones.values() if p.flow in derived},
        **directory.numbers,
    }
    return replace(directory, flows={**derived, **directory.flows}, numbers=numbers)


def _flows(directory: Directory) -> Iterator[Flow]:
    for department in directory.departments.values():
        yield _department(directory, department)
    for person in directory.people.values():
        yield _person(directory, person)
    for group in directory.groups.values():
        yield _group(group)
    yield from _shared(directory)


def _department(directory: Directory, department: Department) -> Flow:
    name = department.flow
    after = "stand_in" if department.stand_in else "box"
    steps: dict[str, Step] = {
        "hours": When(
            schedule=department.schedule, open=f"{name}.ring", closed=f"{name}.box_closed", holiday=f"{name}.box_closed"
        ),
        "ring": _ring(department.phones, f"{name}.{after}", department.ring_seconds, department.order),
        **_box(directory, name, "box", department.box, texts.department_nobody(department.name)),
        **_box(directory, name, "box_closed", department.box, texts.department_closed(department.name)),
        **_endings(name),
    }
    if stand_in := directory.departments.get(department.stand_in):
        steps["stand_in"] = _ring(stand_in.phones, f"{name}.box", stand_in.ring_seconds, stand_in.order)
    return Flow(name=name, start="hours", steps=steps)


def _person(directory: Directory, person: Person) -> Flow:
    name = person.flow
    last = f"{name}.box" if person.box else f"d_{person.department}.hours"
    after = f"{name}.stand_in" if person.stand_in else last
    steps: dict[str, Step] = {"ring": _ring(person.phones, after, person.ring_seconds)}
    if stand_in := directory.people.get(person.stand_in):
        steps["stand_in"] = _ring(stand_in.phones, last, stand_in.ring_seconds)
    if person.box:
        steps |= _box(directory, name, "box", person.box, texts.person_nobody(person.name))
        steps |= _endings(name)
    return Flow(name=name, start="ring", steps=steps)


def _group(group: Group) -> Flow:
    ring = _ring(group.phones, f"d_{group.department}.hours", group.ring_seconds, group.order)
    return Flow(name=group.flow, start="ring", steps={"ring": ring})


def _shared(directory: Directory) -> Iterator[Flow]:
    """A phone with a number of its own (meeting room, gate) rings, and then the call goes to the catch-all."""
    owners: tuple[Department | Person, ...] = (*directory.departments.values(), *directory.people.values())
    taken = {number for owner in owners for number in (owner.extension, *owner.numbers)} | directory.numbers.keys()
    taken |= {group.extension for group in directory.groups.values()}
    if not (catch_all := directory.flows.get(directory.town.catch_all)):
        return
    for phone in directory.shared():
        if phone.extension not in taken:
            yield Flow(name=phone.flow, start="ring", steps={"ring": _ring((phone.id,), catch_all.first, 30)})


def _ring(phones: tuple[str, ...], after: str, seconds: int, order: str = ALL_AT_ONCE) -> Ring:
    return Ring(phones=phones, busy=after, nobody=after, unreachable=after, seconds=seconds, order=order)


def _box(directory: Directory, flow: str, step: str, box: str, said: Mapping[str, str]) -> Mapping[str, Step]:
    limit = directory.boxes[box].limit if box in directory.boxes else 120
    return {
        step: LeaveMessage(
            box=box,
            greeting=Prompt(name=f"{flow}.{step}", texts=said),
            left=f"{flow}.thanks",
            too_short=f"{flow}.sorry",
            full=f"{flow}.sorry",
            failed=f"{flow}.sorry",
            limit=limit,
        )
    }


def _endings(flow: str) -> Mapping[str, Step]:
    """What is said after a message, and instead of one; shared prompts, so that they are spoken once."""
    return {
        "thanks": Say(prompt=texts.SHARED["thanks"], then=f"{flow}.goodbye"),
        "sorry": Say(prompt=texts.SHARED["sorry"], then=f"{flow}.goodbye"),
        "goodbye": HangUp(),
    }
