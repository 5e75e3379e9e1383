"""Everybody at once: all telephones of a town after a power failure, and a stranger who floods it with requests."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Phone
from orchestrator.service import bans, logs
from orchestrator.service.state import State
from tests import hurry
from tests.leash import leashed
from tests.running_town import CITIZEN, Town, running_town, until
from tests.test_bans import asks, spare_nobody
from tests.test_torture import hang_up, kilobytes, line, pen
from tests.test_without_dns import took
from tests.tls_telephone import TlsTelephone, certified

pytestmark = pytest.mark.crowded

SITE = "127.0.0.20"
"""All telephones of one site come from one address."""
TELEPHONES, WITHIN = 300, 60.0
"""So many, registered within so many seconds."""
STRANGER, RATE = "127.0.0.21", 1000
"""Who floods, and with how many requests a second."""
KNOWN = "tel2030"
BANNED_WITHIN, SET_UP = 10.0, 0.5
"""Seconds until the flood is banned, and in which 95 of 100 calls must be answered meanwhile."""
GROWTH = 60_000
"""Kilobytes that Asterisk may have more: it remembers each request for 32 s, of 20,000 that is a third of it."""
QUIET, FOR = 0.3, 2.0
"""The part of one processor that Asterisk may need afterwards, and over how many seconds."""


def many() -> Directory:
    """The hurried town with several telephones for everybody."""
    town = hurry.directory()
    each = -(-TELEPHONES // len(town.people))
    people, phones = {}, dict(town.phones)
    for person in town.people.values():
        more = [f"at{person.extension}n{number}" for number in range(each)]
        own = town.phones[person.phones[0]]
        phones |= {id_: Phone(id=id_, site=own.site, label=id_, extension=own.extension) for id_ in more}
        people[person.id] = replace(person, phones=(*person.phones, *more))
    return replace(town, people=people, phones=phones)


@pytest.fixture(scope="module")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """That town, with TLS; nobody on this machine is spared from bans but the exchange itself and the provider."""

    def furnish(state: State) -> None:
        certified(state)
        spare_nobody(state)

    with running_town(tmp_path_factory.mktemp("t"), many(), furnish=furnish) as town:
        yield town


def processor(pid: int) -> float:
    """Seconds of processor that a process has used."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def busy(town: Town, name: str, seconds: float) -> float:
    """The part of one processor that a process uses for so many seconds."""
    pid, began = town.processes[name].pid, time.monotonic()
    before = processor(pid)
    time.sleep(seconds)
    return (processor(pid) - before) / (time.monotonic() - began)


async def registered(telephones: list[TlsTelephone], on: AsyncExitStack) -> Counter[int]:
    """Connect and register all at once: the last answer to each."""

    async def one(telephone: TlsTelephone) -> int:
        await on.enter_async_context(telephone)
        return await telephone.registers(within=WITHIN)

    return Counter(await asyncio.gather(*(one(telephone) for telephone in telephones)))


async def test_all_telephones_register_after_a_power_failure(town: Town) -> None:
    own = [phone for phone in town.directory.phones if phone.startswith("at")][:TELEPHONES]
    telephones = [TlsTelephone(town=town, phone=phone, address=SITE) for phone in own]
    assert len(telephones) == TELEPHONES
    async with AsyncExitStack() as on:  # what they were asked with last belongs to the life before
        assert await registered(telephones, on) == {200: TELEPHONES}
    for name in ("control", "asterisk"):
        town.end(name)
    (town.state.log / "security").unlink()  # it was away for longer than anybody's login is remembered
    for name in ("asterisk", "control"):
        town.begin(name)
    telephones = [replace(each, answers=Counter()) for each in telephones]
    async with AsyncExitStack() as on:
        began = time.monotonic()
        assert await registered(telephones, on) == {200: TELEPHONES}
        took = time.monotonic() - began
        answers = sum((each.answers for each in telephones), Counter())
        assert took < WITHIN
        assert sum(each.given_up for each in telephones) < TELEPHONES / 10
        assert set(answers) <= {200, 401}
        with line(town, "udp", CITIZEN) as asking:
            number = town.directory.phones[own[0]].extension
            asking.sendall(pen(town, "udp", asking).asked(uri=f"sip:+49620521{number}@{town.exchange}"))
            await asyncio.to_thread(until, lambda: telephones[0].rung, 5)
        await asyncio.to_thread(until, lambda: busy(town, "asterisk", FOR) < QUIET, 20)
        await asyncio.sleep(2)
        assert not bans.banned(town.state)
        assert not any(each.cut for each in telephones)
        assert await telephones[-1].registers() == 200
        await asyncio.to_thread(hang_up, town)


@pytest.mark.parametrize(("user", "seconds"), [("guess{}", 20), (KNOWN, 10)], ids=["unknown", "known"])
def test_a_flood_is_banned_and_calls_go_on(town: Town, user: str, seconds: float) -> None:
    """Of one who registers a thousand times a second without a password, as nobody and as a telephone of ours."""
    memory, began = kilobytes(town), time.monotonic()
    with (town.state.log / "full").open("ab") as log:  # it is nearly too large, as in the midst of a longer flood
        log.write(b"\n" * logs.LARGEST)
    command = (sys.executable, "-m", "tests.flood", *town.exchange.split(":"), STRANGER, str(RATE), user)
    flooding = subprocess.Popen(leashed(command), stdout=subprocess.PIPE, text=True)
    try:
        with ThreadPoolExecutor(8) as callers:
            calls = []
            while time.monotonic() - began < seconds:
                calls.append(callers.submit(took, town))
                time.sleep(0.2)
                assert STRANGER in bans.banned(town.state) or time.monotonic() - began < BANNED_WITHIN
            rang = sorted(call.result() for call in calls)
    finally:
        flooding.terminate()
        said = json.loads(flooding.communicate()[0])
    assert sum(said["answers"].values()) > RATE * seconds / 2, "that was no flood"
    assert rang[int(len(rang) * 0.95)] < SET_UP
    assert kilobytes(town) - memory < GROWTH
    assert (town.state.log / "full").stat().st_size < logs.LARGEST
    bans.lift(town.state, STRANGER)
    until(lambda: asks(town, STRANGER, KNOWN) == "401", 10)
