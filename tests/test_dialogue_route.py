"""`POST /dialogue` without an Asterisk: who may ask, what is a question, who is who on a channel."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientSession, web

from orchestrator.apps.dialogue import Control, NoDialogue, session
from orchestrator.asterisk.ami import Account, Ami
from orchestrator.domain.prompts import Sound
from orchestrator.messages.telephone.dialogue import Caller, Heard, Turn
from orchestrator.service.line import Line, dialled
from orchestrator.web import dialogue
from tests import ports
from tests.towns import small

TOKEN = "t" * 32
CAME = {"channel": "17.1", "name": "PJSIP/tel2500-0000002a", "number": "2500", "at": None, "dictated": 0}


class Scripted:
    """Plays its turns in a row."""

    def __init__(self, *turns: Turn) -> None:
        self.turns, self.told = list(turns), cast("list[tuple[Caller, Heard | None]]", [])

    async def turn(self, caller: Caller, heard: Heard | None) -> Turn:
        self.told.append((caller, heard))
        return self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]


def line(tmp_path: Path, *turns: Turn) -> tuple[Scripted, Line]:
    """A line whose Asterisk does not answer."""
    scripted = Scripted(*turns)
    sounds = {"thanks": Sound(file="town/ab12", seconds={"de": 1.0})}
    ami = Ami(Account(port=1, user="control", secret="s"))
    return scripted, Line(dialogue=scripted, directory=small, sounds=lambda: sounds, ami=ami, spool=tmp_path)


@pytest.fixture
async def served(tmp_path: Path) -> Any:
    """Asks the route; its scripted dialogue."""
    scripted, made = line(tmp_path, Turn(play=("prompt:thanks", "file:/a/b", "number:7"), turn=3))
    app = web.Application()
    app.add_routes([dialogue.route(lambda: ("another", TOKEN), made.answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    port = ports.one()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/dialogue", scripted
    await runner.cleanup()


async def test_an_attendant_asks_and_is_answered_in_the_words_of_asterisk(served: Any) -> None:
    url, scripted = served
    async with session() as open_session:
        asking = Control(url=url, session=open_session, token=lambda: TOKEN)
        turn = await asking.ask(CAME)
        assert turn.play == ("sound:town/ab12", "sound:/a/b", "number:7")
        await asking.ask({**CAME, "turn": turn.turn, "keys": "12"})
    assert scripted.told == [
        (Caller(channel="17.1", phone="tel2500", number="2500"), None),
        (Caller(channel="17.1", phone="tel2500", number="2500"), Heard(keys="12", turn=3)),
    ]


@pytest.mark.parametrize("token", ["", "x" * 32, TOKEN + "t", "ä"])
async def test_nobody_else_may_ask(served: Any, token: str) -> None:
    url, scripted = served
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with ClientSession(headers=headers) as other, other.post(url, json=CAME) as reply:
        assert reply.status == 401
    assert not scripted.told


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 2000, 400),
        (b"[]", 400),
        (json.dumps({**CAME, "channel": 7}).encode(), 400),
        (json.dumps({**CAME, "turn": 1, "keys": "1" * 41}).encode(), 400),
        (json.dumps({**CAME, "turn": "x", "keys": "1"}).encode(), 400),
        (json.dumps({**CAME, "at": "x"}).encode(), 400),
        (json.dumps({**CAME, "channel": "a\r\nAction: Originate"}).encode(), 503),
        (b" " * 5000, 413),
    ],
)
async def test_what_is_no_question_reaches_nobody(served: Any, body: bytes, status: int) -> None:
    url, scripted = served
    shown = {"Authorization": f"Bearer {TOKEN}"}
    async with session() as asking, asking.post(url, data=body, headers=shown) as reply:
        assert reply.status == status
    assert not scripted.told


async def test_who_was_put_through_does_not_inherit_what_was_opened(served: Any) -> None:
    url, scripted = served
    async with session() as open_session:
        asking = Control(url=url, session=open_session, token=lambda: TOKEN)
        await asking.ask(CAME)
        with pytest.raises(NoDialogue, match="409"):
            await asking.ask({**CAME, "name": "PJSIP/trunk-provider-0000002b"})
    assert len(scripted.told) == 1


async def test_a_number_that_a_stranger_gave_is_no_reason_to_refuse(served: Any) -> None:
    """Else whoever shows a long one would be led to VoiceMailMain(), where nothing counts wrong PINs."""
    url, scripted = served
    async with session() as open_session:
        await Control(url=url, session=open_session, token=lambda: TOKEN).ask({**CAME, "number": "+" + "1" * 300})
    assert scripted.told[0][0].number == "+" + "1" * 39


@pytest.mark.parametrize(
    "name", ["PJSIP/trunk-provider-0000002a", "PJSIP/testcall-00000001", "Local/tel2500@x-1;2", ""]
)
async def test_only_a_telephone_of_the_directory_is_one(tmp_path: Path, name: str) -> None:
    scripted, made = line(tmp_path, Turn(play=("number:1",)))
    await made.answer(dialogue.asked(json.dumps({**CAME, "name": name}).encode()))
    assert scripted.told[0][0].phone == ""


@pytest.mark.parametrize(
    "turn",
    [
        Turn(play=("prompt:unknown",)),
        Turn(play=("sound:a,number:1",)),
        Turn(play=("file:relative",)),
        Turn(play=("number:1",), then="record"),
        Turn(play=("number:1",), then="call", number="2500"),
    ],
)
async def test_what_cannot_be_done_is_told_and_not_half_done(tmp_path: Path, turn: Turn) -> None:
    """The last two need an Asterisk that can be told."""
    _, made = line(tmp_path, turn)
    with pytest.raises(dialogue.NoAnswer):
        await made.answer(dialogue.asked(json.dumps(CAME).encode()))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("2500", "2500"),
        ("0", "0"),
        ("017112345", "0017112345"),
        ("+4917112345", "+4917112345"),
        *((number, "") for number in ("0900123456", "+49900123456", "0137123456")),
        *((number, "") for number in ("+49137123456", "+1900555123", "001900555123")),
        *((number, "") for number in ("", "110", "112", "0110", "+49110", "+112", "4917112345", "anonymous", "1234")),
    ],
)
def test_who_can_be_called_back(number: str, expected: str) -> None:
    assert dialled(small(), number) == expected


def test_without_a_digit_for_outside_a_number_is_dialled_as_it_is() -> None:
    town = small()
    assert dialled(replace(town, town=replace(town.town, outside="")), "017112345") == "017112345"


async def test_a_question_that_nobody_waited_for_leaves_no_guest_unknown(tmp_path: Path) -> None:
    """Control was slow, and the attendant died: the next one must not open the box of whose telephone it is."""
    slow, asked_for = asyncio.Event(), list[str]()

    async def guest(phone: str) -> str:
        asked_for.append(phone)
        await slow.wait()
        return "p3501"

    scripted = Scripted(Turn(play=("sound:a",)))
    ami = Ami(Account(port=1, user="control", secret="s"))
    made = Line(dialogue=scripted, directory=small, sounds=dict, ami=ami, spool=tmp_path, guest=guest)
    question = dialogue.Asked(channel="1.1", name="PJSIP/tel2500-1", number="2500", at=None, came=True)
    first = asyncio.create_task(made.answer(question))
    while not asked_for:
        await asyncio.sleep(0)
    first.cancel()
    second = asyncio.create_task(made.answer(question))
    await asyncio.sleep(0.01)
    slow.set()
    await second
    await made.answer(question)
    assert [caller.guest for caller, _ in scripted.told] == ["p3501", "p3501"]
    assert len(asked_for) == 2, "asked once, as they came"
