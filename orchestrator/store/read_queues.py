"""Waiting queues as an admin writes them. Where they lead is read last: it may be a step of a written flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Place
from orchestrator.domain.queues import PROMISE, STRATEGIES, WaitingQueue
from orchestrator.store.marked import Marked
from orchestrator.store.read_flows import keys_of, phones_in, prompt

FIELDS = ("name", "department", "number", "phones", "function", "log_in", "strategy")
EXITS = ("waited", "full", "nobody")
NUMBERS: Mapping[str, tuple[str, int, int]] = {
    "ring": ("ring_seconds", 5, 60),
    "wrap_up": ("wrap_up", 0, 600),
    "priority": ("priority", 0, 9),
    "most": ("most", 1, 200),
    "longest": ("longest", 10, 1800),
    "announce": ("announce", 0, 300),
}
"""Key in a file -> field, least and most."""
MAILBOX = "mailbox"
"""What the mailbox of the queue's department is called where a queue says where it leads."""
CALL_BACK = "call_back"
"""What a key means by which callers are called back."""
TARGETS = "name a department, a number, a flow, `flow.step` or `mailbox`; a key may also be `call_back`"
"""What may stand there."""
Target = Callable[[Marked], Place]


@dataclass(frozen=True)
class Queues:
    """Reads the section `queues` of one import. `found` has departments, people and phones."""

    found: Directory

    def queue(self, name: str, marked: Marked) -> WaitingQueue:
        """One queue, without where it leads."""
        fields = marked.fields((*FIELDS, *NUMBERS, *EXITS, "keys", "hint"), required=("name", "department"))
        numbers: dict[str, Any] = {
            field: fields[key].number(least, most) for key, (field, least, most) in NUMBERS.items() if key in fields
        }
        if "keys" in fields and "hint" not in fields:
            marked.wrong("callers are not told what its keys are", "add a `hint:` with a text for each language")
        made = WaitingQueue(
            id=name,
            name=fields["name"].text() if "name" in fields else name,
            department=self._department(fields),
            extension=fields["number"].text() if "number" in fields else "",
            phones=tuple(dict.fromkeys(phones_in(self.found, fields))),
            function=self._function(fields),
            log_in=fields["log_in"].yes() if "log_in" in fields else False,
            strategy=fields["strategy"].one_of(STRATEGIES, "strategy") if "strategy" in fields else STRATEGIES[0],
        )
        return replace(made, **numbers)

    def _department(self, fields: Mapping[str, Marked]) -> str:
        return fields["department"].one_of(self.found.departments, "department") if "department" in fields else ""

    def _function(self, fields: Mapping[str, Marked]) -> str:
        if "function" not in fields:
            return ""
        known = {person.function for person in self.found.people.values() if person.function}
        return fields["function"].one_of(known, "function of anybody")

    def led(self, queue: WaitingQueue, marked: Marked, target: Target) -> WaitingQueue:
        """`queue` with where it leads; `target` tells the place that a name means."""
        fields = {key.text(): value for key, value in marked.items()}

        def to(value: Marked) -> Place:
            return f"d_{queue.department}.box" if value.text() == MAILBOX else target(value)

        def pressed(value: Marked) -> Place:
            return f"{queue.flow}.{PROMISE}" if value.text() == CALL_BACK else to(value)

        hint = prompt(queue.place, fields["hint"], self.found.town.languages).texts if "hint" in fields else {}
        exits: dict[str, Any] = {name: to(fields[name]) for name in EXITS if name in fields}
        return replace(queue, keys=keys_of(fields, pressed), hint=hint, **exits)
