"""A plan as it is read: what was edited and why, which calls end elsewhere, what Asterisk gets, what stands against it.

Belongs here: a plan's data and its words. Not here: how it is made and applied (rollout).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from orchestrator.domain.directory import Directory
from orchestrator.domain.edits import GROUPS, Edit
from orchestrator.domain.outcomes import Outcome
from orchestrator.domain.problems import Problem
from orchestrator.domain.proof import Proof
from orchestrator.rollout.account import account, counted
from orchestrator.rollout.plan import Change, Plan, Tree
from orchestrator.rollout.safety import Refusal

SHOWN = 40
"""Lines of each part that are shown unless all are asked for."""
SIGNS = {"create": "+", "update": "~", "delete": "-"}
TITLES = {"town": "Town", **dict(GROUPS.values())}


@dataclass(frozen=True)
class Line:
    """One line for a person, and what it is: a heading, an action, a refusal, a note."""

    text: str
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What would be applied, and what stands against it."""

    plan: Plan = field(repr=False)
    directory: Directory
    tree: Tree = field(repr=False)
    proof: Proof | None = None
    """None for the way back to a tree that was proved when it was applied."""
    refusals: tuple[Refusal, ...]
    edits: tuple[Edit, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    first: bool = False
    """Whether nothing ran before: then every thing is new, and only counted."""
    same: bool = False
    """Whether the tree that runs is the one to apply, file by file."""
    notes: tuple[Problem, ...] = field(default=())
    """What somebody should look at: prompts that are odd for their text, trees that were damaged. They stand against
    nothing."""

    @property
    def summary(self) -> str:
        """What changes, in a line."""
        if not self.edits:
            return "the first tree" if self.first else "the same directory"
        return str(self.edits[0]) + (f"; and {len(self.edits) - 1} more" if len(self.edits) > 1 else "")

    def lines(self, *, everything: bool = False) -> Iterator[Line]:
        """The plan for a person."""
        most = None if everything else SHOWN
        if self.same or (self.plan.empty and not self.edits):
            yield Line(f"nothing to change; checksum {self.plan.checksum}")
        else:
            yield from self._changes(most)
            yield from self._outcomes(most)
            yield from self._asterisk()
        for note in self.notes[:most]:
            yield Line(f"note: {note.where} {note.what}: {note.todo}", "note")
        for refusal in self.refusals:
            yield Line(f"refused ({refusal.name}): {refusal.why}", "refusal")

    def _changes(self, most: int | None) -> Iterator[Line]:
        if self.first:
            return
        accounts = account(self.edits, self.plan.changes)
        for kind, title in TITLES.items():
            edits = [edit for edit in self.edits if edit.kind == kind]
            written = [
                Line(f"  {SIGNS[edit.action]} {edit}{_gets(accounts.of.get(edit, ()))}", edit.action) for edit in edits
            ]
            yield from _part(title, written, most)
        follows = [Line(f"  ~ {kind} {name}{_gets(got)}", "update") for (kind, name), got in accounts.follows.items()]
        yield from _part("Follows from these, or from the settings of this machine", follows, most)

    def _outcomes(self, most: int | None) -> Iterator[Line]:
        told = [Line(f"  {outcome.told(self.directory)}", "outcome") for outcome in self.outcomes]
        yield from _part("Calls that end elsewhere", told, most)

    def _asterisk(self) -> Iterator[Line]:
        total = ", ".join(f"{self.plan.count(action)} to {action}" for action in SIGNS)
        yield Line(
            f"{total}; reloads: {', '.join(self.plan.reloads) or 'none'}; checksum {self.plan.checksum}", "total"
        )
        if self.plan.restart:
            yield Line(f"read only at the next start of Asterisk: {', '.join(self.plan.restart)}", "note")

    def as_data(self) -> dict[str, Any]:
        """The plan for a program: everything."""
        accounts = account(self.edits, self.plan.changes)
        return {
            **asdict(self.plan),
            "edits": [{**asdict(edit), "things": _names(accounts.of[edit])} for edit in self.edits],
            "follows": [
                {"kind": kind, "name": name, "things": _names(got)} for (kind, name), got in accounts.follows.items()
            ],
            "outcomes": [_outcome(self.directory, outcome) for outcome in self.outcomes],
            "refusals": [asdict(each) for each in self.refusals],
            "notes": [asdict(each) for each in self.notes],
        }


def _part(title: str, lines: Sequence[Line], most: int | None) -> Iterator[Line]:
    if lines:
        yield Line(title, "heading")
        yield from lines[:most]
        if most is not None and len(lines) > most:
            yield Line(f"  … and {len(lines) - most} more: --all lists them")


def _gets(changes: Iterable[Change]) -> str:
    return f"  ({said})" if (said := counted(changes)) else ""


def _names(changes: Iterable[Change]) -> list[str]:
    return [f"{change.action} {change.kind} {change.name}" for change in changes]


def _outcome(directory: Directory, outcome: Outcome) -> dict[str, Any]:
    return {
        "number": outcome.number,
        "worlds": list(outcome.worlds),
        "hours": str(outcome.hours),
        "week": [list(map(list, spans)) for spans in outcome.hours.week],
        "dates": {day.isoformat(): list(map(list, spans)) for day, spans in outcome.hours.dates.items()},
        "was": outcome.was,
        "becomes": outcome.becomes,
        "told": outcome.told(directory),
    }
