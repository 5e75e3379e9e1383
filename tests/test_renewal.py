"""Passwords are renewed while people call: nobody notices, the old ones count no more, and nothing is restarted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import Refused
from orchestrator.asterisk.rest import Rest
from orchestrator.compile.renewed import with_secrets
from orchestrator.compile.tree import checksum_of
from orchestrator.phone.errors import NotRegistered
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import keys, wiring
from orchestrator.service.running import connected
from tests.running_town import Town, until, world
from tests.test_cli import durchwahl
from tests.towns import MONDAY_10

PHONE = "tel2030"


async def renewed(town: Town, *what: str) -> str:
    done = await asyncio.to_thread(durchwahl, town.state.root, "renew", *what, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


async def refused(town: Town, ari: str, ami: str) -> None:
    """By the old passwords nobody gets in."""
    with pytest.raises(Refused, match="401"):
        await asyncio.to_thread(
            Rest(replace(wiring.ari(town.state), conf=None, password=ari)).ask, "GET", "asterisk", "ping"
        )
    old = Ami(replace(wiring.ami(town.state), conf=None, secret=ami))
    owner = asyncio.create_task(old.run())
    assert not await old.ready(3)
    owner.cancel()
    await asyncio.wait([owner])


def processes(town: Town) -> Sequence[object]:
    told = json.loads(town.state.shift.read_text())
    return [(each["slot"], each["pid"]) for each in told["workers"]], told["restarts"], told["rescued"]


@pytest.mark.long
async def test_ari_and_ami_are_renewed_again_and_again_and_no_caller_notices(town: Town) -> None:
    before, accounts = (
        processes(town),
        [(wiring.ari(town.state).passwords()[0], wiring.secrets(town.state).of("ami:control"))],
    )
    over = asyncio.Event()

    async def renew() -> int:
        times = 0
        while not over.is_set():
            assert "Asterisk knows it" in await renewed(town, "ari", "ami")
            times += 1
        return times

    renewing = asyncio.create_task(renew())
    calls = []
    for number in range(10):
        calls.append(asyncio.create_task(town.test_call(world(MONDAY_10, "1"), at_box="leaves")))
        await asyncio.sleep(0.7 + number % 3 * 0.2)
    made = await asyncio.gather(*calls)
    over.set()
    times = await renewing
    print(f"{times} renewals during {len(made)} calls")
    assert times >= 2
    for journey, different in made:
        assert different == ""
        places = [step.place for step in journey.steps]
        assert places.count("town.door") == 1, f"the menu was heard again: {places}"
    assert processes(town) == before
    assert await asyncio.to_thread(town.ready)
    await asyncio.to_thread(until, lambda: "durchwahl_ami_up 1.0" in town.page("/metrics"), 10)
    assert "the password was renewed" in (town.state.log / "attend.out").read_text()
    await refused(town, *accounts[0])
    assert "nothing to change" in (await asyncio.to_thread(durchwahl, town.state.root, "plan")).stdout


async def test_a_lost_telephone_gets_another_password_and_who_talks_talks_on(town: Town) -> None:
    old = Line(
        number=PHONE, exchange=town.exchange, password=wiring.secrets(town.state).telephone(PHONE), registers=True
    )
    async with Telephone(wiring.program("baresip"), old) as lost, town.staff({"tel2031": "talked"}):
        call = await lost.dial("2031")
        await call.answered(within=10)
        told = await renewed(town, PHONE)
        assert f"  {PHONE}" in told
        assert await call.stays(2)
        await call.hang_up()
        await asyncio.to_thread(until, lambda: not town.left(), 10)
    with pytest.raises(NotRegistered):
        async with Telephone(wiring.program("baresip"), old):
            pass
    shown = json.loads(durchwahl(town.state.root, "phone", PHONE, "--secret", "--json").stdout)[0]["password"]
    async with Telephone(wiring.program("baresip"), replace(old, password=shown)):
        pass
    async with town.staff({"tel2031": "talked"}):
        pass  # the others keep theirs


async def test_a_way_back_brings_no_old_password_back(town: Town) -> None:
    old = wiring.secrets(town.state).of("ari"), wiring.secrets(town.state).of("ami:control")
    await renewed(town, "ari", "ami", "testcall")
    done = await asyncio.to_thread(durchwahl, town.state.root, "rollback", "1", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    await refused(town, *old)
    journey, different = await town.test_call(world(MONDAY_10, "1"), at_box="leaves")
    assert (different, "town.door" in [step.place for step in journey.steps]) == ("", True)


@pytest.mark.long
async def test_killed_before_asterisk_was_told_it_is_finished_by_the_next_apply(town: Town) -> None:
    """Asterisk has the old passwords then, the tree the new ones: control and attendants begin anew meanwhile."""
    old = wiring.secrets(town.state).of("ari"), wiring.secrets(town.state).of("ami:control")
    trees = wiring.trees(town.state)
    keys._write(town.state, keys.Renewal(purposes=("ari", "ami:control"), master=False, phones=()))
    tree = with_secrets(trees.running(), wiring.secrets(town.state))
    trees.begin(place := trees.write(tree, checksum_of(tree)).name)
    trees.swap(place)
    for name in ("attend", "control"):
        town.end(name)
        town.begin(name)
    async with connected(town.state) as running:
        assert running
    journey, different = await town.test_call(world(MONDAY_10, "1"), at_box="leaves")
    assert (different, "town.door" in [step.place for step in journey.steps]) == ("", True)
    done = await asyncio.to_thread(durchwahl, town.state.root, "apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    await refused(town, *old)
    await asyncio.to_thread(until, town.ready, 20)


async def test_everything_is_renewed_by_the_master(town: Town) -> None:
    secrets = wiring.secrets(town.state)
    pin, own = secrets.pin("2030"), secrets.telephone(PHONE)
    asked = await asyncio.to_thread(durchwahl, town.state.root, "renew", "master")
    assert asked.returncode == 2
    assert "nobody can be asked here; nothing was changed" in asked.stderr
    assert wiring.secrets(town.state) == secrets
    told = await renewed(town, "master")
    phones = sorted(set(town.directory.phones) - {PHONE})
    assert f"{len(phones)} telephones are refused until they have their new password" in told
    now = wiring.secrets(town.state)
    assert now.master != secrets.master
    assert now.pin("2030") != pin
    assert now.telephone(PHONE) == own, "it had a key of its own, and need not be set up again"
    began = time.time()
    async with town.staff({"tel2031": "talked"}):
        journey, different = await town.test_call(world(MONDAY_10, "1"), at_box="leaves")
    assert (different, journey.began > began - 60) == ("", True)


def test_what_is_no_secret_is_told(town: Town) -> None:
    done = durchwahl(town.state.root, "renew", "nobody", "--yes")
    assert done.returncode == 2
    assert "'nobody' is no secret that can be renewed" in done.stderr
    assert "to do: name a telephone, a trunk, or ari, ami, testcall, links, master" in done.stderr
