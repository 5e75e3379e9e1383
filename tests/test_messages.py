"""Messages as everybody uses them: what is whose, what becomes of a case, what is written down of what is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import URL, select

from orchestrator.domain.leavers import without
from orchestrator.domain.people import Box
from orchestrator.domain.references import references
from orchestrator.domain.rights import boxes_of, department_of, members
from orchestrator.messages import ledger
from orchestrator.messages.api import Asker, BoxFull, Messages, NoSuchMessage, NotYours, asker, owner
from orchestrator.messages.audio import judge
from orchestrator.messages.lock import PATIENCE, Busy, locked
from orchestrator.messages.mail.links import Link, Links
from orchestrator.messages.mailbox import DELETED, HEARD, NEW, Mailbox, Message, Spool
from orchestrator.store.tables import cases, deletions
from tests.databases import database
from tests.spools import message, whole
from tests.towns import TODAY, person, small

TOWN = small()
KEPT = Box(id="2600", name="Bürgerbüro (2600)", department="buergerbuero")
TOWN = replace(
    TOWN,
    people={**TOWN.people, "p40": replace(person("40", phones=(), box="40"), department="amt")},
    departments={
        **TOWN.departments,
        "amt": replace(TOWN.departments["buergerbuero"], id="amt", extension="41", box="41", phones=()),
    },
    boxes={
        **TOWN.boxes,
        "2600": KEPT,
        "40": Box(id="40", name="x"),
        "41": Box(id="41", name="Amt", members=("p3501", "p40"), head="p40"),
    },
)
ANNA, BEATE, AMT = (asker(TOWN, id_) for id_ in ("p2500", "p3501", "p40"))
STRANGER, ADMIN = asker(TOWN, "nobody"), Asker(name="admin", boxes=frozenset(TOWN.boxes), listens=False)


class Lamps:
    """Which boxes were lit."""

    def __init__(self) -> None:
        self.lit: list[str] = []

    async def light(self, box: str) -> None:
        self.lit.append(box)


@pytest.fixture
def lamps() -> Lamps:
    return Lamps()


@pytest.fixture
async def messages(url: URL, tmp_path: Path, lamps: Lamps) -> AsyncIterator[Messages]:
    async with database(url) as engine:
        yield Messages(
            spool=Spool(tmp_path / "spool"),
            engine=engine,
            directory=lambda: TOWN,
            light=lamps.light,
            clock=lambda: 1000.0,
        )


def test_whose_messages_are_whose() -> None:
    """A department's are its people's, or its members'; a kept box is worked with as the department's own."""
    assert (ANNA.boxes, BEATE.boxes, AMT.boxes) == ({"10", "2600"}, {"3501", "10", "2600", "41"}, {"40", "41"})
    assert STRANGER.boxes == frozenset()
    assert [each.id for each in members(TOWN, "41")] == ["p3501", "p40"]
    assert [each.id for each in members(TOWN, "2600")] == ["p2500", "p3501"]
    assert members(TOWN, "40") == members(TOWN, "999") == ()
    assert (department_of(TOWN, "2600"), department_of(TOWN, "40")) == (TOWN.departments["buergerbuero"], None)
    assert all(boxes_of(TOWN, each) <= TOWN.boxes.keys() for each in TOWN.people.values())


def test_a_box_of_which_no_member_is_left_is_closed_and_not_open_to_all() -> None:
    alone = replace(TOWN.boxes["10"], members=("p3501",))
    before = replace(TOWN, boxes={**TOWN.boxes, "10": alone})
    after = without(before, [before.people["p3501"]], TODAY)
    assert members(after, "10") == members(after, "2600") == ()
    assert "10" not in asker(after, "p2500").boxes
    assert [each.where for each in references(after) if each.code == "box_of_nobody"] == ["box 10"]
    led = replace(before, boxes={**before.boxes, "10": replace(alone, head="p2500")})
    after = without(led, [led.people["p3501"]], TODAY)
    assert [each.id for each in members(after, "10")] == ["p2500"], "the head works with it from now on"
    assert not [each for each in references(after) if each.where == "box 10"]


def test_a_box_is_one_departments() -> None:
    assert not [each for each in references(TOWN) if each.where == "box 10"]
    amt = replace(TOWN.departments["amt"], box="10")
    two = replace(TOWN, departments={**TOWN.departments, "amt": amt})
    (found,) = (each for each in references(two) if each.where == "box 10")
    assert (found.code, "amt and" in found.what or "and amt" in found.what) == ("box_of_many", True)
    assert boxes_of(two, two.people["p40"]) == {"40"}, "until it is mended it is the first one's, everywhere"


Do = Callable[[Messages, Asker], Awaitable[object]]


async def again(messages: Messages, who: Asker) -> None:
    """What is to be taken back must be deleted."""
    if "41" in who.boxes:
        await messages.delete(who, "41", "m")
    await messages.restore(who, "41", "m")


OPERATIONS: dict[str, Do] = {
    "usage": lambda all_, who: all_.usage(who, "41"),
    "listed": lambda all_, who: all_.listed(who, "41"),
    "find": lambda all_, who: all_.find(who, "41", "m"),
    "hear": lambda all_, who: all_.hear(who, "41", "m"),
    "mark": lambda all_, who: all_.mark(who, "41", "m", heard=True),
    "delete": lambda all_, who: all_.delete(who, "41", "m"),
    "restore": lambda all_, who: again(all_, who),
    "erase": lambda all_, who: all_.erase(who, "41", "m"),
    "forward": lambda all_, who: all_.forward(who, "41", "m", "40"),
    "deal": lambda all_, who: all_.deal(who, "41", "m", "taken"),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_nobody_does_anything_with_anothers_messages(messages: Messages, lamps: Lamps, name: str) -> None:
    await messages.received(message(messages.spool, "41", "m"))
    before = whole(messages.spool, "41")
    for who in (ANNA, STRANGER, owner("40"), owner("999")):
        with pytest.raises(NotYours):
            await OPERATIONS[name](messages, who)
    assert (whole(messages.spool, "41"), lamps.lit) == (before, [])
    async with messages.engine.connect() as connection:
        assert [row.state for row in await connection.execute(select(cases))] == ["open"]
    await OPERATIONS[name](messages, BEATE)


async def test_an_admin_counts_and_moves_but_does_not_listen(messages: Messages) -> None:
    message(messages.spool, "3501", "m")
    assert (await messages.usage(ADMIN, "3501")).new == 1
    with pytest.raises(NotYours, match="may not hear"):
        await messages.hear(ADMIN, "3501", "m")
    await messages.delete(ADMIN, "3501", "m")


async def test_what_is_done_with_a_message_is_seen_and_lit(messages: Messages, lamps: Lamps) -> None:
    message(messages.spool, "3501", "a", at=1.0)
    message(messages.spool, "3501", "b", at=2.0, seconds=3.0)
    assert judge(await messages.hear(BEATE, "3501", "b"))[0] == 3.0
    assert [each.id for each in await messages.listed(BEATE, "3501")] == ["a", "b"]
    await messages.mark(BEATE, "3501", "a", heard=True)
    assert [each.id for each in await messages.listed(BEATE, "3501", NEW)] == ["b"]
    await messages.delete(BEATE, "3501", "a")
    usage = await messages.usage(BEATE, "3501")
    assert (usage.new, usage.heard, usage.deleted, usage.quota, usage.full) == (1, 0, 1, 100, False)
    assert [each.id for each in await messages.listed(BEATE, "3501")] == ["b"]
    await messages.restore(BEATE, "3501", "a", heard=False)
    assert lamps.lit == ["3501"] * 3
    await messages.erase(BEATE, "3501", "a")
    with pytest.raises(NoSuchMessage):
        await messages.restore(BEATE, "3501", "a")
    async with messages.engine.connect() as connection:
        (row,) = await connection.execute(select(deletions))
    assert (row.box, row.message, row.received, row.at, row.why, row.who) == (
        *("3501", "a", 1.0, 1000.0, "deleted", "p3501"),
    )


async def test_a_case_goes_its_way(messages: Messages) -> None:
    """Open, taken, called back, done; deleted it is done, taken back it is open. A personal message is no case."""
    await messages.received(message(messages.spool, "41", "m", at=5.0))
    await messages.received(message(messages.spool, "3501", "own"))
    (case,) = await messages.cases(AMT)
    assert (case.message, case.box, case.state, case.who, case.opened) == ("m", "41", "open", "", 5.0)
    for state in ("taken", "called_back", "done"):
        case = await messages.deal(AMT, "41", "m", state, comment="Rückruf Montag")
        assert (case.state, case.who, case.changed, case.comment) == (state, "p40", 1000.0, "Rückruf Montag")
    assert (await messages.find(AMT, "41", "m")).folder == HEARD
    assert (await messages.deal(BEATE, "41", "m", "open")).who == ""
    await messages.received(message(messages.spool, "41", "m"))
    assert len(await messages.cases(BEATE)) == 1, "told twice, it is one case"
    await messages.delete(BEATE, "41", "m")
    assert [each.state for each in await messages.cases(BEATE)] == ["done"]
    assert await messages.cases(BEATE, "open", "taken") == []
    with pytest.raises(NoSuchMessage, match="is deleted"):
        await messages.mark(BEATE, "41", "m", heard=True)
    await messages.restore(BEATE, "41", "m")
    with pytest.raises(NoSuchMessage, match="is not deleted"):
        await messages.restore(BEATE, "41", "m")
    assert [(each.state, each.who) for each in await messages.cases(BEATE)] == [("open", "")]
    for state in ("taken", "called_back", "done"):
        await messages.deal(AMT, "41", "m", state)
        await messages.delete(BEATE, "41", "m")
        await messages.restore(BEATE, "41", "m")
        assert [each.state for each in await messages.cases(BEATE)] == [state], "it is what it was"
    with pytest.raises(NoSuchMessage, match="no case"):
        await messages.deal(BEATE, "3501", "own", "done")
    with pytest.raises(NoSuchMessage, match="no case"):
        await messages.deal(BEATE, "10", "m", "done")


async def test_a_message_is_sent_on_with_or_without_the_first(messages: Messages, lamps: Lamps) -> None:
    message(messages.spool, "3501", "m", at=7.0)
    for _ in range(2):
        copy = await messages.forward(BEATE, "3501", "m", "41")
    assert (copy.box, copy.at, copy.forwarded_by, copy.folder) == ("41", 7.0, "p3501", NEW)
    assert [case.message for case in await messages.cases(AMT)] == [copy.id]
    await messages.forward(BEATE, "3501", "m", "10", keep=False)
    assert (await messages.find(BEATE, "3501", "m")).folder == DELETED
    for nowhere in ("3501", "999", "../41"):
        with pytest.raises(NoSuchMessage):
            await messages.forward(BEATE, "3501", "m", nowhere)
    assert set(lamps.lit) == {"41", "10", "3501"}


async def test_a_message_goes_round_for_as_long_as_somebody_likes(messages: Messages) -> None:
    message(messages.spool, "10", "1795626303.12-1")
    at, to, id_ = "10", "3501", "1795626303.12-1"
    seen, links = {id_}, Links(lambda: b"a key for the tests")
    for _ in range(30):
        audio = messages.spool.box(at).audio(id_)
        copy = await messages.forward(owner(at), at, id_, to, audio=audio)
        assert (await messages.forward(owner(at), at, id_, to, audio=audio)).id == copy.id
        await messages.mark(owner(to), to, copy.id, heard=True)  # else the box is full some time
        assert copy.id not in seen
        seen.add(copy.id)
        assert links.token(Link(box=to, message=copy.id, reader="anna@stadt.example", until=1))
        at, to, id_ = to, at, copy.id


async def test_a_copy_with_the_same_id_in_another_box_is_another_message(messages: Messages) -> None:
    """As whoever forwards natively, or restores a backup into another box, may leave one."""
    await messages.received(message(messages.spool, "10", "1.1-1"))
    message(messages.spool, "3501", "1.1-1")
    await messages.delete(BEATE, "3501", "1.1-1")
    assert [case.state for case in await messages.cases(ANNA)] == ["open"]
    await messages.erase(BEATE, "3501", "1.1-1")
    assert [case.state for case in await messages.cases(ANNA)] == ["open"]


async def test_cases_are_rebuilt_from_the_spool(messages: Messages) -> None:
    """What was moved, deleted or sent on by the native menu, and a database that was lost."""
    for id_ in ("a", "b", "c"):
        await messages.received(message(messages.spool, "41", id_))
    box = messages.spool.box("41")
    box.remove("a")
    box.move("b", HEARD)
    message(messages.spool, "41", "d")
    message(messages.spool, "40", "own")
    await messages.deal(AMT, "41", "c", "taken")
    await messages.reconcile()
    found = {case.message: (case.state, case.who) for case in await messages.cases(AMT)}
    assert found == {"b": ("open", ""), "c": ("taken", "p40"), "d": ("open", "")}
    async with messages.engine.begin() as connection:
        await ledger.close_cases(connection, found)
    await messages.reconcile()
    assert {case.message: case.state for case in await messages.cases(AMT)} == {"b": "done", "c": "done", "d": "open"}


async def test_cases_stand_while_their_messages_are_moved(messages: Messages) -> None:
    """A list that is made while names change may miss a message; its case must not go for that."""
    for number in range(20):
        await messages.received(message(messages.spool, "41", f"m{number}", seconds=1.6))
        await messages.deal(AMT, "41", f"m{number}", "taken", comment="Rückruf")
    over = False

    def move() -> None:
        box, at = Spool(messages.spool.root).box("41"), 0
        while not over:
            box.move(f"m{at % 20}", (NEW, HEARD)[at // 20 % 2])
            at += 1

    moving = asyncio.create_task(asyncio.to_thread(move))
    try:
        for _ in range(60):
            await messages.reconcile()
    finally:
        over = True
        await moving
    assert [(case.state, case.comment) for case in await messages.cases(AMT)] == [("taken", "Rückruf")] * 20


async def test_a_case_stands_whose_message_a_list_misses_again_and_again(
    messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one go while somebody else has the mailbox; when they let go, it does."""
    await messages.received(message(messages.spool, "41", "m"))
    await messages.deal(AMT, "41", "m", "taken", comment="Rückruf")
    box, listed = messages.spool.box("41"), Mailbox.messages

    def missed(mailbox: Mailbox, *folders: str) -> list[Message]:
        """As a list misses what is moved meanwhile, which nothing can be while the folders are held."""
        with suppress(Busy), locked(*(mailbox.path / each for each in (NEW, HEARD))):
            return []
        return listed(mailbox, *folders)

    token = PATIENCE.set(0.05)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Mailbox, "messages", missed)
            for _ in range(3):
                await messages.reconcile()
        assert [(case.state, case.comment) for case in await messages.cases(AMT)] == [("taken", "Rückruf")]
        box.remove("m")
        with locked(box.path / HEARD):
            await messages.reconcile()
            assert await messages.cases(AMT)
        await messages.reconcile()
        assert not await messages.cases(AMT)
    finally:
        PATIENCE.reset(token)


