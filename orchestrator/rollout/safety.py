"""What a plan may not do unless it is forced by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.domain.problems import Problem
from orchestrator.rollout.plan import Thing, Tree, count, differing

MOST_DELETED = 0.3
"""The part of all things that one apply may delete."""
SMALL = 10
"""Deletions that are never too many."""
EMERGENCY = tuple(("extension", f"from-phones {number}") for number in ("110", "112", "0110", "0112"))
OPERATOR = ("extension", "numbers-1 0")
CALLER_ID = re.compile(r"^set_var = EMERGENCY=.*$", re.MULTILINE)
"""The line of a phone that says which number its emergency calls show, and so where help is sent."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a plan is not applied, under the name by which it can be forced."""

    name: str
    why: str


def refusals(desired: Tree, running: Tree, problems: Sequence[Problem]) -> Iterator[Refusal]:
    """Everything that stands against replacing `running` by `desired`."""
    if problems:
        yield Refusal(name="problems", why=f"the proof found {len(problems)} problems; see `durchwahl check`")
    new, old = differing(desired, running)
    deleted, all_ = len(old.keys() - new.keys()), count(running)
    if deleted > SMALL and deleted > MOST_DELETED * all_:
        yield Refusal(name="deletions", why=f"{deleted} of {all_} things would be deleted")
    changed = list(old)
    if touched := [" ".join(thing) for thing in changed if _emergency(thing, new.get(thing, ""), old[thing])]:
        yield Refusal(name="emergency", why=f"the way of emergency calls (110, 112) would change: {_few(touched)}")
    if OPERATOR in changed:
        yield Refusal(name="operator", why="the operator's number (0) would lead elsewhere")


def _emergency(thing: Thing, new: str, old: str) -> bool:
    kind, name = thing
    if kind == "endpoint":
        return name.startswith("trunk-") or bool(new and CALLER_ID.findall(new) != CALLER_ID.findall(old))
    return thing in EMERGENCY


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
