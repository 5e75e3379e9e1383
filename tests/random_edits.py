"""Edits that an admin makes, drawn at random, of every section of the directory; and mistakes that must be refused.

Belongs here: one edit at a time. Not here: the town that they begin with (full_town), what becomes of them (the tests).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, Menu, Ring, Say
from orchestrator.domain.people import ORDERS, SHARED_KINDS, Box, Department, Group, Person, Room
from orchestrator.domain.queues import STRATEGIES, WaitingQueue
from orchestrator.domain.schedule import Calendar, SpecialDay
from orchestrator.domain.town import NumberRange, Permission, Retired, Site, Trunk, Wave
from tests.full_town import FAR, HEAD, desk_phone
from tests.random_fields import BLOCKS, FIELDS, HOSTILE, classes, days, fresh, phones, pick, put
from tests.towns import HOURS, prompt

Edit = Callable[[Random, Directory], Directory]


def field(path: str) -> Edit:
    """One thing of a section gets another value."""
    section = path.partition(".")[0]

    def edit(rng: Random, directory: Directory) -> Directory:
        if section == "town":
            return replace(directory, town=_other(rng, directory, directory.town, path))
        # of other trunks the machine's settings, or a real port, say where they are
        key = "amt" if path == "trunks.host" else pick(rng, getattr(directory, section))
        return put(directory, section, key, _other(rng, directory, getattr(directory, section)[key], path))

    return edit


def _other(rng: Random, directory: Directory, thing: Any, path: str) -> Any:
    """`thing` with another value, as soon as one is drawn that is another."""
    drawn = (replace(thing, **{path.partition(".")[2]: FIELDS[path](rng, directory)}) for _ in range(9))
    return next((other for other in drawn if other != thing), thing)


def hired(rng: Random, directory: Directory) -> Directory:
    number, office = fresh(rng, directory), directory.departments[pick(rng, directory.departments)]
    own = rng.choice(("", number))
    new = Person(
        id=f"p{number}", first_name=rng.choice(("Änne", "Ngọc")), last_name=rng.choice(HOSTILE), department=office.id,
        site=office.site, extension=number, phones=(f"tel{number}",), box=own, ring_seconds=5,
        stand_in=rng.choice(("", pick(rng, directory.people))), language=rng.choice(("de", "en")),
    )  # fmt: skip
    directory = put(directory, "people", new.id, new)
    directory = put(directory, "boxes", own, Box(id=own, name=new.name)) if own else directory
    return put(directory, "phones", f"tel{number}", desk_phone(number, office.site))


def left(rng: Random, directory: Directory) -> Directory:
    """A leaver; the number is kept free for a while, or the telephone stays where it is."""
    gone = directory.people[pick(rng, directory.people)]
    people = {
        id_: replace(each, stand_in="" if each.stand_in == gone.id else each.stand_in)
        for id_, each in directory.people.items()
        if id_ != gone.id
    }
    boxes = {
        id_: replace(
            each,
            head="" if each.head == gone.id else each.head,
            members=tuple(member for member in each.members if member != gone.id),
        )
        for id_, each in directory.boxes.items()
    }
    directory = replace(directory, people=people, boxes=boxes)
    if rng.random() < 0.5:
        return directory
    for phone in gone.phones:
        directory = put(directory, "phones", phone, None)
    old = Retired(extension=gone.extension, to=directory.departments[gone.department].extension, until=FAR)
    return put(directory, "retired", gone.extension, replace(old, announced=rng.random() < 0.5))


def department_made(rng: Random, directory: Directory) -> Directory:
    number = fresh(rng, directory)
    new = Department(
        id=f"amt_{number}", name=rng.choice(HOSTILE), site="rathaus", extension=number,
        schedule=pick(rng, directory.schedules), box=number, phones=phones(rng, directory),
        order=rng.choice(ORDERS), ring_seconds=5,
    )  # fmt: skip
    return put(put(directory, "departments", new.id, new), "boxes", number, Box(id=number, name=new.name))


def department_gone(rng: Random, directory: Directory) -> Directory:
    nobody = directory.departments.keys() - {each.department for each in directory.people.values()}
    gone = directory.departments[rng.choice(sorted(nobody - {"buergerbuero"}))]
    return put(put(directory, "departments", gone.id, None), "boxes", gone.box, None)


def group_made(rng: Random, directory: Directory) -> Directory:
    number = fresh(rng, directory)
    new = Group(
        id=f"gruppe_{number}", name=rng.choice(HOSTILE), extension=number, phones=phones(rng, directory),
        department=pick(rng, directory.departments), order=rng.choice(ORDERS), ring_seconds=5,
    )  # fmt: skip
    return put(directory, "groups", new.id, new)


def queue_made(rng: Random, directory: Directory) -> Directory:
    number = fresh(rng, directory)
    new = WaitingQueue(
        id=f"schlange_{number}", name=rng.choice(HOSTILE), extension=number, phones=phones(rng, directory),
        department=pick(rng, directory.departments), strategy=rng.choice(STRATEGIES), longest=30,
    )  # fmt: skip
    return put(directory, "queues", new.id, new)


def shared_made(rng: Random, directory: Directory) -> Directory:
    number = fresh(rng, directory)
    new = replace(desk_phone(number, "rathaus"), id=f"saal_{number}", label=rng.choice(HOSTILE), permission="internal")
    return put(directory, "phones", new.id, replace(new, kind=rng.choice(SHARED_KINDS)))


def gone(section: str, *, kept: tuple[str, ...] = ()) -> Edit:
    """One thing of a section is taken out, whoever may still name it."""
    return lambda rng, directory: put(
        directory, section, rng.choice(sorted(getattr(directory, section).keys() - set(kept))), None
    )


def shared_gone(rng: Random, directory: Directory) -> Directory:
    return put(directory, "phones", rng.choice(sorted(phone.id for phone in directory.shared() if phone.kind)), None)


def hours(rng: Random, directory: Directory) -> Directory:
    schedule = directory.schedules[pick(rng, directory.schedules)]
    week = {**schedule.week, rng.choice(("mon", "wed", "sat")): rng.choice(BLOCKS)}
    return put(directory, "schedules", schedule.name, replace(schedule, week=week))


def closed(rng: Random, directory: Directory) -> Directory:
    schedule = directory.schedules[pick(rng, directory.schedules)]
    special = SpecialDay(name=rng.choice(HOSTILE), blocks=rng.choice(((), *BLOCKS)))
    return put(
        directory, "schedules", schedule.name, replace(schedule, special={**schedule.special, days(rng): special})
    )


def schedule_made(rng: Random, directory: Directory) -> Directory:
    name = f"neu_{fresh(rng, directory)}"
    new = replace(HOURS, name=name, week={"tue": rng.choice(BLOCKS)}, timezone="Europe/London", special={})
    office = directory.departments[pick(rng, directory.departments)]
    return put(put(directory, "schedules", name, new), "departments", office.id, replace(office, schedule=name))


def day_off(rng: Random, directory: Directory) -> Directory:
    calendar = directory.calendars[pick(rng, directory.calendars)]
    off = {**calendar.days, days(rng): rng.choice(HOSTILE)}
    return put(directory, "calendars", calendar.id, replace(calendar, days=off))


def calendar_made(rng: Random, directory: Directory) -> Directory:
    new = Calendar(id=f"k_{fresh(rng, directory)}", name=rng.choice(HOSTILE), days={days(rng): "Ausflug"})
    schedule = directory.schedules[pick(rng, directory.schedules)]
    named = replace(schedule, calendars=(*schedule.calendars, new.id))
    return put(put(directory, "calendars", new.id, new), "schedules", schedule.name, named)


def trunk_made(rng: Random, directory: Directory) -> Directory:
    number = fresh(rng, directory)
    new = Trunk(id=f"weg_{number}", host=f"127.0.1.{int(number) - 2500}", order=rng.randint(1, 4))
    return put(directory, "trunks", new.id, new)


def permission_made(rng: Random, directory: Directory) -> Directory:
    new = Permission(id=f"darf_{fresh(rng, directory)}", classes=classes(rng, directory), nightly=2)
    owner = directory.people[pick(rng, directory.people)]
    return put(put(directory, "permissions", new.id, new), "people", owner.id, replace(owner, permission=new.id))


def range_made(rng: Random, directory: Directory) -> Directory:
    number = int(fresh(rng, directory)) * 10
    new = NumberRange(id=f"r_{number}", first=str(number), last=str(number + 9), site="rathaus")
    return put(directory, "ranges", new.id, new)


def retired(rng: Random, directory: Directory) -> Directory:
    number = fresh(rng, directory)
    old = Retired(extension=number, to=pick(rng, directory.numbers), until=FAR, announced=rng.random() < 0.5)
    return put(directory, "retired", number, replace(old, to=rng.choice(("30", "2500", old.to))))


def wave_made(rng: Random, directory: Directory) -> Directory:
    mover = directory.people[pick(rng, directory.people)]
    new = Wave(id="3", name=rng.choice(HOSTILE), trunk="alt")
    return put(put(directory, "waves", "3", new), "people", mover.id, replace(mover, wave=3))


def site_made(rng: Random, directory: Directory) -> Directory:
    name = f"haus_{fresh(rng, directory)}"
    new = Site(id=name, name=rng.choice(HOSTILE), address="Tor 5", emergency_number=f"{HEAD}0")
    new = replace(new, trunk=rng.choice(sorted(trunk.id for trunk in directory.trunks.values() if trunk.public)))
    moved = directory.phones[pick(rng, directory.phones)]
    return put(put(directory, "sites", name, new), "phones", moved.id, replace(moved, site=name))


def room_made(rng: Random, directory: Directory) -> Directory:
    number = fresh(rng, directory)
    new = Room(id=f"raum_{number}", name=rng.choice(HOSTILE), extension=number, pin=rng.choice(("", "815274")))
    return put(directory, "rooms", new.id, new)


def switch_dialled(rng: Random, directory: Directory) -> Directory:
    return put(directory, "switch_codes", str(rng.randint(0, 9)), pick(rng, directory.switches))


def switch_declared(rng: Random, directory: Directory) -> Directory:
    return put(directory, "switches", rng.choice(("night", "umzug", "streik")), rng.choice(HOSTILE))


def single_made(rng: Random, directory: Directory) -> Directory:
    return put(directory, "singles", f"+4962057{rng.randint(700, 799)}", rng.choice(("30", "50", "2500")))


def number_led(rng: Random, directory: Directory) -> Directory:
    number = rng.choice((fresh(rng, directory), "40"))
    return put(directory, "numbers", number, pick(rng, directory.flows))


def key_led(rng: Random, directory: Directory) -> Directory:
    """A key of the menu leads elsewhere, or a new one somewhere."""
    town = directory.flows["town"]
    menu = town.steps["welcome"]
    assert isinstance(menu, Menu)
    office = rng.choice(sorted(directory.departments))
    keys = {**menu.keys, rng.choice("13457#"): rng.choice((f"d_{office}.hours", "town.box", "info.told"))}
    return put(directory, "flows", "town", replace(town, steps={**town.steps, "welcome": replace(menu, keys=keys)}))


def step_added(rng: Random, directory: Directory) -> Directory:
    """Something is said before the flow goes on as it did."""
    flow = directory.flows[pick(rng, directory.flows)]
    step = f"hint_{fresh(rng, directory)}"
    said = prompt(f"{flow.name}.{step}", "Bitte warten.", "Please wait.")
    return put(
        directory, "flows", flow.name,
        replace(flow, start=step, steps={**flow.steps, step: Say(prompt=said, then=flow.first)}),
    )  # fmt: skip


def flow_made(rng: Random, directory: Directory) -> Directory:
    number = fresh(rng, directory)
    name, ring = f"neu_{number}", phones(rng, directory)
    step = Ring(phones=ring, busy="town.box", nobody="town.box", unreachable="town.box", order=rng.choice(ORDERS))
    flow = Flow(name=name, start="ring", steps={"ring": replace(step, seconds=5)})
    return put(put(directory, "flows", name, flow), "numbers", number, name)


def flow_gone(rng: Random, directory: Directory) -> Directory:
    name = rng.choice(sorted(directory.flows.keys() - {"town"}))
    numbers = {number: flow for number, flow in directory.numbers.items() if flow != name}
    return put(replace(directory, numbers=numbers), "flows", name, None)


EDITS: Mapping[str, Edit] = {
    **{path: field(path) for path in FIELDS},
    **{
        edit.__name__: edit
        for edit in (
            *(hired, left, department_made, department_gone, group_made, queue_made, room_made),
            *(shared_made, shared_gone, hours, closed, switch_dialled),
            *(schedule_made, day_off, calendar_made, trunk_made, permission_made, range_made, retired, wave_made),
            *(site_made, switch_declared, single_made, number_led, key_led, step_added, flow_made, flow_gone),
        )
    },
    "group_gone": gone("groups"),
    "queue_gone": gone("queues"),
    "room_gone": gone("rooms"),
    "trunk_gone": gone("trunks"),
    "permission_gone": gone("permissions"),
    "range_gone": gone("ranges"),
    "retired_gone": gone("retired"),
    "single_gone": gone("singles"),
    "switch_gone": gone("switches", kept=("night",)),
}
