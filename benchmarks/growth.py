"""What the journal costs as it grows: `make bench-journal`. Measures and never judges.

A database is filled with as many calls as a town keeps, spread over the days that it keeps them: 9,000,000 are 100,000
a day. Then each thing is timed that is done beside them: calls are written down, pages and commands ask, what is old
is forgotten. SQLite, and the PostgreSQL that the tests use.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import URL, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.plot import log_log
from benchmarks.report import machine, put
from orchestrator.journal import record
from orchestrator.journal.journeys import journey
from orchestrator.service import history
from orchestrator.store.database import migrate, open_database
from orchestrator.store.tables import journeys
from tests.databases import sqlite
from tests.postgres import running_postgres
from tests.recorded import Heard, nobody, sample
from tests.recorded import calls as calls_of

ROOT = Path(__file__).parents[1]
SIZES = (10_000, 100_000, 1_000_000)
DAY = 86400.0
KINDS = ("sqlite", "postgres")
SAMPLES = ("answered", "message", "told", "gave_up")
"""What a real Asterisk wrote of four calls (tests/cel); every call of the benchmark is one of these."""
SECOND = re.compile(r"\b(1\d{9})\.")
"""How a time or a channel begins there: the second of it."""
ODD, TESTS = 199, 50
"""One call in so many went another way than it should; one in so many is a test."""
TIMES = 5
"""How often each thing is timed; what counts is the median."""
AT_ONCE = 2000
"""Calls that are in the file when it is read; a hundredth of them are written one by one."""
BEGIN, END = "<!-- growth: made by `make bench-journal` -->", "<!-- end of growth -->"
Row = Mapping[str, Any]
Ask = Callable[[AsyncEngine], Awaitable[object]]


def sampled() -> list[str]:
    """The lines of each sample."""
    return [sample(name) for name in SAMPLES]


def lines(number: int, texts: Sequence[str]) -> str:
    """What Asterisk would write of the call `number`, one in each second."""
    said = texts[number % len(texts)]
    began = int(said.split('"')[3].partition(".")[0])
    return SECOND.sub(lambda found: f"{number + int(found[1]) - began}.", said)


def kept(calls: int, now: float) -> Iterator[dict[str, object]]:
    """The rows of `calls`, from the oldest that is kept until `now`; of the older ones the number is masked."""
    made = [found for said in sampled() for call in calls_of(said).values() if (found := journey(call))]
    step = record.DELETE_AFTER / calls
    for number in range(calls):
        began = now - record.DELETE_AFTER + (number + 1) * step
        caller = "" if began < now - record.MASK_AFTER else f"+49171{number:08d}"
        test = number % TESTS == 0 and began > now - record.TESTS_AFTER
        like = made[number % len(made)]
        own, recording = f"{number}.0", f"{number}.0" if like.recording else ""
        this = replace(like, id=own, began=began, ended=began + 60, caller=caller, test=test, recording=recording)
        yield record.row(this, "another way" if number % ODD == 0 else "")


async def fill(engine: AsyncEngine, calls: int, now: float) -> None:
    """Put them in, ten thousand at a time."""
    batch: list[dict[str, object]] = []
    for each in kept(calls, now):
        batch.append(each)
        if len(batch) == 10_000:
            await _insert(engine, batch)
            batch = []
    if batch:
        await _insert(engine, batch)
    if engine.dialect.name == "postgresql":
        async with engine.begin() as connection:
            await connection.execute(text("ANALYZE"))  # as it does by itself; the tests' one is told not to


async def _insert(engine: AsyncEngine, batch: list[dict[str, object]]) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(journeys), batch)


async def written(engine: AsyncEngine, path: Path, first: int, calls: int, together: bool) -> float:
    """Milliseconds a call until it is written down: read from one file, or one after the other as they end."""
    recorder = record.Recorder(
        engine=engine, path=path, listener=Heard(), living=nobody, expect=lambda made: "", write_every=0.0
    )
    await recorder.begin()
    texts, took = sampled(), 0.0
    each = [lines(number, texts) for number in range(first, first + calls)]
    for piece in ["".join(each)] if together else each:
        with path.open("a") as file:
            file.write(piece)
        began = time.perf_counter()
        while await recorder.step():
            pass
        took += time.perf_counter() - began
    if recorder.calls or recorder.broken:
        raise RuntimeError(f"{len(recorder.calls)} calls were not written, {recorder.broken} lines not understood")
    return took * 1000 / calls


def asked(now: float) -> Mapping[str, Ask]:
    """What pages, commands and housekeeping ask of the journal, from `now` on."""
    minutes = itertools.count(1)
    return {
        "journeys": lambda engine: history.past(engine, limit=50, tests=False),
        "journeys --unexpected": lambda engine: history.past(engine, limit=50, tests=False, unexpected=True),
        "journeys of an hour": lambda engine: history.past(engine, since=now - 3600, limit=10_000, tests=False),
        "status page: outcomes of a day": lambda engine: history.outcomes(engine, now - DAY),
        "who left a recording": lambda engine: history.called(engine, f"{len(SAMPLES) + SAMPLES.index('message')}.0"),
        "forget, each minute": lambda engine: record.forget(engine, now + 60 * next(minutes)),
    }


async def measure(url: URL, folder: Path, calls: int) -> dict[str, float]:
    """Milliseconds of each thing, beside `calls` that are kept."""
    await migrate(url)
    engine, now = open_database(url), time.time()
    try:
        began = time.perf_counter()
        await fill(engine, calls, now)
        print(f"{calls:,} calls put in within {time.perf_counter() - began:.0f} s", flush=True)
        found: dict[str, float] = {}
        for name, ask in asked(now).items():
            await ask(engine)
            found[name] = median([await _milliseconds(ask, engine) for _ in range(TIMES)])
        first = round(now)
        found["write a call, one by one"] = await written(engine, folder / "one.csv", first, AT_ONCE // 100, False)
        found["write a call, of many"] = await written(engine, folder / "many.csv", first + AT_ONCE, AT_ONCE, True)
        return found
    finally:
        await engine.dispose()


async def _milliseconds(ask: Ask, engine: AsyncEngine) -> float:
    began = time.perf_counter()
    await ask(engine)
    return (time.perf_counter() - began) * 1000


def bench(folder: Path, sizes: Sequence[int], kinds: Sequence[str]) -> list[Row]:
    """Every size on every kind of database; each line is printed as it is known."""
    rows: list[Row] = []
    with ExitStack() as stack:
        server = stack.enter_context(running_postgres()) if "postgres" in kinds else None
        for calls in sizes:
            for kind in kinds:
                here = folder / f"{kind}-{calls}"
                here.mkdir(parents=True)
                url = sqlite(here) if server is None or kind == "sqlite" else server.fresh()
                for name, spent in asyncio.run(measure(url, here, calls)).items():
                    rows.append({"calls": calls, "kind": kind, "what": name, "ms": spent})
                    print(f"{kind:<9} {calls:>10,}  {name:<32} {spent:10.2f} ms", flush=True)
    return rows


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each thing, a column for each kind and size."""
    columns = list(dict.fromkeys((row["kind"], row["calls"]) for row in rows))
    spent = {(row["what"], row["kind"], row["calls"]): row["ms"] for row in rows}
    heads = [f"{kind}, {calls:,} kept" for kind, calls in columns]
    made = [f"| | {' | '.join(heads)} |", "|---" * (len(columns) + 1) + "|"]
    for what in dict.fromkeys(row["what"] for row in rows):
        made.append(f"| {what} | {' | '.join(f'{spent[what, *column]:.1f} ms' for column in columns)} |")
    return "\n".join([f"Measured on: {machine()}.", "", *made])


def plot(rows: Sequence[Row], kind: str) -> str:
    """Milliseconds against calls that are kept, of one kind of database."""
    series: dict[str, list[tuple[float, float]]] = {row["what"]: [] for row in rows}
    for row in rows:
        if row["kind"] == kind:
            series[row["what"]].append((row["calls"], max(row["ms"], 0.01)))
    return log_log(series, "ms")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="calls that are kept")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="databases")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench-journal", help="databases and results")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md's table and its plot too")
    given = parser.parse_args()
    shutil.rmtree(given.folder, ignore_errors=True)
    rows = bench(given.folder, given.sizes, given.kinds)
    (given.folder / "results.json").write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")
    if given.docs:
        put(ROOT / "docs" / "performance.md", BEGIN, END, table(rows))
        (ROOT / "docs" / "performance-journal.svg").write_text(plot(rows, given.kinds[0]))


if __name__ == "__main__":
    main()
