"""The benchmark of rollouts works: every stage at 300 people, but for speaking. No time is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import organisation, report, stages, under_calls
from benchmarks.rollout import bench
from orchestrator.store.reading import read_files


@pytest.mark.long
def test_every_stage_runs_and_is_reported(tmp_path: Path) -> None:
    rows = bench(tmp_path, (300,), ("speak",))
    assert [row["stage"] for row in rows] == [name for name in stages.STAGES if name != "speak"]
    assert all("failed" not in row for row in rows), rows
    found = {row["stage"]: row for row in rows}
    assert found["proof"]["problems"] == 0
    assert found["plan, first"]["changes"] > 300
    assert found["plan, no change"]["changes"] == 0
    assert found["plan, a name"]["changes"] > 0
    assert found["compare"]["edits"] == 1
    assert found["boot of Asterisk"]["boot"] > 0
    assert found["apply, a name"]["calls"] > found["apply, a name"]["work"] * under_calls.RATE, "calls until it is over"
    assert found["apply, a name"]["unanswered"] == 0
    report.write(tmp_path, rows)
    assert len(json.loads((tmp_path / "results.json").read_text())["rows"]) == len(rows)
    assert "<path" in (tmp_path / "plot.svg").read_text()
    assert "| proof |" in report.table(rows)
    assert "s; slowest answer " in report.table(rows)


def test_an_organisation_is_the_same_every_time_and_as_large_as_asked(tmp_path: Path) -> None:
    for name in ("one", "two"):
        organisation.write(tmp_path / name, 1000)
    one, two = ({path.name: path.read_text() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    found = read_files([tmp_path / "one"], 2026)
    assert not found.mistakes
    assert len(found.directory.people) == 1000
    assert len({person.name for person in found.directory.people.values()}) == 1000
