"""Phones that ring one after the other, on a real Asterisk: who rings first, what it comes to, what a restart forgets.

And numbers of every kind, in every form in which a provider sends them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from orchestrator.domain import numbers
from orchestrator.domain.explain import World, rung
from orchestrator.domain.flow import Flow, Ring
from orchestrator.domain.people import IN_TURN, LONGEST_IDLE, ORDERS, Group
from orchestrator.journal import cel
from tests.running_town import Town, running_town, until, world
from tests.side_by_side import always
from tests.towns import BERLIN, small

PHONES = ("tel10", "tel2500", "tel2501")
SECONDS = 2
ORDER_OF = {"41": "all", "42": IN_TURN, "43": LONGEST_IDLE}


def ringing(name: str, order: str) -> Flow:
    """A flow that rings all phones, and says at the catch-all's mailbox that nobody talked."""
    step = Ring(phones=PHONES, busy="town.box", nobody="town.box", unreachable="town.box", seconds=SECONDS, order=order)
    return Flow(name=name, start="ring", steps={"ring": step})


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = small()
    flows = {"town": town.flows["town"], **{f"ring_{o}": ringing(f"ring_{o}", o) for o in ORDERS}}
    written = replace(
        town,
        town=replace(town.town, heads=("+49620555", "+4989123"), overlaps=("25",)),
        flows=flows,
        numbers={"0": "town", "25": "ring_all", **{number: f"ring_{order}" for number, order in ORDER_OF.items()}},
        departments={"buergerbuero": replace(town.departments["buergerbuero"], numbers=("31", "32"))},
        people={**town.people, "p2500": replace(town.people["p2500"], numbers=("2600",))},
        groups={
            "hotline": Group(
                id="hotline",
                name="Hotline",
                extension="50",
                phones=("tel2501", "tel2500"),
                department="buergerbuero",
                order=IN_TURN,
                ring_seconds=5,
            )
        },
        singles={"+4962057788": "50", "+498005551234": "2600"},
        boxes={id_: replace(box, quota=500) for id_, box in town.boxes.items()},
    )
    with running_town(tmp_path_factory.mktemp("g"), written) as running:
        yield running


def rang(town: Town, number: str) -> list[str]:
    """The phones that rang in the last call to `number`, in turn."""
    events = cel.read(town.state.journal, 0).events
    call = [event.call for event in events if event.mark == f"ring_{ORDER_OF[number]}.ring"][-1]
    starts = [event.name for event in events if event.call == call and event.kind == "CHAN_START"]
    return [name.partition("/")[2].partition("-")[0] for name in starts if name.startswith("PJSIP/tel")]


async def calls(town: Town, number: str, phones: Mapping[str, str]) -> str:
    """The answer of the ring when `number` is called, and where it left what `explain` says."""
    described = World(at=datetime.now(BERLIN), phones=phones, others="unreachable")
    made, different = await town.test_call(described, number=number, at_box="leaves")
    assert not different, f"{phones}: {different}"
    until(lambda: not town.left(), 15)
    return made.steps[0].answer


@pytest.mark.parametrize("phones", always([
    {"tel10": "busy", "tel2500": "nobody", "tel2501": "talked"},
    {},
    {"tel10": "busy", "tel2500": "busy"},
    {"tel10": "busy", "tel2500": "nobody"},
    {"tel10": "nobody", "tel2500": "busy"},
    {"tel2501": "talked"},
    {"tel2500": "busy"},
], 2), ids=lambda phones: "-".join(phones.values()) or "none")  # fmt: skip
async def test_each_order_comes_to_what_explain_says(exchange: Town, phones: dict[str, str]) -> None:
    async with exchange.staff(phones):
        said = [await calls(exchange, number, phones) for number in ORDER_OF]
    expected = rung([phones.get(phone, "unreachable") for phone in PHONES])
    assert said == [expected] * len(ORDER_OF)


async def test_in_turn_goes_on_from_phone_to_phone(exchange: Town) -> None:
    async with exchange.staff({"tel10": "nobody", "tel2500": "busy", "tel2501": "talked"}):
        assert await calls(exchange, "42", {"tel10": "nobody", "tel2501": "talked", "tel2500": "busy"}) == "talked"
    assert rang(exchange, "42") == ["tel10", "tel2500", "tel2501"]


async def test_who_has_not_talked_for_the_longest_time_rings_first(exchange: Town) -> None:
    """Whoever picked up goes last, by Asterisk's own record: with no attendant, and after Asterisk was started anew."""
    everybody = dict.fromkeys(PHONES, "talked")
    first = []
    async with exchange.staff(everybody):
        for _ in range(len(PHONES) + 1):
            assert await calls(exchange, "43", everybody) == "talked"
            first.append(rang(exchange, "43")[0])
            await asyncio.sleep(1.1)  # the record is of whole seconds
        # whom another step rang has talked too
        assert await calls(exchange, "42", everybody) == "talked"
    assert set(first[:3]) == set(PHONES)
    assert first[3] == first[0]
    for name in ("attend", "asterisk"):
        exchange.end(name)
    exchange.begin("asterisk")
    last = {"tel10", first[0]}  # talked by number 42, and in the last call of 43
    async with exchange.staff(everybody):
        assert await calls(exchange, "43", everybody) == "talked"
    expected = next(phone for phone in first if phone not in last)
    assert rang(exchange, "43")[0] == expected
    exchange.begin("attend")


FORMS = [
    *(("0", form) for head in ("+49620521", "+49620555", "+4989123") for form in numbers.forms(small().town, head)),
    *(
        (e, head + e)
        for e in ("25", "2500", "2600", "31", "50")
        for head in ("+49620521", "004989123", "4989123", "0620555")
    ),
    *(("50", form) for form in numbers.forms(small().town, "+4962057788")),
    *(("2600", form) for form in numbers.forms(small().town, "+498005551234")),
    *(("none", dialled) for dialled in ("+49620577889", "+498005551", "0711123456", "2599", "+496205212599")),
    *((e, e) for e in ("25", "2500", "2600", "30", "32", "50", "2501", "0")),
]
"""Extension -> as the provider sends it."""


async def test_each_number_is_reached_in_each_form_that_a_provider_sends(exchange: Town) -> None:
    for at in range(0, len(FORMS), 8):
        part = FORMS[at : at + 8]
        now = world(datetime.now(BERLIN))
        made = [exchange.citizen_calls(now, dialled=dialled, at_box="leaves", hangup_after=0.3) for _, dialled in part]
        for (extension, dialled), (journey, different) in zip(part, await asyncio.gather(*made), strict=True):
            flow = exchange.directory.numbers.get(extension, exchange.directory.town.catch_all)
            assert journey.steps[0].place == exchange.directory.first(flow), dialled
            assert not different, f"{dialled}: {different}"
