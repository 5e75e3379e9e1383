"""Picking up, on a real Asterisk with telephones: who may, what it comes to, and what the journal says of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from orchestrator.domain.circles import Circles
from orchestrator.domain.outgoing import route
from orchestrator.phone.call import Call
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import present, switching, wiring
from tests.console import console, endpoint
from tests.pickup_town import NOON, citizen, journeys, running, taken, telephone
from tests.running_town import PYTHON, Town, until
from tests.side_by_side import always

HEAD = "0620521"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running(tmp_path_factory.mktemp("p")) as town:
        yield town


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    for name in ("control", "attend"):
        if name not in exchange.processes:
            exchange.begin(name)
    yield exchange
    until(lambda: not exchange.left(), 15)
    time.sleep(1)  # until the journal has it


async def says(town: Town, call: Call, sound: str) -> None:
    """The call is answered, says this sentence and ends."""
    ended = await call.ends(within=15)
    assert ended
    heard = await call.heard()
    sentences = ("pickup-nothing", "pickup-refused", "code-unknown")
    shares = {each: recognise(heard, read_sound(town.state.sounds / "de" / f"{each}.alaw")).share for each in sentences}
    assert max(shares, key=shares.__getitem__) == sound, shares
    assert shares[sound] > 0.5, shares


@pytest.mark.parametrize("code", ["*8", "*8#", "**2500", "**2500#", "**30"])
@pytest.mark.parametrize("python", PYTHON)
async def test_a_colleague_picks_up_what_rings_at_a_person(town: Town, code: str, python: bool) -> None:
    known = set(town.written())
    if not python:
        town.end("attend")
        town.end("control")
    async with citizen(town) as caller, telephone(town, "tel2500") as desk, telephone(town, "tel2501") as colleague:
        call = await caller.dial(HEAD + "2500")
        ringing = await desk.incoming(within=5)
        await asyncio.sleep(1)
        picked = await colleague.dial(code)
        await taken(call, picked, ringing)
        assert await call.stays(0.5)
        await call.hang_up()
        await picked.ends(within=2)
        number = caller.line.number
    if not python:
        town.begin("control")
        town.begin("attend")
    (past,) = await journeys(town, known, number)
    assert (past.outcome, past.place, past.number) == ("answered", "n_2500.ring", HEAD + "2500")
    assert past.wait is not None
    assert 1 <= past.wait < 3
    assert past.unexpected == ""
    assert past.steps[-1] == ("n_2500.ring", "talked")


async def dials(town: Town, number: str) -> tuple[Telephone, str]:
    """A citizen's telephone that calls at ten on a Monday."""
    town.used += 1
    dialled = f"{number}*{NOON + town.used % 50}"
    password = wiring.secrets(town.state).of("sip:testcall")
    return Telephone(
        wiring.program("baresip"), Line(number="testcall", exchange=town.exchange, password=password)
    ), dialled


@pytest.mark.parametrize(("number", "rings", "picks", "code", "place"), [
    ("30", ("tel2500",), "tel10", "**30", "d_buergerbuero.ring"),
    ("30", ("tel2500",), "tel2501", "*8", "d_buergerbuero.ring"),
    ("50", ("tel2501",), "tel4000", "*8", "g_hotline.ring"),
    ("50", ("tel2501",), "tel4000", "**50", "g_hotline.ring"),
    ("51", ("tel2501",), "tel2500", "**2501", "g_idle.ring"),
    ("4000", ("tel4000",), "tel2500", "**4000", "n_4000.ring"),
    ("4000", ("tel4000",), "tel10", "**4000", "n_4000.ring"),
    ("0", ("tel10",), "tel4001", "", "town.desk"),
])  # fmt: skip
async def test_every_kind_of_ringing_can_be_picked_up(
    town: Town, number: str, rings: tuple[str, ...], picks: str, code: str, place: str
) -> None:
    """All at once, in turn, by idleness; colleagues, the hunt group, a stand-in elsewhere, the operator."""
    known = set(town.written())
    caller, dialled = await dials(town, number)
    async with caller, telephone(town, rings[0]) as desk, telephone(town, picks, registers=False) as colleague:
        call = await caller.dial(dialled)
        if number == "0":
            await call.answered(within=5)
            await asyncio.sleep(0.5)
        ringing = await desk.incoming(within=30)
        if not code:
            await says(town, await colleague.dial("**10"), "pickup-refused")
            await call.hang_up()
            return
        picked = await colleague.dial(code)
        await taken(call, picked, ringing)
        await asyncio.sleep(0.3)
        await picked.hang_up()
        await call.ends(within=2)
    (past,) = await journeys(town, known, "testcall")
    assert (past.outcome, past.place, past.unexpected) == ("answered", place, "")


