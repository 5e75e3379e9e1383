"""Waiting queues as an admin writes them: the other way round of read_queues."""

from __future__ import annotations

from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import KEYS, Place
from orchestrator.domain.queues import PROMISE, WaitingQueue
from orchestrator.store.read_queues import CALL_BACK, EXITS, MAILBOX
from orchestrator.store.write_flows import PRESSED, Flows
from orchestrator.store.write_people import NAMES, numbers_of
from orchestrator.store.written import Line, fields


def queue(directory: Directory, flows: Flows, queue: WaitingQueue) -> dict[str, Any]:
    """One queue."""
    numbers = numbers_of(directory)

    def to(place: Place) -> str:
        if place == f"{queue.flow}.{PROMISE}":
            return CALL_BACK
        return MAILBOX if place == f"d_{queue.department}.box" else flows.name(place)

    line = fields(queue, NAMES, leave=("id", "phones", "keys", "hint", *EXITS))
    line |= {"phones": [numbers.get(phone, phone) for phone in queue.phones]} if queue.phones else {}
    line |= {name: to(place) for name in EXITS if (place := getattr(queue, name))}
    if not queue.keys:
        return line
    keys = Line({PRESSED.get(key, key): to(queue.keys[key]) for key in KEYS if key in queue.keys})
    return {**line, "keys": keys, "hint": dict(sorted(queue.hint.items()))}
