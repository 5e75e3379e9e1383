"""A postman who is sent home: what is under way comes to its end, and he goes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.mail_server import SLOW, Post, free_port, mail_server
from tests.mail_town import desk
from tests.test_postman import at, through, until


async def test_stopped_in_the_middle_of_a_mail(url: URL, tmp_path: Path) -> None:
    with mail_server(Post({"data": [SLOW]})) as running:
        async with desk(url, tmp_path) as place:
            await place.leave(1, 2)
            task = asyncio.create_task(place.postman(running.server()).run())
            await until(lambda: running.post.began)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await place.states() == ["sent", "waiting"]
            await through(place, running, 1)
            assert len(running.post.ids) == len(set(running.post.ids)) == 2


async def test_a_cancellation_that_a_library_has_lost_ends_it_all_the_same(
    url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def loses() -> bool:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return False

    async with desk(url, tmp_path) as place:
        one = place.postman(at(free_port()))
        monkeypatch.setattr(one, "round", loses)
        task = asyncio.create_task(one.run())
        await begun.wait()
        task.cancel()
        await asyncio.wait([task], timeout=5)
        assert task.cancelled()
