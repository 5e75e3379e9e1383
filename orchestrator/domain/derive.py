"""The flows that nobody has to write: one for every department, person, group and shared phone.

A department: opening hours (closed: the next opening is said) -> closed by switch? forwarded? -> its phones
-> forwarded on busy or no answer? -> its stand-in's phones -> its mailbox -> a spoken goodbye.
Where a department has a waiting queue, its callers wait there (domain.queues) instead of ringing its phones.
A group: its phones, in its order -> its department.
A shared phone: rings -> the catch-all.
Each of them, where a caller was put through by hand and nobody picked up: who did that rings once more before a mailbox
or another office is asked; an operator who does not pick up then: the operators' queue (domain.operators).
Callers who are parked (domain.parking), conference rooms (domain.rooms).
A person: the secretary's phones, if they have one (domain.secretaries) -> absent or forwarded? -> own phones, unless
not to be disturbed; the desk at which they have logged in rings instead (domain.hot_desks) -> forwarded on busy or no
answer? -> the stand-in's phones -> the department (which ends in its mailbox), or the own mailbox.
The mailbox by telephone (domain.listening). The codes that switch (domain.service_codes).
Who moves in a wave: until it has moved, the old exchange first. A retired number: the new one (domain.retired).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from orchestrator.domain import (
    listening,
    operators,
    parking,
    promises,
    queues,
    retired,
    rooms,
    secretaries,
    service_codes,
    texts,
)
from orchestrator.domain.boxes import OVERFLOW, Boxes, endings
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Do, Flow, Forward, Place, Ring, Step, Switch, Transfer, When
from orchestrator.domain.people import ALL_AT_ONCE, Department, Group, Person
from orchestrator.domain.prompts import Prompt
from orchestrator.domain.switches import CLOSED, WAVE
from orchestrator.domain.town import MAILBOX

OLD_SECONDS = 45
"""How long the old exchange may ring, which has groups and mailboxes of its own."""


def derive(directory: Directory) -> Directory:
    """The directory with the flows of its people and departments, and every number led to its flow."""
    derived = {flow.name: flow for flow in _flows(directory)}
    numbers = {
        **{number: d.flow for d in directory.departments.values() for number in (d.extension, *d.numbers)},
        **{number: p.flow for p in directory.people.values() for number in (p.extension, *p.numbers)},
        **{g.extension: g.flow for g in directory.groups.values()},
        **{q.extension: q.flow for q in directory.queues.values() if q.extension},
        **{p.extension: p.flow for p in directory.phones.values() if p.flow in derived},
        **{room.extension: room.flow for room in directory.rooms.values()},
        **({directory.town.mailbox: MAILBOX} if directory.town.mailbox else {}),
        **directory.numbers,
    }
    whole = retired.lead(replace(directory, flows={**derived, **directory.flows}, numbers=numbers))
    return operators.lead(service_codes.add(whole))


def _flows(directory: Directory) -> Iterator[Flow]:
    starts = {id_: _office(directory, id_) for id_ in directory.departments}
    boxes = Boxes(directory, starts)
    for department in directory.departments.values():
        yield _department(directory, department, boxes)
    for person in directory.people.values():
        yield _person(directory, person, boxes)
    yield from boxes.flow()
    for group in directory.groups.values():
        yield _group(directory, group)
    yield from _queues(directory)
    yield from promises.flows(directory)
    yield from _shared(directory)
    yield from parking.flow(directory, starts)
    for room in directory.rooms.values():
        yield rooms.flow(room)
    if directory.town.mailbox:
        yield listening.flow(directory)


def _department(directory: Directory, department: Department, boxes: Boxes) -> Flow:
    name = department.flow
    after = "stand_in" if department.stand_in else "box"
    queue = directory.queues.get(department.queue)
    ring = f"{name}.ring" if queue is None else queue.place
    steps: dict[str, Step] = {
        "hours": When(
            schedule=department.schedule,
            open=f"{name}.closed",
            closed=f"{name}.later",
            holiday=f"{name}.later",
        ),
        "later": Do(
            skill="next_opening",
            outcomes={"said": f"{name}.box_told", "failed": f"{name}.box_closed"},
            python_down=f"{name}.box_closed",
            arguments={"schedule": department.schedule},
            intro=texts.SHARED["opens"],
        ),
        "closed": Switch(name=CLOSED + department.id, on=f"{name}.box_closed", off=f"{name}.diverted"),
        "diverted": _diverted(directory, department, ring, f"{name}.box", None),
        **_office_boxes(department, boxes),
        **endings(name),
    }
    back, stand_in = _back(directory), directory.departments.get(department.stand_in)
    if queue is None:
        steps["ring"] = _ring(
            department.phones,
            f"{name}.missed",
            department.ring_seconds,
            department.order,
            back=back and not department.stand_in,
        )
        steps["missed"] = _missed(directory, department, f"{name}.{after}", f"{name}.box")
    if stand_in and (queue is None or queue.default):
        steps["stand_in"] = _ring(
            queues.takers(directory, stand_in), f"{name}.box", stand_in.ring_seconds, stand_in.order, back=back
        )
    flow = Flow(name=name, start="hours", steps=steps)
    return _waved(directory, flow, _wave(directory, department.site), department.extension, f"{name}.box")


def _office_boxes(department: Department, boxes: Boxes) -> dict[str, Step]:
    """Its mailbox by the state in which callers find the office, and as the next one of who found another full."""
    name, box = department.flow, department.box
    greeting = Prompt(name=f"{name}.box", texts=texts.office(department.name))
    human = boxes.human(name, box)
    steps: dict[str, Step] = {
        "box": boxes.leave(name, department.id, box, greeting, human=human, state=texts.FOUND, wording=texts.OFFICE),
        "box_closed": boxes.leave(name, department.id, box, greeting, state=texts.CLOSED, wording=texts.OFFICE),
        "box_told": boxes.leave(name, department.id, box, greeting, state=texts.CLOSED, wording=texts.TOLD),
    }
    if f"{name}.{OVERFLOW}" in boxes.taking:
        instead = Prompt(name=f"{name}.{OVERFLOW}", texts=texts.instead(department.name))
        steps[OVERFLOW] = boxes.leave(name, department.id, box, instead, wording=texts.TOLD)
    return steps


def _person(directory: Directory, person: Person, boxes: Boxes) -> Flow:
    name = person.flow
    last = f"{name}.box" if person.box else _office(directory, person.department)
    after = f"{name}.stand_in" if person.stand_in else last
    steps: dict[str, Step] = {
        "diverted": replace(
            _diverted(directory, person, f"{name}.ring", last, texts.SHARED["absent"]),
            quiet=f"{name}.missed",
            desk=f"{name}.missed" if directory.hot_desks else "",
            stood_in=bool(person.stand_in),
        ),
        "ring": _ring(
            person.phones, f"{name}.missed", person.ring_seconds, back=_back(directory) and not person.stand_in
        ),
        "missed": _missed(directory, person, after, last),
    }
    if stand_in := directory.people.get(person.stand_in):
        steps["stand_in"] = _ring(stand_in.phones, last, stand_in.ring_seconds, back=_back(directory))
    if person.box:
        steps["box"] = boxes.leave(
            name,
            person.department,
            person.box,
            Prompt(name=f"{name}.box", texts=texts.person(person.name)),
            human=boxes.human(name, person.box),
            state=texts.FOUND,
            wording=texts.PERSON,
        )
        steps |= endings(name)
    screened = secretaries.steps(directory, person, f"{name}.diverted")
    flow = Flow(name=name, start=next(iter(screened), "diverted"), steps={**screened, **steps})
    wave = str(person.wave) if person.wave else _wave(directory, person.site)
    return _waved(directory, flow, wave, person.extension, last)


def _back(directory: Directory) -> bool:
    """Whether who put a caller through is rung back where nobody picked up: at the last who ring."""
    return directory.town.back > 0


def _diverted(
    directory: Directory, owner: Person | Department, off: Place, after: Place, absent: Prompt | None
) -> Forward:
    return Forward(
        number=owner.extension,
        off=off,
        busy=after,
        nobody=after,
        failed=after,
        seconds=owner.ring_seconds,
        absent=absent,
        back=_back(directory),
    )


def _missed(directory: Directory, owner: Person | Department, off: Place, after: Place) -> Forward:
    """After the own phones. Who is not reached there comes back to the own mailbox or office, not to a stand-in."""
    return replace(_diverted(directory, owner, off, after, None), missed=True)


def _wave(directory: Directory, site: str) -> str:
    return str(directory.sites[site].wave) if site in directory.sites else ""


def _waved(directory: Directory, flow: Flow, wave: str, extension: str, otherwise: Place) -> Flow:
    """`flow` behind the question whether its wave has moved; until then the old exchange gets the call."""
    if wave not in directory.waves:
        return flow
    old = Transfer(
        number=extension,
        trunk=directory.waves[wave].trunk,
        busy=otherwise,
        nobody=otherwise,
        failed=otherwise,
        seconds=OLD_SECONDS,
    )
    steps = {"wave": Switch(name=WAVE + wave, on=flow.first, off=f"{flow.name}.old"), "old": old, **flow.steps}
    return replace(flow, start="wave", steps=steps)


def _office(directory: Directory, id_: str) -> Place:
    """Where a call to a department begins."""
    department = directory.departments.get(id_)
    waits = department is not None and _wave(directory, department.site) in directory.waves
    return f"d_{id_}.{'wave' if waits else 'hours'}"


def _group(directory: Directory, group: Group) -> Flow:
    """Its phones; it moves with its department, where callers go on."""
    office = _office(directory, group.department)
    ring = _ring(group.phones, office, group.ring_seconds, group.order, back=_back(directory))
    flow = Flow(name=group.flow, start="ring", steps={"ring": ring})
    department = directory.departments.get(group.department)
    return _waved(directory, flow, _wave(directory, department.site if department else ""), group.extension, office)


def _queues(directory: Directory) -> Iterator[Flow]:
    """The waiting queues; one with a number of its own moves with its department."""
    for flow, queue in zip(queues.flows(directory), directory.queues.values(), strict=True):
        department = directory.departments.get(queue.department)
        wave = _wave(directory, department.site) if department and queue.extension else ""
        yield _waved(directory, flow, wave, queue.extension, f"d_{queue.department}.box")


def _shared(directory: Directory) -> Iterator[Flow]:
    """A phone with a number of its own (meeting room, gate) rings, and then the call goes to the catch-all."""
    owners: tuple[Department | Person, ...] = (*directory.departments.values(), *directory.people.values())
    taken = {number for owner in owners for number in (owner.extension, *owner.numbers)} | directory.numbers.keys()
    taken |= {group.extension for group in directory.groups.values()}
    taken |= {queue.extension for queue in directory.queues.values()}
    if not (catch_all := directory.flows.get(directory.town.catch_all)):
        return
    for phone in directory.shared():
        if phone.extension not in taken:
            ring = _ring((phone.id,), catch_all.first, 30, back=_back(directory))
            flow = Flow(name=phone.flow, start="ring", steps={"ring": ring})
            yield _waved(directory, flow, _wave(directory, phone.site), phone.extension, catch_all.first)


def _ring(phones: tuple[str, ...], after: str, seconds: int, order: str = ALL_AT_ONCE, *, back: bool = False) -> Ring:
    return Ring(phones=phones, busy=after, nobody=after, unreachable=after, seconds=seconds, order=order, back=back)
