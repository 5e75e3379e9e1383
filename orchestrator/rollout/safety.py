"""What a plan may not do unless it is forced by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.domain.problems import Problem
from orchestrator.rollout.plan import Plan

MOST_DELETED = 0.3
"""The part of all things that one apply may delete."""
SMALL = 10
"""Deletions that are never too many."""
EMERGENCY = tuple(f"from-phones {number}" for number in ("110", "112", "0110", "0112"))
OPERATOR = ("numbers-1 0",)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a plan is not applied, under the name by which it can be forced."""

    name: str
    why: str


def refusals(plan: Plan, problems: Sequence[Problem]) -> Iterator[Refusal]:
    """Everything that stands against `plan`."""
    if problems:
        yield Refusal(name="problems", why=f"the proof found {len(problems)} problems; see `durchwahl check`")
    deleted = plan.count("delete")
    if deleted > SMALL and deleted > MOST_DELETED * plan.before:
        yield Refusal(name="deletions", why=f"{deleted} of {plan.before} things would be deleted")
    touched = {change.name for change in plan.changes if change.action != "create" and change.kind == "extension"}
    if touched & set(EMERGENCY):
        yield Refusal(name="emergency", why="the way of emergency calls (110, 112) would change")
    if touched & set(OPERATOR):
        yield Refusal(name="operator", why="the operator's number (0) would lead elsewhere")
