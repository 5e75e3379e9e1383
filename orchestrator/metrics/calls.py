"""The figures of calls: what they came to, where they went, those that are now; and how far the journal is written."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from orchestrator.domain import outgoing
from orchestrator.domain.callers import CLASSES
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Menu
from orchestrator.journal.journeys import OUTCOMES, Journey
from orchestrator.journal.record import Recorder
from orchestrator.metrics import labels
from orchestrator.metrics.figures import Figures

SOON = 30
HEARD = ("answered", "message")
WANTED = (*HEARD, "too_short", "call_back", "gave_up", "failed")
"""Outcomes of calls that wanted somebody, and those of them in which somebody or something listened."""


class CallMetrics(Figures):
    """Calls that are over."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.calls = self._counter("calls", "Calls that are over, by entry flow and outcome.", "flow", "outcome")
        self.unexpected = self._counter(
            "calls_unexpected", "Calls that went another way than the directory says.", "flow"
        )
        self.native = self._counter(
            "calls_without_python", "Calls of which a step went on natively at its deadline.", "flow"
        )
        self.wait = self._histogram(
            "call_wait_seconds", "Seconds until a person or a mailbox, for calls that got there.", "flow", "outcome"
        )
        text = f"Calls by the flow in which they came to their outcome; soon: within {SOON} s."
        self.reached = self._counter("reached", text, "where", "outcome", "soon")
        text = "Places that calls came to, by the answer with which they left; hung_up: none, the call ended there."
        self.visits = self._counter("visits", text, "place", "answer")
        self.length = self._histogram("call_seconds", "Seconds from the first place to the end of the call.", "flow")
        self.tests = self._counter("test_calls", "Test calls that are over, by outcome; counted here alone.", "outcome")

    def begin(self, directory: Directory) -> None:
        """Count from 0 on what calls may come to, and which keys be pressed: else the first would be no increase."""
        for flow in {labels.flow(name) for name in directory.flows}:
            for outcome in WANTED:
                for soon in ("yes", "no") if outcome in HEARD else ("no",):
                    self.reached.labels(flow, outcome, soon)
        for flow in {labels.flow(name) for name in directory.numbers.values()} | {outgoing.FLOW}:
            for outcome in OUTCOMES:
                self.calls.labels(flow, outcome)
            self.wait.labels(flow, "answered")
            self.unexpected.labels(flow)
            self.native.labels(flow)
        for place, step in directory.graph.items():
            for answer in (*step.exits, labels.LEFT) if isinstance(step, Menu) else ():
                self.visits.labels(labels.place(place), answer)

    def written(self, journey: Journey, unexpected: str) -> None:
        """Count one call that is over."""
        if journey.test:
            self.tests.labels(journey.outcome).inc()
            return
        flow = labels.flow(journey.flow)
        self.calls.labels(flow, journey.outcome).inc()
        soon = journey.wait is not None and journey.wait <= SOON
        where = labels.flow(journey.place.partition(".")[0])
        self.reached.labels(where, journey.outcome, "yes" if soon else "no").inc()
        self.length.labels(flow).observe(max(0.0, journey.ended - journey.began))
        if journey.wait is not None:
            self.wait.labels(flow, journey.outcome).observe(journey.wait)
        for step in journey.steps:
            self.visits.labels(labels.place(step.place), step.answer or labels.LEFT).inc()
        if unexpected:
            self.unexpected.labels(flow).inc()
        if "deadline" in journey.notes:
            self.native.labels(flow).inc()


class OutsideMetrics(Figures):
    """Calls of our phones to the outside."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._over = self._counter(
            "calls_outside", "Calls of our phones to the outside that are over, by class.", "class"
        )
        for group in CLASSES:
            self._over.labels(group)
        self._now = self._gauge("calls_outside_now", "Calls of our phones to the outside now, by class.", "class")

    def over(self, group: str) -> None:
        """Count a call to a number of that class."""
        self._over.labels(group).inc()

    def now(self, counts: Mapping[str, int]) -> None:
        """Take over how many there are now of each class."""
        for group in {*CLASSES, *counts}:
            self._now.labels(group).set(counts.get(group, 0))


class JournalMetrics(Figures):
    """What is not written down yet, or never will be."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._now = self._gauge("calls_now", "Calls that are in the exchange now.")
        self._unwritten = self._gauge("calls_unwritten", "Calls that are over and not in the database yet.")
        self._database = self._gauge("database_up", "1 if the database took what was last to be written down.")
        self._broken = self._gauge(
            "journal_broken_lines", "Lines of the journal that could not be read since the start."
        )

    def follow(self, recorder: Recorder) -> None:
        """Ask `recorder`, each time that the figures are asked for."""
        self._now.set_function(lambda: len(recorder.calls) - recorder.unwritten)
        self._unwritten.set_function(lambda: recorder.unwritten)
        self._database.set_function(lambda: recorder.up)
        self._broken.set_function(lambda: recorder.broken)
