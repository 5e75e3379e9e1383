"""Schedules at their boundaries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.towns import BERLIN, HOURS


@pytest.mark.parametrize(("at", "state"), [
    ("2026-11-30 07:59:59", "closed"),
    ("2026-11-30 08:00:00", "open"),
    ("2026-11-30 11:59:59", "open"),
    ("2026-11-30 12:00:00", "closed"),
    ("2026-12-03 14:00:00", "open"),
    ("2026-11-29 10:00:00", "closed"),
    ("2026-12-25 10:00:00", "holiday"),
    ("2026-12-24 09:59:59", "open"),
    ("2026-12-24 10:00:00", "closed"),
])  # fmt: skip
def test_states(at: str, state: str) -> None:
    assert HOURS.state(datetime.fromisoformat(at).replace(tzinfo=BERLIN)) == state


def test_a_naive_question_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        HOURS.state(datetime(2026, 11, 30, 10))  # noqa: DTZ001


@given(st.integers(0, 365 * 24 * 60))
def test_the_state_changes_only_at_boundaries(minute: int) -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=minute)
    boundaries = [b.astimezone(UTC) for b in HOURS.boundaries(at.astimezone(BERLIN).date() - timedelta(days=1), 3)]
    last = max(b for b in boundaries if b <= at)
    assert HOURS.state(at) == HOURS.state(last)


def test_the_next_opening_skips_the_holidays() -> None:
    assert HOURS.next_opening(datetime(2026, 12, 24, 11, tzinfo=BERLIN)) == datetime(2026, 12, 28, 8, tzinfo=BERLIN)
