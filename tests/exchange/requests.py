"""What the fake exchange answers to each request: the paths of ARI, and its refusals.

Belongs here: method, path, status. Not here: what becomes of a caller (fake).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.exchange.channel import Channel, Playback
from tests.exchange.line import Line

if TYPE_CHECKING:
    from tests.exchange.fake import FakeExchange


class Refusal(Exception):
    """An answer that is not 2xx."""


Query = dict[str, str]
ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = []


def route(method: str, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        ROUTES.append((method, re.compile(path.replace("{}", "([^/]+)")), handler))
        return handler

    return register


def obey(exchange: FakeExchange, line: Line, message: dict[str, Any]) -> None:
    """Carry out one request and reply to it; the deed is done before the reply is on its way."""
    query = {pair["name"]: pair["value"] for pair in message.get("query_strings", ())}
    if "message_body" in message:
        query["body"] = message["message_body"]
    reply: dict[str, Any] = {"type": "RESTResponse", "request_id": message["request_id"], "status_code": 204}
    try:
        body = _handle(exchange, message["method"], message["uri"], query)
        if body is not None:
            reply |= {"status_code": 200, "message_body": json.dumps(body)}
    except Refusal as refusal:
        reply |= {"status_code": refusal.args[0], "reason_phrase": "No"}
    line.reply(reply)


def _handle(exchange: FakeExchange, method: str, path: str, query: Query) -> Any:
    for known, pattern, handler in ROUTES:
        if known == method and (match := pattern.fullmatch(path)):
            return handler(exchange, *map(unquote, match.groups()), query)
    raise Refusal(404)


def _channel(exchange: FakeExchange, name: str, *, with_app: bool = True) -> Channel:
    channel = exchange.channels.get(name)
    if channel is None:
        raise Refusal(404)
    if with_app and channel.app is None:
        raise Refusal(409)
    return channel


@route("GET", "asterisk/ping")
def ping(exchange: FakeExchange, query: Query) -> Any:
    return {"ping": "pong"}


@route("POST", "asterisk/variable")
def set_global(exchange: FakeExchange, query: Query) -> None:
    exchange.globals[query["variable"]] = query["value"]


@route("GET", "applications/{}")
def application(exchange: FakeExchange, name: str, query: Query) -> Any:
    if name not in exchange.apps:
        raise Refusal(404)
    return {"name": name, "channel_ids": list(exchange.apps[name].channels)}


@route("PUT", "applications/{}/eventFilter")
def event_filter(exchange: FakeExchange, name: str, query: Query) -> Any:
    exchange.apps[name].wanted = frozenset(each["type"] for each in json.loads(query["body"])["allowed"])
    return application(exchange, name, query)


@route("POST", "events/claim")
def claim(exchange: FakeExchange, query: Query) -> None:
    channel = _channel(exchange, query["channelId"], with_app=False)
    if not channel.offered:
        raise Refusal(409 if channel.app else 404)
    told = ("", str(channel.attempt)) if exchange.places[channel.place].tries else ("",)
    exchange.give_to_app(channel, query["application"], (channel.place, *told))


@route("POST", "channels")
def originate(exchange: FakeExchange, query: Query) -> Any:
    """A citizen rings: both ends of a Local channel, and the near one is with the application that asked."""
    step, flow = query["endpoint"].removeprefix("Local/").removesuffix("/n").split("@flow-")
    near, far = (Channel(query[name], tell=exchange.played) for name in ("channelId", "otherChannelId"))
    exchange.channels |= {near.id: near, far.id: far}
    exchange.citizens[near.id] = far.id
    exchange.land(far, f"{flow}.{step}")
    exchange.give_to_app(near, query["app"], ())
    return {"id": near.id}


@route("GET", "channels/{}")
def channel(exchange: FakeExchange, name: str, query: Query) -> Any:
    found = _channel(exchange, name, with_app=False)
    flow = found.place.partition(".")[0]
    return {"id": name, "language": "de", "dialplan": {"context": f"flow-{flow}", "exten": found.exten}}


@route("DELETE", "channels/{}")
def hang_up(exchange: FakeExchange, name: str, query: Query) -> None:
    exchange.hang_up(_channel(exchange, name, with_app=False))


@route("POST", "channels/{}/dtmf")
def dtmf(exchange: FakeExchange, name: str, query: Query) -> None:
    _channel(exchange, name)
    exchange.press(exchange.channels[exchange.citizens[name]], query["dtmf"])


@route("POST", "channels/{}/play/{}")
def play(exchange: FakeExchange, name: str, playback: str, query: Query) -> Any:
    found = _channel(exchange, name)
    seconds = sum(exchange.media(media) for media in query["media"].split(","))
    made = Playback(playback, seconds)
    exchange.playbacks[playback] = (found, made)
    found.command(made)
    return {"id": playback, "state": "queued"}


@route("DELETE", "playbacks/{}")
def stop(exchange: FakeExchange, playback: str, query: Query) -> None:
    if playback not in exchange.playbacks:
        raise Refusal(404)
    found, made = exchange.playbacks[playback]
    found.stop(made)


@route("POST", "channels/{}/continue")
def go_on(exchange: FakeExchange, name: str, query: Query) -> None:
    found = _channel(exchange, name)
    if query.get("label") and not exchange.has(query["context"], query["extension"], query["label"]):
        raise Refusal(404)

    def leave() -> None:
        exchange.take_from_app(found)
        exchange.arrive(found, query["context"], query["extension"], query.get("label"))

    found.command(leave)


@route("POST", "channels/{}/move")
def move(exchange: FakeExchange, name: str, query: Query) -> None:
    found = _channel(exchange, name)

    def hand_over() -> None:
        exchange.take_from_app(found)
        exchange.give_to_app(found, query["app"], tuple(filter(None, [query.get("appArgs")])))

    found.command(hand_over)
