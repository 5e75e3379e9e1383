"""The recorder: every call is written down exactly once, whatever happens in between."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, func, insert, select, update

from benchmarks import growth
from orchestrator.journal import cel, record
from orchestrator.journal.journeys import Journey
from orchestrator.journal.record import DELETE_AFTER, MASK_AFTER, TESTS_AFTER, Recorder, forget
from orchestrator.service import history
from orchestrator.store.database import open_database
from orchestrator.store.tables import journal, journeys
from tests.databases import current, database
from tests.postgres import Server
from tests.recorded import SAMPLED, Heard, nobody, sample


async def follow(folder: Path, pieces: Sequence[bytes], url: URL | None = None) -> list[Journey]:
    """Write a journal piece by piece; after each, another recorder reads on from what the database says."""
    url = url or current(folder)
    heard = Heard()
    path = folder / "journal.csv"
    for piece in pieces:
        with path.open("ab") as file:
            file.write(piece)
        engine = open_database(url)
        recorder = Recorder(engine=engine, path=path, listener=heard, living=nobody, expect=lambda made: "")
        await recorder.begin()
        while await recorder.step():
            pass
        await engine.dispose()
    return heard.journeys


ALL = "".join(sample(name) for name in SAMPLED).encode()


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, len(ALL)), max_size=5))
async def test_every_call_is_written_exactly_once_over_restarts(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    at = [0, *sorted(cuts), len(ALL)]
    pieces = [ALL[start:end] for start, end in pairwise(at)]
    written = await follow(tmp_path_factory.mktemp("j"), pieces)
    assert sorted(made.outcome for made in written) == sorted(SAMPLED)


async def test_a_full_file_is_put_aside_and_loses_nothing(
    tmp_path: Path, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.journal.record.LARGEST", 1000)
    pieces = [sample(name).encode() for name in ("answered", "message", "told")]
    written = await follow(tmp_path, pieces, url)
    assert [made.outcome for made in written] == ["answered", "message", "told"]
    assert not (tmp_path / "journal.csv").exists()


async def test_a_file_with_a_large_inode_is_known_again(url: URL) -> None:
    async with database(url) as engine:
        row = {"id": 1, "inode": 2**40 + 1, "offset": 7}
        async with engine.begin() as connection:
            await connection.execute(insert(journal), [row])
        async with engine.connect() as connection:
            assert dict((await connection.execute(select(journal))).mappings().one()) == row


async def test_what_was_written_is_listed_and_counted(tmp_path: Path, url: URL) -> None:
    step = len(ALL) // 7
    written = await follow(tmp_path, [ALL[at : at + step] for at in range(0, len(ALL), step)], url)
    assert sorted(made.outcome for made in written) == sorted(SAMPLED)
    engine = open_database(url)
    listed = await history.past(engine)
    assert sorted(past.id for past in listed) == sorted(made.id for made in written)
    assert [past.began for past in listed] == sorted((made.began for made in written), reverse=True)
    (one,) = await history.past(engine, id=written[0].id)
    assert one.steps == tuple((step.place, step.answer) for step in written[0].steps)
    assert one.wait == written[0].wait
    citizens = [made for made in written if made.outcome != "answered"]
    async with engine.begin() as connection:  # all of the samples are test calls
        real = journeys.c.id.in_([made.id for made in citizens])
        await connection.execute(update(journeys).where(real).values(test=False))
    assert dict(await history.outcomes(engine, 0.0)) == Counter(made.outcome for made in citizens)
    assert {past.id for past in await history.past(engine, tests=False)} == {made.id for made in citizens}
    odd = [made.id for made in written if made.outcome == "failed"]
    async with engine.begin() as connection:
        await connection.execute(update(journeys).where(journeys.c.id.in_(odd)).values(unexpected="why"))
    found = await history.past(engine, unexpected=True, limit=len(odd))
    assert sorted(past.id for past in found) == sorted(odd), "also those behind many that went as they should"
    await engine.dispose()


@dataclass
class Stuck(Heard):
    """One whose mailbox for messages cannot be written at first."""

    broken: bool = True
    asked: int = 0

    async def finished(self, journey: Journey) -> Journey:
        self.asked += 1
        if self.broken and journey.outcome == "message":
            raise PermissionError("the box belongs to root")
        return journey


async def test_calls_that_end_soon_after_another_share_a_transaction(tmp_path: Path, url: URL) -> None:
    path = tmp_path / "journal.csv"
    path.touch()
    heard = Heard()
    async with database(url) as engine:
        recorder = Recorder(
            engine=engine, path=path, listener=heard, living=nobody, expect=lambda made: "", write_every=0.5
        )
        await recorder.begin()

        async def ends(name: str) -> int:
            """How many are written once a call has ended."""
            with path.open("a") as file:
                file.write(sample(name))
            while await recorder.step():
                pass
            return len(heard.journeys)

        began = time.monotonic()
        assert await ends("answered") == 1, "the first is written at once"
        seen = [await ends("message"), await ends("told")]
        assert seen == [1, 1] or time.monotonic() - began >= 0.5
        assert recorder.unwritten == 2 or time.monotonic() - began >= 0.5
        await asyncio.sleep(0.6)
        await recorder.step()
        assert len(heard.journeys) == 3
        assert recorder.unwritten == 0


async def test_what_was_not_read_for_long_is_written_in_parts(
    tmp_path: Path, url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much there is to read, only some calls are in memory."""
    monkeypatch.setattr(cel, "CHUNK", 20_000)
    monkeypatch.setattr(record, "UNWRITTEN", 3)
    path, heard, most = tmp_path / "journal.csv", Heard(), 0
    path.write_text("".join(growth.lines(number, growth.sampled()) for number in range(1_900_000_000, 1_900_000_060)))
    async with database(url) as engine:
        recorder = Recorder(
            engine=engine, path=path, listener=heard, living=nobody, expect=lambda made: "", write_every=math.inf
        )
        await recorder.begin()
        while await recorder.step():
            most = max(most, recorder.unwritten)
    assert most < 3
    assert len(heard.journeys) + recorder.unwritten == 60


