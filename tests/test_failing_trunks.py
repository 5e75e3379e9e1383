"""A provider that refuses or says nothing: the next one takes the call; one that only rings is not given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import pytest

from orchestrator.domain.town import Trunk
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import trunks, wiring
from tests import hurry
from tests.console import console
from tests.far_exchange import ASKED, FarExchange
from tests.running_town import Town, running_town, until
from tests.side_by_side import always
from tests.switched_town import OLD, PROVIDER, free_port

FIRST, SECOND = PROVIDER, OLD
NUMBER = "00621555123"
SOON = 8.0
"""Seconds until the second provider has the call, whether the first refuses or says nothing (3 s); SIP itself would
wait for 32 s (RFC 3261 § 17.1.1.2)."""

LOOKED = trunks.EVERY + 15.0
"""Seconds until control has looked and Asterisk has asked."""


@dataclass(frozen=True)
class Providers:
    first: FarExchange
    second: FarExchange


@pytest.fixture(scope="module")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    hurried = hurry.directory()
    trunks = {
        "first": Trunk(id="first", host=FIRST, port=free_port(FIRST)),
        "second": Trunk(id="second", host=SECOND, port=free_port(SECOND), order=2),
    }
    with running_town(tmp_path_factory.mktemp("t"), replace(hurried, trunks=trunks)) as town:
        yield town


@pytest.fixture
async def providers(town: Town) -> AsyncIterator[Providers]:
    """Both, and Asterisk knows that they are there."""
    known = town.directory.trunks
    async with (
        FarExchange(FIRST, known["first"].port) as first,
        FarExchange(SECOND, known["second"].port) as second,
    ):
        await asyncio.sleep(ASKED)
        for name in known:
            console(town, f"pjsip qualify trunk-{name}")
        await asyncio.to_thread(until, lambda: console(town, "pjsip show contacts").count(" Avail ") == 2, 35)
        yield Providers(first, second)
    await asyncio.to_thread(until, lambda: not town.left(), 40)


def desk(town: Town) -> Telephone:
    password = wiring.secrets(town.state).of("sip:tel2030")
    return Telephone(wiring.program("baresip"), Line(number="tel2030", exchange=town.exchange, password=password))


def up(town: Town, **wanted: int) -> bool:
    """Whether the metric says so of each."""
    told, labels = town.page("/metrics"), 'public="yes",trunk'
    return all(f'durchwahl_trunk_up{{{labels}="{name}"}} {value:.1f}' in told for name, value in wanted.items())


async def test_whether_trunks_are_there_is_a_metric(town: Town) -> None:
    await asyncio.to_thread(until, lambda: up(town, first=0, second=0), LOOKED)
    port = town.directory.trunks["second"].port
    async with FarExchange(SECOND, port):
        await asyncio.sleep(ASKED)
        console(town, "pjsip qualify trunk-second")
        await asyncio.to_thread(until, lambda: up(town, first=0, second=1), LOOKED)


@pytest.mark.parametrize("status", always([180, 100]))
async def test_a_provider_that_needs_long_is_not_given_up(town: Town, providers: Providers, status: int) -> None:
    """Where the other telephone rings, and where it is still being looked for."""
    providers.first.status = status
    async with desk(town) as telephone:
        call = await telephone.dial(NUMBER)
        if status == 180:
            await call.rings(within=10)
        assert await call.stays(8.0)
        assert not providers.second.called
        await call.hang_up()


@pytest.mark.parametrize("status", always([0, 503, 408, 500, 502, 504], 2))
async def test_the_next_provider_takes_the_call(town: Town, providers: Providers, status: int) -> None:
    """0: it answers whether it is there, and to a call not a word."""
    providers.first.status = status
    async with desk(town) as telephone:
        began = time.monotonic()
        call = await telephone.dial(NUMBER)
        await call.answered(within=60)
        took = time.monotonic() - began
        await call.ends(within=20)
    print(f"{status}: {took:.1f} s")
    assert [called for called, _ in providers.second.called] == ["0621555123"]
    assert took < SOON
    assert len(providers.first.called) == (1 if status else 0)


async def test_who_needs_help_gets_it_by_the_next_provider(town: Town, providers: Providers) -> None:
    providers.first.status = 0
    async with desk(town) as telephone:
        began = time.monotonic()
        call = await telephone.dial("112")
        await call.answered(within=60)
        assert time.monotonic() - began < SOON
    assert [called for called, _ in providers.second.called] == ["112"]


@pytest.mark.long
async def test_who_needs_help_and_has_no_mobile_phone_is_put_through_when_a_line_is_back(
    town: Town, providers: Providers
) -> None:
    """All are tried once more while they stay on the line."""
    providers.first.status = providers.second.status = 0
    async with desk(town) as telephone:
        call = await telephone.dial("110")
        await call.answered(within=20)  # to be told so: take a mobile phone
        providers.first.status = 200
        await asyncio.to_thread(until, lambda: "110" in [called for called, _ in providers.first.called], 30)
