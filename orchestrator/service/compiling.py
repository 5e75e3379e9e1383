"""A directory -> the tree that it would run as on this machine: its secrets, its settings, stubs of what ran lately."""

from __future__ import annotations

import time

from orchestrator.compile.escape import Unfit
from orchestrator.compile.stubs import flows_in
from orchestrator.compile.tree import compile_tree
from orchestrator.domain.directory import Directory
from orchestrator.domain.prompts import Sounds
from orchestrator.rollout.plan import Tree
from orchestrator.service import directory as directories
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store import lines

STUBS_STAY = 4 * 3600.0
"""Seconds that a flow which is gone stays as a stub: longer than any caller is in one."""


def tree_of(state: State, directory: Directory, spoken: Sounds) -> Tree:
    """The tree of a derived directory; raises ServiceError for what cannot be compiled."""
    trees = wiring.trees(state)
    former = [trees.name(), *trees.lately(time.time() - STUBS_STAY)]
    flows = {flow for name in dict.fromkeys(former) if name for flow in flows_in(trees.dialplan(name))}
    try:
        tree = compile_tree(
            directory, spoken, wiring.secrets_of(state, directory), wiring.exchange(state, directory), flows
        )
    except (Unfit, KeyError) as bad:
        raise ServiceError(f"the directory cannot be compiled: {bad}", todo="rename it; nothing changed") from bad
    return {**tree, directories.APPLIED: lines.write(directory)}
