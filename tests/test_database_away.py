"""PostgreSQL away while a town telephones: callers notice nothing, what happened waits, then all of it is written."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.journal import cel, record
from orchestrator.messages.mailbox import Spool
from orchestrator.service import history
from orchestrator.service.state import State
from orchestrator.store.database import open_database
from tests.chaos import report
from tests.chaos.plan import plan
from tests.chaos.soak import Watched, soak
from tests.chaos.town import OFFICE_BOX, OWN_BOX
from tests.databases import database, sqlite, use
from tests.postgres import Server, running_postgres
from tests.preloaded import durchwahl
from tests.recorded import Heard, calls, nobody, sample
from tests.running_town import Town, until

CALLS, RATE = 150, 6.0
BACK = 10.0
"""Seconds in which everything must be written, once the server is back."""
MEMORY = 60.0
"""MiB that control may take for what waits."""


@pytest.fixture
def server() -> Iterator[Server]:
    """One of its own: nobody else's is to be away."""
    with running_postgres() as own:
        yield own


def figure(town: Town, name: str) -> float:
    """One of control's metrics."""
    lines = (line.split() for line in town.page("/metrics").splitlines())
    return next(float(value) for found, value in (line for line in lines if len(line) == 2) if found == name)


def status(state: State) -> subprocess.CompletedProcess[str]:
    return durchwahl("--state", str(state.root), "status", timeout=60)


def journeys(server: Server, name: str) -> int:
    return int(server.run("SELECT count(*) FROM journeys", name)[0][0])


async def test_what_waits_takes_no_more_memory_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest waits in the file, and all of it is written in the end, though it was read in pieces."""
    monkeypatch.setattr(record, "UNWRITTEN", 50)
    monkeypatch.setattr(cel, "CHUNK", 64 * 1024)
    text, path, many = sample("gave_up"), tmp_path / "journal.csv", 300
    (call,) = calls(text).values()
    for number in range(many):
        own = text
        for channel in call.channels:
            own = own.replace(f'"{channel}"', f'"{channel}{number:05d}"')
        with path.open("a") as file:
            file.write(own)
    gone = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/gone")
    recorder = record.Recorder(engine=gone, path=path, listener=Heard(), living=nobody, expect=lambda made: "")
    recorder.up = False
    for _ in range(20):
        with pytest.raises(OSError, match=r"refused|failed"):
            await recorder.step()
    assert 50 <= recorder.unwritten <= 50 + 64 * 1024 // len(text) + 1
    async with database(sqlite(tmp_path)) as engine:
        recorder.engine = engine
        running = asyncio.create_task(recorder.run())
        async with asyncio.timeout(30):
            while not recorder.up or recorder.calls or not recorder.caught_up:
                await asyncio.sleep(0.05)
        running.cancel()
        found = await history.past(engine, limit=1000)
    assert sorted(past.id for past in found) == sorted(f"{call.id}{number:05d}" for number in range(many))
    assert {past.outcome for past in found} == {"gave_up"}


@pytest.mark.crowded
def test_hundreds_of_calls_without_a_database_are_all_written_when_it_is_back(tmp_path: Path, server: Server) -> None:
    url = server.fresh()
    name = url.database or ""
    seen: dict[str, float] = {}

    @asynccontextmanager
    async def away(town: Town, watched: Watched) -> AsyncIterator[None]:
        await asyncio.to_thread(until, town.ready, 30)
        before = figure(town, "process_resident_memory_bytes")
        await asyncio.to_thread(server.stop)
        yield
        boxes = [Spool(town.state.spool).box(box).messages() for box in (OFFICE_BOX, OWN_BOX)]
        seen["in boxes"] = sum(map(len, boxes))
        seen["unwritten"] = figure(town, "durchwahl_calls_unwritten")
        seen["up"] = figure(town, "durchwahl_database_up")
        seen["MiB"] = (figure(town, "process_resident_memory_bytes") - before) / 2**20
        told = await asyncio.to_thread(status, town.state)
        seen["told"] = "the database server does not answer" in told.stdout and "takes calls" in told.stdout
        await asyncio.to_thread(server.start)
        began = time.monotonic()
        reached = sum(each.reached and each.over for each in watched.journal.calls.values())
        await asyncio.to_thread(until, lambda: journeys(server, name) >= reached, 60)
        seen["seconds"] = time.monotonic() - began

    planned = replace(plan(CALLS, 3, rate=RATE), attacks=())
    made = soak(planned, tmp_path, furnish=lambda state: use(state, url), meanwhile=away)
    found = report.rows(made)
    print(report.text(made, found), json.dumps(seen))
    assert not report.wrong(found), "\n".join(report.wrong(found))
    assert not any(past.unexpected for past in made.evidence.journeys)
    assert "failed" not in {past.outcome for past in made.evidence.journeys}
    assert seen["unwritten"] > CALLS / 2
    assert seen["in boxes"] > 10, "who has a mailbox need not wait for the database"
    assert (seen["up"], seen["told"]) == (0, True)
    assert seen["seconds"] < BACK
    assert seen["MiB"] < MEMORY
