"""The metrics of one attendant: an observer that counts."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from orchestrator.metrics import labels

SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120)


class AttendantMetrics:
    """An `apps.observer.Observer`, with a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        made: dict[str, Any] = {"namespace": "durchwahl", "subsystem": "attendant", "registry": self.registry}
        self.up = False
        """Whether this attendant is on the line to Asterisk."""
        self._connected = Gauge("connected", "1 while this attendant is on the line to Asterisk.", **made)
        self._connected.set_function(lambda: self.up)
        self._disconnects = Counter("disconnects", "How often the line to Asterisk was lost.", **made)
        self._callers = Gauge("callers", "Callers who are with this attendant now.", **made)
        self._steps = Counter("steps", "Steps performed, by place and answer.", ("place", "answer"), **made)
        self._seconds = Histogram("step_seconds", "Seconds that a step took.", ("place",), buckets=SECONDS, **made)
        self._lost = Counter("claims_lost", "Callers whom another attendant took first.", **made)
        self._shed = Counter("shed", "Callers left to others, as this attendant heard of them too late.", **made)
        self._failed = Counter("failures", "Steps that went wrong; the caller went on natively.", ("place",), **made)

    def connected(self) -> None:
        self.up = True

    def disconnected(self) -> None:
        self.up = False
        self._disconnects.inc()

    def claim_lost(self, place: str) -> None:
        self._lost.inc()

    def shed(self, place: str) -> None:
        self._shed.inc()

    def began(self, place: str) -> None:
        self._callers.inc()

    def ended(self, place: str, answer: str, seconds: float) -> None:
        self._callers.dec()
        self._steps.labels(labels.place(place), answer).inc()
        self._seconds.labels(labels.place(place)).observe(seconds)

    def failed(self, place: str, error: Exception) -> None:
        self._failed.labels(labels.place(place)).inc()

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
