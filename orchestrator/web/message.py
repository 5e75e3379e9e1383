"""The page of one message, behind a signed link: hear it, and say what became of it.

Looking at the page changes nothing: programs that look at mails before people do follow links, but they press no
button. Belongs here: requests and answers. Not here: what is done (messages), who the link is for (service).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs

from aiohttp import web
from jinja2 import Environment

LARGEST = 1024
"""Bytes that a press of a button may have."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the page says of a message, in German."""

    token: str
    """The last part of the page's own address."""
    caller: str
    at: str
    length: str
    state: str
    until: str
    actions: Sequence[tuple[str, str]]
    """What can be done now, and what the button says."""


class Gone(Exception):
    """There is nothing (any more) behind a link; the text says why, in German."""


class Reading(Protocol):
    """What the page asks for. Each raises Gone."""

    async def shown(self, token: str) -> Shown:
        """What is behind the link."""

    async def audio(self, token: str) -> Path:
        """Its audio, a WAV."""

    async def do(self, token: str, action: str) -> None:
        """Do one of the actions; one that there is none of is Gone, too."""


def routes(reading: Reading, pages: Environment) -> Sequence[web.RouteDef]:
    """The page, its audio and its buttons."""
    title = "Nachricht auf dem Anrufbeantworter"

    async def page(request: web.Request) -> web.StreamResponse:
        shown = await reading.shown(request.match_info["token"])
        text = pages.get_template("message.html").render(title=title, message=shown)
        return web.Response(text=text, content_type="text/html")

    async def audio(request: web.Request) -> web.StreamResponse:
        path = await reading.audio(request.match_info["token"])
        return web.FileResponse(path, headers={"Content-Type": "audio/wav"})

    async def do(request: web.Request) -> web.StreamResponse:
        pressed = parse_qs((await _body(request)).decode(errors="replace"))
        await reading.do(request.match_info["token"], pressed.get("do", [""])[0])
        raise web.HTTPSeeOther(request.match_info["token"])  # so that loading the page again does nothing again

    def gone(handler: Handler) -> Handler:
        async def told(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except Gone as bad:
                text = pages.get_template("message.html").render(title=title, message=None, told=str(bad))
                return web.Response(text=text, content_type="text/html", status=404)

        return told

    return [
        web.get("/nachricht/{token}", gone(page)),
        web.get("/nachricht/{token}/audio", gone(audio)),
        web.post("/nachricht/{token}", gone(do)),
    ]


async def _body(request: web.Request) -> bytes:
    """What was pressed, as browsers send it; whatever else is sent is read no further than `LARGEST`."""
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > LARGEST:
            raise web.HTTPRequestEntityTooLarge(max_size=LARGEST, actual_size=len(body))
    return bytes(body)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
