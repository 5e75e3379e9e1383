"""The metrics of waiting queues: who waits now, what waiting came to. Per queue, and never per person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry

from orchestrator.domain.promises import FLOW
from orchestrator.domain.queues import QUEUED, STEP
from orchestrator.journal.journeys import Journey
from orchestrator.metrics.figures import Figures

IN_A_QUEUE = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800)
"""Seconds; 30 is the yardstick of the authorities' number 115."""


class Standing(NamedTuple):
    """How one queue is at a moment."""

    queue: str
    waiting: int
    """Callers, and stand-ins for those who are to be called back."""
    longest: int
    """Seconds that the caller has waited who came first."""
    members: int
    """Logged in, whether or not their phone is there."""
    free: int
    """Of them, those who would be given a call now."""
    paused: int
    promised: int = 0
    """Callers who have hung up and are to be called back."""


class Waited(NamedTuple):
    """What one caller's waiting came to."""

    queue: str
    outcome: str
    """The answer of the step (`key` for each key), or `gave_up`."""
    seconds: float


class QueueMetrics(Figures):
    """Each by the queue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.waiting = self._gauge("queue_waiting", "Callers who wait now.", "queue")
        text = "How long the one has waited who came first; 0: nobody waits."
        self.longest = self._gauge("queue_longest_wait_seconds", text, "queue")
        self.members = self._gauge("queue_members", "Members who are logged in.", "queue")
        self.free = self._gauge("queue_members_free", "Members who would be given a call now.", "queue")
        self.paused = self._gauge("queue_members_paused", "Members who have paused.", "queue")
        text = "Callers who waited, by what it came to: talked, waited, full, nobody, key, gave_up."
        self.calls = self._counter("queue_calls", text, "queue", "outcome")
        text = "Seconds until somebody talked, or until the caller left or was led on."
        self.wait = self._histogram("queue_wait_seconds", text, "queue", "outcome", buckets=IN_A_QUEUE)
        text = "Callers who have hung up and are to be called back."
        self.promises = self._gauge("queue_promises", text, "queue")
        text = "Calls back by what became of them: promised, kept, failed (a case in the department's box)."
        self.called_back = self._counter("queue_call_backs", text, "queue", "outcome")

    def promised(self, waiting: Mapping[str, int]) -> None:
        """Take over how many are to be called back now, for each queue that offers it."""
        self.promises.clear()
        for queue, count in waiting.items():
            self.promises.labels(queue).set(count)

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
        for step in journey.steps:
            flow, _, _ = step.place.partition(".")
            if step.answer == "promised":
                self.called_back.labels(flow.removeprefix(QUEUED), "promised").inc()
            elif flow.startswith(FLOW) and step.answer == "talked":
                self.called_back.labels(flow.removeprefix(FLOW), "kept").inc()


def waits(journey: Journey) -> Iterator[Waited]:
    """Each time that a call waited in a queue."""
    for step in journey.steps:
        flow, _, name = step.place.partition(".")
        if not flow.startswith(QUEUED) or name != STEP:
            continue
        until = step.talked_at or step.answered_at or journey.ended
        outcome = "key" if step.answer.startswith("key_") else step.answer or "gave_up"
        yield Waited(flow.removeprefix(QUEUED), outcome, max(0.0, until - step.at))
