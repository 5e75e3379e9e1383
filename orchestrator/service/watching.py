"""`durchwahl status`: what runs, which phones are registered, what Asterisk has otherwise than the directory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.asterisk.errors import AsteriskError
from orchestrator.domain.directory import Directory
from orchestrator.metrics.exchange import shift
from orchestrator.rollout.trees import Trees
from orchestrator.service import canary, certificate, disk, shelf, trunks, up, wiring
from orchestrator.service import directory as directories
from orchestrator.service.database import prepare
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
    certificate: str
    """Until when the one in force is good; empty where there is none."""
    database: str
    """What it is where it is of a newer version."""
    disk: str
    """How much room there is."""
    backup: str
    """When the last good one was made."""
    problems: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield f"tree        {self.tree or 'nothing applied'}"
        yield f"Asterisk    {'takes calls' if self.asterisk else 'does not answer'}"
        yield f"attendants  {self.attendants} up"
        yield f"phones      {len(self.registered)} of {self.phones} registered"
        yield f"test call   {self.canary}"
        if self.certificate:
            yield f"certificate {self.certificate}"
        if self.database:
            yield f"database    {self.database}"
        yield f"disk        {self.disk}"
        yield f"backup      {self.backup}"
        for problem in self.problems:
            yield f"problem     {problem}"


async def look(state: State) -> Seen:
    """Look once; raises ServiceError where there is no directory, or none can be read and nothing is applied."""
    trees = wiring.trees(state)
    imported, database, problems = await _imported(state, trees)
    directory = await directories.running(state) if trees.name() else imported
    asterisk, registered, told = await _asterisk(state, trees, directory)
    attendants = int(shift(state.shift).get("up", 0)) if asterisk else 0
    seen, own, now = canary.last(state), certificate.in_force(state), datetime.now(UTC)
    rooms = await asyncio.to_thread(disk.look, state)
    folder, last = state.settings().backup.folder, shelf.last(state)
    problems += told
    if asterisk and not attendants:
        problems.append("no attendant is up: menus go on natively")
    if directory != imported:
        problems.append("the directory was changed and not applied: see `durchwahl plan`")
    if seen.up is False:
        problems.append(f"a citizen would not be answered now: {seen.why}")
    problems += _of_files(state, trees, now)
    problems += [room.problem for room in rooms if room.problem]
    problems += filter(None, [last.problem(folder, now.timestamp())])
    return Seen(
        tree=trees.name(),
        asterisk=asterisk,
        attendants=attendants,
        registered=tuple(sorted(registered)),
        phones=len(directory.phones),
        canary=seen.told,
        certificate=f"until {own.until:%Y-%m-%d}, {own.days(now):.0f} days" if own else "",
        database=database,
        disk=disk.told(rooms),
        backup=last.told(folder),
        problems=tuple(problems),
    )


async def _imported(state: State, trees: Trees) -> tuple[Directory, str, list[str]]:
    """The directory in the database, or what runs where that is away; what the database is; what is wrong with it."""
    try:
        return await directories.read(state), await prepare(state), []
    except ServiceError as bad:
        if not trees.name():
            raise
        told = f"{bad}; {bad.todo}. Calls go on, and are written down when it is back"
        return await directories.running(state), "", [told]


def _of_files(state: State, trees: Trees, now: datetime) -> Iterator[str]:
    """What the state folder tells by itself."""
    if any(state.run.glob("*.kept")) and not up.guarded(state):
        yield "nobody guards this exchange: its `durchwahl up` was killed; run `durchwahl up` again"
    if trees.unsettled:
        yield "an apply was interrupted: run `durchwahl apply` again"
    yield from certificate.problems(state, now)


async def _asterisk(state: State, trees: Trees, directory: Directory) -> tuple[bool, frozenset[str], list[str]]:
    """Whether Asterisk answers, the telephones that can be rung, and what it has otherwise, or lacks."""
    try:
        async with connected(state) as running:
            if running is None:
                return False, frozenset(), ["Asterisk does not run: run `durchwahl up`"]
            told = [*await running.differences(trees.running())]
            wrong = await trunks.look(running.ami, directory, state.settings().trunks)
            told += [f"trunk {name}: {why}" for name, why in wrong.items() if why]
            return True, await running.registered(), told
    except (OSError, NotAnswering, AsteriskError) as bad:
        return False, frozenset(), [f"Asterisk does not answer: {bad}"]
