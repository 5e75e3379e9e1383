"""Asterisk killed under its supervisor: when all is there again, counted from the kill."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from orchestrator.messages.mailbox import Spool
from orchestrator.service.running import connected
from tests import hurry
from tests.chaos.soak import supervised
from tests.running_town import Town, prepared, until, world
from tests.sip_line import lamp
from tests.spools import message
from tests.tls_telephone import TlsTelephone, certified
from tests.towns import MONDAY_10

ANSWERS, RINGS, LAMPS = 10.0, 20.0, 30.0
"""Seconds until ARI and AMI answer, until a telephone that was registered has been rung, and until lamps are right."""
WATCHED = 8
"""Telephones whose lamps are looked at."""
BY_TLS = 10.0
"""Seconds from when a telephone by TLS has registered anew until it has been rung. Its connection went with Asterisk:
it notices, or it comes back when its registration is to be renewed, within 120 s (`maximum_expiration`)."""
RUNG = {"tel2510": "talked"}
SAFE = "tel2511"
"""Registered by TLS."""


def owners(town: Town) -> dict[str, str]:
    """Telephone -> the box that its lamp shows, for people who have one of each to themselves."""
    people = [each for each in town.directory.people.values() if each.box and len(each.phones) == 1]
    alone = {each.phones[0]: each.box for each in people if each.phones[0] not in (*RUNG, SAFE)}
    return dict(sorted(alone.items())[:WATCHED])


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Under its supervisor, with a message in each box whose lamp is looked at."""
    state, directory, sounds = prepared(tmp_path, hurry.directory(), certified)
    made = Town(state, directory, sounds, state.run / "words.wav")
    for box in owners(made).values():
        message(Spool(state.spool), box, "1.0-1", at=time.time())
    with supervised(state):
        until(made.ready, 30)
        yield made


async def test_everything_is_there_again_in_time(town: Town) -> None:
    state, spool, watched = town.state, Spool(town.state.spool), owners(town)
    assert len(set(watched.values())) == WATCHED
    with ExitStack() as stack:
        lamps = {phone: stack.enter_context(lamp(town, phone)) for phone in watched}
        await asyncio.to_thread(until, lambda: {each.shows for each in lamps.values()} == {(1, 0)}, LAMPS)
        async with town.staff(RUNG), TlsTelephone(town=town, phone=SAFE) as safe:
            assert await safe.registers() == 200
            await asyncio.sleep(2)  # Asterisk writes its database down once a second
            os.kill(int((state.run / "asterisk.kept").read_text()), signal.SIGKILL)
            killed = time.monotonic()
            for box in watched.values():
                message(spool, box, "2.0-1", at=time.time())
            await asyncio.to_thread(until, lambda: not town.answers(), 5)
            await asyncio.to_thread(until, town.answers, ANSWERS)
            ari = time.monotonic() - killed
            async with connected(state) as running:
                assert running
                assert RUNG.keys() <= await running.registered()
            ami = time.monotonic() - killed
            journey, different = await town.test_call(world(MONDAY_10, phones=RUNG), number="2510")
            called = time.monotonic() - killed
            assert (different, journey.outcome) == ("", "answered")
            assert safe.cut
            rung = await rung_again(town)
        await asyncio.to_thread(until, lambda: {each.shows for each in lamps.values()} == {(2, 0)}, LAMPS)
        right = time.monotonic() - killed
    print(f"by TLS {rung:.1f} s after it had registered")
    print(f"ARI {ari:.1f} s, AMI {ami:.1f} s, a call made and over {called:.1f} s, lamps {right:.1f} s")
    assert rung < BY_TLS
    assert max(ari, ami) < ANSWERS
    assert called < RINGS
    assert right < LAMPS


async def rung_again(town: Town) -> float:
    """Seconds from the registration of a telephone by TLS until it has been rung."""
    async with TlsTelephone(town=town, phone=SAFE) as telephone:
        assert await telephone.registers() == 200
        registered = time.monotonic()
        calling = asyncio.create_task(
            town.test_call(world(MONDAY_10, phones={**RUNG, SAFE: "busy"}), number=SAFE[3:], at_box="leaves")
        )
        await asyncio.to_thread(until, lambda: telephone.rung, BY_TLS)
        took = time.monotonic() - registered
        _, different = await calling
    assert not different
    return took
