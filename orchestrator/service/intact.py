"""What was applied, where files of the tree that runs were changed by hand afterwards.

Refusals compare with that and not with the damage: else nobody could mend the way of 110 without force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.compile.speech import Unspoken
from orchestrator.compile.tree import checksum_of
from orchestrator.domain.directory import Directory
from orchestrator.domain.problems import Problem
from orchestrator.rollout.plan import Tree
from orchestrator.rollout.trees import Trees, checksum_in, digest, read
from orchestrator.service import directory as directories
from orchestrator.service import wiring
from orchestrator.service.compiling import tree_of
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State


def applied(state: State, running: Tree, wanted: Tree, directory: Directory) -> tuple[Tree, tuple[Problem, ...]]:
    """`running` as it was applied, and a note if it is damaged.

    `wanted`, made of `directory`, often has what is missing of it.
    """
    trees = wiring.trees(state)
    name = trees.name()
    if not running or not (damaged := trees.damage(name, running)):
        return running, ()
    before, against = _whole(state, trees, running, wanted, directory)
    done = "; ".join(f"{path} {how}".strip() for path, how in damaged.items())
    note = Problem(
        code="damaged",
        where=f"tree {name}",
        what=f"is not as it was applied: {done}; judged against {against}",
        todo="an apply writes it anew; `durchwahl drift` names the files",
    )
    return before, (note,)


def _whole(state: State, trees: Trees, running: Tree, wanted: Tree, directory: Directory) -> tuple[Tree, str]:
    """The tree that was applied, as nearly as it can be known, and what it is in words."""
    name = trees.name()
    known, applied = trees.written(name), "what was applied"
    if found := _restored(known, name, (running, wanted)):
        return found, applied
    remade = _remade(state, running, directory)
    if found := _restored(known, name, (running, wanted, remade)):
        return found, applied
    if remade and known.get(directories.APPLIED) == digest(running.get(directories.APPLIED, "")):
        intact = {path: text for path, text in running.items() if known.get(path) == digest(text)}
        return {**remade, **intact}, "what its directory is compiled to now"
    for other in trees.kept():
        tree = read(trees.folder / other)
        if other != name and not trees.damage(other, tree):
            return tree, f"tree {other}, the last whole one"
    return running, "that, for what was applied is known no longer"


def _restored(known: Mapping[str, str], name: str, sources: Sequence[Tree]) -> Tree | None:
    """Every file with the digest that it was applied with, out of one source or another; None if one is in none."""
    if not known:
        return next((source for source in sources if source and checksum_of(source) == checksum_in(name)), None)
    whole = {}
    for path, written in known.items():
        texts = (source[path] for source in sources if path in source and digest(source[path]) == written)
        if (text := next(texts, None)) is None:
            return None
        whole[path] = text
    return whole


def _remade(state: State, running: Tree, beside: Directory) -> Tree:
    """The directory of `running`, compiled once more in the order of `beside`; empty if it cannot be."""
    if not (directory := directories.of_tree(running, beside=beside)):
        return {}
    try:
        return tree_of(state, directory, directories.spoken(state, directory))
    except (ServiceError, Unspoken, OSError):
        return {}
