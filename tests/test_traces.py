"""Traces of calls: each is its journey and names nobody; a collector takes it, now or later, and harms nobody."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from orchestrator.journal.journeys import Journey, Step, journey, trace
from orchestrator.metrics import labels
from orchestrator.metrics.spans import packed, request, resource, spans
from orchestrator.metrics.traces import OUTCOMES, TraceMetrics
from orchestrator.service import evidence, settings, traces
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import create
from tests import ports
from tests.collector import LATER, NEVER, Collector, about, agent, collecting, judged, whole
from tests.recorded import SAMPLED, calls, sample
from tests.running_town import until
from tests.side_by_side import always


def sampled(outcome: str) -> Journey:
    """A journey of a real call."""
    (call,) = calls(sample(outcome)).values()
    made = journey(call)
    assert made
    return made


def sent(made: Journey, unexpected: bool = False) -> list[Span]:
    """Its trace, as a collector reads it."""
    body = request(resource(version="1", host="amt"), [packed(spans(made, unexpected, lambda place: "Say"))])
    read = ExportTraceServiceRequest.FromString(body)
    read.DiscardUnknownFields()
    assert read.SerializeToString() == body
    found = judged(read)
    whole(found)
    return found


def told(found: list[Span]) -> list[tuple[str, str]]:
    """Places and answers of a trace, as the journey has them."""
    named = [about(span.attributes) for span in found[1:]]
    return [(each["durchwahl.place"], each["durchwahl.answer"]) for each in named if "durchwahl.answer" in each]


def shown(made: Journey) -> list[tuple[str, str]]:
    """What `told` must be."""
    return [(labels.place(step.place), step.answer or "hung_up") for step in made.steps]


@pytest.mark.parametrize("outcome", SAMPLED)
def test_a_trace_is_its_journey(outcome: str) -> None:
    made = sampled(outcome)
    root, *below = sent(made)
    named = about(root.attributes)
    assert root.trace_id.hex() == trace(made.id)
    assert (root.start_time_unix_nano, root.end_time_unix_nano) == (round(made.began * 1e9), round(made.ended * 1e9))
    assert (named["durchwahl.flow"], named["durchwahl.outcome"], root.name) == ("town", outcome, "call town")
    assert (named["durchwahl.journey"], named["durchwahl.place"]) == (made.id, labels.place(made.place))
    assert named.get("durchwahl.wait_seconds") == made.wait
    assert told([root, *below]) == shown(made)
    places = [span for span in below if span.parent_span_id == root.span_id]
    assert [span.start_time_unix_nano for span in places] == [round(step.at * 1e9) for step in made.steps]


def test_who_talked_was_waited_for_first() -> None:
    made = sampled("answered")
    (step,) = (step for step in made.steps if step.talked_at)
    found = sent(made)
    (place,) = (span for span in found if span.name == labels.place(step.place))
    wait, talk = (span for span in found if span.parent_span_id == place.span_id)
    assert (wait.name, talk.name) == ("wait", "talk")
    assert wait.start_time_unix_nano == place.start_time_unix_nano
    assert wait.end_time_unix_nano == talk.start_time_unix_nano == round(step.talked_at * 1e9)
    assert talk.end_time_unix_nano == place.end_time_unix_nano > talk.start_time_unix_nano


def test_a_call_that_failed_is_an_error_and_what_was_odd_is_told() -> None:
    made = replace(sampled("told"), outcome="failed", notes=("deadline",), test=True)
    named = about(sent(made, unexpected=True)[0].attributes)
    assert named["error.type"] == "failed"
    assert [named[f"durchwahl.{key}"] for key in ("without_python", "unexpected", "test")] == [True] * 3
    named = about(sent(replace(sampled("told"), test=False))[0].attributes)
    assert [named[f"durchwahl.{key}"] for key in ("without_python", "unexpected", "test")] == [False] * 3


INSTANTS = st.floats(min_value=1.7e9, max_value=1.9e9) | st.floats(min_value=1.8e9, max_value=1.8e9 + 1)
STEPS = st.builds(
    Step,
    place=st.sampled_from(["town.door", "n_2500.box", "by_hand.tel2500"]),
    answer=st.sampled_from(["", "key_1", "talked"]),
    at=INSTANTS,
    answered_at=INSTANTS | st.just(0.0),
    talked_at=INSTANTS | st.just(0.0),
)


@given(steps=st.lists(STEPS, min_size=1, max_size=5), began=INSTANTS, ended=INSTANTS)
def test_a_clock_that_was_put_right_makes_no_trace_that_is_wrong(steps: list[Step], began: float, ended: float) -> None:
    sent(replace(sampled("told"), steps=tuple(steps), began=began, ended=ended))


def test_where_it_is_sent_must_be_an_address(tmp_path: Path) -> None:
    path = create(tmp_path / "s", listens=ports.exchange()).root / "settings.toml"
    whole = path.read_text()
    path.write_text(whole.replace('traces = ""', 'traces = "http://collector:4318/v1/traces"'))
    assert settings.load(path).traces == "http://collector:4318/v1/traces"
    for wrong in ("collector:4318", "http://collector:4318", "ftp://collector/v1/traces", "http://me@collector/v1"):
        path.write_text(whole.replace('traces = ""', f'traces = "{wrong}"'))
        with pytest.raises(ServiceError, match="is no address of a collector: write http://collector:4318/v1/traces"):
            settings.load(path)


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("https://collector.stadt.example/v1/traces", True),
        ("http://collector.stadt.example:4318/v1/traces", False),
        ("http://10.1.2.3:4318/v1/traces", False),
        ("http://127.0.0.1.stadt.example/v1/traces", False),
        ("http://127.0.0.1:4318/v1/traces", True),
        ("http://[::1]:4318/v1/traces", True),
        ("http://localhost:4318/v1/traces", True),
    ],
)
def test_what_leaves_the_machine_unencrypted_is_evident(address: str, private: bool) -> None:
    assert evidence.private(address) == private


def test_who_sends_none_does_without_the_library() -> None:
    asked = "import orchestrator.cli, orchestrator.service.control, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert "orchestrator.service.control" in done.stdout.split()
    assert [name for name in done.stdout.split() if name.startswith(("opentelemetry", "google"))] == []


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", 7.0),
        ("999999", traces.LONGEST_WISH),
        ("soon", 0.0),
        ("-3", 0.0),
        ("", 0.0),
    ],
)
def test_how_long_a_collector_may_ask_us_to_wait(header: str, expected: float) -> None:
    assert traces.wish(header) == expected


def test_until_when_a_collector_may_ask_us_to_wait() -> None:
    now, days = datetime.now(UTC), timedelta(days=2)
    assert traces.wish(format_datetime(now + days)) == traces.LONGEST_WISH
    assert traces.wish(format_datetime(now - days)) == 0.0


class Sending:
    """What sends traces, and its figures."""

    def __init__(self, taking: traces.Traces, registry: CollectorRegistry) -> None:
        self.taking, self.registry, self.made = taking, registry, 0

    def calls(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            self.taking.take(replace(sampled("answered"), id=str(self.made)), False)

    @property
    def figures(self) -> dict[str, float]:
        found = {each: self.registry.get_sample_value("durchwahl_traces_total", {"outcome": each}) for each in OUTCOMES}
        waiting = self.registry.get_sample_value("durchwahl_traces_waiting")
        return {name: value for name, value in {**found, "waiting": waiting}.items() if value}

    async def until(self, **figures: float) -> None:
        for _ in range(200):
            if self.figures == figures:
                return
            await asyncio.sleep(0.1)
        assert self.figures == figures


@asynccontextmanager
async def sending(url: str) -> AsyncIterator[Sending]:
    registry = CollectorRegistry()
    async with traces.sending(url, TraceMetrics(registry), lambda place: "") as taking:
        made = Sending(taking, registry)
        task = asyncio.create_task(taking.run())
        yield made
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def there() -> Iterator[Collector]:
    with collecting(Collector(ports.one())) as collector:
        yield collector


async def test_a_real_collector_hands_on_what_it_got(there: Collector, tmp_path: Path) -> None:
    made = [sampled(outcome) for outcome in SAMPLED]
    with agent(there, tmp_path) as url:
        async with sending(url) as sender:
            for each in made:
                sender.taking.take(each, False)
            await sender.until(sent=len(made))
            await asyncio.to_thread(until, lambda: len(there.traces) == len(made), 20)
    for each in made:
        assert told(there.traces[trace(each.id)]) == shown(each)


@pytest.mark.parametrize("does", NEVER)
async def test_what_a_collector_refuses_is_never_sent_again(there: Collector, does: str) -> None:
    there.does = does
    async with sending(there.url) as sender:
        sender.calls(2)
        await sender.until(refused=2)
        there.does = "takes"
        sender.calls(1)
        await sender.until(refused=2, sent=1)
        assert there.traces.keys() == {trace("3")}


@pytest.mark.parametrize("does", LATER)
async def test_what_it_may_take_later_is_sent_again(
    there: Collector, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "ANSWERS_WITHIN", 1.0)
    there.does = does
    async with sending(there.url) as sender:
        sender.calls(2)
        await asyncio.to_thread(until, lambda: there.asked > 1, 20)
        assert sender.figures == {"waiting": 2}
        there.does = "takes"
        sender.calls(1)
        await sender.until(sent=3)
    assert there.traces.keys() == {trace(str(number)) for number in (1, 2, 3)}


async def test_one_that_cuts_its_answer_gets_the_same_spans_again(there: Collector) -> None:
    there.does = "cuts"
    async with sending(there.url) as sender:
        sender.calls(1)
        await asyncio.to_thread(until, lambda: there.asked > 0, 20)
        there.does = "takes"
        await sender.until(sent=1)
    assert there.traces.keys() == {trace("1")}


async def test_what_waits_is_bounded_and_the_newest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST", 5)
    away = Collector(ports.one())
    async with sending(away.url) as sender:
        sender.calls(20)
        assert sender.figures == {"waiting": 5, "dropped": 15}
        await asyncio.sleep(traces.TOGETHER + 0.5)
        sender.calls(7)
        assert sender.figures == {"waiting": 10, "dropped": 17}, "what was sent last is not counted to the limit"
        with collecting(away):
            await sender.until(sent=10, dropped=17)
    assert away.traces.keys() == {trace(str(number)) for number in (*range(16, 21), *range(23, 28))}


async def test_many_go_together(there: Collector) -> None:
    async with sending(there.url) as sender:
        sender.calls(2 * traces.BATCH + 1)
        await sender.until(sent=2 * traces.BATCH + 1)
    assert there.asked == 3


@pytest.mark.parametrize(("does", "expected"), [("takes", {"sent": 150}), ("hangs", {"dropped": 150})])
async def test_at_the_end_what_waits_goes_or_is_counted(
    there: Collector, does: str, expected: dict[str, float]
) -> None:
    there.does = does
    async with sending(there.url) as sender:
        sender.calls(150)
    assert sender.figures == expected


async def test_where_control_ends_by_a_fault_what_waits_goes_too(there: Collector) -> None:
    async def ends() -> None:
        async with traces.sending(there.url, TraceMetrics(CollectorRegistry()), lambda place: "") as taking:
            taking.take(sampled("told"), False)
            raise ServiceError("a fault", todo="mend it")

    with pytest.raises(ServiceError, match="a fault"):
        await ends()
    assert there.traces.keys() == {trace(sampled("told").id)}


async def test_why_nothing_is_taken_is_said_when_the_kind_of_answer_changes(
    there: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "TOGETHER", 0.1)
    with capture_logs() as said:
        async with sending(there.url) as sender:
            for count, does in enumerate(("rejects", "rejects", "login", "login", "500", "rejects"), 1):
                there.does = does
                sender.calls(1)
                await sender.until(refused=count)
            there.does = "takes"
            sender.calls(1)
            await sender.until(refused=6, sent=1)
    assert [each.get("why") for each in said] == [
        "it rejects 1 spans: too old, request 1",
        "it answers 200, but not as a collector does",
        "it answers 500 Internal Server Error",
        "it rejects 1 spans: too old, request 6",
        None,
    ]
    assert said[-1]["event"] == "the collector takes traces again"


async def test_a_journey_that_makes_no_trace_harms_nobody(there: Collector) -> None:
    async with sending(there.url) as sender:
        sender.taking.take(replace(sampled("told"), steps=()), False)
        sender.calls(1)
        await sender.until(dropped=1, sent=1)


FAULTY = """
import asyncio
from dataclasses import replace

from prometheus_client import CollectorRegistry

from orchestrator.metrics.traces import TraceMetrics
from orchestrator.service import logs, traces
from tests.test_traces import sampled


async def faulty():
    figures = TraceMetrics(CollectorRegistry())
    async with traces.sending("http://127.0.0.1:1/v1/traces", figures, lambda place: "") as to:
        to.take(replace(sampled("told"), caller="+4920312345", steps=()), False)


logs.unfailing("control")
asyncio.run(faulty())
"""


@pytest.mark.parametrize("form", always(["json", "text"]))
def test_a_mistake_with_a_call_is_logged_without_who_called(form: str) -> None:
    argv, environment = [sys.executable, "-c", FAULTY], {**os.environ, "DURCHWAHL_LOG": form}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert "no trace of a call" in done.stdout
    assert "IndexError" in done.stdout, "where it came about is told"
    assert "spans.py" in done.stdout
    assert "20312345" not in done.stdout + done.stderr
