"""What the fake dialplan does by itself at a place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tests.exchange.channel import Channel
from tests.exchange.fake import Native


def takes(seconds: float, answer: str) -> Native:
    """A step that always ends the same way."""

    async def perform(channel: Channel) -> str:
        await asyncio.sleep(seconds)
        return answer

    return perform


def menu(keys: Mapping[str, str], *, seconds: float, wait: float, tries: int) -> Native:
    """`Read()`, from the try on in which the caller is: any key ends the prompt; a wrong one or silence is the next."""

    async def perform(channel: Channel) -> str:
        while channel.attempt <= tries:
            try:
                async with asyncio.timeout(seconds + wait):
                    key = await channel.keys.get()
            except TimeoutError:
                key = ""
            if key in keys:
                return keys[key]
            channel.attempt += 1
        return "gave_up"

    return perform
