"""Sends a trace of each call that is over to an OpenTelemetry collector: OTLP over HTTP, as protobuf.

Nobody waits for the collector: what it does not take waits in memory up to a limit; what is over that is dropped, and
counted. Source: OTLP 1.x, "OTLP/HTTP" (which answers mean later, and which never). Only who sends traces imports this
module (service.control). Not here: what is in a trace (metrics.spans).
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import structlog
from google.protobuf.message import DecodeError
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from orchestrator.journal.journeys import Journey
from orchestrator.metrics.spans import packed, rejected, request, resource, spans
from orchestrator.metrics.traces import TraceMetrics
from orchestrator.service.version import version

log = structlog.get_logger()

MOST = 2000
"""Traces that wait, some 2 KiB each; then the oldest is dropped for a new one."""
BATCH = 100
"""Traces in one request."""
TOGETHER = 1.0
"""Seconds from a trace to its request: others may go with it."""
ANSWERS_WITHIN = 10.0
"""Seconds that a request may take."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until it is tried again; doubled each time."""
LONGEST_WISH = 600.0
"""Seconds that a collector may ask us to wait (`Retry-After`)."""
LAST = 2.0
"""Seconds for what waits still when control ends."""
READ = 65536
"""Bytes of an answer that are read."""
LATER = (429, 502, 503, 504)
"""Answers after which the same request may be sent again; after any other one that is no success it must not."""
HEADERS = {"Content-Type": "application/x-protobuf"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a request."""

    kind: str = ""
    """How it was not taken: a status, or a word; empty: it was taken."""
    why: str = ""
    """The same for an admin; may be in other words each time."""
    later: bool = False
    """Whether it may be sent again."""
    wish: float = 0.0
    """Seconds that the collector wants us to wait until then; 0: it does not say."""


@dataclass(kw_only=True)
class Traces:
    """Takes journeys at any time, and sends them when it can."""

    session: aiohttp.ClientSession
    """One for all requests: a name that cannot be resolved is then asked for once at a time."""
    url: str
    resource: Resource
    figures: TraceMetrics
    kind: Callable[[str], str]
    """What a place does; empty: it is not known."""
    _waiting: deque[bytes] = field(default_factory=deque)
    _batch: list[bytes] = field(default_factory=list)
    """What was sent last and not taken yet."""
    _some: asyncio.Event = field(default_factory=asyncio.Event)
    _pause: float = 0.0
    _said: str = ""
    """The kind of the answer before: why nothing is taken is told when that changes."""

    def take(self, journey: Journey, unexpected: bool) -> None:
        """Send a journey when it can be done. Never raises: whoever writes journeys down has nothing to do with it."""
        try:
            made = packed(spans(journey, unexpected, self.kind))
        except Exception:
            log.exception("no trace of a call", id=journey.id)
            self.figures.ended("dropped", 1)
            return
        if len(self._waiting) >= MOST:
            self._waiting.popleft()
            self.figures.ended("dropped", 1)
        self._waiting.append(made)
        self._tell()

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            await self._some.wait()
            await asyncio.sleep(self._pause or TOGETHER)
            try:
                await self._send()
            except Exception:  # a fault of ours in sending ends nothing else
                log.exception("traces are dropped", count=len(self._batch))
                self._settle("dropped")

    async def flush(self) -> None:
        """What waits still goes now, or never."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST):
                while self._some.is_set() and not (await self._send()).later:
                    pass
        if left := len(self._batch) + len(self._waiting):
            self.figures.ended("dropped", left)
            self._batch, self._waiting = [], deque()
            self._tell()
            log.warning("traces were not sent before the end", count=left)

    async def _send(self) -> Answer:
        """Send one batch, again if it is to be; the pause until the next one follows from what came of it."""
        if not self._batch:
            self._batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        answer = await self._ask(request(self.resource, self._batch))
        if answer.kind != self._said:
            if answer.kind:
                log.warning("the collector takes no traces", url=self.url, why=answer.why, later=answer.later)
            else:
                log.info("the collector takes traces again", url=self.url)
            self._said = answer.kind
        if answer.later:
            self._pause = answer.wish or min(max(self._pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        else:
            self._pause = 0.0
            self._settle("refused" if answer.kind else "sent")
        return answer

    def _settle(self, outcome: str) -> None:
        self.figures.ended(outcome, len(self._batch))
        self._batch = []
        self._tell()

    def _tell(self) -> None:
        waiting = len(self._batch) + len(self._waiting)
        self.figures.waiting.set(waiting)
        if waiting:
            self._some.set()
        else:
            self._some.clear()

    async def _ask(self, body: bytes) -> Answer:
        try:
            async with self.session.post(self.url, data=body, headers=HEADERS, allow_redirects=False) as reply:
                return await _answer(reply)
        except TimeoutError:
            return Answer(kind="none", why=f"no answer within {ANSWERS_WITHIN:.0f} s", later=True)
        except (aiohttp.ClientError, OSError) as bad:
            return Answer(kind="none", why=str(bad) or type(bad).__name__, later=True)


async def _answer(reply: aiohttp.ClientResponse) -> Answer:
    """What a reply means. Raises ClientError where it is cut."""
    status, says = str(reply.status), f"it answers {reply.status}"
    if reply.status in LATER:
        return Answer(kind=status, why=says, later=True, wish=wish(reply.headers.get("Retry-After", "")))
    if not 200 <= reply.status < 300:
        return Answer(kind=status, why=f"{says} {reply.reason}")
    try:
        body = await reply.content.readexactly(READ)
    except asyncio.IncompleteReadError as whole:
        body = whole.partial
    try:
        count, why = rejected(body)
    except DecodeError:  # the page of a proxy, to log in
        return Answer(kind="other", why=f"{says}, but not as a collector does")
    return Answer(kind="rejects", why=f"it rejects {count} spans: {why}") if count > 0 else Answer()


def wish(told: str) -> float:
    """Seconds of a `Retry-After`, which has seconds or a date; 0: it says nothing of use. Source: RFC 9110, 10.2.3."""
    try:
        seconds = float(told) if told.isdecimal() else (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WISH)


@asynccontextmanager
async def sending(url: str, figures: TraceMetrics, kind: Callable[[str], str]) -> AsyncIterator[Traces]:
    """Something that sends to `url` while its `run` does; at the end what waits goes within a limit."""
    limit = aiohttp.ClientTimeout(total=ANSWERS_WITHIN)
    who = resource(version=version(), host=socket.gethostname())
    async with aiohttp.ClientSession(timeout=limit) as session:
        traces = Traces(session=session, url=url, resource=who, figures=figures, kind=kind)
        try:
            yield traces
        finally:
            await traces.flush()
