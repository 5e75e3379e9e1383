"""Many callers at once, each with a voice: the other half of Local channels, moved by a small ARI application.

A telephone of its own for each of a thousand callers would be a thousand processes. Belongs here: callers. Not here:
what becomes of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from orchestrator.asterisk.address import Address

APP = "crowd"


@dataclass
class Crowd:
    """Callers say `says` (a sound without its ending) again and again, and hang up after `after` seconds."""

    http: aiohttp.ClientSession
    url: str
    says: str
    after: float
    over: set[str] = field(default_factory=set)
    here: set[str] = field(default_factory=set)
    _hanging: list[asyncio.TimerHandle] = field(default_factory=list)

    async def calls(self, id_: str, number: str, *, context: str = "from-trunk") -> None:
        """One more caller dials `number`; `id_` is the channel that the dialplan sees, `voice-<id_>` the other."""
        asked = {
            "endpoint": f"Local/{number}@{context}/n",
            "app": APP,
            "formats": "alaw",
            "channelId": f"voice-{id_}",
            "otherChannelId": id_,
        }
        async with self.http.post(f"{self.url}/channels", params=asked) as reply:
            assert reply.status == 200, await reply.text()

    async def listen(self, line: aiohttp.ClientWebSocketResponse) -> None:
        """Give each who has arrived a voice, until cancelled."""
        async for message in line:
            event = message.json()
            if event["type"] == "StasisStart":
                self.here.add(event["channel"]["id"])
                await self._speak(event["channel"]["id"])
            elif event["type"] == "PlaybackFinished":
                channel = event["playback"]["target_uri"].partition(":")[2]
                if channel not in self.over:
                    await self._ask("POST", f"channels/{channel}/play", {"media": f"sound:{self.says}"})
            elif event["type"] == "StasisEnd":
                self.over.add(event["channel"]["id"])

    async def _speak(self, channel: str) -> None:
        await self._ask("POST", f"channels/{channel}/play", {"media": f"sound:{self.says}"})

        def hang_up() -> None:
            self._hanging.append(asyncio.ensure_future(self._ask("DELETE", f"channels/{channel}", {})))  # type: ignore[arg-type]

        self._hanging.append(asyncio.get_running_loop().call_later(self.after, hang_up))

    async def _ask(self, method: str, path: str, query: dict[str, Any]) -> None:
        async with self.http.request(method, f"{self.url}/{path}", params=query) as reply:
            await reply.read()  # one who is gone meanwhile is gone

    async def leave(self) -> None:
        """All of them hang up."""
        for channel in self.here - self.over:
            await self._ask("DELETE", f"channels/{channel}", {})

    def go(self) -> None:
        """Nobody hangs up any more."""
        for handle in self._hanging:
            handle.cancel()


@asynccontextmanager
async def crowd(address: Address, says: str, *, after: float) -> AsyncIterator[Crowd]:
    """A crowd at one exchange."""
    headers = {"Authorization": aiohttp.encode_basic_auth(address.user, address.password)}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=30)) as http:
        line = await http.ws_connect(f"{address.url}/events", params={"app": APP}, heartbeat=30)
        made = Crowd(http, address.url, says, after)
        listening = asyncio.create_task(made.listen(line))
        try:
            yield made
        finally:
            made.go()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await line.close()
