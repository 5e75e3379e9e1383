"""Everything that a first start needs and a later one finds: a state folder, tables, a directory, an applied tree.

Idempotent: what is there stays as it is. A directory that was changed is applied by who has read the plan, never here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.service import directory as directories
from orchestrator.service import importing, rollout, wiring
from orchestrator.service.database import prepare
from orchestrator.service.errors import ServiceError
from orchestrator.service.ports import Ports
from orchestrator.service.state import State, create, open_state

DATABASE_WITHIN = 60.0
"""Seconds that a database server may take to answer, which starts together with us."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
WHY = "first start"
Say = Callable[[str], None]


async def ready(root: Path, *, bind: str, folder: Path | None, say: Say) -> State:
    """The state in `root`, with something applied; raises ServiceError that says what is missing.

    Nothing more is asked for where something is applied and the database is away. `folder` holds the files of a
    directory (docs/exchange.md) for an exchange that has none.
    """
    state = _state(root, bind, say)
    if not await _database(state, say):
        return state
    if await directories.stored(state) is None:
        await _imported(state, folder, say)
    if ipaddress.ip_address(state.settings().bind).is_loopback and not state.settings().external:
        say(f"only telephones on this machine reach {state.settings().bind}: is `bind` (DURCHWAHL_BIND) what is meant?")
    if wiring.trees(state).name():
        say(f"{state.root}: tree {wiring.trees(state).name()} is applied")
    else:
        await _applied(state, say)
    return state


def _state(root: Path, bind: str, say: Say) -> State:
    if (root / "state.json").exists():
        return open_state(root)
    state = create(root, bind=bind, listens=Ports())
    say(f"{state.root}: a new exchange; its secrets are made")
    return state


async def _database(state: State, say: Say) -> bool:
    """Wait for the database server and bring it to this version; raises ServiceError with what it last said.

    False where it cannot be had and something is applied: calls need no database, and must not wait for one.
    """
    pause, deadline = FIRST_PAUSE, time.monotonic() + DATABASE_WITHIN
    while True:
        try:
            if newer := await prepare(state):
                say(f"{state.root}: the database is {newer}")
            return True
        except ServiceError as bad:
            if name := wiring.trees(state).name():
                say(f"{state.root}: tree {name} is applied; without the database: {bad}; {bad.todo}")
                return False
            if not state.settings().database or time.monotonic() + pause > deadline:
                raise
            say(f"waiting: {bad}")
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def _imported(state: State, folder: Path | None, say: Say) -> None:
    if folder is None or not _files(folder):
        where = f"{folder} holds no files" if folder else "no folder of files was named"
        raise ServiceError(
            f"{state.root} has no directory, and {where}",
            todo="put town.yaml and the rest there (docs/exchange.md; examples/town shows them), then start again",
        )
    planned = await importing.plan(state, [folder])
    if planned.problems:
        raise ServiceError(
            "\n".join((f"{folder} cannot be taken over:", *planned.problems)),
            todo="correct the files, then start again",
        )
    await importing.keep(state, planned, why=WHY)
    say(f"{folder}: {', '.join(f'{count} {kind}' for kind, count in planned.counts.items())}")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


async def _applied(state: State, say: Say) -> None:
    """The proof, and the first tree; raises ServiceError where the proof says no."""
    applied = await rollout.apply(state, lambda done, total: None, checksum="", force=(), why=WHY)
    if not applied.done:
        raise ServiceError(
            "\n".join(applied.told), todo="see `durchwahl check`; correct the directory, then start again"
        )
    for line in applied.lines():
        say(line)
