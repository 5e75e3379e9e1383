"""Mailboxes from the command line: counted, moved, never heard; a PIN for who has forgotten it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestrator.cli.app import tree
from orchestrator.messages import ledger
from orchestrator.messages.mailbox import Spool
from orchestrator.messages.pins import Pins
from orchestrator.service import boxes, wiring
from orchestrator.service.state import State
from tests.running_town import prepared
from tests.spools import message
from tests.towns import small

AT = 1_795_600_000.0
"""2026-11-25 10:46:40 in Berlin."""


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> State:
    """A state with the small town in force; nothing runs."""
    return prepared(tmp_path_factory.mktemp("m"), small())[0]


@pytest.fixture
def state(applied: State) -> Iterator[State]:
    """The same, with two messages in the department's box and one in Beate's."""
    spool = Spool(applied.spool)
    message(spool, "10", "1.1-1", at=AT)
    message(spool, "10", "1.2-1", at=AT + 60, seconds=3.0)
    message(spool, "3501", "1.3-1", at=AT)
    yield applied
    for number in spool.boxes():
        for each in spool.box(number).messages():
            spool.box(number).remove(each.id)


def durchwahl(state: State, *words: str) -> Result:
    return CliRunner().invoke(tree(), ["--state", str(state.root), *words])


def test_boxes_are_listed_the_fullest_first(state: State) -> None:
    done = durchwahl(state, "messages")
    assert done.output.splitlines() == ["10  Zentrale  2  0  3  0", "3501  Beate Blau  1  0  100  0"]
    rows = json.loads(durchwahl(state, "messages", "--json").output)
    assert rows[1] == {"box": "3501", "name": "Beate Blau", "new": 1, "heard": 0, "quota": 100, "open": 0, "locked": ""}
    assert durchwahl(state, "messages", "--csv").output.startswith("box;name;new;heard;quota;open;locked\n10;Zentrale;")


def test_messages_are_told_without_who_called(state: State) -> None:
    done = durchwahl(state, "messages", "10")
    assert done.output.splitlines() == [
        "1.1-1  2026-11-25 10:46  01711234···  2  new",
        "1.2-1  2026-11-25 10:47  01711234···  3  new",
    ]


def test_a_message_is_deleted_taken_back_and_moved(state: State) -> None:
    assert "takes it back within a day" in durchwahl(state, "messages", "10", "--delete", "1.1-1").output
    assert "1.1-1  2026-11-25 10:46  01711234···  2  deleted" in durchwahl(state, "messages", "10").output
    assert durchwahl(state, "messages", "10", "--restore", "1.1-1").exit_code == 0
    done = durchwahl(state, "messages", "10", "--forward", "1.1-1", "--to", "3501")
    assert done.output == "1.1-1 is in box 3501 now, as 1.1-1-to-3501\n"
    assert [each.id for each in Spool(state.spool).box("3501").messages()] == ["1.1-1-to-3501", "1.3-1"]


def test_a_case_is_dealt_with(state: State) -> None:
    async def opened() -> None:
        async with boxes.desk(state) as at:
            await at.messages.reconcile()

    asyncio.run(opened())
    assert durchwahl(state, "messages").output.startswith("10  Zentrale  2  0  3  2\n")
    assert durchwahl(state, "messages", "10", "--case", "1.1-1=done").output == "the case of 1.1-1 is done\n"
    assert durchwahl(state, "messages").output.startswith("10  Zentrale  1  1  3  1\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("messages", "99"), "has no box 99"),
        (("messages", "10", "--delete", "9.9-1"), "box 10 has no message 9.9-1"),
        (("messages", "--delete", "1.1-1"), "of which mailbox"),
        (("messages", "10", "--to", "3501"), "of which mailbox"),
        (("messages", "10", "--delete", "1.1-1", "--restore", "1.1-1"), "more than one thing"),
        (("messages", "10", "--case", "1.1-1=finished"), "'finished' is no state"),
        (("messages", "10", "--forward", "1.1-1", "--to", "77"), "there is no other box 77"),
        (("pin", "99"), "has no box 99"),
    ],
)
def test_what_cannot_be_is_told(state: State, words: tuple[str, ...], told: str) -> None:
    done = durchwahl(state, *words)
    assert (done.exit_code, told in done.output) == (2, True), done.output
    assert "to do:" in done.output
    assert {each.folder for each in Spool(state.spool).box("10").messages()} == {"INBOX"}


def test_a_forgotten_pin_is_the_first_one_again_and_unlocked(state: State) -> None:
    first = durchwahl(state, "pin", "3501").output.strip()
    assert first == wiring.secrets(state).pin("3501")
    Pins(Spool(state.spool), wiring.secrets(state).pin).change("3501", "804162")

    async def guess() -> None:
        async with boxes.desk(state) as at, at.messages.engine.begin() as connection:
            for _ in range(ledger.GUESSES):
                await ledger.guessed_wrong(connection, "3501", time.time())

    asyncio.run(guess())
    assert durchwahl(state, "messages").output.splitlines()[1].count(":") == 1, "until when it is locked"
    done = durchwahl(state, "pin", "3501")
    assert (done.exit_code, "has chosen a PIN" in done.output) == (1, True)
    assert durchwahl(state, "pin", "3501", "--forget").output.strip() == first
    assert durchwahl(state, "messages").output.splitlines()[1].count(":") == 0


def test_what_is_gone_for_good_is_written_down(state: State) -> None:
    async def expire() -> None:
        async with boxes.desk(state) as at:
            await at.messages.expire(Spool(state.spool).box("10").find("1.1-1"), "aged")

    asyncio.run(expire())
    (row,) = json.loads(durchwahl(state, "deletions", "--json").output)
    assert (row["box"], row["message"], row["received"], row["why"]) == ("10", "1.1-1", "2026-11-25 10:46", "aged")


def test_nobody_hears_from_the_command_line(state: State, tmp_path: Path) -> None:
    async def hear() -> None:
        async with boxes.desk(state) as at:
            await at.messages.hear(at.asker, "10", "1.1-1")

    with pytest.raises(Exception, match="may not hear"):
        asyncio.run(hear())
