"""People who put callers through by hand: a town with four desks, and telephones that send REFER.

Belongs here: the town, the telephones, the journey of a caller. Not here: what is expected (the tests).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from orchestrator.asterisk.rest import Rest
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Box, Phone, Room
from orchestrator.phone.call import Call
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from orchestrator.service.history import Past
from tests.running_town import CITIZEN, Town, until
from tests.towns import person, small

BACK, PARKED = 5, 8
"""Seconds: who put somebody through rings again; a parked caller waits."""
PIN = "470811"
DESKS = ("tel10", "tel2500", "tel2600", "tel2700")


def putting_town() -> Directory:
    """2500 and 2700 have no box of their own, 2600 has; 10 is the catch-all's desk, 9500 hangs in a hall."""
    town = small()
    people = {
        each.id: replace(each, id=f"p{each.extension}", last_name=f"N{each.extension}")
        for each in (
            person("2500"),
            person("2600", box="2600"),
            person("2700"),
        )
    }
    phones = [
        Phone(id=name, site="rathaus", label=name, extension=name.removeprefix("tel"), permission="national")
        for name in DESKS
    ]
    phones.append(Phone(id="halle", site="rathaus", label="Halle", extension="9500", kind="hall"))
    department = replace(town.departments["buergerbuero"], phones=("tel2700",), ring_seconds=3)
    return replace(
        town,
        town=replace(town.town, back=BACK, parked=PARKED),
        people={name: replace(each, ring_seconds=3) for name, each in people.items()},
        departments={"buergerbuero": department},
        phones={phone.id: phone for phone in phones},
        boxes={"10": Box(id="10", name="Zentrale", quota=500), "2600": Box(id="2600", name="B", quota=500)},
        rooms={
            "saal": Room(id="saal", name="Sitzungssaal", extension="3900", pin=PIN, most=3),
            "innen": Room(id="innen", name="Nur innen", extension="3901"),
        },
        flows={"town": town.flows["town"]},
        numbers={"0": "town"},
    )


@dataclass
class Desks:
    """The telephones of one town; every one is lifted by hand."""

    town: Town
    used: int = 0

    def line(self, phone: str, *, registers: bool = True, trace: bool = False) -> Telephone:
        """The telephone of a desk; its second line does not register."""
        password = wiring.secrets(self.town.state).of(f"sip:{phone}")
        line = Line(number=phone, exchange=self.town.exchange, password=password, registers=registers)
        return Telephone(wiring.program("baresip"), line, trace=trace)

    @asynccontextmanager
    async def citizen(self, number: str, *, dials: str = "+49620521") -> AsyncIterator[tuple[Call, str]]:
        """Somebody who calls by the trunk: the call, and the number that is shown of them."""
        self.used += 1
        shown = f"+491713{self.used:05d}"
        line = Line(number=shown, exchange=self.town.exchange)
        async with Telephone(wiring.program("baresip"), line, address=CITIZEN) as telephone:
            yield await telephone.dial(f"{dials}{number}"), shown

    async def transfer(self, telephone: Telephone, number: str) -> None:
        """Press the key for putting through, and dial: REFER."""
        await telephone._command("transfer", f"sip:{number}@{self.town.exchange}")

    async def join(self, telephone: Telephone, consulted: Telephone, number: str) -> None:
        """Put the caller at `telephone` through to whom the second line `consulted` (traced) is calling: REFER with
        Replaces (RFC 3891).
        """
        call = consulted.calls[-1].id
        told = [packet for packet in re.split(r"\n(?=#)", consulted.log().replace("\r", "")) if call in packet]
        own, theirs = (
            re.findall(rf"^{header}: [^\n]*;tag=([^\s;]+)", "\n".join(told), re.MULTILINE)[-1]
            for header in ("From", "To")
        )
        replaces = quote(f"{call};to-tag={theirs};from-tag={own}", safe="")
        await telephone._command("transfer", f"sip:{number}@{self.town.exchange}?Replaces={replaces}")

    async def past(self, caller: str) -> Past:
        """The journey of who calls as `caller`, when control has written it down."""
        deadline = time.monotonic() + 40
        while True:
            written = await asyncio.to_thread(self.town.written)
            found = [each for each in written.values() if each.caller.lstrip("+") == caller.lstrip("+")]
            if found:
                return found[0]
            assert time.monotonic() < deadline, (
                f"no journey of {caller}: {[(p.caller, p.way) for p in written.values()]}"
            )
            await asyncio.sleep(0.3)

    def talking(self, phone: str) -> int:
        """In how many calls Asterisk thinks a phone to be: what its lamp shows."""
        return len(Rest(wiring.ari(self.town.state)).ask("GET", "endpoints", "PJSIP", phone)["channel_ids"])

    async def over(self) -> None:
        """Until nothing is left in the exchange but the parking lot, which Asterisk keeps."""
        await asyncio.to_thread(until, lambda: not [e for e in self.town.left() if e.get("creator") != "Parking"], 20)
