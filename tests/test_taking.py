"""Taking callers who wait, on a real Asterisk with telephones: who may, which one, races, and nobody is lost.

Python is down from the beginning on, but for the journal: all of it is Asterisk's.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.domain import taking
from orchestrator.domain.directory import Directory
from orchestrator.domain.outgoing import route
from orchestrator.domain.people import Box, Department
from orchestrator.domain.queues import WaitingQueue
from orchestrator.phone.call import Call
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.history import Past
from tests.console import console
from tests.pickup_town import citizen, directory, telephone
from tests.running_town import Town, running_town, until
from tests.side_by_side import always

HEAD = "+49620521"
SAID = ("waiting-empty", "waiting-refused", "waiting-no-member", "pickup-nothing", "code-unknown")


def taking_town() -> Directory:
    """The town of lamps: 70 are the operators (tel10, tel2501), 71 the citizens' office's callers (tel2500), who come
    first; 60 the building office's, whom nobody is logged in for but tel4000.
    """
    town = directory()
    own = {"ring_seconds": 20, "wrap_up": 1, "longest": 60, "announce": 0}
    queues = (
        WaitingQueue(id="op", name="Vermittlung", department="zentrale", extension="70", phones=("tel10", "tel2501"),
                     **own),
        WaitingQueue(id="amt", name="Bürgerbüro", department="buergerbuero", extension="71", priority=5,
                     phones=("tel2500", "tel2501"), **own),
        WaitingQueue(id="bau", name="Bau", department="bauamt", extension="72", phones=("tel4000",), **own),
    )  # fmt: skip
    office = Department(
        id="zentrale", name="Zentrale", site="rathaus", extension="80", schedule="rathaus", box="80", queue="op"
    )
    return replace(
        town,
        departments={**town.departments, "zentrale": office},
        queues={queue.id: queue for queue in queues},
        boxes={**town.boxes, "80": Box(id="80", name="Zentrale", quota=500)},
    )


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("n"), taking_town()) as town:
        town.end("attend")
        yield town


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    yield exchange
    until(lambda: not exchange.left(), 20)
    time.sleep(1)


@asynccontextmanager
async def waits(town: Town, number: str) -> AsyncIterator[tuple[Call, str]]:
    """A citizen who waits in the queue at `number`: the call, and the number that is shown of them."""
    async with citizen(town) as caller:
        call = await caller.dial(HEAD + number)
        await asyncio.to_thread(until, lambda: caller.line.number.lstrip("+") in waiting(town), 10)
        yield call, caller.line.number


def waiting(town: Town) -> list[str]:
    """Who waits in a queue now, by the numbers that are shown of them, without the `+`."""
    channels = Rest(wiring.ari(town.state)).ask("GET", "channels")
    return [c["caller"]["number"].lstrip("+") for c in channels if c["dialplan"]["app_name"] == "Queue"]


async def past(town: Town, caller: str) -> Past:
    deadline = time.monotonic() + 30
    while True:
        for each in (await asyncio.to_thread(town.written)).values():
            if each.caller.lstrip("+") == caller.lstrip("+"):
                return each
        assert time.monotonic() < deadline, caller
        await asyncio.sleep(0.3)


async def hears(town: Town, call: Call, sound: str) -> None:
    """The call says this sentence and ends."""
    await call.ends(within=20)
    heard = await call.heard()
    shares = {s: recognise(heard, read_sound(town.state.sounds / "de" / f"{s}.alaw")).share for s in SAID}
    assert max(shares, key=shares.__getitem__) == sound, shares
    assert shares[sound] > 0.5, shares


@pytest.mark.parametrize(("phone", "code", "queue"), [
    ("tel2501", "*44", "71"),  # of the two that it is a member of, the one that comes first
    ("tel2501", "*4471", "71"),
    ("tel2500", "*44#", "71"),
    ("tel10", "*4471#", "71"),  # no member: the operators' circle has every number
    ("tel10", "*44", "80"),
    ("tel4001", "*4472", "72"),  # no member: of the same office
])  # fmt: skip
async def test_who_waits_is_taken_from_any_desk_that_may(town: Town, phone: str, code: str, queue: str) -> None:
    members = ("tel2500", "tel2501", "tel10", "tel4000")
    async with (
        ringing_in_vain(town, {*members} - {phone}),
        waits(town, "70" if queue == "80" else queue) as (call, who),
        telephone(town, phone, registers=False) as desk,
    ):
        taken = await desk.dial(code)
        await taken.answered(within=3)
        assert await taken.stays(1.5)
        assert waiting(town) == []
        await (call if phone == "tel10" else taken).hang_up()
        await taken.ends(within=3)
        await call.ends(within=3)
    journey = await past(town, who)
    place = {"71": "q_amt.wait", "80": "q_op.wait", "72": "q_bau.wait"}[queue]
    assert (journey.outcome, journey.place, journey.unexpected) == ("answered", place, "")
    assert journey.steps[-1] == (place, "talked")


@asynccontextmanager
async def ringing_in_vain(town: Town, phones: set[str]) -> AsyncIterator[None]:
    async with town.staff(dict.fromkeys(sorted(phones), "nobody")):
        yield


async def test_the_one_who_waits_longest_is_taken_and_the_next_one_after(town: Town) -> None:
    async with ringing_in_vain(town, {"tel2500"}), waits(town, "71") as (first, _), waits(town, "71") as (second, who):
        async with telephone(town, "tel2501", registers=False) as desk:
            for _ in range(2):
                taken = await desk.dial("*44")
                await taken.answered(within=3)
                assert await taken.stays(1)
                assert len(waiting(town)) == (1 if first.ended is None else 0)
                assert second.ended is None
                await taken.hang_up()
                await taken.ends(within=3)
                if first.ended is None:
                    await first.ends(within=3)
        await second.ends(within=3)
    assert (await past(town, who)).outcome == "answered"


async def test_the_display_says_who_was_taken(town: Town) -> None:
    line = Line(number="tel2501", exchange=town.exchange, password=wiring.secrets(town.state).of("sip:tel2501"))
    traced = Telephone(wiring.program("baresip"), line, trace=True)
    async with ringing_in_vain(town, {"tel2500"}), waits(town, "71") as (call, who), traced as desk:
        taken = await desk.dial("*44")
        assert await taken.stays(1)
        told = re.findall(r"^P-Asserted-Identity: (.*)$", desk.log().replace("\r", ""), re.MULTILINE)
        assert told, desk.log()
        assert told[-1].strip() == f"<sip:{who}@127.0.0.1>", told
        await call.hang_up()


async def test_who_calls_a_queue_of_a_higher_priority_comes_first(town: Town) -> None:
    async with (
        ringing_in_vain(town, {"tel10", "tel2500"}),
        waits(town, "70") as (long, _),
        waits(town, "71") as (first, who),
        telephone(town, "tel2501", registers=False) as desk,
    ):
        taken = await desk.dial("*44")
        assert await taken.stays(1)
        assert waiting(town) == [long_number(town)]
        await taken.hang_up()
        await first.ends(within=3)
        assert long.ended is None
        await long.hang_up()
    assert (await past(town, who)).place == "q_amt.wait"


def long_number(town: Town) -> str:
    """The number of the citizen before the last one."""
    return f"4917155{town.used - 1:05d}"


@pytest.mark.parametrize(("phone", "code"), [("tel2501", "*8"), ("tel2501", "**71"), ("tel10", "**71")])
async def test_what_a_queue_rings_can_be_picked_up(town: Town, phone: str, code: str) -> None:
    async with telephone(town, "tel2500") as member, waits(town, "71") as (call, who):
        ringing = await member.incoming(within=10)
        assert ringing.name == f"Bürgerbüro: {who}"
        async with telephone(town, phone, registers=False) as desk:
            picked = await desk.dial(code)
            await picked.answered(within=3)
            await ringing.ends(within=3)
            assert await picked.stays(1)
            assert waiting(town) == [who.lstrip("+")]  # who is connected by Queue() stays in it to the end of the talk
            await picked.hang_up()
            await call.ends(within=5)
    journey = await past(town, who)
    assert (journey.outcome, journey.place, journey.unexpected) == ("answered", "q_amt.wait", "")
    assert journey.steps[-1] == ("q_amt.wait", "talked")


async def test_two_who_take_at_once_take_one_each_and_the_third_hears_that_nobody_waits(town: Town) -> None:
    phones = ("tel2500", "tel2501", "tel10")
    async with (
        ringing_in_vain(town, {"tel2500"}),
        waits(town, "71") as (one, who),
        waits(town, "71") as (other, too),
        telephone(town, phones[0], registers=False) as a,
        telephone(town, phones[1], registers=False) as b,
        telephone(town, phones[2], registers=False) as c,
    ):
        calls = await asyncio.gather(*(desk.dial("*4471") for desk in (a, b, c)))
        over = [asyncio.create_task(call.ends(within=30)) for call in calls]
        await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        talking = [call for call in calls if call.ended is None]
        assert len(talking) == 2
        assert (one.ended, other.ended) == (None, None)
        assert waiting(town) == []
        (lost,) = (call for call in calls if call.ended is not None)
        await hears(town, lost, "waiting-empty")
        for call in talking:
            await call.hang_up()
        await asyncio.gather(*over)
    assert {(await past(town, each)).outcome for each in (who, too)} == {"answered"}


DEAF = 40
"""Seconds until Asterisk gives up a telephone that does not hear that its call was answered: 32 (RFC 3261, 64*T1)."""


@pytest.mark.long
async def test_nobody_is_lost_whose_taker_is_gone_at_that_instant(town: Town) -> None:
    """A desk that hangs up at once, twenty times: the caller talks for that moment, or waits on as the first."""
    async with ringing_in_vain(town, {"tel2500"}), telephone(town, "tel2501", registers=False) as desk:
        for number in range(20):
            async with waits(town, "71") as (call, who):
                taken = await desk.dial("*44")
                await taken.stays(number * 0.004)
                await taken.hang_up()
                await asyncio.sleep(0.4)
                async with asyncio.timeout(DEAF):
                    while call.ended is None and waiting(town) != [who.lstrip("+")]:
                        await taken.hang_up()  # a telephone that is answered in that instant may not have heard it
                        await asyncio.sleep(0.3)
                talked = call.ended is not None
                if not talked:
                    assert waiting(town) == [who.lstrip("+")]
                    await call.hang_up()
            assert (await past(town, who)).outcome == ("answered" if talked else "gave_up")


@pytest.mark.parametrize(("phone", "code", "sound"), always([
    ("tel2500", "*44", "waiting-empty"),
    ("lift", "*44", "waiting-no-member"),
    ("tel2500", "*4472", "waiting-refused"),
    ("tel2500", "*4471", "waiting-empty"),
    ("tel2500", "*4499", "waiting-refused"),
    ("tel4001", "*44", "waiting-no-member"),
    ("lift", "*4471", "waiting-refused"),
], 3))  # fmt: skip
async def test_who_takes_nobody_is_told_why(town: Town, phone: str, code: str, sound: str) -> None:
    """Somebody waits in another queue. `explain` says the same."""
    async with ringing_in_vain(town, {"tel10"}), waits(town, "70") as (call, _):
        async with telephone(town, phone, registers=False) as desk:
            await hears(town, await desk.dial(code), sound)
        assert len(waiting(town)) == 1
        await call.hang_up()
    said = route(town.directory, town.directory.phones[phone], code)
    assert said.kind == ("code" if sound == "waiting-empty" else "refused")


async def test_a_caller_who_is_put_through_to_the_code_takes_nobody(town: Town) -> None:
    """A citizen who was put through to *4471 is no employee: the catch-all has them."""
    async with (
        ringing_in_vain(town, {"tel2500"}),
        waits(town, "71"),
        telephone(town, "tel4001") as desk,
        citizen(town) as other,
    ):
        call = await other.dial(f"{HEAD}4001")
        await (await desk.incoming(within=10)).answer()
        await call.stays(0.5)
        await desk._command("transfer", f"sip:*4471@{town.exchange}")
        assert await call.stays(2)
        assert len(waiting(town)) == 1
        await call.hang_up()


def test_who_may_take_is_what_asterisk_knows(exchange: Town) -> None:
    directory = exchange.directory
    assert taking.numbers(directory) == {"70": "op", "71": "amt", "72": "bau", "80": "op"}
    for phone, queues in taking.own(directory).items():
        known = console(exchange, f"dialplan show {phone}@takes-{phone[-2:]}")
        assert f"MEMBER_OF={'&'.join('q_' + queue for queue in queues)})" in known, known
    may = {
        number: {p.id for p in directory.phones.values() if taking.takes(directory, p, number)}
        for number in ("70", "71", "72")
    }
    assert may == {
        "70": {"tel10", "tel2501"},
        "71": {"tel10", "tel2500", "tel2501"},
        "72": {"tel10", "tel4000", "tel4001"},
    }
