"""Waiting queues: who takes their calls, and where each way out of them leads.

Belongs here: what a queue is, its members, its derived flow `q_<id>`. Not here: how Asterisk is told (compile.queues),
who has logged in now (Asterisk's own database).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.domain import texts
from orchestrator.domain.flow import Flow, Place, Queue
from orchestrator.domain.people import Department, Group, Person
from orchestrator.domain.prompts import Language, Prompt

if TYPE_CHECKING:
    from orchestrator.domain.directory import Directory

ALL, LONGEST_IDLE, ROUND_ROBIN, FEWEST_CALLS, RANDOM = "all", "longest_idle", "round_robin", "fewest_calls", "random"
STRATEGIES = (ROUND_ROBIN, ALL, LONGEST_IDLE, FEWEST_CALLS, RANDOM)
"""Whose phone rings: the next one after who rang last; all; that of who has not talked for the longest time; of who
took the fewest calls; of anybody."""
PAUSED_BY_SILENCE = (LONGEST_IDLE, FEWEST_CALLS)
"""Strategies that would try who does not pick up again and again: they are paused until they say that they are back."""
QUEUED, STEP = "q_", "wait"
"""How the name of a queue's flow begins, and its step."""
BOX_KEY = "2"
"""The key that leads to the mailbox of the department, where a queue does not say what its keys are."""


@dataclass(frozen=True, kw_only=True)
class WaitingQueue:
    """Callers who wait in turn for the next member who is free."""

    id: str
    name: str
    department: str
    """Whose it is: its people see to it, its stand-in and mailbox take whom it lets go."""
    extension: str = ""
    """A number of its own; empty: it is reached from its department and from flows."""
    phones: tuple[str, ...] = ()
    """Phones that are members."""
    function: str = ""
    """People of the department with this function are members. Without phones and function: the department's phones."""
    log_in: bool = False
    """Members take calls once they have logged in from their phone, and until they log out; else always."""
    strategy: str = ROUND_ROBIN
    """Of `STRATEGIES`."""
    ring_seconds: int = 15
    """How long it rings at a member before another one is tried."""
    wrap_up: int = 10
    """Seconds after a call in which a member gets no other."""
    priority: int = 0
    """Whose callers come first at somebody who is a member of several queues: those of the higher number."""
    most: int = 20
    """Callers who wait at most; the next one is told that it is full."""
    longest: int = 180
    """Seconds after which a caller who waits is led on."""
    announce: int = 30
    """Seconds between two announcements of the place in the queue and the expected wait; 0: none."""
    waited: Place = ""
    """Where who has waited too long is led; empty, like the others: the department's stand-in, or its mailbox."""
    full: Place = ""
    nobody: Place = ""
    """Where callers are led when no member is logged in and reachable, also those who are waiting already."""
    keys: Mapping[str, Place] = field(default_factory=dict)
    """Keys that a caller may press while waiting; empty: `BOX_KEY` leads to the mailbox."""
    hint: Mapping[Language, str] = field(default_factory=dict)
    """What is said of the keys now and then."""

    @property
    def flow(self) -> str:
        """Name of its derived flow."""
        return f"{QUEUED}{self.id}"

    @property
    def place(self) -> Place:
        """Where its callers wait."""
        return f"{self.flow}.{STEP}"

    @property
    def default(self) -> bool:
        """Whether some way out of it is not written, and so leads to the department."""
        return not (self.waited and self.full and self.nobody)


def members(directory: Directory, queue: WaitingQueue) -> tuple[str, ...]:
    """The phones that take calls of `queue`, or that may log in to it."""
    found = [*queue.phones]
    if queue.function:
        found += [
            phone
            for person in directory.people.values()
            if person.department == queue.department and person.function == queue.function
            for phone in person.phones
        ]
    elif not queue.phones and (department := directory.departments.get(queue.department)):
        found += department.phones
    return tuple(dict.fromkeys(found))


def takers(directory: Directory, owner: Person | Department | Group) -> tuple[str, ...]:
    """The phones that ring when the number of `owner` is called: the members of its queue, else its own."""
    queue = directory.queues.get(owner.queue) if isinstance(owner, Department) else None
    return members(directory, queue) if queue else owner.phones


def flows(directory: Directory) -> Iterator[Flow]:
    """The flow of each queue."""
    for queue in directory.queues.values():
        yield Flow(name=queue.flow, start=STEP, steps={STEP: _step(directory, queue)})


def _step(directory: Directory, queue: WaitingQueue) -> Queue:
    department = directory.departments.get(queue.department)
    office = f"d_{queue.department}"
    after = f"{office}.stand_in" if department and department.stand_in and department.queue == queue.id else ""
    after = after or f"{office}.box"
    hint = Prompt(name=queue.place, texts=queue.hint) if queue.keys else texts.SHARED["queue_box"]
    return Queue(
        queue=queue.id,
        members=members(directory, queue),
        waited=queue.waited or after,
        full=queue.full or after,
        nobody=queue.nobody or after,
        keys=queue.keys or {BOX_KEY: f"{office}.box"},
        hint=hint,
        seconds=queue.longest,
    )
