"""The benchmark of the journal works, on both databases: everything that it times is done. No time is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import growth
from benchmarks.growth import asked, bench, plot, table


@pytest.mark.long
def test_everything_is_timed_and_reported(tmp_path: Path) -> None:
    rows = bench(tmp_path, (200, 400), growth.KINDS)
    timed = [*asked(0.0), "write a call, one by one", "write a call, of many"]
    assert [(row["calls"], row["kind"], row["what"]) for row in rows] == [
        (calls, kind, what) for calls in (200, 400) for kind in growth.KINDS for what in timed
    ]
    assert all(row["ms"] > 0 for row in rows)
    assert table(rows).count("| write a call, of many |") == 1
    assert "sqlite, 400 kept" in table(rows)
    for kind in growth.KINDS:
        assert plot(rows, kind).count("<path") > len(timed)


def test_calls_of_the_benchmark_are_calls() -> None:
    """Each with times and channels of its own, and of the same outcome as the one that it was made from."""
    rows = list(growth.kept(8, 1_000_000_000.0))
    assert len({row["id"] for row in rows}) == 8
    assert [row["outcome"] for row in rows[:4]] == list(growth.SAMPLES)
    texts = growth.sampled()
    assert growth.lines(1_900_000_000, texts).startswith('"CHAN_START","1900000000.')
