"""The metrics of waiting queues: who waits now, what waiting came to. Per queue, and never per person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from orchestrator.domain.queues import QUEUED, STEP
from orchestrator.journal.journeys import Journey

WAITS = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800)
"""Seconds; 30 is the yardstick of the authorities' number 115."""


class Standing(NamedTuple):
    """How one queue is at a moment."""

    queue: str
    waiting: int
    longest: int
    """Seconds that the one who came first has waited."""
    members: int
    """Logged in, whether or not their phone is there."""
    free: int
    """Of them, those who would be given a call now."""
    paused: int


class Waited(NamedTuple):
    """What one caller's waiting came to."""

    queue: str
    outcome: str
    """The answer of the step (`key` for each key), or `gave_up`."""
    seconds: float


class QueueMetrics:
    """In the registry of control."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"durchwahl_queue_{name}", text, ("queue",), registry=registry)

        self.waiting = gauge("waiting", "Callers who wait now.")
        self.longest = gauge("longest_wait_seconds", "How long the one has waited who came first; 0: nobody waits.")
        self.members = gauge("members", "Members who are logged in.")
        self.free = gauge("members_free", "Members who would be given a call now.")
        self.paused = gauge("members_paused", "Members who have paused.")
        self.calls = Counter(
            "durchwahl_queue_calls",
            "Callers who waited, by what it came to: talked, waited, full, nobody, key, gave_up.",
            ("queue", "outcome"),
            registry=registry,
        )
        self.wait = Histogram(
            "durchwahl_queue_wait_seconds",
            "Seconds until somebody talked, or until the caller left or was led on.",
            ("queue", "outcome"),
            registry=registry,
            buckets=WAITS,
        )

    def stand(self, standings: Iterable[Standing]) -> None:
        """Take over how the queues are now; of queues that are gone nothing is told any more."""
        for gauge in (self.waiting, self.longest, self.members, self.free, self.paused):
            gauge.clear()
        for each in standings:
            self.waiting.labels(each.queue).set(each.waiting)
            self.longest.labels(each.queue).set(each.longest)
            self.members.labels(each.queue).set(each.members)
            self.free.labels(each.queue).set(each.free)
            self.paused.labels(each.queue).set(each.paused)

    def written(self, journey: Journey) -> None:
        """Count the waiting of one call that is over."""
        for each in waits(journey):
            self.calls.labels(each.queue, each.outcome).inc()
            self.wait.labels(each.queue, each.outcome).observe(each.seconds)


def waits(journey: Journey) -> Iterator[Waited]:
    """Each time that a call waited in a queue."""
    for step in journey.steps:
        flow, _, name = step.place.partition(".")
        if not flow.startswith(QUEUED) or name != STEP:
            continue
        until = step.talked_at or step.answered_at or journey.ended
        outcome = "key" if step.answer.startswith("key_") else step.answer or "gave_up"
        yield Waited(flow.removeprefix(QUEUED), outcome, max(0.0, until - step.at))
