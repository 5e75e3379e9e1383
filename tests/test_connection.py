"""The line to Asterisk when Asterisk is late, silent, absurd or away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.asterisk import events
from orchestrator.asterisk.connection import LONGEST_PAUSE, Connection
from orchestrator.asterisk.errors import AlreadyOver, NoReply, NotConnected, Refused
from orchestrator.asterisk.events import Event, KeyPressed
from orchestrator.asterisk.transport import Transport
from tests.exchange import clock

Answer = Callable[["Switchboard", dict[str, Any]], None]


class Switchboard:
    """A transport whose other end is the test."""

    def __init__(self, answer: Answer) -> None:
        self._answer, self._in = answer, asyncio.Queue[bytes | None]()
        self.asked: list[str] = []
        self.closed = False

    async def send(self, text: bytes) -> None:
        message = json.loads(text)
        self.asked.append(f"{message['method']} {message['uri']}")
        if message["method"] == "PUT":
            self.reply(message, 200)  # the event filter
        else:
            self._answer(self, message)

    async def receive(self) -> bytes:
        text = await self._in.get()
        if text is None:
            raise NotConnected("cut")
        return text

    async def close(self) -> None:
        self.closed = True

    def say(self, text: bytes | None) -> None:
        """Something comes in; None cuts the line."""
        self._in.put_nowait(text)

    def reply(self, message: dict[str, Any], status: int, body: str = "") -> None:
        said = {"type": "RESTResponse", "request_id": message["request_id"], "status_code": status}
        self.say(json.dumps({**said, "reason_phrase": "so it is", "message_body": body}).encode())


class Ear:
    """A listener that notes everything, and chokes on `#`."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.lines = self.losses = 0

    async def welcome(self) -> None:
        self.lines += 1

    def hear(self, event: Event) -> None:
        if isinstance(event, KeyPressed) and event.key == "#":
            raise ZeroDivisionError
        self.heard.append(event)

    def lost(self) -> None:
        self.losses += 1


def silent(board: Switchboard, message: dict[str, Any]) -> None:
    """Never an answer."""


def with_line(answer: Answer, scenario: Any) -> None:
    """Run `scenario(connection, ear, boards)` with a line that is up, in virtual time."""

    async def main() -> None:
        boards: list[Switchboard] = []
        ear = Ear()

        async def dial(app: str) -> Transport:
            boards.append(Switchboard(answer))
            return boards[-1]

        connection = Connection(dial, app="attendant-1", listener=ear)
        running = asyncio.create_task(connection.run())
        await asyncio.sleep(0.01)
        assert connection.connected
        await scenario(connection, ear, boards)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert boards[-1].closed
        assert len(asyncio.all_tasks()) == 1

    clock.run(main())


def key(pressed: str) -> bytes:
    return json.dumps({"type": "ChannelDtmfReceived", "digit": pressed, "channel": {"id": "a"}}).encode()


def test_a_request_that_nobody_answers_ends_in_time_and_a_late_answer_is_dropped() -> None:
    async def scenario(connection: Connection, ear: Ear, boards: list[Switchboard]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(NoReply, match="GET asterisk/ping"):
            await connection.request("GET", "asterisk/ping")
        assert loop.time() - began == pytest.approx(2.0)
        boards[0].reply({"request_id": "2"}, 200)
        await asyncio.sleep(0.1)
        assert connection.connected

    with_line(silent, scenario)


@pytest.mark.parametrize(("status", "kind"), [(404, AlreadyOver), (409, AlreadyOver), (412, Refused), (500, Refused)])
def test_a_no_is_an_error_with_its_status(status: int, kind: type[Refused]) -> None:
    async def scenario(connection: Connection, ear: Ear, boards: list[Switchboard]) -> None:
        with pytest.raises(Refused) as refused:
            await connection.request("DELETE", "playbacks/x")
        assert type(refused.value) is kind
        assert refused.value.status == status

    with_line(lambda board, message: board.reply(message, status), scenario)


def test_who_stops_waiting_does_not_stop_the_request() -> None:
    async def scenario(connection: Connection, ear: Ear, boards: list[Switchboard]) -> None:
        async def impatient() -> None:
            await connection.request("POST", "channels/a/play/a-1")

        waiting = asyncio.create_task(impatient())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(3)
        assert "POST channels/a/play/a-1" in boards[0].asked

    with_line(silent, scenario)


def test_requests_arrive_in_the_order_in_which_they_were_made() -> None:
    async def scenario(connection: Connection, ear: Ear, boards: list[Switchboard]) -> None:
        for number in range(20):
            connection.request("GET", str(number))
        await asyncio.sleep(3)
        assert boards[0].asked[1:] == [f"GET {number}" for number in range(20)]

    with_line(silent, scenario)


def test_a_broken_line_fails_what_was_under_way_and_comes_back() -> None:
    async def scenario(connection: Connection, ear: Ear, boards: list[Switchboard]) -> None:
        request = connection.request("GET", "asterisk/ping")
        await asyncio.sleep(0.01)
        boards[0].say(None)
        with pytest.raises(NotConnected):
            await request
        with pytest.raises(NotConnected):
            await connection.request("GET", "asterisk/ping")
        await asyncio.sleep(0.3)
        assert connection.connected
        assert (ear.lines, ear.losses) == (2, 1)

    with_line(silent, scenario)


def test_the_pauses_between_attempts_grow_and_shrink_again() -> None:
    async def scenario(connection: Connection, ear: Ear, boards: list[Switchboard]) -> None:
        loop = asyncio.get_running_loop()
        waited = []
        for _ in range(9):
            boards[-1].say(None)
            came, began = len(boards), loop.time()
            while len(boards) == came or not connection.connected:
                await asyncio.sleep(0.01)
            waited.append(loop.time() - began)
        assert waited[0] < 0.2
        assert LONGEST_PAUSE <= waited[-1] < LONGEST_PAUSE * 1.6
        await asyncio.sleep(11)
        boards[-1].say(None)
        await asyncio.sleep(0.3)
        assert connection.connected

    with_line(silent, scenario)


def test_nonsense_and_a_bad_handler_cost_one_message_each() -> None:
    async def scenario(connection: Connection, ear: Ear, boards: list[Switchboard]) -> None:
        for text in (b"{", b"[]", b"7", b"{}", b'{"type":"New"}', b'{"type":"StasisStart"}', b"\xff\xfe", key("#")):
            boards[0].say(text)
        boards[0].say(key("1"))
        await asyncio.sleep(0.1)
        assert ear.heard == [KeyPressed(channel="a", key="1")]
        assert connection.ignored == 7
        assert connection.connected

    with_line(silent, scenario)


KINDS = ("CallBroadcast", "StasisStart", "StasisEnd", "ChannelDtmfReceived", "PlaybackFinished", "ApplicationReplaced")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "x", "dialplan"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(KINDS),
    fields=st.dictionaries(st.sampled_from(["channel", "args", "digit", "playback", "more"]), json_values),
)
def test_no_event_can_upset_the_reader(kind: str, fields: dict[str, Any]) -> None:
    found = events.read({"type": kind, **fields})
    assert found is None or type(found).__module__ == events.__name__
