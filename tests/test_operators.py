"""Whom an operator puts through and nobody takes: back to the operator, else to their queue. With real telephones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from orchestrator.domain import operators
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, ending, explain
from orchestrator.domain.people import Box, Department
from orchestrator.domain.proof import prove
from orchestrator.domain.queues import WaitingQueue
from tests.putting_through import BACK, Desks, putting_town
from tests.running_town import running_town
from tests.test_compile import sounds
from tests.towns import BERLIN, TODAY, town_flow

WAIT = "q_op.wait"


def operators_town() -> Directory:
    """The town of putting through, whose operators (tel10 and tel2700) have a queue, 70. 2600 has a mailbox."""
    town = putting_town()
    office = Department(
        id="zentrale", name="Zentrale", site="rathaus", extension="80", schedule="rathaus", box="80", queue="op"
    )
    return replace(
        town,
        departments={**town.departments, "zentrale": office},
        queues={
            "op": WaitingQueue(
                id="op", name="Vermittlung", department="zentrale", extension="70", phones=("tel10", "tel2700"),
                wrap_up=0, ring_seconds=5, longest=60, announce=0,
            )
        },
        boxes={**town.boxes, "80": Box(id="80", name="Zentrale", quota=500)},
        flows={"town": town_flow(desk=replace(town_flow().steps["desk"], busy=WAIT))},
    )  # fmt: skip


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    with running_town(tmp_path_factory.mktemp("o"), operators_town()) as town:
        town.end("attend")
        yield Desks(town)


@pytest.mark.long
@pytest.mark.parametrize("word", [False, True], ids=["at-once", "while-it-rings"])
async def test_an_operator_who_is_gone_too_leaves_the_caller_to_the_others(desks: Desks, word: bool) -> None:
    async with (
        desks.town.desk("tel2600", "nobody"),
        desks.line("tel10") as puts,
        desks.line("tel10", registers=False, trace=True) as asks,
        desks.citizen("70") as (citizen, shown),
    ):
        await (await puts.incoming(within=10)).answer()
        await citizen.stays(0.5)
        async with desks.line("tel2700") as other:
            if word:
                call = await asks.dial("2600")
                await call.rings(within=5)
                await desks.join(puts, asks, "2600")
            else:
                await desks.transfer(puts, "2600")
            again = await puts.incoming(within=15)
            assert (again.name, again.number) == ("zurück: 2600", shown)
            await again.ends(within=BACK + 5)  # nobody picks up
            ringing = await other.incoming(within=15)
            assert (ringing.name, ringing.number) == (f"für N2600: {shown}", shown)
            await ringing.answer()
            assert await citizen.stays(1)
            await citizen.hang_up()
            await ringing.ends(within=5)
    past = await desks.past(shown)
    assert past.way.endswith(f"{WAIT}=talked, n_2600.diverted=off, n_2600.ring=operators, {WAIT}=talked") or word
    assert past.way.endswith(f"n_2600.ring=operators, {WAIT}=talked")
    assert (past.outcome, past.place, past.unexpected) == ("answered", WAIT, "")
    world = World(at=datetime.now(BERLIN), by="tel10", phones={"tel10": "nobody", "tel2600": "nobody"})
    way = tuple(explain(desks.town.directory, "n_2600.diverted", world))
    assert ", ".join(f"{visit.place}={visit.answer}" for visit in way).endswith(f"n_2600.ring=operators, {WAIT}=talked")
    assert ending(way).place == WAIT


async def test_who_is_no_operator_leaves_the_caller_to_the_mailbox(desks: Desks) -> None:
    async with desks.line("tel2500") as puts, desks.citizen("2500") as (citizen, shown):
        await (await puts.incoming(within=10)).answer()
        await citizen.stays(0.5)
        await desks.transfer(puts, "2600")
        again = await puts.incoming(within=15)
        await again.ends(within=BACK + 5)
        await asyncio.sleep(1)
        await citizen.hang_up()
    past = await desks.past(shown)
    assert "n_2600.ring=unreachable, n_2600.missed=off, n_2600.box" in past.way
    assert past.unexpected == ""


def test_the_way_to_the_operators_is_no_loop_and_no_wait_of_a_silent_caller() -> None:
    town = derive(operators_town())
    assert operators.queue(town) == WAIT
    assert town.graph["n_2600.ring"].exits["operators"] == WAIT
    assert "operators" not in town.graph["town.desk"].exits
    proof = prove(town, sounds(town), TODAY)
    assert [problem.code for problem in proof.problems] == []
    never = derive(replace(operators_town(), town=replace(operators_town().town, back=0)))
    assert "operators" not in never.graph["n_2600.ring"].exits
    assert proof.worst_wait == prove(never, sounds(never), TODAY).worst_wait
