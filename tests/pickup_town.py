"""The town of lamps and pickup: two offices, an operator, a hunt group across both, a stand-in elsewhere, a lift.

  tel10    the operator's            0 (town.desk)
  tel2500  Anna, citizens' office    2500, 30; stands in for 4000
  tel2501  Beate, citizens' office   3501, 30; shows 2501
  tel4000  the building office's     4000, 60; hunt group 50 with tel2501
  tel4001  the building office's     4001 (nobody's phone besides: 60 rings it too)
  lift     a lift, in no circle      4100

Belongs here: starting it, calling, picking up, watching. Not here: what is expected (the tests).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import IN_TURN, LONGEST_IDLE, Box, Department, Group, Phone
from orchestrator.phone.call import Call
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.history import Past
from tests.running_town import CITIZEN, Town, running_town
from tests.towns import MONDAY_10, person, small, town_flow

NOON = int(MONDAY_10.timestamp())
PHONES = ("tel10", "tel2500", "tel2501", "tel4000", "tel4001", "lift")


def directory(lamps: str = "department") -> Directory:
    """Not derived."""
    town = small()
    offices = {
        "buergerbuero": replace(town.departments["buergerbuero"], ring_seconds=20),
        "bauamt": Department(
            id="bauamt", name="Bauamt", site="rathaus", extension="60", schedule="rathaus", box="60",
            phones=("tel4000", "tel4001"), ring_seconds=20,
        ),
    }  # fmt: skip
    clerk = replace(person("4000", stand_in="p2500"), department="bauamt")
    group = Group(id="hotline", name="Hotline", extension="50", phones=("tel2501", "tel4000"), department="bauamt")
    boxes = {**town.boxes, "60": Box(id="60", name="Bauamt")}
    return replace(
        town,
        town=replace(town.town, lamps=lamps),
        departments=offices,
        people={id_: replace(each, ring_seconds=20) for id_, each in {**town.people, clerk.id: clerk}.items()},
        groups={
            "hotline": replace(group, order=IN_TURN),
            "idle": replace(group, id="idle", extension="51", order=LONGEST_IDLE, phones=("tel2501",)),
        },
        phones={
            **town.phones,
            **{id_: Phone(id=id_, site="rathaus", label=id_, extension=id_[3:]) for id_ in ("tel4000", "tel4001")},
            "lift": Phone(id="lift", site="rathaus", label="Aufzug", extension="4100", kind="lift"),
        },
        boxes={id_: replace(box, quota=99) for id_, box in boxes.items()},
        flows={"town": town_flow()},
        numbers={"0": "town"},
        switch_codes={"1": "closed_bauamt"},
    )


@contextmanager
def running(folder: Path, lamps: str = "department") -> Iterator[Town]:
    with running_town(folder, directory(lamps)) as town:
        yield town


@asynccontextmanager
async def telephone(town: Town, phone: str, *, registers: bool = True) -> AsyncIterator[Telephone]:
    """A telephone of the house whose owner does nothing by themselves."""
    password = wiring.secrets(town.state).of(f"sip:{phone}")
    line = Line(number=phone, exchange=town.exchange, password=password, registers=registers)
    async with Telephone(wiring.program("baresip"), line) as made:
        yield made


@asynccontextmanager
async def citizen(town: Town) -> AsyncIterator[Telephone]:
    """Somebody outside, with a number of their own."""
    town.used += 1
    line = Line(number=f"+4917155{town.used:05d}", exchange=town.exchange)
    async with Telephone(wiring.program("baresip"), line, address=CITIZEN) as made:
        yield made


async def taken(caller: Call, picker: Call, ringing: Call) -> None:
    """The two talk, and the telephone that rang is quiet again."""
    await picker.answered(within=2)
    await caller.answered(within=2)
    await ringing.ends(within=2)


async def journeys(town: Town, known: set[str], caller: str) -> list[Past]:
    """What was written down since `known`, once the call of `caller` is among it, and nothing of the house goes on."""
    async with asyncio.timeout(30):
        while not any(past.caller == caller for id_, past in town.written().items() if id_ not in known):
            await asyncio.sleep(0.1)
        while town.left():
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    return [past for id_, past in town.written().items() if id_ not in known]
