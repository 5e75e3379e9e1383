"""The desk that all calls lead to: a telephone that is registered and played by SIPp, as many calls as come."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.call.town import PHONE
from orchestrator.phone.program import surroundings
from orchestrator.service import wiring
from tests.ports import one
from tests.running_town import Town
from tests.sip_line import register
from tests.told import times

ADDRESS = "127.0.0.3"
SCENARIO = Path(__file__).parent / "scenarios" / "desk.xml"
EXPIRES = 120
"""Seconds for which a telephone may register at most; a block of calls is shorter."""
STOPS_WITHIN = 5.0


@dataclass
class Desk:
    """What became known of its calls when it has ended."""

    rung: Mapping[str, float] = field(default_factory=dict)
    """Number of the caller -> when the call reached the desk, seconds since the epoch."""


@contextmanager
def desk(town: Town) -> Iterator[Desk]:
    """It takes every call for as long as the block lasts, `EXPIRES` seconds at most."""
    made, port = Desk(), one()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((ADDRESS, port))
        line.settimeout(5)
        line.connect(("127.0.0.1", town.settings.sip_port))
        register(town, line, PHONE, expires=EXPIRES)
    sipp = wiring.program("sipp")
    with tempfile.TemporaryDirectory(prefix="desk-") as name:
        folder = Path(name)
        # fmt: off
        argv = (*sipp.argv, "-sf", str(SCENARIO), "-i", ADDRESS, "-mi", ADDRESS, "-p", str(port), "-nostdin", "-aa",
                "-timeout", f"{EXPIRES}s", "-trace_logs", "-log_file", "told")
        # fmt: on
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=surroundings(sipp)
            )
            try:
                yield made
            finally:
                process.send_signal(signal.SIGUSR1)
                try:
                    process.wait(STOPS_WITHIN)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if (folder / "told").exists():
            made.rung = times((folder / "told").read_text(), "rung")
