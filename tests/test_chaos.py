"""Calls by SIP while everything is killed, in short; `make chaos` is the whole of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.plan import plan
from tests.chaos.soak import soak

CALLS, RATE = 180, 3.0


@pytest.mark.long
@pytest.mark.crowded
def test_no_call_is_lost_whatever_is_killed(tmp_path: Path) -> None:
    made = soak(plan(CALLS, 1, rate=RATE), tmp_path)
    found = report.rows(made)
    print(report.text(made, found))
    assert not report.wrong(found), "\n".join(report.wrong(found))
