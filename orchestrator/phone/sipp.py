"""SIPp for what a telephone does not do: a scripted message sequence, and many callers at a time.

Belongs here: one bounded run of a scenario file. What the scenario says lies with whoever wrote it (tests/scenarios).
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import os
import shutil
import signal
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orchestrator.phone.errors import NotStarted
from orchestrator.phone.program import Program, surroundings

GRACE = 5.0
"""Seconds that SIPp may take to stop by itself after its time is over."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of a run. Every call is in one of the two numbers, unless time ran out before it began."""

    succeeded: int
    failed: int
    errors: str
    """What SIPp found wrong: unexpected messages, in its own words."""
    told: str = ""
    """What the scenario said of its calls, a line each."""


async def run_sipp(sipp: Program, scenario: Path, *, exchange: str, number: str, calls: int = 1, rate: float = 1.0,
                   within: float = 30.0, address: str = "127.0.0.1", audio: Path | None = None,
                   callers: str = "") -> Run:  # fmt: skip
    """Place `calls` calls to `number`, `rate` a second, all over `within` seconds. Raises NotStarted.

    A scenario finds its sound (a-law, 8 kHz, no header) as `audio.alaw` in the folder it runs in, and the fields of its
    calls in `callers`, a line each.
    """
    with tempfile.TemporaryDirectory(prefix="sipp-") as name:
        folder = Path(name)
        shutil.copy(scenario, folder / "scenario.xml")
        if audio is not None:
            shutil.copy(audio, folder / "audio.alaw")
        fields = ("-inf", "callers.csv") if callers else ()
        (folder / "callers.csv").write_text(f"SEQUENTIAL\n{callers}")
        # fmt: off
        options = (exchange, "-sf", "scenario.xml", "-s", number, "-i", address, "-mi", address,
                   "-p", str(_free_port(address)), "-m", str(calls), "-r", str(round(rate * 1000)), "-rp", "1000000",
                   "-l", str(calls), *fields, "-nostdin", "-timeout", f"{round(within)}s", "-timeout_error",
                   "-trace_logs", "-log_file", "told",
                   "-trace_err", "-error_file", "errors", "-trace_stat", "-stf", "counts", "-fd", "1")
        # fmt: on
        with (folder / "log").open("wb") as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *sipp.argv, *options, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                    env=surroundings(sipp), start_new_session=True)  # fmt: skip
            except OSError as error:
                raise NotStarted(f"{sipp.argv[0]} cannot be started: {error}") from error
        try:
            async with asyncio.timeout(within + GRACE):
                await process.wait()
        except TimeoutError:
            pass  # its numbers tell what was done
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return _result(folder)


def _result(folder: Path) -> Run:
    try:
        *_, last = csv.DictReader((folder / "counts").read_text().splitlines(), delimiter=";")
        succeeded, failed = int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])
    except (OSError, KeyError, ValueError):
        raise NotStarted(f"SIPp gave no result:\n{_text(folder / 'log')[-2000:]}") from None
    return Run(succeeded=succeeded, failed=failed, errors=_text(folder / "errors"), told=_text(folder / "told"))


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
