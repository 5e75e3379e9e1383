"""The mailbox by telephone on a real Asterisk: how it is reached, how turns go, and what is left when Python is not."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import time
import wave
from collections.abc import Iterator

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.phone.hearing import recognise
from orchestrator.service import wiring
from tests.far_exchange import FarExchange
from tests.mailbox_line import NUMBER, PUBLIC, Mailbox, becomes, running_mailbox, stairs, visiting
from tests.running_town import until

KEPT = 0.98


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with running_mailbox(tmp_path_factory.mktemp("m")) as running:
        yield running


@pytest.fixture
def mailbox(exchange: Mailbox) -> Iterator[Mailbox]:
    exchange.whole()
    yield exchange
    until(lambda: not exchange.town.left(), 20)


@pytest.mark.parametrize("dialled", [NUMBER, "*98", "0" + PUBLIC])
async def test_a_desk_reaches_it_and_is_known(mailbox: Mailbox, dialled: str) -> None:
    since = time.time() - 1
    async with mailbox.desk() as telephone, visiting(mailbox, telephone, dialled) as visit:
        (first, *_) = visit.told()
        assert first["caller"] == {**first["caller"], "phone": "tel2500", "number": "2500", "at": None}
    await mailbox.journey(dialled, "served", since)


async def test_from_outside_nobody_is_known(mailbox: Mailbox) -> None:
    async with mailbox.citizen() as telephone, visiting(mailbox, telephone, PUBLIC) as visit:
        (first, *_) = visit.told()
        assert first["caller"]["phone"] == ""
        assert first["caller"]["number"].startswith("+49171")


async def test_turns_go_on_with_keys_and_digits_and_end_with_a_goodbye(mailbox: Mailbox) -> None:
    async with mailbox.desk() as telephone, visiting(mailbox, telephone, NUMBER) as visit:
        for turn, keys in enumerate(("1", "1", "2", "0171#", "2", "123456", "0"), 2):
            await visit.press(keys)
            await visit.in_turn(turn)
        await visit.call.ends(within=20)
        assert visit.heard() == ["1", "1", "2", "0171", "2", "123456", "0"]
        heard = await visit.call.heard()
        assert recognise(heard, mailbox.town.prompt("thanks", "de")).share > KEPT
        gaps = _gaps(visit.told())
    print("seconds between two turns:", [round(gap, 3) for gap in gaps])
    assert min(gaps) < 0.1


def _gaps(told: list[dict[str, object]]) -> list[float]:
    """From a key that was heard until the next turn begins, at the attendant."""
    return [
        after["at"] - before["at"]  # type: ignore[operator]
        for before, after in itertools.pairwise(told)
        if before["heard"] and not after["heard"]
    ]


@pytest.mark.long
async def test_who_does_nothing_is_sent_off(mailbox: Mailbox) -> None:
    async with mailbox.desk() as telephone, visiting(mailbox, telephone, NUMBER) as visit:
        await visit.press("1")  # a short turn: the menu's own is long
        ended = await visit.call.ends(within=90)
        assert ended
        assert visit.heard() == ["1", "", "", ""]


async def test_what_plays_is_steered_without_a_word_to_the_dialogue(mailbox: Mailbox) -> None:
    async with mailbox.desk() as telephone, visiting(mailbox, telephone, NUMBER) as visit:
        await visit.press("5")
        await visit.in_turn(2)
        before = (await visit.call.heard()).seconds
        await visit.call.stays(3.0)
        await visit.press("6")
        await visit.call.stays(2.0)
        await visit.press("4")
        await visit.call.stays(2.0)
        await visit.press("5")
        await visit.call.stays(3.0)
        await visit.press("5")
        await visit.call.stays(2.0)
        steps = stairs((await visit.call.heard()).part(before))
        assert visit.heard() == ["5"]
        await visit.press("1")
        await visit.in_turn(3)
        assert visit.heard() == ["5", "1"]
    runs = [(step, len(list(same))) for step, same in itertools.groupby(steps)]
    clear = [step for step, tenths in runs if tenths >= 3 and step >= 0]
    moves = [after - at for at, after in itertools.pairwise(clear)]
    print("steps of the staircase and their tenths of a second:", runs)
    assert [move for move in moves if move > 3] in ([4], [5], [6]), runs
    assert [move for move in moves if move < 0] in ([-4], [-5], [-6]), runs
    assert any(step < 0 and tenths > 15 for step, tenths in runs), runs


async def test_a_recording_comes_back_with_the_next_turn(mailbox: Mailbox) -> None:
    async with mailbox.desk() as telephone, visiting(mailbox, telephone, NUMBER) as visit:
        for _ in range(2):
            at = len(visit.told())
            await visit.press("3")
            await becomes(lambda at=at: any(each["then"] == "record" for each in visit.told()[at:]), 10)
            await visit.call.stays(2.5)
            await visit.call.say(mailbox.town.words)
            await visit.press("#")
            await becomes(lambda at=at: _recorded(visit.told()[at:]), 20)
            (path,) = _recorded(visit.told()[at:])
            with wave.open(path) as file:
                assert file.getnframes() / file.getframerate() > 1.5
        await visit.press("1")
        await visit.press("0")
        await visit.call.ends(within=20)
    assert not list((mailbox.town.state.spool / "recording").glob("*.wav"))


def _recorded(told: list[dict[str, object]]) -> list[str]:
    return [each["heard"]["recorded"] for each in told if each["heard"] and each["heard"]["recorded"]]  # type: ignore[index]


async def test_a_desk_calls_back_whom_it_may_call(mailbox: Mailbox) -> None:
    trunk = mailbox.town.directory.trunks["amt"]
    since = time.time() - 1
    async with FarExchange(trunk.host, trunk.port) as far, mailbox.desk() as telephone:
        await mailbox.qualified("amt")
        async with visiting(mailbox, telephone, NUMBER) as visit:
            await visit.press("8")
            await visit.call.ends(within=30)
        assert [called for called, _ in far.called] == ["01712345678"]
        await mailbox.journey(NUMBER, "answered", since)
        for key in "97":
            async with visiting(mailbox, telephone, NUMBER) as visit:
                await visit.press(key)
                # a premium number, and one that is none: nobody is called, and the dialogue goes on
                await becomes(lambda visit=visit: len([e for e in visit.told() if e["then"] == "call"]) > 2, 20)
        assert len(far.called) == 1


async def test_nobody_outside_calls_anyone(mailbox: Mailbox) -> None:
    trunk = mailbox.town.directory.trunks["amt"]
    async with FarExchange(trunk.host, trunk.port) as far, mailbox.citizen() as telephone:
        await mailbox.qualified("amt")
        async with visiting(mailbox, telephone, PUBLIC) as visit:
            await visit.press("8")
            await becomes(lambda: len([each for each in visit.told() if each["then"] == "call"]) > 2, 20)
        assert not far.called


async def test_a_killed_attendant_costs_a_moment_and_no_turn(mailbox: Mailbox) -> None:
    async with mailbox.desk() as telephone, visiting(mailbox, telephone, NUMBER) as visit:
        await visit.press("5")
        await visit.in_turn(2)
        await asyncio.to_thread(_kill_the_attendant_of_the_caller, mailbox)
        began = time.monotonic()
        await becomes(lambda: [each["turn"] for each in visit.told() if not each["heard"]].count(2) == 2, 10)
        print("seconds until the turn was repeated:", round(time.monotonic() - began, 2))
        await visit.press("1")
        await visit.in_turn(3)
        assert visit.heard() == ["5", "1"]


def _kill_the_attendant_of_the_caller(mailbox: Mailbox) -> None:
    rest = Rest(wiring.ari(mailbox.town.state))
    (app,) = [app["name"] for app in rest.ask("GET", "applications") if app["channel_ids"]]
    workers = json.loads(mailbox.town.state.shift.read_text())["workers"]
    os.kill(next(each["pid"] for each in workers if app == f"attendant-{each['slot']}"), signal.SIGKILL)
