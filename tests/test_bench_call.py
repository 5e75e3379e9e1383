"""The benchmark of calls works: each way of answering is called, and every figure is there. Not: how good they are."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.call.variants import BY_HAND, OURS, VARIANTS

ROOT = Path(__file__).parents[1]
AN_ASTERISK = 20_000
"""KiB that one has at least."""


@pytest.mark.long
def test_every_way_of_answering_is_called_and_reported(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    argv = (sys.executable, "-m", "benchmarks.call", "--folder", str(folder), "--no-steps")
    short = ("--rounds", "1", "--rate", "3", "--seconds", "2", "--rest", "1", "--at-once", "3", "6", "--talks", "2")
    whole = (*argv, *short, "--message-rate", "3")
    done = subprocess.run(whole, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((folder / "results.json").read_text())
    found, many = results["variants"], results["at once"]
    assert list(found) == [variant.name for variant in VARIANTS]
    for name, each in found.items():
        assert each["calls"] == each["clean"] == 6, (name, done.stdout)
        assert each["total"] > 0
        assert 0 < each["p50"] <= each["p99"]
        assert f"| {name} |" in done.stdout
    assert list(many) == ["3", "6"]
    for count, made in many.items():
        assert list(made) == [BY_HAND, OURS]
        for each in made.values():
            assert each["calls"] == each["clean"] > int(count), done.stdout
            assert each["total"] > 0
            assert each["most"] > AN_ASTERISK, made
        assert f"| {count} |" in done.stdout
    left = results["messages"]
    assert list(left) == [BY_HAND, OURS]
    for name, each in left.items():
        assert each["messages"] == each["clean"] == 6, (name, done.stdout)
        assert each["total"] > 0
    assert "| a message, taken |" in done.stdout
    # What is measured is all of the work: every call of ours is in the journal, and went as the directory says.
    with sqlite3.connect(folder / "ours" / "s" / "directory.db") as database:
        written = database.execute("SELECT outcome, unexpected, count(*) FROM journeys GROUP BY 1, 2").fetchall()
    called = 12 + sum(made[OURS]["calls"] for made in many.values())
    assert sorted(written) == [("answered", "", called), ("message", "", left[OURS]["messages"])]
    assert (folder / "by-hand" / "s" / "log" / "cel-custom" / "journal.csv").stat().st_size
