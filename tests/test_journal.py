"""The journal: lines as Asterisk writes them become journeys, exactly once, whatever happens in between."""

from __future__ import annotations

import asyncio
import csv
import io
import math
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, func, insert, select, update

from benchmarks import growth
from orchestrator.compile.templates import static
from orchestrator.journal import cel, record
from orchestrator.journal.journeys import OUTCOMES, Call, Journey, journey
from orchestrator.journal.record import DELETE_AFTER, MASK_AFTER, TESTS_AFTER, Recorder, forget
from orchestrator.service import history
from orchestrator.store.database import open_database
from orchestrator.store.tables import journal, journeys
from tests.databases import current, database
from tests.postgres import Server

SAMPLES = Path(__file__).parent / "cel"
"""Lines that a real Asterisk wrote for calls of the hurried town; the file's name is the outcome."""
SAMPLED = [name for name in OUTCOMES if name not in ("failed", "unanswered", "served", "call_back")]


def calls(text: str) -> dict[str, Call]:
    found: dict[str, Call] = {}
    for line in text.splitlines():
        for event in cel.parse(line):
            found.setdefault(event.call, Call(event.call)).add(event)
    return found


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.csv").read_text()


def test_columns_are_those_that_asterisk_is_told_to_write() -> None:
    assert tuple(cel.columns_of(static()["cel_custom.conf"])) == cel.COLUMNS


@pytest.mark.parametrize("outcome", SAMPLED)
def test_real_calls_have_their_outcome(outcome: str) -> None:
    (call,) = calls(sample(outcome)).values()
    made = journey(call)
    assert made
    assert call.over
    assert made.outcome == outcome
    assert made.flow == "town"
    assert (made.wait is not None) == (outcome in ("answered", "message"))
    assert made.steps[0].place == "town.door"
    assert made.ended >= made.began


def test_a_call_to_the_mailbox_was_served_and_its_turns_are_one_step() -> None:
    """An employee who recorded something twice, listened and was sent off."""
    text = sample("served")
    (call,) = calls(text).values()
    made = journey(call)
    assert made
    assert (made.outcome, made.flow, made.number) == ("served", "mailbox", "98")
    visits = [(step.place, step.answer) for step in made.steps]
    assert visits == [
        ("mailbox.turn", "record"),
        ("mailbox.dictate", "recorded"),
        ("mailbox.turn", "record"),
        ("mailbox.dictate", "recorded"),
        ("mailbox.turn", "done"),
        ("mailbox.goodbye", "gone"),
    ]
    assert text.count("mailbox.turn=again") > 1
    assert made.wait is not None
    assert made.wait < 1


def test_a_call_back_is_a_journey_of_its_own() -> None:
    """Who waited behind another caller pressed 1; a member picked up, heard why, and the caller was called."""
    asked, made = (journey(call) for call in calls(sample("call_back")).values())
    assert asked
    assert made
    assert (asked.outcome, asked.place, asked.wait) == ("call_back", "q_amt.promise", None)
    assert [(step.place, step.answer) for step in asked.steps][-4:] == [
        ("q_amt.wait", "key_1"),
        ("q_amt.promise", "promised"),
        ("q_amt.told", "said"),
        ("q_amt.bye", "gone"),
    ]
    assert (made.outcome, made.place) == ("answered", "callback_amt.call")
    assert [(step.place, step.answer) for step in made.steps] == [
        ("callback_amt.turn", "served"),
        ("callback_amt.call", "talked"),
    ]
    assert asked.caller == "+49" + made.caller.removeprefix("0")


def test_a_member_who_talks_with_the_announcement_alone_has_answered_nobody() -> None:
    _, whole = calls(sample("call_back")).values()
    (called,) = {event.channel for event in whole.events if event.name.startswith("PJSIP/trunk-amt")}
    (citizen,) = {event.channel for event in whole.events if event.mark == "callback_amt.call"}
    talk = [
        e for e in whole.events if e.channel == called or "talked" in e.mark or (e.channel == citizen and cel.talks(e))
    ]
    alone = [event for event in whole.events if event not in talk]
    made = journey(Call(whole.id, alone))
    assert made
    assert (made.outcome, made.place) == ("unanswered", "callback_amt.call")


