"""The HTTP server of control: `/metrics`, `/health/live`, `/health/ready` and a plain status page."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestrator.web import message

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            *("default-src 'none'", "style-src 'unsafe-inline'", "media-src 'self'"),
            *("form-action 'self'", "frame-ancestors 'none'"),
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

IN_GERMAN = {
    "answered": "angenommen",
    "message": "Nachricht hinterlassen",
    "too_short": "keine Nachricht gesprochen",
    "told": "Ansage gehört",
    "call_back": "wird zurückgerufen",
    "served": "Dienst genutzt",
    "gave_up": "aufgelegt",
    "unanswered": "nicht angenommen",
    "failed": "fehlgeschlagen",
}
"""Outcome of a call -> what the page calls it."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One line of the list of calls; the caller's number is masked."""

    began: str
    caller: str
    number: str
    way: str
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """What the page shows."""

    town: str
    parts: Sequence[tuple[str, str, bool]]
    """Name, what it says, whether that is well."""
    outcomes: Sequence[tuple[str, int]]
    calls: Sequence[Call]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the pages get what they show."""

    metrics: Callable[[], bytes]
    waiting: Callable[[], str]
    """What is not ready yet; empty when the exchange takes calls."""
    status: Callable[[], Awaitable[Status]]
    reading: message.Reading
    """One message behind a signed link."""


def application(sources: Sources, *more: web.RouteDef) -> web.Application:
    """The whole server as an aiohttp application, with `more` routes."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    pages.filters["german"] = lambda outcome: IN_GERMAN.get(outcome, outcome)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=sources.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_: web.Request) -> web.Response:
        waiting = sources.waiting()
        return web.Response(text=waiting or f"ready {os.getpid()}\n", status=503 if waiting else 200)

    async def page(_: web.Request) -> web.Response:
        text = pages.get_template("status.html").render(status=await sources.status())
        return web.Response(text=text, content_type="text/html")

    app = web.Application(middlewares=[_guarded])
    app.add_routes(
        [
            web.get("/", page),
            web.get("/metrics", metrics),
            web.get("/health/live", live),
            web.get("/health/ready", ready),
            *message.routes(sources.reading, pages),
            *more,
        ]
    )
    return app


@web.middleware
async def _guarded(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> web.StreamResponse:
    """Every answer, errors too, carries the security headers."""
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPException as refused:
        refused.headers.update(HEADERS)
        raise
    response.headers.update(HEADERS)
    return response
