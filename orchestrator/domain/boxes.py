"""The mailboxes at the end of derived flows: what follows a full one, and where a human is.

Belongs here: which box a caller is led to, and its step. Not here: the flows around it (derive), what it says (texts).
A full box leads to that of the department, of its parent and so on, then to the operator's, then to a spoken next step.
Each of these leads only upwards, so there is no way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from orchestrator.domain import texts
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Flow, HangUp, LeaveMessage, Place, Say, Step
from orchestrator.domain.numbers import OPERATOR
from orchestrator.domain.people import Department
from orchestrator.domain.prompts import Prompt

OVERFLOW = "overflow"
"""The step of a department that takes what found another box full."""


@dataclass(frozen=True)
class Boxes:
    """The boxes of one directory that is not derived yet."""

    directory: Directory
    starts: Mapping[str, Place]
    """Department -> where a call to it begins."""

    def leave(self, flow: str, owner: str, box: str, greeting: Prompt, **more: str) -> LeaveMessage:
        """A step of `flow`: a message for `box`, which department `owner` or one of its people has.

        `more` are fields of the step: human, state, wording.
        """
        limit = self.directory.boxes[box].limit if box in self.directory.boxes else 120
        return LeaveMessage(
            box=box,
            greeting=greeting,
            left=f"{flow}.thanks",
            too_short=f"{flow}.sorry",
            full=self.onward(owner, box) or f"{flow}.sorry",
            failed=f"{flow}.sorry",
            limit=limit,
            **more,
        )

    def human(self, flow: str, box: str) -> Place:
        """Where key 0 leads from `box` in `flow`; empty where that is the operator's own box, or none is there."""
        first = self._operator_flow
        return "" if box == self.operator or first.partition(".")[0] in ("", flow) else first

    def onward(self, department: str, box: str) -> Place:
        """The next place that takes a message when `box` is full; empty if there is none."""
        for office in self._upwards(department):
            if office.box not in ("", box):
                return f"{office.flow}.{OVERFLOW}"
        return f"{self.last}.box" if self.operator not in ("", box) else ""

    @cached_property
    def taking(self) -> frozenset[Place]:
        """Every place that takes what found another box full."""
        owners = [(person.department, person.box) for person in self.directory.people.values() if person.box]
        owners += [(department.id, department.box) for department in self.directory.departments.values()]
        return frozenset(self.onward(department, box) for department, box in set(owners))

    @cached_property
    def operator(self) -> str:
        """The box of the operator: the last one of the catch-all; empty if it has none."""
        flow = self.directory.flows.get(self.directory.town.catch_all)
        found = [step.box for step in flow.steps.values() if isinstance(step, LeaveMessage)] if flow else []
        return found[-1] if found else ""

    @property
    def last(self) -> str:
        """Name of the flow behind every other box."""
        return f"b_{self.operator}"

    def flow(self) -> Iterator[Flow]:
        """The flow of the operator's box, if anything leads there."""
        if f"{self.last}.box" in self.taking:
            box = self.leave(self.last, "", self.operator, texts.SHARED["next_box"], wording=texts.TOLD)
            yield Flow(name=self.last, start="box", steps={"box": box, **endings(self.last)})

    @cached_property
    def _operator_flow(self) -> Place:
        written = self.directory.numbers.get(OPERATOR, "")
        if written in self.directory.flows:
            return self.directory.flows[written].first
        for department in self.directory.departments.values():
            if OPERATOR in (department.extension, *department.numbers) or department.flow == written:
                return self.starts[department.id]
        return ""

    def _upwards(self, id_: str) -> Iterator[Department]:
        """The department, its parent and so on; nothing is above one that is, by mistake, above itself."""
        while department := self.directory.departments.get(id_):
            yield department
            id_ = "" if department.id in self._rings else department.parent

    @cached_property
    def _rings(self) -> frozenset[str]:
        """Departments that are above themselves: `links` tells the admin."""
        departments, rings = self.directory.departments, set()
        for id_ in departments:
            above, way = departments[id_].parent, {id_}
            while above in departments and above not in way:
                way.add(above)
                above = departments[above].parent
            if above == id_:
                rings.add(id_)
        return frozenset(rings)


def endings(flow: str) -> Mapping[str, Step]:
    """What is said after a message, and instead of one; shared prompts, so that they are spoken once."""
    return {
        "thanks": Say(prompt=texts.SHARED["thanks"], then=f"{flow}.goodbye"),
        "sorry": Say(prompt=texts.SHARED["sorry"], then=f"{flow}.goodbye"),
        "goodbye": HangUp(),
    }
