"""`durchwahl call` where Asterisk takes no call: it says so, and does not wait for one that never began."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.running_town import Town
from tests.test_cli import durchwahl


@contextmanager
def no_port_for_sound(town: Town) -> Iterator[None]:
    """Others have every port that Asterisk may use for it."""
    settings = town.settings
    with ExitStack() as held:
        for port in range(settings.rtp_start, settings.rtp_end + 1):
            line = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            line.bind((settings.bind, port))
        yield


async def test_what_asterisk_answers_is_told(town: Town) -> None:
    with no_port_for_sound(town):
        done = await asyncio.to_thread(durchwahl, town.state.root, "call", "21-0")
    assert done.returncode == 2, done.stdout
    assert "Asterisk refused the call: 488 Not Acceptable Here" in done.stderr
    assert "no port from rtp_start to rtp_end is free" in done.stderr
    done = await asyncio.to_thread(durchwahl, town.state.root, "call", "21-0", "--hangup-after", "1")
    assert done.returncode == 0, done.stderr
