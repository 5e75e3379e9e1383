"""Make a tree the one that runs: write beside, swap, reload what changed, read back; undo it if it differs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.rollout.plan import RELOADS, Change, Plan, Tree, plan
from orchestrator.rollout.trees import Trees, digests

ALL = tuple(RELOADS.values())
READ_WITHIN = 60.0
"""Seconds in which Asterisk must let itself be read back after the reloads; one that is busy is asked again."""
ASK_AGAIN = 2.0
"""Seconds from one try to the next."""


class Running(Protocol):
    """A running Asterisk, as far as a rollout needs it."""

    async def reload(self, module: str) -> None:
        """Have one module read its file again; returns when it has."""

    async def differences(self, tree: Tree, changed: Sequence[Change] = ()) -> Sequence[str]:
        """What Asterisk believes otherwise than `tree` says; empty if all is as it should be.

        Of endpoints that `changed`, their values are read too; of the dialplan perhaps only the contexts that did.
        """


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an apply."""

    done: bool
    plan: Plan
    differences: tuple[str, ...] = ()
    """Why it was undone."""
    remaining: tuple[str, ...] = ()
    """What Asterisk still has otherwise after that; empty if the tree before runs again."""


async def apply(
    trees: Trees, tree: Tree, name: str, running: Running | None, note: Mapping[str, Any] | None = None
) -> Outcome:
    """Apply `tree` under `name`; without a `running` Asterisk it is there at its next start. Holds the trees' lock.

    `note` is kept in the history: who, why, what.
    """
    before, old, known = trees.running(), trees.name(), trees.kept()
    change = plan(tree, before)
    # Nobody knows what Asterisk has read after an apply that was killed; and the same tree again is asked for a reason.
    reloads = ALL if trees.unsettled or tree == before else change.reloads
    place = trees.write(tree, name).name
    trees.begin(place)
    trees.swap(place)
    differences = await _reload(running, reloads, tree, change.changes) if running else ()
    if differences:
        remaining: Sequence[str] = ()
        if old and running:
            trees.swap(old)
            if place not in known:
                trees.discard(place)
            remaining = await _reload(running, ALL, before, change.changes)
        if not remaining:
            trees.settle()
        return Outcome(done=False, plan=change, differences=tuple(differences), remaining=tuple(remaining))
    trees.remember(place, time.time(), {**(note or {}), "files": digests(tree)})
    trees.settle()
    return Outcome(done=True, plan=change)


async def _reload(running: Running, modules: Sequence[str], tree: Tree, changed: Sequence[Change]) -> Sequence[str]:
    """One module at a time: reloads that overlap can deadlock."""
    try:
        for module in modules:
            await running.reload(module)
    except OSError as bad:
        return (f"Asterisk does not take it: {bad}",)
    return await _read_back(running, tree, changed, whole=modules == ALL)


async def _read_back(running: Running, tree: Tree, changed: Sequence[Change], *, whole: bool) -> Sequence[str]:
    """What differs. No answer is no difference: an Asterisk that is busy after the reloads is asked again.

    The `whole` is looked at where everything was read anew, for what Asterisk had before is not known then.
    """
    until = time.monotonic() + READ_WITHIN
    while True:
        try:
            found = [*await running.differences(tree, changed)]
            if whole and changed:
                found += await running.differences(tree, ())
            return tuple(dict.fromkeys(found))
        except OSError as bad:
            if time.monotonic() + ASK_AGAIN > until:
                return (
                    f"it could not be read back within {READ_WITHIN:.0f} s, which tells nothing of the tree: {bad}",
                )
        await asyncio.sleep(ASK_AGAIN)
