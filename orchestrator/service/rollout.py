"""`plan`, `apply`, `rollback`, `history`: directory → sounds → proof → tree → running Asterisk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from orchestrator.compile import lamps, soundroot, sounds
from orchestrator.compile.renewed import with_secrets
from orchestrator.compile.speech import Unspoken
from orchestrator.compile.stubs import flows_in, with_stubs
from orchestrator.compile.tree import checksum_of
from orchestrator.domain.directory import Directory
from orchestrator.domain.edits import edits
from orchestrator.domain.outcomes import Outcome, of_operator, outcomes
from orchestrator.domain.problems import Problem
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.proof import Proof, prove
from orchestrator.rollout import apply as rollout
from orchestrator.rollout.plan import Tree, differing, endpoints
from orchestrator.rollout.plan import plan as difference
from orchestrator.rollout.record import Applies
from orchestrator.rollout.safety import refusals
from orchestrator.rollout.trees import Busy, Trees, read
from orchestrator.service import certificate, intact, wiring
from orchestrator.service import directory as directories
from orchestrator.service.compiling import tree_of
from orchestrator.service.errors import ServiceError
from orchestrator.service.planned import SHOWN, Planned
from orchestrator.service.running import Running, connected
from orchestrator.service.state import State
from orchestrator.store import applies
from orchestrator.store.database import brief

NOTHING = "nothing was changed"
ANOTHER = "the plan is another one now ({}): read it first"


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
    except Unspoken as bad:
        raise ServiceError(
            f"a prompt cannot be made: {bad}", todo="correct the text or the file; nothing changed"
        ) from bad
    except OSError as bad:
        raise ServiceError(
            f"a prompt cannot be written: {bad}", todo="look at the disk: its space, its owner; nothing changed"
        ) from bad
    proof = prove(directory, made.sounds, directories.today())
    running = wiring.trees(state).running()
    tree = _compiled(state, directory, made.sounds, proof)
    before, damaged = await asyncio.to_thread(intact.applied, state, running, tree, directory)
    planned = compared(directory, tree, running, proof.problems, applied=before)
    return replace(planned, proof=proof, notes=(*damaged, *doubts(wiring.trees(state)), *made.problems))


async def way_back(state: State, to: int | str) -> Planned:
    """What `rollback` would do: `to` is how many trees to go back, or the name of one."""
    trees = wiring.trees(state)
    name = _kept(trees, to)
    now, before = trees.running(), read(trees.folder / name)
    directory = directories.of_tree(before) or await directories.read(state)
    stubbed = {**before, "asterisk/extensions.conf": with_stubs(_dialplan(before), flows_in(_dialplan(now)))}
    tree = with_secrets(stubbed, wiring.secrets_there(state, directory))
    whole, damaged = await asyncio.to_thread(intact.applied, state, now, tree, directory)
    if changed := trees.damage(name, before):
        what = "; ".join(f"{path} {how}".strip() for path, how in changed.items())
        todo = "read the plan well, or go to another tree"
        damaged = (*damaged, Problem(code="damaged", where=f"tree {name}, to go back to,", what=what, todo=todo))
    return replace(compared(directory, tree, now, (), applied=whole), notes=damaged)


def compared(
    directory: Directory, tree: Tree, running: Tree, problems: Sequence[Problem], *, applied: Tree | None = None
) -> Planned:
    """A plan with its reasons. Where the old directory cannot be read, only what Asterisk gets is told.

    `applied` is `running` before somebody damaged it: edits, outcomes and refusals are told against that.
    """
    wanted, applied = tree or running, running if applied is None else applied
    found = differing(wanted, running)
    before = directories.of_tree(applied, beside=directory, written=tree.get(directories.APPLIED, ""))
    told = _outcomes(before, directory) if before and not problems else None
    operator = [each.told(directory) for each in of_operator(before, directory, told)] if before and told else []
    against = found if applied is running else differing(wanted, applied)
    return Planned(
        plan=difference(wanted, running, found),
        directory=directory,
        tree=tree,
        refusals=tuple(refusals(against, applied, problems, None if told is None else operator)),
        edits=tuple(edits(before, directory)) if before else (),
        outcomes=tuple(told or ()),
        first=not running,
        same=tree == running,
    )


def _outcomes(before: Directory, after: Directory) -> list[Outcome] | None:
    """Calls that end elsewhere; None where problems were forced into what runs: then it cannot be told."""
    try:
        return list(outcomes(before, after, directories.today()))
    except (KeyError, ValueError):
        return None


def _kept(trees: Trees, to: int | str) -> str:
    """The name of a kept tree; raises ServiceError."""
    kept = trees.kept()
    if not isinstance(to, int):
        found = [name for name in kept if name.startswith(to)]
        if len(found) != 1:
            raise ServiceError(f"{len(found)} trees are named {to}…", todo="see `durchwahl history`")
        return found[0]
    if to >= len(kept):
        if not kept:
            raise ServiceError("nothing was applied yet", todo="run `durchwahl apply`")
        raise ServiceError(f"there is no tree {to} to go back to", todo="`durchwahl history` lists those that are kept")
    return kept[to]


def _compiled(state: State, directory: Directory, spoken: Sounds, proof: Proof) -> Tree:
    """The tree of `directory`; empty if its problems leave nothing that could be compiled."""
    try:
        return tree_of(state, directory, spoken)
    except ServiceError:
        if proof.problems:
            return {}
        raise


def _dialplan(tree: Tree) -> str:
    return tree.get("asterisk/extensions.conf", "")


async def apply(
    state: State, progress: sounds.Progress, *, checksum: str, force: tuple[str, ...], why: str = ""
) -> Applied:
    """Apply the plan, whole or not at all; with a `checksum` only if it is still the plan of that name."""
    directories.demand(state, why)
    with alone(wiring.trees(state)) as trees:
        planned = await plan(state, progress)
        if refused := _against(planned, checksum, force):
            return refused
        if not planned.tree:
            return Applied(done=False, told=("these problems leave nothing that could be compiled", NOTHING))
        _documentation(state)
        told = await asyncio.to_thread(certificate.ready, state)
        done = await _put(state, trees, planned, "apply", why)
    return replace(done, told=(*done.told, *told))


async def rollback(
    state: State, to: int | str, *, checksum: str = "", force: tuple[str, ...] = (), why: str = ""
) -> Applied:
    """Go back to a tree that ran before. What only the newer one has stays as stubs, until no caller can be in it."""
    directories.demand(state, why)
    with alone(wiring.trees(state)) as trees:
        planned = await way_back(state, to)
        if refused := _against(planned, checksum, force):
            return refused
        done = await _put(state, trees, planned, "rollback", why)
    return replace(done, told=(*done.told, *await _still(state, planned.tree))) if done.done else done


async def _still(state: State, tree: Tree) -> list[str]:
    """After a way back: what the directory says and `tree` does not, so that nobody takes it for undone."""
    try:
        directory = await directories.read(state)
    except ServiceError:
        return []  # the directory is empty: it says nothing
    before = directories.of_tree(tree, beside=directory)
    if not before or not (found := list(edits(before, directory))):
        return []
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return [
        f"the directory still says: {found[0]}{more}",
        "  the next apply brings that back; `durchwahl undo N` takes it out there too (N: `durchwahl changes`)",
    ]


def _against(planned: Planned, checksum: str, force: tuple[str, ...]) -> Applied | None:
    """Why it is not done, if it is not."""
    if checksum and checksum != planned.plan.checksum:
        return Applied(done=False, told=(ANOTHER.format(planned.plan.checksum),))
    if against := [refusal for refusal in planned.refusals if refusal.name not in force]:
        return Applied(done=False, told=(*(f"refused ({each.name}): {each.why}" for each in against), NOTHING))
    return None


async def _put(state: State, trees: Trees, planned: Planned, what: str, why: str) -> Applied:
    tree, name = planned.tree, checksum_of(planned.tree)
    room(trees, tree, name)
    async with connected(state) as running:
        if planned.same and not trees.unsettled:
            differences = await _differences(running, tree) if running else ()
            if not differences:
                return Applied(done=True, told=("nothing to change",))
        if running:
            await running.complete(tree)
        outcome = await rollout.apply(trees, tree, name, running, _note(planned, what, why))
        dark = await _lamps(running, outcome) if running else ()
    if not outcome.done:
        undone = [f"and that did not help: {each}" for each in outcome.remaining] or ["the tree before runs again"]
        return Applied(done=False, told=(*outcome.differences[:SHOWN], "undone", *undone[:SHOWN]))
    how = "applied and read back" if running else "applied; Asterisk is not running and will start with it"
    counted = ", ".join(f"{outcome.plan.count(action)} {action}d" for action in ("create", "update", "delete"))
    told = [f"{how}: {counted} (tree {name})"]
    if outcome.plan.restart and running:
        told.append(f"read only at the next start of Asterisk: {', '.join(outcome.plan.restart)}")
    told += [*dark, *await record(state, f"{what} {name}: {planned.summary}", why)]
    return Applied(done=True, told=tuple(told))


def room(trees: Trees, tree: Tree, name: str) -> None:
    """Raise ServiceError where the disk is too full: the half of an apply would be worse than none."""
    if missing := trees.missing(tree, name):
        raise ServiceError(
            f"{trees.folder}: the disk is full: {-(-missing // 1024)} KiB more are needed",
            todo="make room there, then do it once more; nothing was changed",
        )


async def _lamps(running: Running, outcome: rollout.Outcome) -> Sequence[str]:
    """Have lamps told what their numbers are now: after a reload Asterisk tells only what changes from then on."""
    changed = (each.name for each in outcome.plan.changes if each.kind == "extension")
    try:
        await running.turn(lamps.turned(changed))
    except OSError as bad:
        return (f"lamps may be wrong until their telephones are used: {bad}",)
    return ()


def _note(planned: Planned, what: str, why: str) -> Mapping[str, Any]:
    """What the history of trees keeps of an apply."""
    counts = {action: planned.plan.count(action) for action in ("create", "update", "delete")}
    who, plan_ = directories.who(), planned.plan.checksum
    return {"did": what, "who": who, "why": why, "what": planned.summary, **counts, "plan": plan_}


async def record(state: State, what: str, why: str) -> list[str]:
    """Write the apply down among the changes of the directory; it stands even if that fails."""
    try:
        await applies.record(brief(state.database), who=directories.who(), what=what, why=why)
    except (OSError, SQLAlchemyError) as bad:
        return [f"it could not be written down in the directory: {str(bad).splitlines()[0]}"]
    return []


def history(state: State) -> Sequence[tuple[int | None, Applies]]:
    """Everything that was applied or gone back to, the last first, with the number that `rollback` takes.

    A tree has its number where it was applied last, and none when it is kept no longer.
    """
    trees = wiring.trees(state)
    numbers: dict[str, int | None] = {name: number for number, name in enumerate(trees.kept())}
    return [(numbers.pop(each.name, None), each) for each in trees.applied()]


def doubts(trees: Trees) -> Iterator[Problem]:
    """What is wrong with the history of trees, as a note."""
    if what := trees.doubts():
        todo = "trees are kept by their folders, and the next apply writes it anew; look whether the disk is full"
        yield Problem(code="history", where=str(trees.folder / "history"), what=what, todo=todo)


async def _differences(running: Running, tree: Tree) -> Sequence[str]:
    """What Asterisk has otherwise than the tree that it should have."""
    try:
        return [*await running.differences(tree), *await running.endpoints(endpoints(tree))]
    except OSError as bad:
        raise ServiceError(f"Asterisk does not answer: {bad}", todo="see `durchwahl status`; nothing changed") from bad


def _documentation(state: State) -> None:
    """Asterisk refuses to start without the documentation of its package."""
    link, source = state.root / "data" / "documentation", wiring.program("asterisk").documentation
    if not link.is_symlink() or link.resolve() != source.resolve():
        beside = link.with_name(f".{link.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        beside.symlink_to(source)
        beside.replace(link)


@contextmanager
def alone(trees: Trees) -> Iterator[Trees]:
    """Hold off any other apply; raises ServiceError while there is one."""
    try:
        with trees.alone():
            yield trees
    except Busy as busy:
        raise ServiceError(str(busy), todo="wait for it, then try again") from busy
