"""What is told of traces: how many went to the collector, and how many never will. All 0 while none are sent."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

OUTCOMES = ("sent", "refused", "dropped")


class TraceMetrics:
    """In the registry of control."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._traces = Counter(
            "durchwahl_traces",
            "Traces of calls: sent; refused by the collector; dropped, as too many waited or control ended.",
            ("outcome",),
            registry=registry,
        )
        for outcome in OUTCOMES:
            self._traces.labels(outcome)
        self.waiting = Gauge("durchwahl_traces_waiting", "Traces that wait to be sent.", registry=registry)

    def ended(self, outcome: str, count: int) -> None:
        """Count what has become of `count` traces: one of `OUTCOMES`."""
        self._traces.labels(outcome).inc(count)
