"""One caller neither keeps all lines nor fills a mailbox: they are refused or led on, and everybody else is served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from orchestrator.compile import per_caller
from orchestrator.compile.message import SHARES
from orchestrator.messages import share
from orchestrator.messages.description import Description
from orchestrator.messages.mailbox import HEARD, UNHEARD, Message, Spool
from orchestrator.phone.call import Call
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.history import Past
from orchestrator.service.state import State
from tests.console import console
from tests.running_town import CITIZEN, Town, running_town, until, world
from tests.towns import MONDAY_10

AT_ONCE = 2
NUMBER, OTHER = "+496221555", "+496221556"
HEAD = "06205210"
BOX, MINUTE = "2500", 90.0
"""A mailbox; and seconds in which control has surely looked once."""


@pytest.fixture(scope="module")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    def furnish(state: State) -> None:
        path = state.root / "settings.toml"
        path.write_text(path.read_text().replace("per_caller = 10 ", f"per_caller = {AT_ONCE} "))

    with running_town(tmp_path_factory.mktemp("t"), furnish=furnish) as town:
        assert town.settings.per_caller == AT_ONCE
        yield town


def left(caller: str, count: int) -> list[Message]:
    return [Message(id=f"1.{n}-1", box=BOX, folder="INBOX", caller=caller, at=n, seconds=3) for n in range(count)]


@pytest.mark.parametrize(("quota", "enough"), [(100, 20), (60, 12), (10, 3), (1, 3)])
def test_a_fifth_is_the_share_of_one_caller(quota: int, enough: int) -> None:
    assert share.used_up(left("+491711", enough - 1) + left("+49621", 1), quota) == set()
    assert share.used_up(left("+491711", enough) + left("+49621", 1), quota) == {"n491711"}


def test_all_who_hide_their_number_share_a_half() -> None:
    assert share.used_up(left("", 4), 10) == set()
    assert share.used_up(left("", 4) + left("", 1), 10) == {"n"}


@pytest.mark.long
async def test_who_has_filled_their_share_is_led_on_and_others_leave_theirs(town: Town, tmp_path: Path) -> None:
    caller, box = f"+4917112{town.used + 1:05d}", Spool(town.state.spool).box(BOX)
    for number in range(town.directory.boxes[BOX].quota // share.SHARE):
        audio = tmp_path / f"{number}.wav"
        audio.write_bytes(town.words.read_bytes())
        box.put(audio, Description(id=f"17.{number}-1", caller=caller, at=time.time(), seconds=3, origin=BOX))
    await asyncio.to_thread(until, lambda: f"{BOX}/{share.who(caller)} " in shares(town), MINUTE)
    assert "durchwahl_box_shares_used_up 1.0" in town.page("/metrics")
    for full in (True, False):  # their own, and the next number
        made, _ = await town.citizen_calls(world(MONDAY_10), dialled="06205212500", at_box="leaves")
        assert made.caller == caller or not full
        boxes = [step for step in made.steps if step.place.startswith(f"n_{BOX}.") and step.answer == "full"]
        assert bool(boxes) is full
        await asyncio.to_thread(until, lambda: made.id in town.written(), 20)  # noqa: B023
        assert town.written()[made.id].unexpected == ""
    for message in box.messages(*UNHEARD):
        box.move(message.id, HEARD)
    await asyncio.to_thread(until, lambda: BOX not in shares(town), MINUTE)


def shares(town: Town) -> str:
    """What Asterisk has been told."""
    return console(town, f"database show {SHARES}")


async def test_one_number_has_so_many_calls_at_once_and_no_more(town: Town) -> None:
    program = wiring.program("baresip")
    async with AsyncExitStack() as calls:

        async def rings(number: str) -> Call:
            line = Line(number=number, exchange=town.exchange)
            return await (await calls.enter_async_context(Telephone(program, line, address=CITIZEN))).dial(HEAD)

        first, _ = [await rings(NUMBER) for _ in range(AT_ONCE)]
        await first.answered(within=20)
        refused = await rings(NUMBER)
        assert (await refused.ends(within=20)).code == 486
        await (await rings(OTHER)).answered(within=20)
        for _ in range(AT_ONCE + 1):
            await (await rings("anonymous")).answered(within=20)
        await first.hang_up()
        await (await rings(NUMBER)).answered(within=20)
    await asyncio.to_thread(until, lambda: not town.left(), 40)

    def refusals() -> list[Past]:
        return [past for past in town.written().values() if past.place == per_caller.PLACE]

    await asyncio.to_thread(until, refusals, 20)
    (past,) = refusals()
    assert (past.caller, past.outcome, past.unexpected) == (NUMBER, "unanswered", "")