async def test_a_forwarded_call_is_picked_up_where_it_rings(town: Town) -> None:
    await switching.forward(town.state, "2500", "4000", why="test")
    known = set(town.written())
    try:
        async with citizen(town) as caller, telephone(town, "tel4000") as desk, telephone(town, "tel4001") as colleague:
            call = await caller.dial(HEAD + "2500")
            ringing = await desk.incoming(within=5)
            picked = await colleague.dial("*8")
            await taken(call, picked, ringing)
            await picked.hang_up()
            await call.ends(within=2)
            number = caller.line.number
        (past,) = await journeys(town, known, number)
        assert (past.outcome, past.place) == ("answered", "n_2500.diverted")
    finally:
        for row in await present.rows(town.state):
            await present.remove(town.state, row.name, what="off", why="test")


async def test_an_inside_call_is_picked_up_and_stands_once_in_the_journal(town: Town) -> None:
    known = set(town.written())
    async with (
        telephone(town, "tel4000") as caller,
        telephone(town, "tel2500") as desk,
        telephone(town, "tel2501") as colleague,
    ):
        call = await caller.dial("2500")
        ringing = await desk.incoming(within=5)
        picked = await colleague.dial("*8")
        await taken(call, picked, ringing)
        await picked.hang_up()
    (past,) = await journeys(town, known, "4000")
    assert (past.outcome, past.place) == ("answered", "n_2500.ring")


async def test_two_who_pick_up_at_once_do_not_both_get_it(town: Town) -> None:
    async with (
        citizen(town) as caller,
        telephone(town, "tel2500") as desk,
        telephone(town, "tel2501", registers=False) as first,
        telephone(town, "tel10", registers=False) as second,
    ):
        call = await caller.dial(HEAD + "2500")
        await desk.incoming(within=5)
        one, other = await asyncio.gather(first.dial("*8"), second.dial("**2500"))
        await call.answered(within=2)
        over, _ = await asyncio.wait(
            [asyncio.create_task(each.ends(within=20)) for each in (one, other)], return_when=asyncio.FIRST_COMPLETED
        )
        talking = [each for each in (one, other) if each.ended is None]
        assert len(talking) == len(over) == 1
        await call.hang_up()
        await talking[0].ends(within=2)


@pytest.mark.parametrize(("phone", "code", "sound"), always([
    ("tel2501", "**2500", "pickup-nothing"), ("lift", "**2500", "pickup-refused"), ("tel2501", "**2", "code-unknown"),
    ("tel2501", "*8", "pickup-nothing"), ("lift", "*8", "pickup-nothing"),
    ("tel4001", "**2500", "pickup-refused"), ("tel2501", "**9999", "pickup-refused"),
    ("tel2501", "*33", "code-unknown"), ("tel2501", "#", "code-unknown"), ("tel2501", "*8*", "code-unknown"),
    ("tel2501", "**2500##", "code-unknown"),
], 3))  # fmt: skip
async def test_what_cannot_be_picked_up_is_said_and_is_no_call(town: Town, phone: str, code: str, sound: str) -> None:
    """A call rings in the lift, which is in no circle. `explain` says the same."""
    known = set(town.written())
    colleague = telephone(town, phone, registers=False)
    async with citizen(town) as caller, telephone(town, "lift") as elsewhere, colleague as desk:
        call = await caller.dial(HEAD + "4100")
        await elsewhere.incoming(within=5)
        await says(town, await desk.dial(code), sound)
        assert call.answered_at is None
        await call.hang_up()
    said = route(town.directory, town.directory.phones[phone], code)
    assert said.kind == ("code" if sound == "pickup-nothing" else "refused")
    await asyncio.sleep(1)
    assert not [past for id_, past in town.written().items() if id_ not in known and past.number.startswith(("*", "#"))]


@pytest.mark.parametrize(("phone", "code"), [
    ("tel4001", "*8"), ("tel4001", "**2500"), ("lift", "*8"), ("lift", "**2500"), ("", "*8"), ("", "**2500"),
])  # fmt: skip
async def test_nobody_else_can_pick_up(town: Town, phone: str, code: str) -> None:
    """With a call that rings: another office, an open telephone, and somebody outside who sends the code."""
    other = telephone(town, phone, registers=False) if phone else citizen(town)
    async with citizen(town) as caller, telephone(town, "tel2500") as desk, other as stranger:
        call = await caller.dial(HEAD + "2500")
        ringing = await desk.incoming(within=5)
        tried = await stranger.dial(code)
        await tried.stays(4)
        assert call.answered_at is None
        assert ringing.ended is None
        await tried.hang_up()
        await call.hang_up()


def test_what_may_be_picked_up_is_what_explain_says(exchange: Town) -> None:
    """Each telephone and each number: the circles of the directory are those of Asterisk's endpoints and hints."""
    circles = Circles(exchange.directory)
    hints = console(exchange, "core show hints")
    for phone in exchange.directory.phones.values():
        near = endpoint(exchange, phone.id)["named_pickup_group"]
        has = {each.strip() for each in near.split(",") if each.strip()}
        assert has == set(circles.near(phone)), phone.id
        for circle in has - {"all"}:
            for number in circles.lines[circle]:
                assert f"{number}@circle-{circle}" in hints.replace(" ", "")
