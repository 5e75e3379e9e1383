"""The move from the old exchange: what is in each wave, and who still dials numbers that are retired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from orchestrator.domain import spelling
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Switch
from orchestrator.domain.outgoing import masked
from orchestrator.domain.switches import WAVE, rung
from orchestrator.service import directory as directories
from orchestrator.service import present
from orchestrator.service.database import opened
from orchestrator.service.running import NotAnswering, connected
from orchestrator.service.state import State
from orchestrator.store.tables import journeys


@dataclass(frozen=True, kw_only=True)
class Wave:
    """One wave as it stands."""

    id: str
    name: str
    day: date | None
    trunk: str
    moved: bool
    numbers: tuple[str, ...]
    """The extensions that move."""
    registered: int
    phones: int
    missing: tuple[str, ...]
    """Extensions of which no phone is registered here: nobody would answer after the move."""


async def waves(state: State) -> list[Wave]:
    """Every declared wave; phones are told as not registered while Asterisk does not answer."""
    directory = await directories.running(state)
    moved = await present.now(state)
    registered: frozenset[str] = frozenset()
    try:
        async with connected(state) as running:
            registered = await running.registered() if running else registered
    except (OSError, NotAnswering):
        pass
    return [
        _wave(directory, id_, registered, moved=WAVE + id_ in moved)
        for id_ in sorted(directory.waves, key=lambda id_: (len(id_), id_))
    ]


def _wave(directory: Directory, id_: str, registered: frozenset[str], *, moved: bool) -> Wave:
    wave, found = directory.waves[id_], tuple(sorted(_numbers(directory, id_)))
    phones = {phone for number in found for phone in rung(directory, number)}
    return Wave(
        id=id_,
        name=wave.name,
        day=wave.day,
        trunk=wave.trunk,
        moved=moved,
        numbers=found,
        registered=len(phones & registered),
        phones=len(phones),
        missing=tuple(number for number in found if not registered & set(rung(directory, number))),
    )


def _numbers(directory: Directory, id_: str) -> Iterator[str]:
    """The extensions whose flow begins with the question whether this wave has moved."""
    for extension, flow in directory.numbers.items():
        first = directory.graph.get(directory.first(flow))
        if isinstance(first, Switch) and first.name == WAVE + id_:
            yield extension


@dataclass(frozen=True, kw_only=True)
class Old:
    """How often a retired number was dialled."""

    number: str
    to: str
    until: date
    calls: int
    last: float
    """When, in seconds since the epoch; 0 if never."""
    callers: tuple[str, ...]
    """Who called last, without the last digits."""


async def old_numbers(state: State, since: float) -> list[Old]:
    """Who dialled numbers that are still retired, since `since` (seconds since the epoch), the most dialled first."""
    directory = await directories.running(state)
    asked = (
        select(journeys.c.number, journeys.c.caller, journeys.c.began)
        .where(journeys.c.began >= since, journeys.c.test.is_(False))
        .order_by(journeys.c.began)
    )
    calls: dict[str, list[tuple[str, float]]] = {}
    async with opened(state) as engine, engine.connect() as connection:
        for number, caller, began in await connection.execute(asked):
            calls.setdefault(spelling.extension(directory, number), []).append((caller, began))
    # Whoever has one again is called, and not the one who had it.
    again = {number for number, owner in directory.owners() if owner != f"retired {number}"}
    found = [
        Old(
            number=extension,
            to=old.to,
            until=old.until,
            calls=len(dialled := calls.get(extension, [])),
            last=dialled[-1][1] if dialled else 0.0,
            callers=tuple(dict.fromkeys(masked(caller) for caller, _ in dialled[-5:] if caller)),
        )
        for extension, old in directory.retired.items()
        if extension not in again
    ]
    return sorted(found, key=lambda old: (-old.calls, old.number))
