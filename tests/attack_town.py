"""A town to be attacked: the desks of tests.putting_through with unequal permissions, a lift, and a provider who
tells what he was sent.

Belongs here: the town, the provider, waiting for the trunk. Not here: the attacks (tests).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Phone
from orchestrator.domain.queues import WaitingQueue
from orchestrator.domain.town import Permission, Trunk
from tests.console import console
from tests.far_exchange import ASKED, FarExchange
from tests.putting_through import Desks, putting_town
from tests.running_town import running_town, until
from tests.switched_town import PROVIDER, free_port

MAY = {"tel10": "abroad", "tel2500": "internal", "tel2600": "eins", "tel2700": "eins", "lift": "internal"}
"""Telephone -> what it may call, else `internal`; `eins` is one call abroad at a time."""
PORT = free_port(PROVIDER)


def attack_town(may: dict[str, str] | None = None) -> Directory:
    """Not derived. The lines of citizens come by `provider`, to which nothing is sent; calls go out by `amt`."""
    town = putting_town()
    lift = Phone(id="lift", site="rathaus", label="Aufzug", extension="4100", kind="lift")
    phones = {**town.phones, lift.id: lift}
    queue = WaitingQueue(
        id="schalter", name="Schalter", department="buergerbuero", extension="51", phones=("tel2500",), log_in=True
    )
    return replace(
        town,
        phones={
            id_: replace(phone, permission={**MAY, **(may or {})}.get(id_, "internal")) for id_, phone in phones.items()
        },
        permissions={"eins": Permission(id="eins", classes=("town", "national", "mobile", "abroad"), at_once=1)},
        queues={"schalter": queue},
        trunks={
            "provider": replace(town.trunks["provider"], public=False),
            "amt": Trunk(id="amt", host=PROVIDER, port=PORT),
        },
    )


@contextmanager
def attacked(folder: Path) -> Iterator[Desks]:
    """That town, running, without attendants: what could be got out of it natively."""
    with running_town(folder, attack_town()) as town:
        town.end("attend")
        yield Desks(town)


@asynccontextmanager
async def provider(desks: Desks) -> AsyncIterator[FarExchange]:
    """Whom calls to the outside reach, when Asterisk knows that he is there."""
    async with FarExchange(PROVIDER, PORT) as far:
        await asyncio.sleep(ASKED)
        console(desks.town, "pjsip qualify trunk-amt")
        await asyncio.to_thread(until, lambda: " Avail " in _contact(desks), 35)
        yield far


def _contact(desks: Desks) -> str:
    return console(desks.town, "pjsip show contacts").partition("trunk-amt/")[2].partition("\n")[0]