async def test_one_call_that_cannot_be_written_holds_up_no_other(tmp_path: Path, url: URL) -> None:
    """Its turn comes again after a restart, too."""
    path = tmp_path / "journal.csv"
    path.write_bytes(ALL)
    async with database(url) as engine:
        stuck = Stuck()
        recorder = Recorder(engine=engine, path=path, listener=stuck, living=nobody, expect=lambda made: "")
        for _ in range(5):
            await recorder.step()
        others = sorted(name for name in SAMPLED if name != "message")
        assert sorted(made.outcome for made in stuck.journeys) == others
        assert stuck.asked == len(SAMPLED), "not asked over and over"
        assert recorder.caught_up
        again = Stuck(broken=False)
        recorder = Recorder(engine=engine, path=path, listener=again, living=nobody, expect=lambda made: "")
        await recorder.begin()
        await recorder.step()
        assert [made.outcome for made in again.journeys] == ["message"]


async def test_a_recorder_goes_on_when_its_server_comes_back(
    tmp_path: Path, postgres: Server, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres.current()
    await follow(tmp_path, [sample("answered").encode()], url)
    heard, engine, path = Heard(), open_database(url), tmp_path / "journal.csv"
    recorder = Recorder(engine=engine, path=path, listener=heard, living=nobody, expect=lambda made: "")
    running = asyncio.create_task(recorder.run())
    try:
        async with asyncio.timeout(30):
            while recorder._offset < path.stat().st_size:
                await asyncio.sleep(0.05)
            await asyncio.to_thread(postgres.stop)
            with path.open("ab") as file:
                file.write(sample("message").encode())
            while "the journal cannot be kept" not in caplog.text:
                await asyncio.sleep(0.05)
            await asyncio.to_thread(postgres.start)
            while not heard.journeys:
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        if postgres.process is None:
            await asyncio.to_thread(postgres.start)
    assert [made.outcome for made in heard.journeys] == ["message"]
    assert {past.outcome for past in await history.past(engine)} == {"answered", "message"}
    await engine.dispose()


async def test_old_numbers_are_masked_and_old_calls_deleted(tmp_path: Path, url: URL) -> None:
    written = await follow(tmp_path, [sample("answered").encode()], url)
    engine = open_database(url)
    now = time.time()
    async with engine.begin() as connection:
        row = dict((await connection.execute(select(journeys))).mappings().one())
        ages = {"masked": MASK_AFTER + 60, "deleted": DELETE_AFTER + 60, "new": 60.0}
        ages |= {"tested": TESTS_AFTER - 60, "old test": TESTS_AFTER + 60}
        for id_, age in ages.items():
            made = {**row, "id": id_, "began": now - age, "caller": "0171", "test": "test" in id_}
            await connection.execute(insert(journeys), [made])
        await connection.execute(journeys.delete().where(journeys.c.id == written[0].id))
    await forget(engine, now)
    async with engine.connect() as connection:
        kept = {row.id: row.caller for row in await connection.execute(select(journeys.c.id, journeys.c.caller))}
        assert (await connection.execute(select(func.count()).select_from(journeys))).scalar() == 3
    assert kept == {"masked": "", "new": "0171", "tested": "0171"}
    await engine.dispose()
