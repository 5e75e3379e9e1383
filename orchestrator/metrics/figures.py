"""A group of figures of one theme. Each is called `durchwahl_…`, and is in the registry of its process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

OF_A_CALL = (2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240)
"""Seconds, where a figure has no others; 30 is the yardstick of the authorities' number 115."""


class Figures:
    """Makes them; a group says in its `__init__` which it has."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"durchwahl_{name}", text, labels, registry=self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"durchwahl_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, *labels: str, buckets: tuple[int, ...] = OF_A_CALL) -> Histogram:
        return Histogram(f"durchwahl_{name}", text, labels, registry=self._registry, buckets=buckets)
