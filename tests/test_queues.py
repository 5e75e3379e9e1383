"""Waiting queues on a real Asterisk: every way out of them, with attendants and with none, as `explain` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.directory import Directory
from orchestrator.domain.queues import WaitingQueue
from orchestrator.journal.journeys import Journey
from tests.running_town import Town, running_town, until, world
from tests.towns import MONDAY_10, small

NUMBER = "30"
"""The citizens' office, whose callers wait."""
WAIT = "q_amt.wait"
QUEUE = WaitingQueue(
    id="amt",
    name="Bürgerbüro",
    department="buergerbuero",
    phones=("tel2500", "tel2501"),
    ring_seconds=5,
    wrap_up=0,
    most=2,
    longest=10,
    announce=15,
)


def waiting_town(**changed: Any) -> Directory:
    """The small town, whose citizens' office has a queue."""
    town = small()
    office = replace(town.departments["buergerbuero"], queue="amt", stand_in="")
    return replace(
        town,
        departments={"buergerbuero": office},
        queues={"amt": replace(QUEUE, **changed)},
        flows={"town": town.flows["town"]},
        numbers={"0": "town"},
        boxes={id_: replace(box, quota=500) for id_, box in town.boxes.items()},
    )


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("q"), waiting_town()) as running:
        yield running


@pytest.fixture(params=["python", "native"])
def town(request: pytest.FixtureRequest, exchange: Town) -> Iterator[Town]:
    """Once with attendants, once with none."""
    if request.param == "native":
        exchange.end("attend")
    yield exchange
    if request.param == "native":
        exchange.begin("attend")
    until(lambda: not exchange.left(), 10)


async def calls(town: Town, phones: dict[str, str], press: str = "") -> Journey:
    """The journey of a call to the office, which must be as `explain` says."""
    described = world(MONDAY_10, press, phones=phones)
    made, different = await town.test_call(described, number=NUMBER, says=True)
    assert not different, f"{phones} {press}: {different}"
    return made


def answer(made: Journey) -> str:
    return next(step.answer for step in made.steps if step.place == WAIT)


@pytest.mark.parametrize(("phones", "press", "expected", "outcome"), [
    ({"tel2500": "talked"}, "", "talked", "answered"),
    ({"tel2500": "busy", "tel2501": "talked"}, "", "talked", "answered"),
    ({"tel2500": "busy"}, "", "waited", "message"),
    ({"tel2500": "nobody"}, "", "waited", "message"),
    ({}, "", "nobody", "message"),
    ({"tel2500": "nobody"}, "2", "key_2", "message"),
    ({"tel2500": "busy"}, "7,2", "key_2", "message"),
], ids=lambda value: "-".join(value.values()) or "none" if isinstance(value, dict) else str(value))  # fmt: skip
async def test_every_way_out(town: Town, phones: dict[str, str], press: str, expected: str, outcome: str) -> None:
    async with town.staff(phones):
        made = await calls(town, phones, press)
    assert (answer(made), made.outcome) == (expected, outcome)
