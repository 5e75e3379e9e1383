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
EMERGENCY = re.compile(r"(?:from-phones \+?[0-9]*11[02]|emergency \S+|trunks(?:-\S+)? 11[02]|caller who)")
"""Extensions that an emergency call goes through: as dialled, written down, and tried on one trunk after the other."""
OPERATOR = ("extension", "numbers-1 0")
OF_PHONE = re.compile(r"Set\((?:EMERGENCY|TRUNKS)=.*\)$", re.MULTILINE)
"""The lines of a phone that say which number its emergency calls show, and so where help is sent, and by which trunks
they go."""


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
        return name.startswith("trunk-")
    if kind == "extension" and name.startswith("phones-"):
        return bool(new and OF_PHONE.findall(new) != OF_PHONE.findall(old))
    return kind == "extension" and bool(EMERGENCY.fullmatch(name))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
