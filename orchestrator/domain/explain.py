"""What would happen to a call: walk the flow with answers from a described world.

The engine behind `durchwahl explain`, the expected path of every test call, and the check of what really happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from orchestrator.domain import promises
from orchestrator.domain.directory import Directory
from orchestrator.domain.findable import Names
from orchestrator.domain.finding import converse
from orchestrator.domain.flow import (
    Announce,
    CallBack,
    Dictate,
    Do,
    FindByName,
    Forward,
    HangUp,
    LeaveMessage,
    Listen,
    Menu,
    Queue,
    Ring,
    Say,
    Speak,
    Switch,
    Transfer,
    When,
)
from orchestrator.domain.hot_desks import FOUND, seat
from orchestrator.domain.house import AskPin, GoBack, House, Meet, Park, Promise, Recall, Screen, StandIn
from orchestrator.domain.listening import turned_away
from orchestrator.domain.outgoing import may
from orchestrator.domain.parking import offices
from orchestrator.domain.place import AT_DESK, DESK_BUSY, END, KEYS, OPERATORS, TALKED, Answer, Place
from orchestrator.domain.skills import SKILLS
from orchestrator.domain.switches import (
    ABSENT,
    AT_HOME,
    BUSY,
    DIRECT,
    FORWARD,
    NOTHING,
    OUTSIDE,
    QUIET,
    SINGLE,
    UNANSWERED,
    Absence,
    Forwarding,
    Outside,
    Switched,
    holds,
)
from orchestrator.domain.switches import rung as phones_of
from orchestrator.domain.town import CODES, MAILBOX

ENGAGED = "engaged"
"""What a phone does at which somebody talks already."""
LONGEST = 1000
"""Steps after which a walk is given up; only a caller who presses keys for ever gets that far."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that a call may ask about. What is not described goes well: people pick up, messages are left."""

    at: datetime
    keys: tuple[str, ...] = ()
    """One entry per try of a menu, in turn; `""` is a try without a key, and after the last comes silence.

    Where a name is asked for, what is typed in one go: `93237#`, then `2`.
    """
    phones: Mapping[str, Answer] = field(default_factory=dict)
    """Phone id -> `talked`, `busy`, `nobody` or `unreachable`; `engaged`: somebody talks there and takes no other call,
    which rings there all the same, unless the telephone takes one call at a time."""
    others: Answer = "talked"
    """What every phone does that `phones` does not name."""
    boxes: Mapping[str, Answer] = field(default_factory=dict)
    """Box id -> `left`, `too_short`, `full` or `failed`; `human` where key 0 is pressed and leads to one."""
    queues: Mapping[str, Answer] = field(default_factory=dict)
    """Waiting queue -> `full`, or `nobody` where nobody has logged in; else it is as its members' phones are."""
    outside: Mapping[str, Answer] = field(default_factory=dict)
    """E.164 number -> `talked`, `busy`, `nobody` or `failed`."""
    skills: Mapping[str, Answer] = field(default_factory=dict)
    """Skill -> its answer; otherwise the first that it has."""
    switches: Mapping[str, Switched] = field(default_factory=dict)
    """What is switched on, by its name (domain.switches); everything else is off."""
    observed: Mapping[Place, Answer] = field(default_factory=dict)
    """What people did at a place, where that is known afterwards; it outweighs phones, boxes and numbers outside."""
    python: bool = True
    caller: str = ""
    """The number that they show; empty: one that may be called back."""
    inside: bool = False
    """Whether it comes from a phone of ours."""
    shared: bool = False
    """Whether that is one at which anybody can stand (people.OPEN)."""
    phone: str = ""
    """Which one, where that makes a difference."""
    by: str = ""
    """The phone that has put the caller through by hand, or parked them; empty: none."""
    pin: str = ""
    """What a caller dials who is asked for the PIN of a conference room."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One step of the way: where, and what the world said there."""

    place: Place
    answer: Answer


