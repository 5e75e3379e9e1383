"""When departments and heads are told without a new message: mornings, opening hours, full boxes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from sqlalchemy import URL, insert, select

from orchestrator.messages.ledger import Case
from orchestrator.messages.mail import outbox
from orchestrator.messages.mail.reminders import Reminders, digests, nearly_full, open_hours, overdue
from orchestrator.messages.mailbox import Spool
from orchestrator.store.tables import cases
from tests.mail_town import desk, left, message, town
from tests.towns import BERLIN, HOURS

SEVEN = time(7)
READERS = ("anna@stadt.example", "beate@stadt.example")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """In November 2026; the 25th is a Wednesday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN)


def keys(found: tuple[outbox.Letter, ...]) -> list[str]:
    return [letter.key for letter in found]


def test_digest_on_a_day_when_the_department_opens() -> None:
    since = {"10": at(24, 15).timestamp()}
    for moment in (at(25, 7), at(25, 7, 1), at(25, 23)):
        found = digests(town(), moment, SEVEN, since)
        assert keys(found) == [f"digest:10:2026-11-25:{reader}" for reader in READERS]
        assert found[0].created == at(25, 7).timestamp()
    assert digests(town(), at(25, 6, 59), SEVEN, since) == ()
    assert digests(town(), at(28, 9), SEVEN, since) == ()  # Saturday


def test_no_digest_of_what_came_after_it() -> None:
    assert digests(town(), at(25, 9), SEVEN, {"10": at(25, 8).timestamp()}) == ()
    assert len(digests(town(), at(26, 9), SEVEN, {"10": at(25, 8).timestamp()})) == 2


def test_no_digest_of_ones_own_box_or_where_mail_is_off() -> None:
    since = {"2500": at(24, 15).timestamp(), "404": at(24, 15).timestamp()}
    assert digests(town(), at(25, 9), SEVEN, since) == ()
    directory = town()
    off = {**directory.boxes, "10": replace(directory.boxes["10"], mail="off")}
    assert digests(replace(directory, boxes=off), at(25, 9), SEVEN, {"10": 0.0}) == ()


@pytest.mark.parametrize(
    ("begin", "end", "hours"),
    [
        (at(25, 9), at(25, 11, 30), 2.5),
        (at(25, 11), at(26, 9), 2),
        (at(26, 11), at(26, 15), 2),  # Thursday is open 8 to 12 and 14 to 18
        (at(27, 11), at(30, 9), 2),  # over the weekend
        (at(28, 0), at(29, 23), 0),
        (at(25, 11), at(25, 10), 0),
    ],
)
def test_opening_hours(begin: datetime, end: datetime, hours: float) -> None:
    assert open_hours(HOURS, begin.timestamp(), end.timestamp()) == hours


def test_the_clock_is_put_back_while_it_is_open() -> None:
    night = replace(HOURS, week={"sun": (replace(HOURS.week["mon"][0], start=time.min, end=time.min),)})
    begin, end = datetime(2026, 10, 24, tzinfo=BERLIN), datetime(2026, 10, 27, tzinfo=BERLIN)
    assert open_hours(night, begin.timestamp(), end.timestamp()) == 25


def test_a_case_is_overdue_by_opening_hours() -> None:
    case = Case(message="1.0-1", box="10", opened=at(25, 10).timestamp(), state="open", who="", changed=0.0)
    assert overdue(town(), at(26, 9, 59).timestamp(), [case]) == ()
    (letter,) = overdue(town(), at(26, 10).timestamp(), [case])
    assert (letter.key, letter.recipient) == ("overdue:1.0-1:p2500", "anna@stadt.example")
    directory = town()
    for changed in ({"overdue": 0}, {"head": ""}, {"head": "nobody"}):
        boxes = {**directory.boxes, "10": replace(directory.boxes["10"], **changed)}  # type: ignore[arg-type]
        assert overdue(replace(directory, boxes=boxes), at(26, 12).timestamp(), [case]) == ()
    assert overdue(directory, at(26, 12).timestamp(), [replace(case, box="404")]) == ()


def test_a_box_is_nearly_full() -> None:
    assert nearly_full(town(), at(25, 9), {"10": 7, "2500": 0}) == ()
    assert keys(nearly_full(town(), at(25, 9), {"10": 8})) == [f"full:10:2026-11-25:{each}" for each in READERS]
    assert keys(nearly_full(town(), at(25, 9), {"2500": 80})) == ["full:2500:2026-11-25:anna@stadt.example"]


async def test_each_is_queued_once(url: URL, tmp_path: Path) -> None:
    async with desk(url, tmp_path) as place:
        for number in range(8):
            left(place.spool, message(number, "10", left=at(24, 15).timestamp()))
        row = {"message": "1.0-1", "box": "10", "opened": at(24, 10).timestamp(), "state": "open", "who": ""}
        async with place.engine.begin() as connection:
            await connection.execute(insert(cases).values(**row, changed=0.0, escalated=None, comment=""))
        for _ in range(2):  # and after a restart
            reminders = Reminders(engine=place.engine, spool=Spool(place.spool), directory=town, at=SEVEN)
            for moment in (at(25, 6), at(25, 7), at(25, 8), at(25, 11), at(25, 12)):
                await reminders.look(moment.timestamp())
        expected = [f"digest:10:2026-11-25:{each}" for each in READERS]
        expected += [f"full:10:2026-11-25:{each}" for each in READERS]
        assert sorted(each.key for each in await outbox.listed(place.engine)) == [*expected, "overdue:1.0-1:p2500"]
        async with place.engine.connect() as connection:
            told = (await connection.execute(select(cases.c.escalated))).scalar_one()
        assert told == at(25, 11).timestamp()  # two hours on Tuesday, two on Wednesday


async def test_nothing_when_there_is_nothing(url: URL, tmp_path: Path) -> None:
    async with desk(url, tmp_path) as place:
        reminders = Reminders(engine=place.engine, spool=Spool(place.spool), directory=town, at=SEVEN)
        assert await reminders.look(at(25, 9).timestamp()) == 0
        done = {"box": "10", "opened": 0.0, "who": "", "comment": "", "changed": 0.0, "escalated": None}
        async with place.engine.begin() as connection:
            await connection.execute(insert(cases).values(**done, message="1.0-1", state="done"))
        assert await reminders.look(datetime(2026, 11, 26, 9, tzinfo=UTC).timestamp()) == 0
