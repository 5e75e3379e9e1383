"""A real process that sends a hundred letters and is killed again and again: every letter arrives, and what arrives
twice is the one that was in hand, with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import URL

from orchestrator.messages.mail import outbox
from tests.leash import leashed
from tests.mail_server import mail_server
from tests.mail_town import desk

LETTERS = 100
LIMIT = 240.0
PROGRAM = """
import asyncio, sys
from pathlib import Path
from orchestrator.store.database import open_database
from tests.mail_server import Post, Running
from tests.mail_town import Desk

async def run(url, spool, port):
    engine = open_database(url)
    place = Desk(engine, Path(spool))
    print("at work", flush=True)
    await place.postman(Running(Post(), int(port)).server(), first=0.1).run()

asyncio.run(run(*sys.argv[1:]))
"""


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.long
async def test_killed_while_it_sends(url: URL, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with mail_server() as running:
        async with desk(url, tmp_path) as place:
            await place.leave(*range(LETTERS))
            address = url.render_as_string(hide_password=False)
            argv = leashed([sys.executable, "-c", PROGRAM, address, str(place.spool), str(running.port)])
            kills, end = 0, time.monotonic() + LIMIT
            while len(set(running.post.ids)) < LETTERS or "waiting" in await place.states():
                assert time.monotonic() < end, Counter(await place.states())
                process = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
                assert process.stdout
                await asyncio.to_thread(process.stdout.readline)
                had, wanted = len(running.post.began), chance.randrange(5, 25)
                while len(running.post.began) < had + wanted and "waiting" in await place.states():
                    await asyncio.sleep(0.01)
                await asyncio.sleep(chance.random() * 0.05)
                process.send_signal(signal.SIGKILL)
                process.wait(20)
                process.stdout.close()
                kills += 1
            assert await place.states() == [outbox.SENT] * LETTERS
            assert len(set(running.post.ids)) == LETTERS
            assert len(running.post.ids) <= LETTERS + kills
            assert kills >= 2
