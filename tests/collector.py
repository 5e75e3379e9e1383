"""Who receives traces in the tests: a real socket that answers as it is told to, and judges strictly what it is sent.

The judge goes by trace.proto and the specification of OTLP; a real collector is in `agent`. Not here: what is expected
of the calls (the tests).
"""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests import ports
from tests.leash import leashed
from tests.running_town import until

PATH = "/v1/traces"
KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
"""Names of attributes. Source: OpenTelemetry's semantic conventions, "Naming"."""
LATER = ("hangs", "closes", "429")
"""What a collector may do after which it is asked again."""
NEVER = ("500", "400", "302", "rejects", "drips", "login")
"""What it may do after which it must not be."""
LOGIN = "<!DOCTYPE html>\n<html lang='de'><title>Anmeldung</title><body>Bitte melden Sie sich an</body></html>\n"
"""What stands before a collector may answer to everything."""
RESOURCE = {"service.name", "service.version", "host.name"}


@dataclass
class Collector:
    """What it does, and what it got."""

    port: int
    does: str = "takes"
    """takes, rejects, drips (the same in pieces), login (a page), hangs, closes, cuts (its answer), slow; a status."""
    asked: int = 0
    taken: list[ExportTraceServiceRequest] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    @property
    def traces(self) -> dict[str, list[Span]]:
        """What was taken, by trace, each span once: who got no answer may have sent it before."""
        found: dict[str, dict[bytes, Span]] = {}
        for request in list(self.taken):
            for span in judged(request):
                same = found.setdefault(span.trace_id.hex(), {}).setdefault(span.span_id, span)
                assert same == span
        for spans in found.values():
            whole(list(spans.values()))
        return {trace: list(spans.values()) for trace, spans in found.items()}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        self.asked += 1
        assert request.content_type == "application/x-protobuf"
        body, does = await request.read(), self.does
        if does == "hangs":
            await asyncio.sleep(600)
        if does == "closes":
            assert request.transport
            request.transport.abort()
        if does.isdecimal():
            headers = {"Retry-After": "2"} if does == "429" else {"Location": self.url} if does == "302" else {}
            return web.Response(status=int(does), headers=headers)
        if does == "slow":
            await asyncio.sleep(3)
        sent = ExportTraceServiceRequest.FromString(body)
        if does == "login":
            return web.Response(text=LOGIN, content_type="text/html")
        if does in ("rejects", "drips"):
            return await self.reject(request, pieces=1 if does == "rejects" else 5)
        self.taken.append(sent)
        if does == "cuts":
            cut = web.StreamResponse(headers={"Content-Length": "50"})
            await cut.prepare(request)
            await cut.write(b"\n")
            assert request.transport
            request.transport.abort()
        return web.Response(content_type="application/x-protobuf")

    async def reject(self, request: web.Request, pieces: int) -> web.StreamResponse:
        """Answer in so many pieces that a span is not taken, with other words each time."""
        told = ExportTraceServiceResponse()
        told.partial_success.rejected_spans = 1
        told.partial_success.error_message = f"too old, request {self.asked}"
        body, reply = told.SerializeToString(), web.StreamResponse(headers={"Content-Type": "application/x-protobuf"})
        await reply.prepare(request)
        for number in range(pieces):
            await reply.write(body[number * len(body) // pieces : (number + 1) * len(body) // pieces])
            await asyncio.sleep(0.05)
        return reply


@contextmanager
def collecting(collector: Collector) -> Iterator[Collector]:
    """`collector` on its port, inside the block; outside of it connections are refused."""
    pages = web.Application(client_max_size=64 * 1024 * 1024)
    pages.add_routes([web.post(PATH, collector.answer)])
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        runner, over = web.AppRunner(pages, access_log=None, shutdown_timeout=0.1), asyncio.Event()
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", collector.port, reuse_address=True).start()
        started.set_result((asyncio.get_running_loop(), over))
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    loop, over = started.result(20)
    try:
        yield collector
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)


@contextmanager
def agent(to: Collector, folder: Path) -> Iterator[str]:
    """A real collector (Rotel) that hands on to another one what it takes, inside the block; where it takes it."""
    found = find_spec("rotel")
    if not (found and found.origin):
        warnings.warn("NOT SHOWN: traces in a real collector. Rotel is not made for this Python", stacklevel=3)
        pytest.skip("no Rotel")
    argv = [str(Path(found.origin).parent / "rotel-agent"), "start"]
    http, grpc = ports.one(), ports.one()
    argv += ["--otlp-http-endpoint", f"127.0.0.1:{http}", "--otlp-grpc-endpoint", f"127.0.0.1:{grpc}"]
    argv += ["--otlp-exporter-endpoint", f"http://127.0.0.1:{to.port}", "--otlp-exporter-protocol", "http"]
    argv += ["--otlp-exporter-compression", "none", "--pid-file", str(folder / "pid"), "--exporter", "otlp"]
    with (folder / "rotel.log").open("wb") as output:
        process = subprocess.Popen(leashed(argv), stdout=output, stderr=output)

    def answers() -> bool:
        assert process.poll() is None, (folder / "rotel.log").read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", http), 1):
            return True
        return False

    try:
        until(answers, 30)
        yield f"http://127.0.0.1:{http}{PATH}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()


def judged(request: ExportTraceServiceRequest) -> list[Span]:
    """The spans of a request, each of which is what the specification says."""
    (sent,) = request.resource_spans
    (scope,) = sent.scope_spans
    assert about(sent.resource.attributes).keys() >= RESOURCE
    assert about(sent.resource.attributes)["service.name"] == "durchwahl"
    assert scope.scope.name
    assert scope.spans
    for span in scope.spans:
        assert len(span.trace_id) == 16
        assert len(span.span_id) == 8
        assert len(span.parent_span_id) in (0, 8)
        assert any(span.trace_id)
        assert any(span.span_id)
        assert span.name
        assert span.kind != Span.SPAN_KIND_UNSPECIFIED
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.status.code in (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR)
        assert bool(span.status.message) == ("error.type" in about(span.attributes))
        assert bool(span.status.message) == (span.status.code == Status.STATUS_CODE_ERROR)
    return list(scope.spans)


def whole(spans: Sequence[Span]) -> None:
    """One trace: a root, and below it everything else, each span within the one that it is under."""
    ids = {span.span_id: span for span in spans}
    assert len(ids) == len(spans)
    assert len({span.trace_id for span in spans}) == 1
    (root,) = (span for span in spans if not span.parent_span_id)
    assert root == spans[0]
    for span in spans[1:]:
        parent = ids[span.parent_span_id]
        assert parent.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= parent.end_time_unix_nano


def about(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    """Attributes as a dictionary: each name is a good one and there once, and each has a value."""
    found = {}
    for each in attributes:
        which = each.value.WhichOneof("value")
        assert which
        assert KEY.fullmatch(each.key)
        assert each.key not in found
        found[each.key] = getattr(each.value, which)
    return found
