"""`durchwahl drift`: what the running Asterisk has otherwise than the tree, and the tree than what was applied.

Belongs here: modules, endpoints and what they do, extensions, mailboxes, users of AMI and ARI, files changed by hand,
edits that were not applied. Not here: what is switched in Asterisk's own database.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.domain.edits import edits
from orchestrator.rollout.plan import Tree, endpoints
from orchestrator.rollout.trees import Trees
from orchestrator.service import directory as directories
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import connected
from orchestrator.service.state import State

CONSOLE_WITHIN = 5.0
"""Seconds that Asterisk's own command line may take for one answer."""
USERS = {
    "AMI": ("asterisk/manager.conf", "manager show users", re.compile(r"^(\w[\w.-]*)$", re.MULTILINE)),
    "ARI": ("asterisk/ari.conf", "ari show users", re.compile(r"^(?:Yes|No)\s+(?:Yes|No)\s+(\S+)$", re.MULTILINE)),
}
"""Whose users -> the file that has them as sections, the command that lists them, a line of its answer."""
ASKED = "modules, endpoints, extensions, mailboxes and users"
"""What only a running Asterisk can be asked about."""
APPLY = "run `durchwahl apply`: it makes Asterisk what the directory says"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One thing that is not as it was applied."""

    kind: str
    """`module`, `endpoint`, `extension`, `mailbox`, `user`, `file`, `directory`, or `unseen`: not looked at."""
    what: str
    todo: str = APPLY

    def __str__(self) -> str:
        return f"{self.kind} {self.what}\n    to do: {self.todo}"


async def look(state: State) -> tuple[Drift, ...]:
    """Compare once; what Asterisk cannot be asked about is told as unseen. Raises ServiceError: nothing was applied."""
    trees = wiring.trees(state)
    if not trees.name():
        raise ServiceError(f"{state.root} has nothing applied yet", todo="run `durchwahl apply`")
    tree = trees.running()
    try:
        found = await _asterisk(state, tree)
    except ServiceError as bad:
        found = [Drift(kind="unseen", what=f"{ASKED}: {bad}", todo=f"{bad.todo}; then look again")]
    found += [*_files(trees, tree), *await _directory(state, tree)]
    return tuple(found)


async def _asterisk(state: State, tree: Tree) -> list[Drift]:
    """What a running Asterisk has otherwise than `tree`; raises ServiceError if it cannot be asked."""
    async with connected(state) as running:
        if not running:
            raise ServiceError("Asterisk does not run", todo="run `durchwahl up`")
        try:
            told = [*await running.differences(tree), *await running.endpoints(endpoints(tree))]
        except OSError as bad:
            raise ServiceError(f"Asterisk does not answer: {bad}", todo="see `durchwahl status`") from bad
    found = [Drift(kind=kind, what=what) for kind, _, what in (each.partition(" ") for each in told)]
    for whose in USERS:
        found += await asyncio.to_thread(_users, state, tree, whose)
    return found


def _users(state: State, tree: Tree, whose: str) -> list[Drift]:
    """Who may log in otherwise than the file says."""
    path, command, line = USERS[whose]
    known = set(re.findall(r"^\[([\w.-]+)\]", tree.get(path, ""), re.MULTILINE)) - {"general"}
    told = _console(state, command)
    found = set(line.findall(told)) - {"username"}
    restart = f"look who made it; then restart Asterisk with the file as `durchwahl apply` writes {path}"
    more = [f"{name} of {whose} may log in, and no tree says so" for name in sorted(found - known)]
    less = [f"{name} of {whose} is missing" for name in sorted(known - found)]
    return [Drift(kind="user", what=what, todo=restart) for what in (*more, *less)]


def _console(state: State, command: str) -> str:
    """What Asterisk's own command line says; raises ServiceError."""
    program, conf = wiring.program("asterisk"), state.current / "asterisk" / "asterisk.conf"
    argv, env = (*program.argv, "-C", str(conf), "-rx", command), {**os.environ, **program.env}
    try:
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=CONSOLE_WITHIN, check=True)
    except (OSError, subprocess.SubprocessError) as bad:
        raise ServiceError(f"Asterisk's command line does not answer {command!r}: {bad}", todo="try again") from bad
    return done.stdout


def _files(trees: Trees, tree: Tree) -> Iterator[Drift]:
    """Files of the tree that are not as the apply wrote them."""
    for path, how in trees.damage(trees.name(), tree).items():
        yield Drift(kind="file", what=f"{path} {how}".strip())


async def _directory(state: State, tree: Tree) -> list[Drift]:
    """What the directory says and was not applied."""
    directory = await directories.read(state)
    if not (applied := directories.of_tree(tree, beside=directory)):
        return [Drift(kind="directory", what="of the tree that runs cannot be read")]
    todo = "see `durchwahl plan`, then `durchwahl apply`"
    return [
        Drift(kind="directory", what=f"was changed and not applied: {edit}", todo=todo)
        for edit in edits(applied, directory)
    ]
