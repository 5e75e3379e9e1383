"""PostgreSQL ended at once, and started again, three times, in the middle of everything that is written to it.

A request under way gets an error and is in the database whole or not at all; the next one that finds the server there
succeeds, by the same engine, and nobody does anything for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.journal.record import Recorder
from orchestrator.messages.api import Messages
from orchestrator.messages.mail import outbox
from orchestrator.messages.mail.letters import letters
from orchestrator.messages.mailbox import Message, Spool
from orchestrator.service import changing, history
from orchestrator.service import directory as directories
from orchestrator.service.database import prepare
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State, create
from orchestrator.store.changes import recorded
from orchestrator.store.database import brief, open_database
from orchestrator.store.load import save
from orchestrator.store.tables import cases, journeys
from orchestrator.store.tables import outbox as letter_rows
from tests.databases import use
from tests.mail_town import message, town
from tests.postgres import Server, running_postgres
from tests.recorded import Heard, calls, nobody, sample
from tests.towns import town_flow

CRASHES, UP = 3, 1.5
"""How often it is ended, and half of the seconds of work between two ends."""
SOON = 0.5
"""Seconds after it answers in which a request may still be one that began before."""
LAST = 15.0
"""Seconds until everything must be written: who failed tries again after at most 10."""
BOX = "10"
"""A department's, with cases."""


@dataclass
class Requests:
    """What became of requests that were made one after the other."""

    done: list[tuple[int, float]] = field(default_factory=list)
    """Number, and when it began (monotonic seconds)."""
    failed: list[tuple[int, float, float, Exception]] = field(default_factory=list)
    """The same, when it had failed, and why."""

    async def again_and_again(self, request: Callable[[int], Awaitable[object]], *, insist: bool = False) -> None:
        """Until cancelled; `insist`: the same one once more until it is done."""
        number = 0
        while True:
            began = time.monotonic()
            try:
                await request(number)
                self.done.append((number, began))
                number += 1
            except (ServiceError, SQLAlchemyError, OSError) as bad:
                self.failed.append((number, began, time.monotonic(), bad))
                number += not insist
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One of its own: nobody else's is to crash."""
    with running_postgres() as own:
        yield own


def written() -> Directory:
    """Not derived, as an admin writes it."""
    small = town()
    phones = {**small.phones, "tel10": replace(small.phones["tel10"], kind="other")}
    return replace(small, flows={"town": town_flow()}, numbers={"0": "town"}, phones=phones)


@pytest.fixture
async def state(server: Server, tmp_path: Path) -> State:
    state = create(tmp_path / "s")
    use(state, server.fresh())
    await prepare(state)
    await save(brief(state.database), written(), who="tests", what="begin", why="tests")
    return state


@asynccontextmanager
async def working(*tasks: Awaitable[None]) -> AsyncIterator[None]:
    running = [asyncio.ensure_future(task) for task in tasks]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        ends = await asyncio.gather(*running, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends


def edited(number: int) -> Callable[[Directory], Directory]:
    """Two things at once: somebody's name, and how long a department rings."""

    def edit(directory: Directory) -> Directory:
        person, office = directory.people["p2500"], directory.departments["buergerbuero"]
        name = "Name" + "".join("abcdefghij"[int(digit)] for digit in str(number))
        people = {**directory.people, person.id: replace(person, last_name=name)}
        offices = {**directory.departments, office.id: replace(office, ring_seconds=6 + number % 20)}
        return replace(directory, people=people, departments=offices)

    return edit


async def tell(connection: AsyncConnection, told: Message) -> None:
    box = replace(town().boxes[told.box], email="amt@stadt.example")
    await outbox.queue(connection, letters(town(), box, told))


async def journalled(path: Path, fed: list[str]) -> None:
    """A call each 50th of a second, with ids of its own."""
    text = sample("message")
    (call,) = calls(text).values()
    while True:
        own = text
        for channel in call.channels:
            own = own.replace(f'"{channel}"', f'"{channel}{len(fed):05d}"')
        with path.open("a") as file:
            file.write(own)
        fed.append(f"{call.id}{len(fed):05d}")
        await asyncio.sleep(0.02)


@pytest.mark.long
async def test_what_is_under_way_is_whole_or_not_there_and_what_comes_next_succeeds(
    state: State, server: Server
) -> None:
    engine, path, fed = open_database(state.database), state.root / "journal.csv", list[str]()
    rare = open_database(state.database)
    """Asked only after the server was ended: its connection is an old one."""
    path.touch()
    recorder = Recorder(engine=engine, path=path, listener=Heard(), living=nobody, expect=lambda made: "")
    room = Messages(spool=Spool(state.spool), engine=engine, directory=town, light=_dark, tell=tell)
    edits, received, looks = Requests(), Requests(), Requests()
    lives: list[tuple[float, float]] = []
    """From when to when it was there, after each end."""
    async with working(
        recorder.run(),
        journalled(path, fed),
        edits.again_and_again(lambda n: changing.change(state, edited(n), what=f"edit {n}", why="tests"), insist=True),
        received.again_and_again(lambda n: room.received(message(n, BOX)), insist=True),
        looks.again_and_again(lambda n: history.past(engine, limit=20)),
    ):
        await asyncio.sleep(UP)
        await history.past(rare, limit=1)
        for _ in range(CRASHES):
            await asyncio.to_thread(server.crash)
            await asyncio.to_thread(server.start)
            back = time.monotonic()
            await history.past(rare, limit=1)
            await asyncio.sleep(2 * UP)
            lives.append((back, time.monotonic()))
        async with asyncio.timeout(LAST):  # on a busy machine one edit takes longer than the server was there
            while not all(made.done and made.done[-1][1] > back for made in (edits, received, looks)):
                await asyncio.sleep(0.1)

    for made in (edits, received, looks):
        assert made.failed, "it was ended, and nobody noticed"
        late = [
            why for _, began, ended, why in made.failed if any(up + SOON < began < ended < down for up, down in lives)
        ]
        assert not late
    assert all(isinstance(bad, ServiceError) and bad.todo for *_, bad in edits.failed), edits.failed
    await _judge(engine, state, recorder, fed, edits, received)
    await engine.dispose()
    await rare.dispose()


async def _judge(
    engine: AsyncEngine, state: State, recorder: Recorder, fed: list[str], edits: Requests, received: Requests
) -> None:
    async with working(recorder.run()), asyncio.timeout(LAST):
        while len(await history.past(engine, limit=100_000)) < len(fed):
            await asyncio.sleep(0.1)
    async with engine.connect() as connection:
        assert sorted((await connection.execute(select(journeys.c.id))).scalars()) == sorted(fed)
        opened = sorted((await connection.execute(select(cases.c.message))).scalars())
        told = sorted((await connection.execute(select(letter_rows.c.message))).scalars())
    assert set(opened) >= {message(number, BOX).id for number, _ in received.done}
    assert len(set(opened)) == len(opened)
    assert told == opened, "a case and its letter are one"
    changed = [each for each in await recorded(engine, limit=100_000) if each.what != "begin"]
    numbers = [int(each.what.removeprefix("edit ")) for each in changed]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) >= {number for number, _ in edits.done}
    assert {each.count for each in changed} == {2}
    assert edited(numbers[0])(await directories.plain(state)) == await directories.plain(state)


async def _dark(box: str) -> None:
    """There are no lamps."""
