"""Calls back from a waiting queue: who may be called back, at whose cost, and what such a call goes through.

    callback_<queue>.turn: a stand-in waits at the caller's place -> call: the member who picked up, and the caller
      -> sorry: the member is told that the caller was not reached

Belongs here: the flow, the numbers. Not here: how a promise is kept in Asterisk (compile.promises), when it is given up
(service.promises).
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.domain import outgoing, queues, texts
from orchestrator.domain.callers import PRESETS, Callers, permissions
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, HangUp, Place, Say
from orchestrator.domain.house import Recall, StandIn
from orchestrator.domain.numbers import e164
from orchestrator.domain.problems import Problem
from orchestrator.domain.queues import WaitingQueue, members
from orchestrator.domain.town import Permission

STANDS_IN = "stand-in-"
"""How the contexts of stand-ins begin in the dialplan, one for each queue."""
FLOW = "callback_"
"""How the name of the flow of a queue's calls back begins."""
TURN, CALL, SORRY = "turn", "call", "sorry"
"""Its steps."""
CLASSES = ("town", "national", "mobile", "abroad")
"""Classes of numbers that are called back, where the queue's phones may call them."""
NEVER = ("0180", "0700")
"""Beginnings of numbers that cost more than others of their class, and that nobody calls from."""
SHORTEST, LONGEST = 7, 17
"""Digits of a number as it is dialled in Germany."""
TRIES = 3
"""How often a caller is called back before that is given up."""
AGAIN = 600
"""Seconds between two tries."""
A_DAY = 3
"""Promises to one number in a day, of all queues."""
KEPT = 8 * 3600
"""Seconds after which a promise is given up, also where the office does not close."""
MOST = 2
"""One of so many places in a queue may be a stand-in's: who calls by the dozen must not lock others out of it."""


def starts(directory: Directory) -> list[str]:
    """The flows of calls back, which no number leads to."""
    return [flow_of(queue) for queue in directory.queues.values() if queue.calls_back]


def flow_of(queue: WaitingQueue) -> str:
    """Name of the flow of its calls back."""
    return f"{FLOW}{queue.id}"


def flows(directory: Directory) -> Iterator[Flow]:
    """The flow of the calls back of each queue that offers them."""
    for queue in directory.queues.values():
        if queue.calls_back:
            name = flow_of(queue)
            yield Flow(
                name=name,
                start=TURN,
                steps={
                    TURN: StandIn(queue=queue.id, members=members(directory, queue), served=f"{name}.{CALL}"),
                    CALL: Recall(
                        queue=queue.id,
                        payer=payer(directory, queue),
                        shown=_shown(directory, queue),
                        unreached=f"{name}.{SORRY}",
                    ),
                    SORRY: Say(prompt=texts.SHARED["call_back_unreached"], then=f"{name}.over"),
                    "over": HangUp(),
                },
            )


def place(queue: WaitingQueue) -> Place:
    """Where a caller of the queue is promised to be called back."""
    return f"{queue.flow}.{queues.PROMISE}"


def payer(directory: Directory, queue: WaitingQueue) -> str:
    """The phone whose permission and budget the calls back are: the first member that may call mobiles, else the first.

    Empty if there is none.
    """
    known = [phone for phone in members(directory, queue) if phone in directory.phones]
    return outgoing.payer(directory, known, "mobile")


def permission(directory: Directory, queue: WaitingQueue) -> Permission:
    """What that phone may call."""
    phone = directory.phones.get(payer(directory, queue))
    name = Callers(directory).of(phone).permission if phone else ""
    return permissions(directory).get(name, PRESETS["internal"])


def _shown(directory: Directory, queue: WaitingQueue) -> str:
    """Whoever calls that back gets into the queue again: its own number, else that of its department."""
    department = directory.departments.get(queue.department)
    return e164(directory.town, queue.extension or (department.extension if department else "") or "0")


def number(directory: Directory, queue: WaitingQueue, shown: str, switch: str = "") -> str:
    """What is dialled to call back who shows the number `shown`; empty for who cannot be called back.

    `switch`: what the kill switch says, a key of `outgoing.STOPPED`. Without a 0 or a + at its beginning a number may
    be one of the house, or anybody's.
    """
    public = outgoing.canonical(shown)
    if not (shown.startswith(("0", "+")) and SHORTEST <= len(public) <= LONGEST) or public.startswith(NEVER):
        return ""
    group = outgoing.classify(directory.town, public)
    allowed = group in CLASSES and group in permission(directory, queue).classes
    if not allowed or group in outgoing.STOPPED.get(switch, ()) or outgoing.inside(directory, public):
        return ""
    return public


def problems(directory: Directory) -> Iterator[Problem]:
    """Queues that promise what none of their phones may do; and flows that have the names of calls back."""
    derived = {flow.name: flow for flow in flows(directory)}
    for name, flow in directory.flows.items():
        if name.startswith(FLOW) and derived.get(name) != flow:
            yield Problem(
                code="bad_name",
                where=f"flow {name!r}",
                what=f"begins with {FLOW}, as the calls back of waiting queues do",
                todo="give it another name",
            )
    for queue in directory.queues.values():
        if queue.calls_back and not set(CLASSES) & set(permission(directory, queue).classes):
            yield Problem(
                code="no_call_back_allowed",
                where=f"queue {queue.id}",
                what="promises to call back, and none of its phones may call outside",
                todo="give its phones a permission (national, mobile), or take `call_back` out of its keys",
            )
