"""Which numbers lead elsewhere under a new directory: when, and from whom to whom.

The engine of `explain` walks both directories as a caller who does nothing, in a few worlds; where a schedule is asked,
it goes every way and notes the condition. Only numbers that can come to something changed are walked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.domain import numbers
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import Visit, World, ending, predict
from orchestrator.domain.flow import END, OPERATORS, LeaveMessage, Place, Queue, Ring, Step, Switch, Transfer, When
from orchestrator.domain.hours import Condition, Hours, hours
from orchestrator.domain.schedule import CLOSED, HOLIDAY, OPEN
from orchestrator.domain.switches import WAVE

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
WORLDS: Mapping[str, World] = {
    "nobody picks up": World(at=_ANY_TIME, others="nobody"),
    "everyone picks up": World(at=_ANY_TIME, others="talked"),
    "no phone is registered": World(at=_ANY_TIME, others="unreachable"),
    "only those who are rung next pick up": World(at=_ANY_TIME, others="talked"),
}
NEXT = tuple(WORLDS)[-1]
"""In this one the first phones that ring ring in vain: it shows stand-ins."""
LONGEST = 200
"""Steps after which a walk is given up: the proof refuses silent callers who go round for ever."""
SCHEDULE, MOVED = "schedule", "moved"
States = tuple[tuple[str, str, str], ...]
"""What was asked on a way (`SCHEDULE` or `MOVED`), of which schedule or wave, and what was said."""

Moved = tuple[tuple[str, str], ...]
"""Waves, and whether each has moved (`on`) or not (`off`)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What becomes of calls to one number at certain hours."""

    number: str
    """An extension."""
    worlds: tuple[str, ...]
    """Of `WORLDS`, those in which it is so; all of them: whoever picks up."""
    hours: Hours
    was: str
    becomes: str
    waves: Moved = ()
    """On which it depends."""

    def told(self, directory: Directory) -> str:
        """`06205 21-2500, weekdays 12–14 h, nobody picks up: was mailbox 2500, becomes department buergerbuero`."""
        when = tuple(f"{'once' if on == 'on' else 'before'} wave {wave} has moved" for wave, on in self.waves)
        when += () if len(self.worlds) == len(WORLDS) else (" or ".join(self.worlds),)
        dialled = numbers.written(directory.town, self.number)
        return f"{', '.join((dialled, str(self.hours), *when))}: was {self.was}, becomes {self.becomes}"


def outcomes(before: Directory, after: Directory, today: date) -> Iterator[Outcome]:
    """Every number whose calls end elsewhere under `after`, in the year from `today` on. Both must be proved.

    Things that are the same in both should be the same objects: they are told apart by identity first.
    """
    try:
        zone = ZoneInfo(after.town.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return  # the proof has told
    comparison = Comparison(before, after, zone, today)
    for number in sorted(comparison.touched, key=lambda number: (len(number), number)):
        yield from comparison.of(number)


def of_operator(before: Directory, after: Directory, found: Iterable[Outcome]) -> Iterator[Outcome]:
    """Those of the operator's number, and of numbers that lead to the same flow as it did or does, week by week.

    Single days are left out: closing for a day is everyday work.
    """
    flows = ((directory, directory.numbers.get(numbers.OPERATOR)) for directory in (before, after))
    alike = {number for directory, flow in flows for number, other in directory.numbers.items() if other == flow}
    alike |= {numbers.OPERATOR}
    yield from (each for each in found if each.number in alike and any(each.hours.week))


@dataclass(frozen=True)
class Comparison:
    """Two directories side by side; holds what many numbers share."""

    before: Directory
    after: Directory
    zone: ZoneInfo
    today: date
    _hours: dict[tuple[States, States], Hours] = field(default_factory=dict)
    _ways: dict[tuple[bool, Place, str], tuple[tuple[States, str], ...]] = field(default_factory=dict)

    @cached_property
    def touched(self) -> frozenset[str]:
        """Numbers whose calls may meet something that is not as it was."""
        old, new = self.before, self.after
        schedules = {
            name for name in old.schedules.keys() | new.schedules if _differ(old.schedules, new.schedules, name)
        }
        changed = {name for name in old.flows.keys() | new.flows if _differ(old.flows, new.flows, name)}
        if schedules:
            changed |= {
                name for name, flow in new.flows.items() if any(_asks(step, schedules) for step in flow.steps.values())
            }
        reached = self._reaching(changed)
        return frozenset(
            number
            for number in old.numbers.keys() | new.numbers
            if (flow := new.numbers.get(number)) != old.numbers.get(number) or flow in reached
        )

    def _reaching(self, changed: set[str]) -> set[str]:
        """`changed`, and every flow from which a call can come into one of them."""
        into: dict[str, set[str]] = {}
        for directory in (self.before, self.after) if changed else ():
            for name, flow in directory.flows.items():
                for step in flow.steps.values():
                    for answer, place in step.exits.items():
                        if answer == OPERATORS or place == END:
                            continue  # nobody puts a caller through here
                        if (other := place.partition(".")[0]) != name:
                            into.setdefault(other, set()).add(name)
        found, todo = set(changed), list(changed)
        while todo:
            fresh = into.get(todo.pop(), set()) - found
            found |= fresh
            todo += fresh
        return found

    def of(self, number: str) -> Iterator[Outcome]:
        """What changes for one number, alike hours and worlds together."""
        found: dict[tuple[str, str, Moved], dict[str, Hours]] = {}
        for world in WORLDS:
            for old, was in self._from(self.before, number, world):
                for new, becomes in self._from(self.after, number, world):
                    moved = _moved(old + new)
                    if was != becomes and moved is not None and (times := self._when(old, new)):
                        worlds = found.setdefault((was, becomes, moved), {})
                        worlds[world] = worlds.get(world, Hours()) | times
        for (was, becomes, waves), worlds in found.items():
            alike: dict[str, list[str]] = {}
            for world, times in worlds.items():
                alike.setdefault(str(times), []).append(world)
            for having in alike.values():
                yield Outcome(
                    number=number,
                    worlds=tuple(having),
                    hours=worlds[having[0]],
                    was=was,
                    becomes=becomes,
                    waves=waves,
                )

    def _from(self, directory: Directory, number: str, world: str) -> tuple[tuple[States, str], ...]:
        """Where calls to `number` end: what schedules must say for it, and who or what is there."""
        if (flow := directory.numbers.get(number, "")) not in directory.flows:
            return (((), f"nobody's number (flow {directory.town.catch_all})"),)
        key = (directory is self.after, directory.first(flow), world)
        if key not in self._ways:
            self._ways[key] = tuple(_ways(directory, key[1], world))
        return self._ways[key]

    def _when(self, old: States, new: States) -> Hours:
        key = (old, new)
        if key not in self._hours:
            sides = ((self.before, old), (self.after, new))
            wanted: list[Condition] = [
                (side.schedules[name], state)
                for side, states in sides
                for asked, name, state in states
                if asked == SCHEDULE
            ]
            self._hours[key] = hours(wanted, self.zone, self.today)
        return self._hours[key]


def _ways(directory: Directory, first: Place, world: str) -> Iterator[tuple[States, str]]:
    """Each way that a silent caller can be led from `first`, by what schedules and waves say, and its end in words."""
    todo: list[tuple[Place, tuple[Visit, ...], dict[tuple[str, str], str]]] = [(first, (), {})]
    while todo:
        place, visits, states = todo.pop()
        while place != END and place in directory.graph and len(visits) < LONGEST:
            step = directory.graph[place]
            asked = _asked(step)
            if asked and asked not in states:
                for state in _states(directory, asked):
                    visit = Visit(place=place, answer=state)
                    todo.append((step.exits[state], (*visits, visit), states | {asked: state}))
                break
            answer = states[asked] if asked else predict(directory, place, WORLDS[world], [])
            if world == NEXT and isinstance(step, Ring | Queue) and not _rang(directory, visits):
                answer = "nobody"
            visits = (*visits, Visit(place=place, answer=answer))
            place = step.exits[answer]
        else:
            yield tuple(sorted((*asked, state) for asked, state in states.items())), words(directory, visits)


def _asked(step: Step) -> tuple[str, str] | None:
    """The schedule or wave that decides where a call goes from here."""
    match step:
        case When(schedule=name):
            return SCHEDULE, name
        case Switch(name=name) if name.startswith(WAVE):
            return MOVED, name.removeprefix(WAVE)
        case _:
            return None


def _rang(directory: Directory, visits: tuple[Visit, ...]) -> bool:
    return any(isinstance(directory.graph[visit.place], Ring | Queue) for visit in visits)


def _moved(states: States) -> Moved | None:
    """Which waves have moved under `states`; None if one has and has not."""
    waves = {(name, state) for asked, name, state in states if asked == MOVED}
    return tuple(sorted(waves)) if len(waves) == len({name for name, _ in waves}) else None


def _states(directory: Directory, asked: tuple[str, str]) -> tuple[str, ...]:
    if asked[0] == MOVED:
        return ("on", "off")
    if (schedule := directory.schedules.get(asked[1])) is None:
        return ()
    return (OPEN, CLOSED, HOLIDAY) if schedule.dated else (OPEN, CLOSED)


def words(directory: Directory, visits: tuple[Visit, ...]) -> str:
    """What a call came to, as an admin would say it: `mailbox 2500`, `department buergerbuero`, `phone 2501`."""
    found = ending(visits)
    match directory.graph.get(found.place):
        case LeaveMessage(box=box):
            return f"mailbox {box}" if found.outcome == "message" else f"mailbox {box}, which takes nothing"
        case Ring(phones=phones) if found.outcome == "answered":
            flow = found.place.removesuffix(".ring").removeprefix("d_")
            if flow in directory.departments:
                return f"department {flow}"
            return _phones(directory, phones)
        case Queue(queue=name) if found.outcome == "answered":
            return f"queue {name}"
        case Transfer(number=number) if found.outcome == "answered":
            return f"the number outside {number}" if number.startswith("+") else f"{number} at the old exchange"
        case _ if found.outcome == "served":
            return "the mailbox by telephone"
        case _:
            return f"told at {found.place}"


def _phones(directory: Directory, phones: tuple[str, ...]) -> str:
    shown = [directory.phones[phone].extension if phone in directory.phones else phone for phone in phones[:3]]
    return f"phone {', '.join(shown)}" + (f" and {len(phones) - 3} more" if len(phones) > 3 else "")


def _differ(old: Mapping[str, object], new: Mapping[str, object], name: str) -> bool:
    one, other = old.get(name), new.get(name)
    return one is not other and one != other


def _asks(step: Step, schedules: set[str]) -> bool:
    return isinstance(step, When) and step.schedule in schedules
