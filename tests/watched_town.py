"""A town that Prometheus looks at, and what happens in it: calls of every outcome, outside too, a test call.

Belongs here: the town and its calls. Not here: what the figures must say of them (the tests).
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime

from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Menu, When
from orchestrator.domain.town import Trunk
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from tests.call_back_town import ALWAYS
from tests.console import console
from tests.far_exchange import ASKED, FarExchange
from tests.running_town import Town, until, world
from tests.switched_town import PROVIDER, free_port
from tests.test_queues import waiting_town
from tests.towns import BERLIN, prompt, town_flow

HEAD, PERSON = "+496205210", "+49620521" + "3501"
ABROAD = "00033123456789"
"""As it is dialled, behind the outside digit."""
MEMBER, TRAVELLER = "tel2500", "tel2501"
"""Who takes calls of the queue, and who may call abroad."""


def watched_town() -> Directory:
    """Always open; key 1 leads to the queue, silence to the mailbox. Of two public trunks one is never there."""
    town = waiting_town(phones=(MEMBER,), longest=60, announce=0)
    door = When(schedule=ALWAYS.name, open="town.welcome", closed="town.sorry", holiday="town.sorry")
    welcome = Menu(
        prompt=prompt("town.welcome", "Guten Tag. Zum Bürgerbüro die 1.", "Hello. Press 1."),
        keys={"1": "d_buergerbuero.hours"},
        otherwise="town.box",
        wait=1.5,
        tries=1,
    )
    kept = {name: step for name, step in town_flow().steps.items() if name in ("box", "thanks", "sorry", "bye")}
    return replace(
        town,
        schedules={**town.schedules, ALWAYS.name: ALWAYS},
        departments={"buergerbuero": replace(town.departments["buergerbuero"], schedule=ALWAYS.name)},
        flows={"town": replace(town_flow(), steps={"door": door, "welcome": welcome, **kept})},
        phones={**town.phones, TRAVELLER: replace(town.phones[TRAVELLER], permission="abroad")},
        trunks={
            "provider": replace(town.trunks["provider"], order=9),
            "amt": Trunk(id="amt", host=PROVIDER, port=free_port(PROVIDER)),
        },
    )


def provider(town: Town) -> FarExchange:
    """The other end of the trunk that is there, now and then."""
    return FarExchange(PROVIDER, town.directory.trunks["amt"].port)


async def reached(town: Town) -> None:
    """Wait until Asterisk knows that the provider is there."""
    await asyncio.sleep(ASKED)
    console(town, "pjsip qualify trunk-amt")
    await asyncio.to_thread(until, lambda: " Avail " in console(town, "pjsip show contacts"), 35)


def traveller(town: Town) -> Telephone:
    """The telephone that may call abroad."""
    password = wiring.secrets(town.state).of(f"sip:{TRAVELLER}")
    return Telephone(wiring.program("baresip"), Line(number=TRAVELLER, exchange=town.exchange, password=password))


async def a_day(town: Town) -> list[str]:
    """One call of each kind; what they came to."""
    now, outcomes = datetime.now(BERLIN), []
    for press, does, hangup in (("1", "talked", 0.0), ("1", "nobody", 7.0), ("", "", 0.0), ("", "", 1.0)):
        phones = {MEMBER: does} if does else {}
        async with AsyncExitStack() as staff:
            if phones:
                await staff.enter_async_context(town.staff(phones))
            described = world(now, press, phones=phones)
            made, _ = await town.citizen_calls(described, dialled=HEAD, hangup_after=hangup)
            outcomes.append(made.outcome)
    made, _ = await town.citizen_calls(world(now), dialled=PERSON, hangup_after=2.0)
    outcomes.append(made.outcome)
    async with traveller(town) as telephone:
        call = await telephone.dial(ABROAD)
        await call.answered(within=30)
        await call.ends(within=20)
    await asyncio.to_thread(until, lambda: not town.left(), 20)
    return outcomes
