"""A caller's whole way by ARI, as a first try with aiohttp has it: an example to be compared with, and no part of us.

Everything is a request by HTTP, nothing is filtered, both legs and their bridge are ours. It is measured, not used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

import aiohttp

APP = "plain"


class Plain:
    """What it keeps: whose prompt plays, and who is connected with whom."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url
        self._desk: dict[str, str] = {}
        self._partner: dict[str, str] = {}
        self._bridge: dict[str, str] = {}

    async def ask(self, method: str, path: str, **query: str) -> Any:
        async with self._session.request(method, f"{self._url}/{path}", params=query) as reply:
            return await reply.json() if reply.status == 200 else None

    async def hear(self, event: dict[str, Any]) -> None:
        channel = event.get("channel", {}).get("id", "")
        match event["type"]:
            case "StasisStart" if event["args"][:1] == ["desk"]:
                await self._connect(event["args"][1], channel)
            case "StasisStart":
                sound, self._desk[channel] = event["args"]
                await self.ask("POST", f"channels/{channel}/answer")
                await self.ask("POST", f"channels/{channel}/play/{channel}", media=sound)
            case "ChannelDtmfReceived" if event["digit"] == "1" and channel in self._desk:
                await self.ask("DELETE", f"playbacks/{channel}")
                caller = event["channel"]["caller"]["number"]
                endpoint = self._desk.pop(channel)
                await self.ask(
                    "POST", "channels", endpoint=endpoint, app=APP, appArgs=f"desk,{channel}", callerId=caller
                )
            case "StasisEnd":
                self._desk.pop(channel, None)
                await self._part(channel)

    async def _connect(self, caller: str, desk: str) -> None:
        bridge = (await self.ask("POST", "bridges", type="mixing"))["id"]
        self._bridge[caller] = bridge
        self._partner |= {caller: desk, desk: caller}
        await self.ask("POST", f"bridges/{bridge}/addChannel", channel=f"{caller},{desk}")

    async def _part(self, gone: str) -> None:
        other = self._partner.pop(gone, None)
        if other and self._partner.pop(other, None):
            await self.ask("DELETE", f"bridges/{self._bridge.pop(gone, '') or self._bridge.pop(other, '')}")
            await self.ask("DELETE", f"channels/{other}")


async def serve(url: str, user: str, password: str) -> None:
    """Until killed."""
    known = {"Authorization": aiohttp.encode_basic_auth(user, password)}
    async with aiohttp.ClientSession(headers=known) as session:
        plain = Plain(session, url)
        async with session.ws_connect(f"{url}/events", params={"app": APP}) as events:
            print("ready", flush=True)
            tasks: set[asyncio.Task[None]] = set()
            async for message in events:
                task = asyncio.create_task(plain.hear(json.loads(message.data)))
                tasks.add(task)
                task.add_done_callback(tasks.discard)


def main() -> None:
    """Command line; the password comes by standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("user")
    asked = parser.parse_args()
    asyncio.run(serve(asked.url, asked.user, input()))


if __name__ == "__main__":
    main()