def explain(directory: Directory, start: Place, world: World) -> Iterator[Visit]:
    """Each place that a call into `start` reaches, with the answer found there.

    Raises KeyError for what the proof finds unknown: places, schedules, skills.
    """
    place, keys, answer = start, list(world.keys), ""
    for _ in range(LONGEST):
        if place == END:
            return
        step = directory.graph[place]
        if isinstance(step, FindByName):
            answer, onward = converse(directory, step, keys)
        else:
            answer = predict(directory, place, world, keys, came=answer)
            onward = step.exits[answer]
        yield Visit(place=place, answer=answer)
        stood_in = isinstance(step, Forward) and step.stood_in and answer in ("quiet", *AT_DESK)
        if isinstance(step, Ring | Forward) and step.back and answer != "off" and not stood_in:
            world = replace(world, by="")  # who did it is rung once
        place = onward


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What a call came to: the outcome that its journey will have, and where."""

    outcome: str
    """`answered`, `message`, `served`, `call_back` or `told`."""
    place: Place


def ending(visits: Iterable[Visit]) -> Ending:
    """What a whole walk comes to: someone talked, a message was left or heard, or the caller was told what to do."""
    last, away = Ending(outcome="told", place=""), False
    for visit in visits:
        if visit.answer in TALKED or visit.answer == "fetched":
            return Ending(outcome="answered", place=visit.place)
        if visit.answer == "met":
            return Ending(outcome="served", place=visit.place)
        if visit.answer == "promised":
            return Ending(outcome="call_back", place=visit.place)
        if visit.place.partition(".")[0] == MAILBOX:
            away = away or turned_away(visit.place, visit.answer)
            last = Ending(outcome="told" if away else "served", place=visit.place)
        elif visit.place.partition(".")[0] == CODES:
            last = Ending(
                outcome="served" if last.outcome == "served" or visit.answer == "done" else "told", place=visit.place
            )
        elif visit.answer == "left":
            last = Ending(outcome="message", place=visit.place)
        elif last.outcome == "told":
            last = Ending(outcome="told", place=visit.place)
    return last


def predict(directory: Directory, place: Place, world: World, keys: list[str], *, came: Answer = "") -> Answer:
    """The answer that `world` gives at `place`. A menu takes the keys it uses from the front of `keys`.

    `came`: the answer of the step before.
    """
    match step := directory.graph[place]:
        case Say() | Speak() | Announce() | HangUp() | Dictate() | CallBack():
            return next(iter(step.exits))  # goes well
        case Menu():
            return _pressed(step, keys)
        case FindByName():
            return converse(directory, step, keys)[0]
        case When():
            return directory.schedules[step.schedule].state(world.at)
        case Switch():
            return "on" if _on(world, step.name) else "off"
        case Forward() if _forwarded(step, world, came) is None:
            return _at_rest(directory, step, world, world.observed.get(place, ""))
        case Queue():
            return _waiting(step, world.observed.get(place, ""), world, keys)
        case Ring() | LeaveMessage() | Transfer() | Forward() | Park() | Promise() if place in world.observed:
            return world.observed[place]
        case Ring():
            there = (phone for phone in step.phones if not any(_on(world, name) for name in step.away.get(phone, ())))
            return _or_back(directory, step, world, rung([_says(directory, world, phone) for phone in there]))
        case LeaveMessage():
            said = world.boxes.get(step.box, "left")
            return said if said in step.exits else "left"  # who presses 0 where it leads nowhere is listened to
        case Transfer():
            return _through(directory, world, step.number)
        case Forward():
            found = _elsewhere(directory, world, step.number, _forwarded(step, world, came))
            return _or_back(directory, step, world, found)
        case Park() | GoBack() | AskPin() | Meet() | Promise() | StandIn() | Recall() | Screen():
            return _in_the_house(directory, step, world)
        case Listen():
            return "served" if world.inside else "refused"
        case Do():
            return world.skills.get(step.skill, SKILLS[step.skill].answers[0]) if world.python else "python_down"
        case _:
            assert_never(step)


def _at_rest(directory: Directory, step: Forward, world: World, observed: Answer) -> Answer:
    """Nothing is forwarded: whether the number is not to be disturbed, or its desk is elsewhere."""
    desk = seat(directory, world.switches, step.number, world.at) if step.desk else ""
    found = (observed or FOUND[_says(directory, world, desk)]) if desk else "off"
    if step.quiet and _on(world, QUIET + step.number):
        desk, found = "", "quiet"
    kept = step.stood_in or found == "off" or (desk and found == observed)
    return found if kept else _or_back(directory, step, world, found)


def _says(directory: Directory, world: World, phone: str) -> Answer:
    """What a phone comes to that is rung."""
    said = world.phones.get(phone, world.others)
    if said != ENGAGED:
        return said
    single = not directory.phones[phone].call_waiting or _on(world, SINGLE + phone)
    return "busy" if single else "nobody"


def _idle(world: World, members: Iterable[str]) -> Iterator[Answer]:
    """What the phones of a queue come to: it rings nobody who talks."""
    for phone in members:
        said = world.phones.get(phone, world.others)
        yield "busy" if said == ENGAGED else said


def _on(world: World, switch: str) -> bool:
    return (on := world.switches.get(switch)) is not None and holds(on, world.at)


def _waiting(step: Queue, observed: Answer, world: World, keys: list[str]) -> Answer:
    """What waiting comes to: who is free is given the caller at once; else the next key, or the end of patience.

    Keys that mean nothing there are not heard.
    """
    said = observed or world.queues.get(step.queue, "")
    if said and said not in step.by_caller:
        return said
    found = rung(_idle(world, step.members))
    if not said and found in ("talked", "unreachable"):
        return found if found == "talked" else "nobody"
    while keys:
        if (key := keys.pop(0)) in step.keys:
            return KEYS[key]
    return "waited"


def _through(directory: Directory, world: World, number: str) -> Answer:
    closed = number.startswith("+") and stopped(directory, world, number)
    return "failed" if closed else world.outside.get(number, "talked")


def _or_back(directory: Directory, step: Ring | Forward, world: World, found: Answer) -> Answer:
    """What a ring comes to, if who put the caller through by hand is rung where it came to nothing."""
    if found == "talked" or not (step.back and world.by):
        return found
    if world.phones.get(world.by, world.others) == "talked":
        return "back"
    queue = directory.graph[step.operators] if step.operators else None
    return OPERATORS if isinstance(queue, Queue) and world.by in queue.members else found


def _in_the_house(directory: Directory, step: House, world: World) -> Answer:
    match step:
        case Park():
            return "fetched"
        case GoBack():
            if world.by and world.phones.get(world.by, world.others) == "talked":
                return "talked"
            office = offices(directory).get(world.by, "")
            return directory.departments[office].flow if office else "nobody"
        case AskPin():
            return "right" if (world.inside and not world.shared) or (step.pin and world.pin == step.pin) else "wrong"
        case Meet():
            return "met"
        case Promise(queue=name):
            return "promised" if not world.caller or _called_back(directory, name, world) else "refused"
        case StandIn(members=phones):
            return "served" if rung(_idle(world, phones)) == "talked" else "unserved"
        case Recall(queue=name):
            number = _called_back(directory, name, world)
            return world.outside.get(number, "talked") if number or not world.caller else "failed"
        case Screen() if _on(world, DIRECT + step.number):
            return "off"
        case Screen():
            known = (world.by or world.phone) in step.direct or (step.inside and world.inside and not world.by)
            return "direct" if known else "on"
        case _:
            assert_never(step)


def _called_back(directory: Directory, queue: str, world: World) -> str:
    """The number at which a caller of `queue` is called back; empty if they are not."""
    return promises.number(directory, directory.queues[queue], world.caller, _closed(world))


def _forwarded(step: Forward, world: World, came: Answer) -> str | None:
    """The number that is rung instead, empty for none; None if nothing of the kind is set."""
    names: tuple[str, ...] = (ABSENT + step.number, FORWARD + step.number)
    if step.missed:
        names = ((BUSY if came in ("busy", DESK_BUSY) else UNANSWERED) + step.number,)
    for name in names:
        match world.switches.get(name):
            case Absence() as away if holds(away, world.at):
                return away.stand_in
            case Forwarding(to=to):
                return to
            case _:
                pass
    return None


def _elsewhere(directory: Directory, world: World, number: str, to: str | None) -> Answer:
    """What a call to `number` finds at `to`. Budgets are not asked: they are what was called before."""
    if not to:
        return "nobody"
    if to.startswith("+"):
        if stopped(directory, world, to) or not may(directory, phones_of(directory, number), to):
            return "failed"
        return world.outside.get(to, "talked")
    found = rung([_says(directory, world, phone) for phone in phones_of(directory, to)])
    return "failed" if found == "unreachable" else found


def stopped(directory: Directory, world: World, number: str) -> bool:
    """Whether the kill switch stops calls to an E.164 number."""
    only = _closed(world)
    return only == NOTHING or (only == AT_HOME and not number.startswith(f"+{directory.town.country}"))


def _closed(world: World) -> str:
    """What the kill switch says; empty for no restriction."""
    turned = world.switches.get(OUTSIDE)
    return turned.only if isinstance(turned, Outside) and holds(turned, world.at) else ""


def rung(phones: Iterable[Answer]) -> Answer:
    """What ringing several phones comes to, as Asterisk's Dial() sums it up: one that rings on outweighs a busy one."""
    said = set(phones)
    return next((answer for answer in ("talked", "nobody", "busy") if answer in said), "unreachable")


