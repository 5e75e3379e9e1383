"""`durchwahl apply` killed at moments spread over its run, two people talking: the call goes on."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.domain.directory import Directory
from orchestrator.phone.desk import Answers, Desk
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import rollout as service
from orchestrator.service import wiring
from orchestrator.service.running import connected
from orchestrator.store.database import brief
from orchestrator.store.load import save
from tests import hurry
from tests.running_town import Town, wrong

MOMENTS = 6
"""Kills, spread evenly over the time that an apply takes."""


def renamed(number: int) -> Directory:
    """The hurried town with another label at one phone and another ring time for one department."""
    town = hurry.directory()
    phone = replace(town.people["p2501"], last_name=f"Name{'abcdefghijklm'[number]}")
    department = replace(town.departments["sozialamt"], ring_seconds=5 + number)
    people, departments = {**town.people, "p2501": phone}, {**town.departments, "sozialamt": department}
    return replace(town, people=people, departments=departments)


async def write(town: Town, directory: Directory) -> None:
    await save(brief(town.state.database), directory, who="tests", what="change", why="tests")


def begin(town: Town) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "orchestrator.cli", "--state", str(town.state.root), "apply", "--yes"]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


async def talking(town: Town) -> set[str]:
    """Channels that are up."""
    channels = await asyncio.to_thread(Rest(wiring.ari(town.state)).ask, "GET", "channels")
    return {channel["id"] for channel in channels if channel["state"] == "Up"}


@pytest.mark.long
async def test_a_call_outlives_a_killed_apply_and_the_next_one_finishes(town: Town) -> None:
    trees, old = wiring.trees(town.state), wiring.trees(town.state).name()
    password = wiring.secrets(town.state).of("sip:tel2500")
    caller = Line(number="tel2500", exchange=town.exchange, password=password, registers=True)
    called = Line(
        number="tel2510", exchange=town.exchange, password=wiring.secrets(town.state).of("sip:tel2510"), registers=True
    )
    program = wiring.program("baresip")
    try:
        async with Desk(Telephone(program, called), Answers(after=0.2)), Telephone(program, caller) as phone:
            call = await phone.dial("2510")
            await call.answered(within=20)
            async with asyncio.timeout(20):
                while len(before := await talking(town)) < 2:
                    await asyncio.sleep(0.1)
            await write(town, renamed(0))
            began = time.monotonic()
            assert begin(town).wait(120) == 0
            lasts = time.monotonic() - began
            seen = {old, trees.name()}
            for moment in range(1, MOMENTS + 1):
                if moment % 2:
                    await write(town, renamed(moment))
                else:  # nothing to change, but a file of what runs was edited by hand
                    with (trees.current / "asterisk/musiconhold.conf").open("a") as file:
                        file.write("; by hand\n")
                process = begin(town)
                await asyncio.sleep(lasts * moment / MOMENTS)
                process.send_signal(signal.SIGKILL)
                process.wait(10)
                assert {old, trees.name()} - {""}, "no tree"
                assert trees.current.exists(), "no tree"
                assert trees.running().keys() >= {"asterisk/extensions.conf", "directory.jsonl"}
                seen.add(trees.name())
                assert await talking(town) == before, f"killed at {moment}/{MOMENTS}: the call is gone"
                applied = await service.apply(town.state, lambda done, total: None, checksum="", force=())
                assert applied.done, applied.told
                assert not trees.unsettled
                async with connected(town.state) as running:
                    assert running
                    assert await running.differences(trees.running()) == []
                assert not trees.damage(trees.name(), trees.running())
                assert await talking(town) == before
            await call.hang_up()
    finally:
        await write(town, hurry.directory())
        applied = await service.apply(town.state, lambda done, total: None, checksum="", force=())
        assert applied.done, applied.told
    assert await wrong(town.state) == []
