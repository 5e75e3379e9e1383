"""A town whose citizens' office calls back who does not want to wait, and citizens who ask for it by the trunk.

Belongs here: the town, the callers, what Asterisk keeps. Not here: what is expected (the tests).
"""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, time
from typing import Any

from orchestrator.asterisk import database
from orchestrator.asterisk.errors import Refused
from orchestrator.asterisk.rest import Rest
from orchestrator.domain.directory import Directory
from orchestrator.domain.schedule import Block, Schedule
from orchestrator.domain.town import Trunk
from orchestrator.phone.call import Call
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.history import Past
from orchestrator.service.running import connected
from tests.far_exchange import ASKED, FarExchange
from tests.running_town import CITIZEN, Town, until
from tests.switched_town import PROVIDER, free_port
from tests.test_queues import waiting_town

OFFICE = "+4962052130"
"""The citizens' office, as the provider delivers its calls."""
MEMBER = "tel2500"
ALWAYS = Schedule(
    name="immer",
    timezone="Europe/Berlin",
    week={day: (Block(start=time(0), end=time(0)),) for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
    known_until=date(2029, 12, 31),
)


def call_back_town(schedule: Schedule = ALWAYS, **changed: Any) -> Directory:
    """The waiting town with one member, whose queue calls back by key 1."""
    queue = {
        "phones": (MEMBER,),
        "keys": {"1": "q_amt.promise", "2": "d_buergerbuero.box"},
        "hint": {"de": "Rückruf mit der 1, Nachricht mit der 2.", "en": "Press 1 to be called back, 2 for a message."},
        "longest": 120,
        "most": 6,
        "announce": 0,
        **changed,
    }
    town = waiting_town(**queue)
    return replace(
        town,
        schedules={**town.schedules, schedule.name: schedule},
        departments={"buergerbuero": replace(town.departments["buergerbuero"], schedule=schedule.name)},
        phones={id_: replace(phone, permission="mobile") for id_, phone in town.phones.items()},
        trunks={
            "provider": replace(town.trunks["provider"], public=False),
            "amt": Trunk(id="amt", host=PROVIDER, port=free_port(PROVIDER)),
        },
    )


@dataclass
class Citizens:
    """Those who call the office of one town."""

    town: Town
    used: int = 0
    began: float = field(default_factory=clock.time)

    @asynccontextmanager
    async def waits(self, shown: str = "") -> AsyncIterator[tuple[Call, str]]:
        """Somebody who waits in the queue: the call, and the number that is shown of them."""
        self.used += 1
        shown = shown or f"+4917212{self.used:05d}"
        before = len(self.queued())
        line = Line(number=shown, exchange=self.town.exchange)
        async with Telephone(wiring.program("baresip"), line, address=CITIZEN) as telephone:
            call = await telephone.dial(OFFICE)
            await call.answered(within=5)
            await asyncio.to_thread(until, lambda: len(self.queued()) > before, 10)
            yield call, shown

    async def is_promised(self, shown: str = "", *, hears: bool = True) -> str:
        """Somebody who waits, presses 1, hears that they are called back, and is hung up on; their number.

        Without `hears` they hang up as soon as it is written down.
        """
        async with self.waits(shown) as (call, number):
            await call.press("1")
            if hears:
                await call.ends(within=30)
                return number
            async with asyncio.timeout(10):
                while not any(key.endswith(number[3:]) for key in await self.promises()):
                    await asyncio.sleep(0.02)
            await call.hang_up()
        return number

    def queued(self) -> list[str]:
        """Who waits in the queue now: names of channels, in no order."""
        return [channel["name"] for channel in self.here() if channel["dialplan"]["app_name"] == "Queue"]

    def here(self) -> list[dict[str, Any]]:
        """Every channel."""
        return list(Rest(wiring.ari(self.town.state)).ask("GET", "channels"))

    async def hang_up(self) -> None:
        """End every stand-in, and what it was promised for."""
        await self.forget()
        rest = Rest(wiring.ari(self.town.state))
        for channel in self.here():
            with suppress(Refused):
                rest.ask("DELETE", "channels", channel["id"])

    async def order(self) -> list[str]:
        """The numbers of who waits, the first in the queue first."""
        async with connected(self.town.state) as running:
            assert running
            rows = await running.ami.rows("QueueStatus")
        entries = [row for row in rows if row.get("event") == "QueueEntry"]
        return [row["calleridnum"] for row in sorted(entries, key=lambda row: int(row["position"]))]

    async def promises(self) -> Mapping[str, str]:
        """What is promised: queue/number -> the rest."""
        async with connected(self.town.state) as running:
            assert running
            return await database.entries(running.ami, "promises")

    async def forget(self) -> None:
        """Take every promise out of Asterisk's database."""
        async with connected(self.town.state) as running:
            assert running
            for family in ("promises", "promised"):
                for key in await database.entries(running.ami, family):
                    await database.remove(running.ami, family, key)

    async def journey(self, shown: str, flow: str, outcome: str = "", within: float = 40) -> Past:
        """The journey of a call of, or back to, who shows a number."""
        deadline = clock.monotonic() + within
        digits = {shown, f"0{shown.removeprefix('+49')}"}
        while True:
            written = await asyncio.to_thread(self.town.written)
            found = [
                past
                for past in written.values()
                if past.caller in digits
                and past.way.startswith(flow)
                and (not outcome or past.outcome == outcome)
                and past.began >= self.began
            ]
            if found:
                return max(found, key=lambda past: past.began)
            ways = [(past.caller, past.way, past.outcome) for past in written.values()]
            assert clock.monotonic() < deadline, f"no journey {flow} {outcome} of {shown}: {ways}"
            await asyncio.sleep(0.3)


@asynccontextmanager
async def provider(town: Town) -> AsyncIterator[FarExchange]:
    """The other end of the trunk by which citizens are called back, known to be there."""
    trunk = town.directory.trunks["amt"]
    async with FarExchange(trunk.host, trunk.port) as far:
        await asyncio.sleep(ASKED)
        async with connected(town.state) as running:
            assert running
            await running.ami.action("PJSIPQualify", Endpoint="trunk-amt")
        await asyncio.sleep(0.5)
        yield far