def _pressed(menu: Menu, keys: list[str]) -> Answer:
    for _ in range(menu.tries):
        if not keys:
            break
        if (key := keys.pop(0)) in menu.keys:
            return KEYS[key]
    return "gave_up"


def retrace(directory: Directory, visits: Iterable[tuple[Visit, datetime]]) -> str:
    """Why a real journey is not one that the directory allows; empty if it is.

    Judges what the caller and the phones did not decide: that each answer exists, that each edge leads where the graph
    says, and that each schedule said what its hours say at that instant.
    """
    expected: frozenset[Place] | None = None
    anywhere = False
    for visit, at in visits:
        step = directory.graph.get(visit.place)
        if step is None:
            return "" if anywhere else f"{visit.place}: no such place"
        if expected is not None and visit.place not in expected:
            return f"{visit.place}: expected {' or '.join(sorted(expected)[:3]) or END}"
        if not visit.answer:
            return ""
        if visit.answer not in step.exits:
            return f"{visit.place}: no such answer {visit.answer}"
        if isinstance(step, When) and (state := directory.schedules[step.schedule].state(at)) != visit.answer:
            return f"{visit.place}: went {visit.answer} but {step.schedule} is {state} at {at:%Y-%m-%d %H:%M:%S}"
        # Who called back is where the number leads now; who talked is where somebody put them through by hand.
        anywhere = visit.answer in TALKED or (isinstance(step, CallBack) and visit.answer == "called")
        anywhere = anywhere or visit.answer == "fetched"
        expected = None if anywhere else _onward(directory, visit)
    return ""


def _onward(directory: Directory, visit: Visit) -> frozenset[Place]:
    """Where a call may go on after `visit`: to whoever was found by name, else where the answer leads."""
    step = directory.graph[visit.place]
    if isinstance(step, FindByName) and visit.answer == "found":
        return Names(directory).places()
    return frozenset({step.exits[visit.answer]})
