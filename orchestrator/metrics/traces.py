"""What is told of traces: how many went to the collector, and how many never will. All 0 while none are sent."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from orchestrator.metrics.figures import Figures

OUTCOMES = ("sent", "refused", "dropped")


class TraceMetrics(Figures):
    """Of journeys."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        text = "Traces of calls: sent; refused by the collector; dropped, as too many waited or control ended."
        self._traces = self._counter("traces", text, "outcome")
        for outcome in OUTCOMES:
            self._traces.labels(outcome)
        self.waiting = self._gauge("traces_waiting", "Traces that wait to be sent.")

    def ended(self, outcome: str, count: int) -> None:
        """Count what has become of `count` traces: one of `OUTCOMES`."""
        self._traces.labels(outcome).inc(count)
