"""One application's line to Asterisk: requests out, events in, over one websocket that is always being kept up.

Belongs here: owning the line, the requests in flight and the time that each may take. Not here: what a request says
(ari) or what an event means to a call (apps). Protocol: Asterisk 22, "ARI REST over WebSocket".

A password that is renewed costs nothing: Asterisk checks the account of each request, and refuses what comes by the old
one. Then another line with the new one takes the place of this, and what was refused is asked again; it was not done.

A call may be cancelled, a request may not: Asterisk may have created what we stopped waiting for. So a request
belongs to the connection; whoever waits for it may stop waiting.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import orjson

from orchestrator.asterisk.errors import UNAUTHORIZED, AsteriskError, NoReply, NotConnected, refusal
from orchestrator.asterisk.events import WANTED, Event, Replaced, read
from orchestrator.asterisk.transport import Dial, Transport

log = logging.getLogger(__name__)
T_co = TypeVar("T_co", covariant=True)

REQUEST_LIMIT = 2.0
"""Seconds until a request that nobody answered counts as NoReply."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two attempts to connect: doubled each time, with up to half of it added by chance."""
CLOSE_LIMIT = 1.0
"""Seconds that putting down a line may take."""
SETTLED = 10.0
"""Seconds that a line must hold until the next pause is the shortest again."""

Query = Sequence[tuple[str, str]]


class Listener(Protocol):
    """Who hears what comes in. Only `welcome` may take its time: the pump never waits for a handler."""

    async def welcome(self) -> None:
        """The line is up and filtered. May send requests. An AsteriskError from here drops the line."""

    def hear(self, event: Event) -> None:
        """Sort one event; must not block. An exception is logged and costs this event only."""

    def lost(self) -> None:
        """The line is down; whatever was going on over it is out of reach."""


class Request(Generic[T_co]):
    """A request on its way. Awaiting it gives the reply or raises; to stop awaiting does not stop the request."""

    def __init__(self, reply: asyncio.Future[T_co]) -> None:
        self._reply = reply
        reply.add_done_callback(_heard)

    def __await__(self) -> Generator[Any, None, T_co]:
        return asyncio.shield(self._reply).__await__()

    def then(self, callback: Callable[[asyncio.Future[T_co]], None]) -> None:
        """Call `callback` with the settled reply, for who has no task to wait in."""
        self._reply.add_done_callback(callback)


def _heard(reply: asyncio.Future[Any]) -> None:
    if not reply.cancelled():
        reply.exception()  # a dead call need not hear of it, and asyncio need not complain about that


