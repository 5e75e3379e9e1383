"""`plan`, `apply`, `rollback`: directory → sounds → proof → tree → running Asterisk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.compile import soundroot, sounds
from orchestrator.compile.escape import Unfit
from orchestrator.compile.speech import Unspoken
from orchestrator.compile.stubs import flows_in, with_stubs
from orchestrator.compile.tree import checksum_of, compile_tree
from orchestrator.domain.directory import Directory
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.proof import Proof, prove
from orchestrator.rollout import apply as rollout
from orchestrator.rollout.plan import Plan, Tree
from orchestrator.rollout.plan import plan as difference
from orchestrator.rollout.safety import Refusal, refusals
from orchestrator.rollout.trees import Busy, Trees, read
from orchestrator.service import directory as directories
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import Running, connected
from orchestrator.service.state import State

SHOWN = 40
"""Changes that are listed one by one."""
STUBS_STAY = 4 * 3600.0
"""Seconds that a flow which is gone stays as a stub: longer than any caller is in one."""
NOTHING = "nothing was changed"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What would be applied, and what stands against it."""

    plan: Plan
    proof: Proof
    tree: Tree
    refusals: tuple[Refusal, ...]
    notes: tuple[Problem, ...] = ()
    """What an ear should look at: prompts that are odd for their text. They stand against nothing."""

    def lines(self) -> Iterator[str]:
        """The plan for a person."""
        signs = {"create": "+", "update": "~", "delete": "-"}
        for change in self.plan.changes[:SHOWN]:
            yield f"{signs[change.action]} {change.kind} {change.name}"
        if len(self.plan.changes) > SHOWN:
            yield f"  … and {len(self.plan.changes) - SHOWN} more"
        counted = ", ".join(f"{self.plan.count(action)} to {action}" for action in signs)
        yield f"{counted}; reloads: {', '.join(self.plan.reloads) or 'none'}; checksum {self.plan.checksum}"
        if self.plan.restart:
            yield f"read only at the next start of Asterisk: {', '.join(self.plan.restart)}"
        for note in self.notes[:SHOWN]:
            yield f"note: {note.where} {note.what}: {note.todo}"
        for refusal in self.refusals:
            yield f"refused ({refusal.name}): {refusal.why}"

    def as_data(self) -> dict[str, Any]:
        """The plan for a program."""
        refused, noted = [asdict(each) for each in self.refusals], [asdict(each) for each in self.notes]
        return {**asdict(self.plan), "refusals": refused, "notes": noted}


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What came of it."""

    done: bool
    told: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield from self.told

    def as_data(self) -> dict[str, Any]:
        """For a program."""
        return asdict(self)


async def plan(state: State, progress: sounds.Progress) -> Planned:
    """What `apply` would do now. Speaks prompts that nobody spoke yet; changes nothing that runs."""
    directory = await directories.read(state)
    workshop = wiring.workshop(state)
    try:
        made = await asyncio.to_thread(sounds.make, sounds.prompts_of(directory), workshop, progress)
        await asyncio.to_thread(soundroot.build, wiring.program("asterisk").share, workshop)
    except (Unspoken, OSError) as bad:
        raise ServiceError(
            f"a prompt cannot be made: {bad}", todo="correct the text or the file; nothing changed"
        ) from bad
    proof = prove(directory, made.sounds, directories.today())
    running = wiring.trees(state).running()
    tree = _compiled(state, directory, made.sounds, proof)
    change = difference(tree or running, running)
    against = tuple(refusals(tree or running, running, proof.problems))
    return Planned(plan=change, proof=proof, tree=tree, refusals=against, notes=made.problems)


def _compiled(state: State, directory: Directory, spoken: Sounds, proof: Proof) -> Tree:
    """The tree of `directory`; empty if its problems leave nothing that could be compiled."""
    trees = wiring.trees(state)
    former = [trees.name(), *trees.lately(time.time() - STUBS_STAY)]
    flows = {flow for name in former if name for flow in flows_in(_dialplan(read(trees.folder / name)))}
    try:
        tree = compile_tree(
            directory, spoken, wiring.secrets_of(state, directory), wiring.exchange(state, directory), flows
        )
    except (Unfit, KeyError) as bad:
        if proof.problems:
            return {}
        raise ServiceError(f"the directory cannot be compiled: {bad}", todo="rename it; nothing changed") from bad
    return {**tree, directories.APPLIED: directories.written(directory)}


def _dialplan(tree: Tree) -> str:
    return tree.get("asterisk/extensions.conf", "")


async def apply(state: State, progress: sounds.Progress, *, checksum: str, force: tuple[str, ...]) -> Applied:
    """Apply the plan, whole or not at all."""
    with _alone(wiring.trees(state)) as trees:
        planned = await plan(state, progress)
        if checksum and checksum != planned.plan.checksum:
            return Applied(done=False, told=(f"the plan is another one now ({planned.plan.checksum}): read it first",))
        against = [refusal for refusal in planned.refusals if refusal.name not in force]
        if not against and not planned.tree:
            return Applied(done=False, told=("these problems leave nothing that could be compiled", NOTHING))
        if against:
            return Applied(done=False, told=(*(f"refused ({each.name}): {each.why}" for each in against), NOTHING))
        _documentation(state)
        return await _put(state, trees, planned.tree, checksum_of(planned.tree))


async def rollback(state: State, steps: int, *, force: tuple[str, ...] = ()) -> Applied:
    """Go back to a tree that ran before. What only the newer one has stays as stubs, until no caller can be in it."""
    with _alone(wiring.trees(state)) as trees:
        kept = trees.history()
        if steps >= len(kept):
            raise ServiceError(
                f"there are only {max(len(kept) - 1, 0)} trees to go back to", todo="name a smaller number"
            )
        now, before = trees.running(), read(trees.folder / kept[steps])
        against = [each for each in refusals(before, now, ()) if each.name not in force]
        if against:
            return Applied(done=False, told=(*(f"refused ({each.name}): {each.why}" for each in against), NOTHING))
        tree = {**before, "asterisk/extensions.conf": with_stubs(_dialplan(before), flows_in(_dialplan(now)))}
        return await _put(state, trees, tree, checksum_of(tree))


async def _put(state: State, trees: Trees, tree: Tree, name: str) -> Applied:
    async with connected(state) as running:
        if name == trees.name() and not trees.unsettled:
            differences = await _differences(running, tree) if running else ()
            if not differences:
                return Applied(done=True, told=("nothing to change",))
        outcome = await rollout.apply(trees, tree, name, running)
    if not outcome.done:
        undone = [f"and that did not help: {each}" for each in outcome.remaining] or ["the tree before runs again"]
        return Applied(done=False, told=(*outcome.differences[:SHOWN], "undone", *undone[:SHOWN]))
    how = "applied and read back" if running else "applied; Asterisk is not running and will start with it"
    counted = ", ".join(f"{outcome.plan.count(action)} {action}d" for action in ("create", "update", "delete"))
    told = [f"{how}: {counted} (tree {name})"]
    if outcome.plan.restart and running:
        told.append(f"read only at the next start of Asterisk: {', '.join(outcome.plan.restart)}")
    return Applied(done=True, told=tuple(told))


async def _differences(running: Running, tree: Tree) -> Sequence[str]:
    """What Asterisk has otherwise than the tree that it should have."""
    try:
        return await running.differences(tree)
    except OSError as bad:
        raise ServiceError(f"Asterisk does not answer: {bad}", todo="see `durchwahl status`; nothing changed") from bad


def _documentation(state: State) -> None:
    """Asterisk refuses to start without the documentation of its package."""
    link, source = state.root / "data" / "documentation", wiring.program("asterisk").share / "documentation"
    if not link.is_symlink() or link.resolve() != source.resolve():
        link.unlink(missing_ok=True)
        link.symlink_to(source)


@contextmanager
def _alone(trees: Trees) -> Iterator[Trees]:
    try:
        with trees.alone():
            yield trees
    except Busy as busy:
        raise ServiceError(str(busy), todo="wait for it, then try again") from busy
