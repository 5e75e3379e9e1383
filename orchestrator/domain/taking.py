"""Taking a caller who waits, from any telephone that may: who may, and which queue a number means.

A member takes the next one of their queues, logged in or not, paused or after a call. Callers of a queue that is named
by a number are taken by whoever may pick up calls for that number, too (domain.circles): operators may for all.
Belongs here: the rule. Not here: how it is done (compile.taking).
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.domain.circles import Circles
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Phone
from orchestrator.domain.queues import members


def own(directory: Directory) -> Mapping[str, tuple[str, ...]]:
    """Telephone -> the queues that it is a member of, those whose callers come first before the others."""
    found: dict[str, list[str]] = {}
    for id_, queue in sorted(directory.queues.items(), key=lambda each: (-each[1].priority, each[0])):
        for phone in members(directory, queue):
            found.setdefault(phone, []).append(id_)
    return {phone: tuple(queues) for phone, queues in found.items()}


def numbers(directory: Directory) -> Mapping[str, str]:
    """Number -> the queue that it means: its own, and those of the departments whose callers wait in it."""
    found = {queue.extension: id_ for id_, queue in directory.queues.items() if queue.extension}
    for department in directory.departments.values():
        if department.queue in directory.queues:
            found |= dict.fromkeys((department.extension, *department.numbers), department.queue)
    return found


def takes(directory: Directory, phone: Phone, number: str = "") -> bool:
    """Whether `phone` may take callers of the queue at `number`; without one: of any queue of its own."""
    mine = own(directory).get(phone.id, ())
    if not number:
        return bool(mine)
    queue = numbers(directory).get(number, "")
    return bool(queue) and (queue in mine or Circles(directory).picks_up(phone, number))