async def test_what_was_thrown_away_comes_again_and_a_full_box_takes_nothing(messages: Messages) -> None:
    message(messages.spool, "3501", "m")
    copy = await messages.forward(BEATE, "3501", "m", "10")
    await messages.delete(BEATE, "10", copy.id)
    assert (await messages.forward(BEATE, "3501", "m", "10")).folder == NEW
    for number in range(2):
        message(messages.spool, "10", f"more{number}")
    with pytest.raises(BoxFull):
        await messages.forward(BEATE, "3501", "m", "10")


async def test_what_is_gone_is_logged_once(messages: Messages) -> None:
    """Killed between the line in the log and the file, it is done once more, and not written twice."""
    old = message(messages.spool, "41", "m")
    async with messages.engine.begin() as connection:
        await ledger.deleted(connection, [old], "aged", who="", at=1.0)
    await messages.expire(old, "aged")
    async with messages.engine.connect() as connection:
        assert len((await connection.execute(select(deletions))).all()) == 1


async def test_a_lock_that_a_wrong_clock_made_is_none(messages: Messages) -> None:
    async with messages.engine.begin() as connection:
        for _ in range(ledger.GUESSES):
            await ledger.guessed_wrong(connection, "41", 365 * 86400.0)
        assert await ledger.locked_until(connection, "41", 0.0) == 0.0
        assert await ledger.locks(connection, 0.0) == {}
        assert list(await ledger.locks(connection, 365 * 86400.0)) == ["41"]


async def test_what_is_too_old_is_written_down_and_gone(messages: Messages, lamps: Lamps) -> None:
    old = message(messages.spool, "41", "m", at=3.0)
    await messages.received(old)
    await messages.expire(old, "aged")
    assert (whole(messages.spool, "41"), await messages.cases(AMT), lamps.lit) == ({}, [], ["41"])
    async with messages.engine.connect() as connection:
        assert [(row.message, row.why) for row in await connection.execute(select(deletions))] == [("m", "aged")]


async def test_guessing_locks_a_box_longer_each_time(messages: Messages) -> None:
    async with messages.engine.begin() as connection:
        untils = [await ledger.guessed_wrong(connection, "41", 0.0) for _ in range(14)]
        assert untils[:8] == [0, 0, 0, 0, 900.0, 1800.0, 3600.0, 7200.0]
        assert untils[-1] == await ledger.locked_until(connection, "41") == 24 * 3600.0
        assert await ledger.locked_until(connection, "40") == 0.0
        await ledger.guessed_right(connection, "41")
        assert await ledger.locked_until(connection, "41") == 0.0
        assert await ledger.guessed_wrong(connection, "41", 0.0) == 0.0
