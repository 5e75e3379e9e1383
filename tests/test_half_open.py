"""An Asterisk whose lines stay up while it says nothing: control notices, tells, and finds it again."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.running_town import Town, until, world
from tests.towns import MONDAY_10

WITHIN = 20.0
"""Seconds until it must be told: a ping each 5 s that has 5 s."""


@pytest.mark.long
async def test_an_asterisk_that_hangs_is_noticed_told_and_found_again(town: Town) -> None:
    until(lambda: "durchwahl_ami_up 1.0" in town.page("/metrics"), 20)
    pid = town.processes["asterisk"].pid
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        until(lambda: "durchwahl_ami_up 0.0" in town.page("/metrics"), WITHIN)
        print(f"told after {time.monotonic() - began:.1f} s")
        assert not town.ready()
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: "durchwahl_ami_up 1.0" in town.page("/metrics"), 30)
    until(town.ready, 30)
    journey, different = await town.test_call(world(MONDAY_10, "1"))
    assert (different, journey.outcome) == ("", "message")