def test_a_call_to_the_mailbox_that_the_exchange_cut_has_failed() -> None:
    text = "\n".join(line for line in sample("served").splitlines() if "goodbye" not in line and "=done" not in line)
    (call,) = calls(text.replace('""hangupcause"":16', '""hangupcause"":0').replace('""PJSIP/tel2500', '""x')).values()
    made = journey(call, cut=True)
    assert made
    assert made.outcome == "failed"


def test_a_call_that_the_exchange_cut_has_failed() -> None:
    text = "\n".join(line for line in sample("answered").splitlines() if '"CHAN_START"' in line or "town." in line)
    (call,) = calls(text).values()
    made = journey(call, cut=True)
    assert made
    assert made.outcome == "failed"


def test_a_call_that_nobody_hung_up_has_failed() -> None:
    """As Asterisk writes it when a Goto leads nowhere: no source, no cause."""
    text = sample("gave_up").replace('""hangupcause"":16', '""hangupcause"":0')
    text = re.sub(r'""hangupsource"":""PJSIP[^"]*""', '""hangupsource"":""""', text)
    (call,) = calls(text).values()
    made = journey(call)
    assert made
    assert made.outcome == "failed"


@pytest.mark.parametrize("hostile", ["0171\n1", '1"2\n"CHAN_END","1.1","x', "\u2028\r\n\x85", '\n""PLACE"",""1.0"",""'])
def test_line_breaks_in_a_callers_number_break_nothing(tmp_path: Path, hostile: str) -> None:
    written = io.StringIO()
    rows = list(csv.reader(io.StringIO(sample("message"))))
    for row in rows:
        row[cel.COLUMNS.index("CALLERID(num)")] = hostile
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    path = tmp_path / "journal.csv"
    data = written.getvalue().encode()
    seen, offset = [], 0
    for end in range(0, len(data) + 97, 97):  # as it grows
        path.write_bytes(data[:end])
        chunk = cel.read(path, offset)
        assert chunk.broken == 0
        seen += chunk.events
        offset = chunk.end
    assert len(seen) == len(rows)
    assert all(event.caller.isprintable() for event in seen)
    call = Call(seen[0].call)
    for event in seen:
        call.add(event)
    assert journey(call).outcome == "message"  # type: ignore[union-attr]


def test_a_place_visited_again_without_an_answer_is_one_visit() -> None:
    lines = sample("told").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith('"PLACE"'))
    (once,), (twice,) = calls("\n".join(lines)).values(), calls("\n".join([*lines[: at + 1], *lines[at:]])).values()
    assert [step.place for step in journey(once).steps] == [step.place for step in journey(twice).steps]  # type: ignore[union-attr]


def test_a_place_at_which_no_call_waits_is_one_line_and_the_same_step() -> None:
    lines = sample("answered").splitlines()
    (at,) = [number for number, line in enumerate(lines) if '"{""extra"":""town.door""}"' in line]
    assert '"{""extra"":""town.door=open""}"' in lines[at + 1]
    passed = [*lines[:at], lines[at + 1].replace('"ANSWER"', '"PASSED"'), *lines[at + 2 :]]
    (once,), (twice,) = calls("\n".join(passed)).values(), calls("\n".join(lines)).values()
    steps = [[(step.place, step.answer) for step in journey(call).steps] for call in (once, twice)]  # type: ignore[union-attr]
    assert ("town.door", "open") in steps[0]
    assert steps[0] == steps[1]


@pytest.mark.parametrize("line", ["", "x", '"PLACE"', "\0", '"a",' * 20, '"PLACE","x"' + ',""' * 13])
def test_garbage_is_no_event(line: str) -> None:
    assert cel.parse(line) == ()


@dataclass
class Heard:
    """A listener that remembers."""

    journeys: list[Journey] = field(default_factory=list)

    async def finished(self, journey: Journey) -> Journey:
        return journey

    def written(self, journey: Journey, unexpected: str) -> None:
        self.journeys.append(journey)


async def nobody() -> frozenset[str]:
    return frozenset()


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


def test_samples_are_whole_lines() -> None:
    for path in SAMPLES.glob("*.csv"):
        rows = list(csv.reader(io.StringIO(path.read_text())))
        assert all(len(row) == len(cel.COLUMNS) for row in rows), path.name
