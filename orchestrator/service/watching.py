"""`durchwahl status`: what runs, which phones are registered, what Asterisk has otherwise than the directory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.metrics.control import shift
from orchestrator.service import canary, disk, up, wiring
from orchestrator.service import directory as directories
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import NotAnswering, connected
from orchestrator.service.state import State


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One look at an exchange."""

    tree: str
    asterisk: bool
    attendants: int
    registered: tuple[str, ...]
    phones: int
    canary: str
    """What the last test call has shown."""
    disk: str
    """How much room there is."""
    problems: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield f"tree        {self.tree or 'nothing applied'}"
        yield f"Asterisk    {'takes calls' if self.asterisk else 'does not answer'}"
        yield f"attendants  {self.attendants} up"
        yield f"phones      {len(self.registered)} of {self.phones} registered"
        yield f"test call   {self.canary}"
        yield f"disk        {self.disk}"
        for problem in self.problems:
            yield f"problem     {problem}"


async def look(state: State) -> Seen:
    """Look once; raises ServiceError where there is no directory, or none can be read and nothing is applied."""
    trees = wiring.trees(state)
    problems: list[str] = []
    try:
        imported = await directories.read(state)
    except ServiceError as bad:
        if not trees.name():
            raise
        imported = await directories.running(state)
        problems.append(f"{bad}; {bad.todo}. Calls go on, and are written down when it is back")
    registered: frozenset[str] = frozenset()
    asterisk = False
    try:
        async with connected(state) as running:
            if running:
                problems += await running.differences(trees.running())
                registered = await running.registered()
                asterisk = True
            else:
                problems.append("Asterisk does not run: run `durchwahl up`")
    except (OSError, NotAnswering) as bad:
        problems.append(f"Asterisk does not answer: {bad}")
    if any(state.run.glob("*.kept")) and not up.guarded(state):
        problems.append("nobody guards this exchange: its `durchwahl up` was killed; run `durchwahl up` again")
    attendants = int(shift(state.shift).get("up", 0)) if asterisk else 0
    if asterisk and not attendants:
        problems.append("no attendant is up: menus go on natively")
    directory = await directories.running(state) if trees.name() else imported
    if directory != imported:
        problems.append("the directory was changed and not applied: see `durchwahl plan`")
    if trees.unsettled:
        problems.append("an apply was interrupted: run `durchwahl apply` again")
    seen = canary.last(state)
    if seen.up is False:
        problems.append(f"a citizen would not be answered now: {seen.why}")
    rooms = await asyncio.to_thread(disk.look, state)
    problems += [room.problem for room in rooms if room.problem]
    return Seen(
        tree=trees.name(),
        asterisk=asterisk,
        attendants=attendants,
        registered=tuple(sorted(registered)),
        phones=len(directory.phones),
        canary=seen.told,
        disk=disk.told(rooms),
        problems=tuple(problems),
    )
