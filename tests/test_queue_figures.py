"""What is told of waiting queues: the figures of a moment, of journeys, and who is logged out by control."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from orchestrator.journal.journeys import Journey, Step
from orchestrator.metrics.attendant import AttendantMetrics
from orchestrator.metrics.control import Metrics
from orchestrator.metrics.queues import QueueMetrics, Standing, waits
from orchestrator.service.queues import standings

TOLD = [
    {"event": "QueueParams", "queue": "q_amt", "calls": "2"},
    {"event": "QueueMember", "queue": "q_amt", "name": "tel1", "status": "1", "paused": "0", "incall": "0"},
    {"event": "QueueMember", "queue": "q_amt", "name": "tel2", "status": "1", "paused": "1", "incall": "0"},
    {"event": "QueueMember", "queue": "q_amt", "name": "tel3", "status": "2", "paused": "0", "incall": "1"},
    {"event": "QueueMember", "queue": "q_amt", "name": "tel4", "status": "5", "paused": "0", "incall": "0"},
    {"event": "QueueEntry", "queue": "q_amt", "position": "1", "wait": "7000", "channel": "Local/017@stand-in-amt-1;2"},
    {"event": "QueueEntry", "queue": "q_amt", "position": "2", "wait": "31", "channel": "PJSIP/trunk-amt-00000001"},
    {"event": "QueueEntry", "queue": "q_amt", "position": "3", "wait": "7", "channel": "PJSIP/trunk-amt-00000002"},
    {"event": "QueueParams", "queue": "q_leer", "calls": "0"},
]


def test_how_queues_stand() -> None:
    assert standings(TOLD) == [
        Standing("amt", waiting=3, longest=31, members=4, free=1, paused=1),
        Standing("leer", waiting=0, longest=0, members=0, free=0, paused=0),
    ]


@pytest.mark.parametrize(("answer", "talked", "expected"), [
    ("talked", 112.0, ("talked", 10.0)),
    ("waited", 0.0, ("waited", 30.0)),
    ("key_2", 0.0, ("key", 30.0)),
    ("", 0.0, ("gave_up", 58.0)),
])  # fmt: skip
def test_what_waiting_came_to(answer: str, talked: float, expected: tuple[str, float]) -> None:
    """The answer `talked` is written when the talk is over: the wait is until it began, whoever talked before."""
    steps = (
        Step(place="d_amt.hours", answer="open", at=100.0, answered_at=100.0),
        Step(place="q_amt.wait", answer=answer, at=102.0, answered_at=132.0 if answer else 0.0, talked_at=talked),
    )
    made = Journey(
        id="1", began=100.0, ended=160.0, caller="", number="30", flow="d_amt", outcome="answered", place="q_amt.wait",
        wait=1.0, steps=steps,
    )  # fmt: skip
    assert [tuple(each) for each in waits(made)] == [("amt", *expected)]


def test_a_queue_that_is_gone_is_told_of_no_more() -> None:
    registry = CollectorRegistry()
    metrics = QueueMetrics(registry)
    metrics.stand(standings(TOLD))
    assert registry.get_sample_value("durchwahl_queue_waiting", {"queue": "amt"}) == 3
    metrics.stand([])
    assert registry.get_sample_value("durchwahl_queue_waiting", {"queue": "amt"}) is None


def test_no_page_says_when_each_series_was_begun() -> None:
    attendant = AttendantMetrics()
    attendant.began("town.welcome")
    attendant.ended("town.welcome", "key_1", 1.0)
    for page in (attendant.text(), Metrics().text()):
        assert b"_total " in page or b"_total{" in page
        assert b"_created" not in page
