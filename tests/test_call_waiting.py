"""Call waiting on a real Asterisk: who talks hears a second call, or their line is busy.

A desk's second line, which does not register, talks; its first one rings or does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import ENGAGED
from orchestrator.domain.people import IN_TURN, Group, Phone
from orchestrator.phone.errors import NothingHappened
from orchestrator.service import present, switching
from orchestrator.service.questions import Question, ask
from tests.putting_through import Desks, putting_town
from tests.running_town import Town, all_off, running_town, until, world
from tests.test_secretary import dials
from tests.towns import MONDAY_10, person

SOON = 5.0
RING = 3


def directory() -> Directory:
    """At 2700 the line is busy while somebody talks there; who sits there answers for 2800, whose own phone is off."""
    town = putting_town()
    boss = replace(person("2800"), secretary=("p2700",), joins=1, ring_seconds=1)
    plain = Phone(id="tel2800", site="rathaus", label="tel2800", extension="2800")
    group = Group(id="alle", name="A", extension="50", phones=("tel2500", "tel2700"), department="buergerbuero")
    return replace(
        town,
        people={**town.people, boss.id: boss},
        phones={
            **town.phones,
            "tel2700": replace(town.phones["tel2700"], call_waiting=False),
            "tel2800": plain,
        },
        departments={
            "buergerbuero": replace(town.departments["buergerbuero"], phones=("tel10",), ring_seconds=RING),
        },
        groups={
            "alle": replace(group, ring_seconds=RING),
            "reihe": replace(group, id="reihe", extension="51", order=IN_TURN, ring_seconds=RING),
        },
    )


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("w"), directory()) as town:
        yield town


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    until(exchange.ready, 30)
    yield exchange
    asyncio.run(all_off(exchange.state))
    until(lambda: not exchange.left(), 20)


@asynccontextmanager
async def talking(town: Town, *phones: str) -> AsyncIterator[None]:
    """At these desks somebody talks, in a conference room."""
    desks = Desks(town)
    if not phones:
        yield
        return
    async with desks.line(phones[0], registers=False) as talks, talking(town, *phones[1:]):
        call = await talks.dial("3901")
        await call.answered(within=SOON)
        yield
        await call.hang_up()


async def goes(town: Town, number: str, phones: Mapping[str, str]) -> list[str]:
    """A test call, which must go where `explain` says: its answers."""
    town.used += 49 - town.used % 50
    described = replace(world(MONDAY_10, phones=phones), switches=await present.now(town.state))
    journey, different = await town.test_call(described, number=number, at_box="leaves")
    assert not different, f"{different}\n{journey}"
    return [f"{step.place}={step.answer}" for step in journey.steps]


async def single(town: Town, phone: str) -> None:
    await switching.switch(town.state, f"single_{phone}", "on", switching.Period(), text="", why="")


async def test_a_second_call_rings_and_with_the_code_the_line_is_busy(town: Town) -> None:
    phones = {"tel2500": ENGAGED}
    async with town.staff({"tel2500": "nobody"}), talking(town, "tel2500"):
        assert (await goes(town, "2500", phones))[1] == "n_2500.ring=nobody"
        for code, said, answer in (
            ("#43#", "single_on", "busy"), ("*#43#", "single_on", "busy"),
            ("*43#", "single_off", "nobody"), ("*#43#", "single_off", "nobody"),
        ):  # fmt: skip
            assert await dials(town, code, "tel2500") == said
            assert (await goes(town, "2500", phones))[1] == f"n_2500.ring={answer}"


async def test_who_takes_the_second_call_talks(town: Town) -> None:
    desks = Desks(town, used=town.used)
    async with desks.line("tel2500") as desk, talking(town, "tel2500"), desks.citizen("2500") as (citizen, shown):
        second = await desk.incoming(within=SOON)
        await second.answer()
        assert await citizen.stays(0.5)
        await citizen.hang_up()
    assert (await desks.past(shown)).way == "n_2500.diverted=off, n_2500.ring=talked"


@pytest.mark.long
async def test_where_the_directory_says_so_the_line_is_busy_and_no_code_changes_it(town: Town) -> None:
    async with town.staff({"tel2700": "talked"}):
        assert (await goes(town, "2700", {"tel2700": "talked"}))[-1] == "n_2700.ring=talked"
        async with talking(town, "tel2700"):
            assert (await goes(town, "2700", {"tel2700": ENGAGED}))[1] == "n_2700.ring=busy"
            assert await dials(town, "*43#", "tel2700") == "nobody"
            assert await dials(town, "*#43#", "tel2700") == "nobody"


async def test_a_line_that_rings_is_taken(town: Town) -> None:
    desks = Desks(town, used=town.used + 20)
    async with desks.line("tel2700") as desk, desks.citizen("2700") as (first, _), desks.citizen("2700") as (_, shown):
        assert await desk.incoming(within=SOON)
        with pytest.raises(NothingHappened):
            await desk.incoming(within=1)
        await first.hang_up()
    assert "n_2700.ring=busy" in (await desks.past(shown)).way


@pytest.mark.parametrize("number", ["50", "51"])
@pytest.mark.parametrize(("phones", "answer"), [
    ({"tel2500": "talked", "tel2700": ENGAGED}, "talked"),
    ({"tel2500": "nobody", "tel2700": ENGAGED}, "nobody"),
    ({"tel2700": ENGAGED}, "busy"),
    ({"tel2500": ENGAGED, "tel2700": ENGAGED}, "busy"),
], ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else value)  # fmt: skip
async def test_in_a_group_those_ring_who_may(town: Town, number: str, phones: dict[str, str], answer: str) -> None:
    """At once and in turn; busy outweighs a telephone that is not registered."""
    await single(town, "tel2500")
    there = {phone: "talked" if does == ENGAGED else does for phone, does in phones.items()}
    async with town.staff(there), talking(town, *(phone for phone, does in phones.items() if does == ENGAGED)):
        assert (await goes(town, number, phones))[0].endswith(f".ring={answer}")


async def test_a_telephone_that_rings_again_for_the_same_caller_is_not_taken_by_its_own_ring(town: Town) -> None:
    """Asterisk tells late that it rings no more."""
    async with town.staff({"tel2700": "nobody"}):
        for _ in range(5):
            way = await goes(town, "2800", {"tel2700": "nobody"})
            assert way[1:3] == ["n_2800.front=nobody", "n_2800.together=nobody"]


async def test_a_forwarding_finds_the_line_busy_too(town: Town) -> None:
    await switching.forward(town.state, "2600", "2700", why="")
    async with town.staff({"tel2700": "talked"}):
        assert (await goes(town, "2600", {"tel2700": "talked"}))[0] == "n_2600.diverted=talked"
        async with talking(town, "tel2700"):
            assert (await goes(town, "2600", {"tel2700": ENGAGED}))[0] == "n_2600.diverted=busy"


def test_explain_says_which_way_a_second_call_goes(town: Town) -> None:
    for number, answer in (("2500", "nobody"), ("2700", "busy")):
        visits = ask(town.directory, Question(number=number, talking=(number,))).visits
        assert visits[1].answer == answer