class Connection:
    """Keeps one line up and carries requests over it. `run` is the task that owns everything in here."""

    def __init__(self, dial: Dial, *, app: str, listener: Listener, limit: float = REQUEST_LIMIT) -> None:
        self.app = app
        self.connected = False
        self.ignored = 0
        """Messages that were no event we know, since the start."""
        self._dial, self._listener, self._limit = dial, listener, limit
        self._outbox: asyncio.Queue[bytes] | None = None
        self._waiting: dict[str, tuple[asyncio.Future[Any], asyncio.TimerHandle, str, bytes]] = {}
        self._renewed = asyncio.Event()
        """Asterisk knows another password than this line began with."""
        self._numbered = 0

    def request(self, method: str, path: str, query: Query = (), body: Mapping[str, Any] | None = None) -> Request[Any]:
        """Send a request; those sent in a row arrive in a row. Await it for the reply's body.

        Raises, on awaiting: NotConnected, NoReply, Refused.
        """
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        asked = f"{method} {path}"
        if self._outbox is None:
            reply.set_exception(NotConnected(f"{asked}: there is no line to Asterisk"))
            return Request(reply)
        self._numbered += 1
        number = str(self._numbered)
        late = loop.call_later(self._limit, self._give_up, number)
        message: dict[str, Any] = {"type": "RESTRequest", "request_id": number, "method": method, "uri": path}
        if query:
            message["query_strings"] = [{"name": name, "value": value} for name, value in query]
        if body is not None:
            message |= {"content_type": "application/json", "message_body": orjson.dumps(body).decode()}
        text = orjson.dumps(message)
        self._waiting[number] = (reply, late, asked, text)  # before it is sent: the reply may be faster than we are
        self._outbox.put_nowait(text)
        return Request(reply)

    async def run(self) -> None:
        """Connect, stay connected, connect again; until cancelled."""
        pause = FIRST_PAUSE
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._line()
            except AsteriskError as error:
                log.warning("%s: %s", self.app, error)
            if loop.time() - began > SETTLED:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause * random.uniform(1.0, 1.5))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _line(self) -> None:
        """One line from its beginning to its end, which is always an error or a cancellation."""
        transport = await self._dial(self.app)
        self._outbox = asyncio.Queue()
        self._renewed.clear()
        ways = (self._carry(transport, self._outbox), self._greet())
        # No task group: before Python 3.13 one that fails as it is cancelled swallows the cancellation for ever.
        tasks = {asyncio.create_task(way) for way in ways}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            self._drop()
            await _end(*tasks)

    async def _carry(self, transport: Transport, outbox: asyncio.Queue[bytes]) -> None:
        """What goes over this line, and over those that take its place when the password was renewed."""
        while True:
            pump, write = (asyncio.create_task(way) for way in (self._pump(transport), self._write(transport, outbox)))
            renewed = asyncio.create_task(self._renewed.wait())
            fresh: Transport | None = None
            try:
                await asyncio.wait({pump, write, renewed}, return_when=asyncio.FIRST_COMPLETED)
                for task in (pump, write):
                    if task.done():
                        task.result()
                fresh = await self._dial(self.app)
                await asyncio.wait({pump}, timeout=CLOSE_LIMIT)  # what comes by the old one comes first
            except BaseException:
                if fresh:
                    await fresh.close()
                raise
            finally:
                await _end(pump, write, renewed)
                await transport.close()
            transport = fresh
            self._ask_again(outbox)

    def _ask_again(self, outbox: asyncio.Queue[bytes]) -> None:
        """Asterisk answers in turn: what it had not answered when it refused, it has refused or never seen."""
        self._renewed.clear()
        while not outbox.empty():
            outbox.get_nowait()
        for _, _, _, text in self._waiting.values():
            outbox.put_nowait(text)
        log.warning("%s: the password was renewed; %s requests are asked again", self.app, len(self._waiting))

    async def _greet(self) -> None:
        allowed = [{"type": kind} for kind in WANTED]
        await self.request("PUT", f"applications/{self.app}/eventFilter", body={"allowed": allowed})
        await self._listener.welcome()
        self.connected = True

    async def _write(self, transport: Transport, outbox: asyncio.Queue[bytes]) -> None:
        while True:
            await transport.send(await outbox.get())

    async def _pump(self, transport: Transport) -> None:
        while True:
            text = await transport.receive()
            try:
                message = orjson.loads(text)
                kind = message.get("type")
            except (ValueError, AttributeError):
                self.ignored += 1
                continue
            if kind == "RESTResponse":
                self._settle(message)
                continue
            event = read(message)
            match event:
                case None:
                    self.ignored += 1
                case Replaced():
                    raise NotConnected(f"someone else connected as {self.app}")
                case _:
                    self._tell(event)

    def _tell(self, event: Event) -> None:
        try:
            self._listener.hear(event)
        except Exception:
            log.exception("%s: could not sort %s", self.app, event)

    def _settle(self, message: Mapping[str, Any]) -> None:
        status, number = message.get("status_code"), str(message.get("request_id"))
        if status == UNAUTHORIZED:
            self._renewed.set()
            return  # it is asked again, for as long as it may take
        found = self._waiting.pop(number, None)
        if found is None:
            return  # it came too late, and was given up
        reply, late, asked, _ = found
        late.cancel()
        if not isinstance(status, int) or not 200 <= status < 300:
            reason = str(message.get("reason_phrase", ""))
            reply.set_exception(refusal(status=status if isinstance(status, int) else 0, reason=reason, asked=asked))
            return
        try:
            body = message.get("message_body")
            reply.set_result(orjson.loads(body) if body else None)
        except ValueError as error:
            reply.set_exception(AsteriskError(f"{asked}: the reply cannot be read: {error}"))

    def _give_up(self, number: str) -> None:
        reply, _, asked, _ = self._waiting.pop(number)
        reply.set_exception(NoReply(f"{asked}: no reply within {self._limit} s"))

    def _drop(self) -> None:
        self.connected, self._outbox = False, None
        self._listener.lost()  # first: a call then ends because its line did, not because a reply of it failed
        waiting, self._waiting = self._waiting, {}
        for reply, late, asked, _ in waiting.values():
            late.cancel()
            reply.set_exception(NotConnected(f"{asked}: the line broke before the reply"))


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """End tasks of ours, and let nobody complain about how they ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=CLOSE_LIMIT)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()
