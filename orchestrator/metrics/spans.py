"""A journey as a trace: the call, the places that it came to, and where somebody talked, the wait and the talk.

It names nobody and has no number, as labels do not. Sources: trace.proto of opentelemetry-proto; of OpenTelemetry's
semantic conventions what there is for this (`service.*`, `host.name`, `error.type`: there are none for telephony).
Only who sends traces imports this module. Not here: sending them (service.traces).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from orchestrator.journal.journeys import Journey, Step, trace
from orchestrator.metrics import labels

SCOPE = "durchwahl.journeys"
Value = str | bool | float


def packed(spans: Iterable[Span]) -> bytes:
    """A trace as it may lie in memory: some 2 KiB, a tenth of what its spans take."""
    return ScopeSpans(spans=spans).SerializeToString()


def request(resource: Resource, traces: Iterable[bytes]) -> bytes:
    """The body of an OTLP request with `traces`, each packed."""
    scope = ScopeSpans(scope=InstrumentationScope(name=SCOPE))
    for trace_ in traces:
        scope.MergeFromString(trace_)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])]
    ).SerializeToString()


def resource(*, version: str, host: str) -> Resource:
    """Who sends them."""
    about: dict[str, Value] = {"service.name": "durchwahl", "service.version": version, "host.name": host}
    return Resource(attributes=_attributes(about))


def rejected(body: bytes) -> tuple[int, str]:
    """How many spans a collector that took a request did not take all the same, and why. Raises DecodeError."""
    told = ExportTraceServiceResponse.FromString(body).partial_success
    return told.rejected_spans, told.error_message


def spans(journey: Journey, unexpected: bool, kind: Callable[[str], str]) -> list[Span]:
    """The trace of a call: its root first. `kind` says what a place does (`Ring`); empty: it is not known."""
    flow, failed = labels.flow(journey.flow), journey.outcome == "failed"
    about: dict[str, Value] = {
        "durchwahl.journey": journey.id,
        "durchwahl.flow": flow,
        "durchwahl.entry": labels.place(journey.steps[0].place),
        "durchwahl.outcome": journey.outcome,
        "durchwahl.place": labels.place(journey.place),
        "durchwahl.end": journey.steps[-1].answer or labels.LEFT,
        "durchwahl.without_python": "deadline" in journey.notes,
        "durchwahl.unexpected": unexpected,
        "durchwahl.test": journey.test,
    }
    if journey.wait is not None:
        about["durchwahl.wait_seconds"] = journey.wait
    of = _Call(journey)
    root = of.span(f"call {flow}", journey.began, journey.ended, about, kind=Span.SPAN_KIND_SERVER)
    if failed:
        root.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="cut by the exchange, or no line"))
        root.attributes.extend(_attributes({"error.type": "failed"}))
    return [root, *of.places(root, kind)]


@dataclass
class _Call:
    """Makes the spans of one call, each with an id of its own."""

    journey: Journey
    made: int = 0

    def span(
        self,
        name: str,
        begin: float,
        end: float,
        about: dict[str, Value],
        *,
        under: Span | None = None,
        kind: Span.SpanKind.ValueType = Span.SPAN_KIND_INTERNAL,
    ) -> Span:
        """A span, within the one that it is `under`: a clock that was put right may have run back meanwhile."""
        first, last = _instant(begin), _instant(end)
        if under:
            first = min(max(first, under.start_time_unix_nano), under.end_time_unix_nano)
            last = min(last, under.end_time_unix_nano)
        self.made += 1
        return Span(
            trace_id=bytes.fromhex(trace(self.journey.id)),
            span_id=hashlib.sha256(f"{self.journey.id} {self.made}".encode()).digest()[:8],
            parent_span_id=under.span_id if under else b"",
            name=name,
            kind=kind,
            start_time_unix_nano=first,
            end_time_unix_nano=max(first, last),
            attributes=_attributes(about),
        )

    def places(self, root: Span, kind: Callable[[str], str]) -> Iterator[Span]:
        """Each place; under it, where somebody talked there, the wait for them and the talk."""
        steps = self.journey.steps
        for step, after in zip(steps, (*(step.at for step in steps[1:]), self.journey.ended), strict=True):
            name = labels.place(step.place)
            about: dict[str, Value] = {"durchwahl.place": name, "durchwahl.answer": step.answer or labels.LEFT}
            if does := kind(step.place):
                about["durchwahl.step"] = does
            left = _left(step, after)
            place = self.span(name, step.at, left, about, under=root)
            yield place
            if step.talked_at:
                yield self.span("wait", step.at, step.talked_at, {}, under=place)
                yield self.span("talk", step.talked_at, left, {}, under=place)


def _left(step: Step, after: float) -> float:
    """When a call left a place: with its answer. Without one, and after a talk that was put through, for the next."""
    return step.answered_at if step.answered_at > max(step.at, step.talked_at) else after


def _instant(at: float) -> int:
    """Nanoseconds since the epoch."""
    return round(at * 1e9)


def _attributes(about: dict[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in about.items()]


def _value(value: Value) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case _:
            return AnyValue(double_value=value)
