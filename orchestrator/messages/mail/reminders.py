"""What has to be told without a new message: the morning's digest, a case that waits too long, a box nearly full.

Belongs here: when each is due. Not here: their texts (composing), and how they are sent (postman).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain import rights
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import OFF, Box
from orchestrator.domain.schedule import Schedule
from orchestrator.messages.ledger import SETTLED, Case
from orchestrator.messages.mail import letters
from orchestrator.messages.mail.letters import Letter, Letters
from orchestrator.messages.mail.outbox import queue
from orchestrator.messages.mailbox import UNHEARD, Spool
from orchestrator.store.tables import cases

NEARLY = 0.8
"""Part of the quota from which on a box is nearly full."""


@dataclass(kw_only=True)
class Reminders:
    """Looks what is due and queues it. The digest is looked for once a day; a restart does it again, to no effect."""

    engine: AsyncEngine
    spool: Spool
    directory: Callable[[], Directory]
    at: time
    """When digests are made, by the town's clock."""
    digested: date = date.min

    async def look(self, now: float) -> int:
        """Queue what is due at `now` (seconds since the epoch); how many letters. Raises SQLAlchemyError, OSError."""
        directory = self.directory()
        at = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(directory.town.timezone))
        found = nearly_full(directory, at, await asyncio.to_thread(self._counts, directory))
        digesting = at.time() >= self.at and self.digested != at.date()
        if digesting:
            found += digests(directory, at, self.at, await self._oldest(directory))
        async with self.engine.begin() as connection:
            new = await queue(connection, found, now)
        if digesting:
            self.digested = at.date()
        return new + await self._escalate(directory, now)

    def _counts(self, directory: Directory) -> Mapping[str, int]:
        there = (box for box in self.spool.boxes() if box in directory.boxes)
        return {box: len(self.spool.box(box).messages(*UNHEARD)) for box in there}

    async def _oldest(self, directory: Directory) -> Mapping[str, float]:
        """Box -> since when the oldest of what is open or unheard there waits, for the boxes of departments."""
        shared = sorted(rights.shared(directory))
        asked = select(cases.c.box, func.min(cases.c.opened)).where(cases.c.state != "done").group_by(cases.c.box)
        async with self.engine.connect() as connection:
            opened = {box: oldest for box, oldest in await connection.execute(asked) if box in shared}
        heard = await asyncio.to_thread(lambda: {box: self._unheard(box) for box in shared})
        waits = {box: [each for each in (opened.get(box), heard[box]) if each is not None] for box in shared}
        return {box: min(since) for box, since in waits.items() if since}

    def _unheard(self, box: str) -> float | None:
        return min((message.at for message in self.spool.box(box).messages(*UNHEARD)), default=None)

    async def _escalate(self, directory: Directory, now: float) -> int:
        asked = select(cases).where(cases.c.state.not_in(SETTLED), cases.c.escalated.is_(None))
        async with self.engine.begin() as connection:
            waiting = [Case(**row) for row in (await connection.execute(asked)).mappings()]
            found = overdue(directory, now, waiting)
            for letter in found:
                told = update(cases).where(cases.c.message == letter.message, cases.c.escalated.is_(None))
                await connection.execute(told.values(escalated=now))
            return await queue(connection, found, now)


def digests(directory: Directory, now: datetime, at: time, oldest: Mapping[str, float]) -> Letters:
    """Who gets a digest today: readers of a department's box, on a day on which it opens, once it is `at`.

    `oldest`: box -> since when the oldest thing waits there. What came after `at` is in tomorrow's; so a digest that is
    looked for late, after a standstill, is the one of the morning.
    """
    zone = ZoneInfo(directory.town.timezone)
    today = now.astimezone(zone).date()
    morning = datetime.combine(today, at, zone).timestamp()
    if now.timestamp() < morning:
        return ()
    found: list[Letter] = []
    for id, since in sorted(oldest.items()):
        box = directory.boxes.get(id)
        if box and box.mail != OFF and since < morning and _opens(directory, box, today):
            found += [letters.digest(box, today, reader, morning) for reader in letters.readers(directory, box)]
    return tuple(found)


def overdue(directory: Directory, now: float, waiting: Iterable[Case]) -> Letters:
    """Who is told of cases that nobody has done in the hours of their box: the head, if there is one with an address.

    The hours are those in which the department is open; clock hours for a box without a department.
    """
    found: list[Letter] = []
    for case in waiting:
        box = directory.boxes.get(case.box)
        head = directory.people.get(box.head) if box else None
        if box and head and head.email and box.overdue and _waited(directory, box, case.opened, now) >= box.overdue:
            found.append(letters.overdue(box, head, case.message, now))
    return tuple(found)


def nearly_full(directory: Directory, now: datetime, counts: Mapping[str, int]) -> Letters:
    """Who is told today that a box is nearly full. `counts`: box -> messages that nobody has heard."""
    found: list[Letter] = []
    for id, count in sorted(counts.items()):
        box = directory.boxes[id]
        if box.mail != OFF and is_nearly_full(box, count):
            day = now.astimezone(ZoneInfo(directory.town.timezone)).date()
            found += [letters.full(box, day, reader, now.timestamp()) for reader in letters.readers(directory, box)]
    return tuple(found)


def is_nearly_full(box: Box, count: int) -> bool:
    """Whether `count` messages are so many that somebody must be told."""
    return count >= NEARLY * box.quota


def open_hours(schedule: Schedule, begin: float, end: float) -> float:
    """Hours between two instants (seconds since the epoch) in which `schedule` is open."""
    zone = ZoneInfo(schedule.timezone)
    day = datetime.fromtimestamp(begin, UTC).astimezone(zone).date()
    last = datetime.fromtimestamp(end, UTC).astimezone(zone).date()
    seconds = 0.0
    while day <= last:
        for block in schedule.blocks(day) or ():
            closing = datetime.combine(day + timedelta(days=block.end == time.min), block.end, zone)
            opens, closes = datetime.combine(day, block.start, zone).timestamp(), closing.timestamp()
            seconds += max(0.0, min(closes, end) - max(opens, begin))
        day += timedelta(days=1)
    return seconds / 3600


def _waited(directory: Directory, box: Box, since: float, now: float) -> float:
    home = rights.department_of(directory, box.id)
    schedule = directory.schedules.get(home.schedule) if home else None
    return open_hours(schedule, since, now) if schedule else (now - since) / 3600


def _opens(directory: Directory, box: Box, day: date) -> bool:
    home = rights.department_of(directory, box.id)
    schedule = directory.schedules.get(home.schedule) if home else None
    return bool(schedule and schedule.blocks(day))
