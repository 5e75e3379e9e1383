"""What a plan may not do unless it is forced by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.domain.losses import too_many
from orchestrator.domain.problems import Problem
from orchestrator.rollout.plan import NUMBERS, Thing, Things, Tree, count, counted, kind_of

EMERGENCY = re.compile(
    r"(?:from-(?:phones|guests) \+?[0-9]*11[02]|emergency \S+|trunks(?:-\S+)? 11[02]|caller (?:own|who))"
)
"""Extensions that an emergency call goes through: as dialled, written down, and tried on one trunk after the other."""
OPERATOR = ("extension", f"{NUMBERS}1 0")
OPERATORS_FLOW = re.compile(r"\nexten => 0,1,Goto\((flow-\w+),")
OF_PHONE = re.compile(r"Set\((?:EMERGENCY|TRUNKS)=.*\)$", re.MULTILINE)
"""The lines of a phone that say which number its emergency calls show, and so where help is sent, and by which trunks
they go."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a plan is not applied, under the name by which it can be forced."""

    name: str
    why: str


def refusals(
    found: tuple[Things, Things], running: Tree, problems: Sequence[Problem], operator: Sequence[str] | None = None
) -> Iterator[Refusal]:
    """Everything that stands against replacing `running`; `found` is what `plan.differing` found of it.

    `operator` are the calls to the operator that would end elsewhere, in words; None if that is not known.
    """
    if problems:
        yield Refusal(name="problems", why=f"the proof found {len(problems)} problems; see `durchwahl check`")
    new, old = found
    if lost := [*_losses(new, old, running)]:
        yield Refusal(name="deletions", why=f"{', '.join(lost)} would be deleted")
    changed = list(old)
    if touched := [" ".join(thing) for thing in changed if _emergency(thing, new.get(thing, ""), old[thing])]:
        yield Refusal(name="emergency", why=f"the way of emergency calls (110, 112) would change: {_few(touched)}")
    if OPERATOR in changed:
        yield Refusal(name="operator", why="the operator's number (0) would lead elsewhere")
    elif operator:
        why = f"calls to the operator's number (0) would end elsewhere: {_few(operator, '; ')}"
        yield Refusal(name="operator", why=why)
    elif operator is None and _flow_of_operator(running) & {name.partition(" ")[0] for _, name in (*new, *old)}:
        yield Refusal(name="operator", why="the flow of the operator's number (0) would be another one")


def _losses(new: Things, old: Things, running: Tree) -> Iterator[str]:
    """Kinds of which too much would be gone: `5 of 12 phones`. Numbers may move from one context to the next."""
    kept = {name.partition(" ")[2] for kind, name in new if kind == "extension" and name.startswith(NUMBERS)}
    gone = Counter(
        kind
        for thing, text in old.items()
        if thing not in new and (kind := kind_of(thing, text))
        if kind != "numbers" or thing[1].partition(" ")[2] not in kept
    )
    gone["things"] = len(old.keys() - new.keys())
    before = {**counted(running), "things": count(running)} if too_many(max(gone.values()), 0) else {}
    for kind in sorted(gone):
        if before and too_many(gone[kind], before[kind]):
            yield f"{gone[kind]} of {before[kind]} {kind}"


def _flow_of_operator(tree: Tree) -> set[str]:
    """The context of the flow that the operator's number leads to."""
    return set(OPERATORS_FLOW.findall(tree.get("asterisk/extensions.conf", "")))


def _emergency(thing: Thing, new: str, old: str) -> bool:
    kind, name = thing
    if kind == "endpoint":
        return name.startswith("trunk-")
    if kind == "extension" and name.startswith("phones-"):
        return bool(new and OF_PHONE.findall(new) != OF_PHONE.findall(old))
    return kind == "extension" and bool(EMERGENCY.fullmatch(name))


def _few(names: Sequence[str], between: str = ", ") -> str:
    return between.join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
