"""The rows of the outbox: queued once, given up late, retried, dropped and forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from sqlalchemy import URL

from orchestrator.messages.mail import outbox
from orchestrator.messages.mail.letters import Letter
from tests.databases import database
from tests.mail_town import NOON, desk

DAY = 86400.0


def letter(number: int) -> Letter:
    return Letter(key=f"k{number}", kind="message", box="10", recipient="a@b", created=NOON + number, message="m")


async def test_a_key_is_queued_once_for_ever(url: URL) -> None:
    async with database(url) as engine:
        async with engine.begin() as connection:
            assert await outbox.queue(connection, [letter(1), letter(2), letter(1)], NOON) == 2
            assert await outbox.queue(connection, []) == 0
        async with engine.begin() as connection:
            assert await outbox.queue(connection, [letter(number) for number in range(250)], NOON) == 248
        first = (await outbox.due(engine, NOON + 500, 1))[0]
        assert first.letter == letter(0)
        await outbox.through(engine, first.id, outbox.SENT, NOON + 9)
        async with engine.begin() as connection:
            assert await outbox.queue(connection, [letter(0)]) == 0
        assert len(await outbox.due(engine, NOON + 500, 1000)) == 249


async def test_queued_with_the_callers_transaction_or_not_at_all(url: URL) -> None:
    async with database(url) as engine:
        async with engine.connect() as connection:
            await outbox.queue(connection, [letter(1)])
            await connection.rollback()
        assert await outbox.listed(engine) == []


async def test_two_queue_the_same_at_once(url: URL) -> None:
    async with database(url) as engine:

        async def one() -> int:
            async with engine.begin() as connection:
                return await outbox.queue(connection, [letter(number) for number in range(50)])

        assert sum(await asyncio.gather(*(one() for _ in range(4)))) == 50


async def test_given_up_after_three_days_and_enough_tries(url: URL) -> None:
    async with database(url) as engine:
        async with engine.begin() as connection:
            await outbox.queue(connection, [letter(1)], NOON)
        (row,) = await outbox.listed(engine)
        late = NOON + 4 * DAY
        assert await outbox.failed(engine, row, "451", now=late, again=late + 60) == outbox.WAITING
        tried = replace(row, attempts=outbox.TRIES - 1)
        assert await outbox.failed(engine, tried, "451", now=NOON + DAY, again=NOON + DAY) == outbox.WAITING
        assert await outbox.failed(engine, tried, "451", now=late, again=late + 60) == outbox.DEAD
        assert await outbox.due(engine, late + DAY, 5) == []


async def test_what_is_told_late_is_as_young_as_a_letter_can_be(url: URL) -> None:
    """A message that was forwarded after three days, or taken while we were off: its letter has waited for a minute."""
    async with database(url) as engine:
        now = NOON + 4 * DAY
        async with engine.begin() as connection:
            await outbox.queue(connection, [letter(1)], now)
        assert (await outbox.fill(engine, now + 60)).oldest == 60
        (row,) = await outbox.due(engine, now, 9)
        assert row.letter.created == NOON + 1, "the mail still says when the message was left"
        tried = replace(row, attempts=outbox.TRIES)
        assert await outbox.failed(engine, tried, "451", now=now + 600, again=now + 700) == outbox.WAITING


async def test_an_admin_retries_and_drops(url: URL) -> None:
    async with database(url) as engine:
        async with engine.begin() as connection:
            await outbox.queue(connection, [letter(1), letter(2), letter(3)], NOON)
        rows = await outbox.listed(engine)
        for row in rows[:2]:
            await outbox.failed(engine, row, "550 no", now=NOON, again=0)
        await outbox.through(engine, rows[2].id, outbox.SENT, NOON)
        fill = await outbox.fill(engine, NOON + 100)
        assert (fill.waiting, fill.dead, fill.oldest) == (0, 2, 0.0)
        assert await outbox.retry(engine, rows[0].id, NOON) == 1
        assert await outbox.retry(engine, rows[2].id, NOON) == 0  # sent is sent
        assert [row.id for row in await outbox.due(engine, NOON, 9)] == [rows[0].id]
        assert (await outbox.fill(engine, NOON + 101)).oldest == 101  # it waits since the admin retried it
        assert await outbox.drop(engine, rows[1].id) == 1
        assert await outbox.drop(engine, rows[1].id) == 0
        assert await outbox.retry(engine, None, NOON) == 1
        async with engine.begin() as connection:
            assert await outbox.queue(connection, [letter(2)]) == 0  # what was dropped does not come back


async def test_what_is_through_is_forgotten_when_no_message_lives_any_more(url: URL) -> None:
    async with database(url) as engine:
        async with engine.begin() as connection:
            await outbox.queue(connection, [letter(number) for number in range(5)], NOON)
        for row, state in zip(
            await outbox.listed(engine), (outbox.SENT, outbox.MOOT, outbox.DROPPED, outbox.SENT), strict=False
        ):
            await outbox.through(engine, row.id, state, NOON + (row.id == 4) * 50 * DAY)
        dead = (await outbox.listed(engine))[0]
        await outbox.failed(engine, dead, "550", now=NOON, again=0)
        await outbox.forget(engine, NOON + 99 * DAY)
        every = (outbox.SENT, outbox.MOOT, outbox.DROPPED, outbox.DEAD)
        assert len(await outbox.listed(engine, every)) == 5
        await outbox.forget(engine, NOON + 101 * DAY)
        assert [row.state for row in await outbox.listed(engine, every)] == [outbox.SENT, outbox.DEAD]


async def test_nothing_is_asked_of_an_empty_outbox(url: URL, tmp_path: Path) -> None:
    async with desk(url, tmp_path) as place:
        await outbox.unreachable(place.engine, "down", NOON)
        assert await outbox.fill(place.engine, NOON) == outbox.Fill(waiting=0, dead=0, oldest=0.0)
