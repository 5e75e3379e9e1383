"""The shift: starts the workers, notices which is dead or hung, and sends its callers back to their places.

Standard library only and no event loop, so that it has nothing to hang in: this is the fastest of the nets under a
caller. Belongs here: the watch, the number of attendants in Asterisk, the status file. Not here: one process (slot),
one rescue (rescue), what a killed shift left (former), calls (attend).
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from orchestrator.apps import lines
from orchestrator.apps.former import end_former
from orchestrator.apps.rescue import Rescue
from orchestrator.apps.slot import Slot
from orchestrator.asterisk.address import Address
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.asterisk.rest import Rest

log = logging.getLogger(__name__)

LOOK_EVERY = 0.1
"""Seconds between two looks; a dead worker's pipe closes and wakes us at once."""
SAY_AGAIN = 2.0
"""Seconds until Asterisk is told the number of attendants again: it may have been restarted meanwhile."""
TRY_AGAIN = 0.5
"""Seconds until Asterisk is asked again after it did not answer."""
DRAIN_LIMIT = 3.0
"""Seconds that the workers have to leave."""
PASSWORD = "DURCHWAHL_ARI_PASSWORD"  # noqa: S105
"""The environment variable in which a worker gets ARI's password."""
WORKER = (sys.executable, "-m", "orchestrator.apps.worker")


@dataclass(frozen=True, kw_only=True)
class Roster:
    """What a shift is told at its start."""

    asterisk: Address
    attend: Path
    """`attend.json` of the live tree."""
    status: Path
    """Where the shift tells its state, for control's metrics."""
    workers: int = 2
    command: tuple[str, ...] = WORKER
    """How a worker is started; its orders are added as options."""
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Added to the environment of the workers."""


class Shift:
    """n workers and the watch over them."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._rest = Rest(roster.asterisk)
        self._rescue = Rescue(self._rest)
        asterisk, conf = roster.asterisk, ("--conf", str(roster.asterisk.conf)) if roster.asterisk.conf else ()
        options = ("--attend", str(roster.attend), "--url", asterisk.url, "--user", asterisk.user, *conf)
        environment = {**os.environ, **dict(roster.environment), PASSWORD: roster.asterisk.password}
        numbers = range(1, roster.workers + 1)
        self._slots = [Slot(number, (*roster.command, *options), environment) for number in numbers]
        self._owed: set[str] = {"*"}
        """Attendants whose callers are still to be rescued; `*`: those of anyone, at our start."""
        self._told: int | None = None
        self._tell_again = self._ask_again = 0.0
        self._status: dict[str, Any] = {}
        self._leaving = False
        self._bell, self._rope = os.pipe()

    def run(self) -> int:
        """Watch until SIGTERM or SIGINT, then drain. Exit code."""
        os.set_blocking(self._rope, False)
        os.set_blocking(self._bell, False)
        signal.set_wakeup_fd(self._rope)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._leave)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to ring the bell
        end_former(self._roster.attend)  # the fence, as for our own: their callers are rescued next
        looked = time.monotonic()
        while not self._leaving:
            now = time.monotonic()
            slept, looked = now - looked > 5 * LOOK_EVERY, now
            for slot in self._slots:
                slot.listen(now)
                if slept:
                    slot.excuse(now)  # it was us who did not look: stopped, or busy with a rescue
            self._bury_the_dead(now)
            self._pay()
            for slot in self._slots:
                if not self._owed & {slot.app, "*"}:
                    slot.start_if_due(now)
            self._tell_asterisk(now)
            self._write_status()
            self._wait()
        self._drain()
        return 0

    def _leave(self, number: int, frame: FrameType | None) -> None:
        self._leaving = True

    def _wait(self) -> None:
        watched = select.poll()
        watched.register(self._bell, select.POLLIN)
        for slot in self._slots:
            if slot.pulse is not None:
                watched.register(slot.pulse, select.POLLHUP)
        watched.poll(LOOK_EVERY * 1000)
        with suppress(BlockingIOError):
            os.read(self._bell, 4096)

    def _bury_the_dead(self, now: float) -> None:
        for slot in self._slots:
            if why := slot.lost(now):
                log.warning("%s (process %s) %s: its callers go back to their places", slot.app, slot.pid, why)
                slot.bury(now)
                self._owed.add(slot.app)
        if self._owed - {"*"}:
            self._tell_asterisk(now)  # first: with nobody left, the rescued go on natively at once

    def _pay(self) -> None:
        """Rescue whom we owe it; what Asterisk does not answer now stays owed."""
        if not self._owed or time.monotonic() < self._ask_again:
            return
        for app in sorted(self._owed):
            try:
                count = self._rescue.everyone() if app == "*" else self._rescue.callers_of(app)
            except AsteriskError as error:
                log.warning("no rescue yet for %s: %s", "anyone" if app == "*" else app, error)
                self._ask_again = time.monotonic() + TRY_AGAIN
                return
            self._owed.discard(app)
            if count:
                log.warning("%s callers of %s went back to their places", count, app)

    def _tell_asterisk(self, now: float) -> None:
        up = sum(slot.up for slot in self._slots)
        if (up == self._told and now < self._tell_again) or now < self._ask_again:
            return
        self._told = up if self._set_attendants(up) else None
        self._tell_again = now + SAY_AGAIN
        if self._told is None:
            self._ask_again = now + TRY_AGAIN

    def _set_attendants(self, count: int) -> bool:
        try:
            self._rest.ask("POST", "asterisk", "variable", variable="ATTENDANTS", value=str(count))
        except AsteriskError as error:
            if self._told is not None:
                log.warning("Asterisk does not answer: %s", error)
            return False
        return True

    def _drain(self) -> None:
        """Nobody new, everybody back to their place, then leave."""
        self._set_attendants(0)
        for slot in self._slots:
            slot.drain()
        deadline = time.monotonic() + DRAIN_LIMIT
        while time.monotonic() < deadline and not all(slot.gone() for slot in self._slots):
            for slot in self._slots:
                slot.listen(time.monotonic())
            time.sleep(0.02)
        for slot in self._slots:
            slot.bury(time.monotonic())
            self._owed.add(slot.app)
        self._told, self._ask_again = 0, 0.0
        self._pay()
        self._write_status()

    def _write_status(self) -> None:
        """Say how we are, whenever that has changed; readers see the old file or the new one, never half of one."""
        workers = [
            {"slot": slot.number, "pid": slot.pid, "up": slot.up, "restarts": max(0, slot.restarts)}
            for slot in self._slots
        ]
        status = {
            "up": sum(slot.up for slot in self._slots),
            "asterisk": self._told is not None,
            "restarts": sum(max(0, slot.restarts) for slot in self._slots),
            "rescued": self._rescue.rescued,
            "workers": workers,
        }
        if status == self._status:
            return
        beside = self._roster.status.with_name(f".{self._roster.status.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps(status))
            os.replace(beside, self._roster.status)
            self._status = status
        except OSError as error:
            log.error("cannot write %s: %s; is the disk full?", self._roster.status, error)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a shift from the command line. The password is read in `--conf`, else it comes in the environment."""
    import argparse

    parser = argparse.ArgumentParser(prog="shift", description=f"A shift of attendants. ARI's password: ${PASSWORD}.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--attend", type=Path, required=True, help="attend.json of the live tree")
    parser.add_argument("--url", required=True, help="where ARI answers: http://127.0.0.1:8088/ari")
    parser.add_argument("--user", required=True)
    parser.add_argument("--conf", type=Path, help="Asterisk's ari.conf of the live tree")
    parser.add_argument("--status", type=Path, required=True, help="file that tells the state of the shift")
    parser.add_argument("command", nargs="*", help="after --: how a worker is started; its orders are added")
    given = parser.parse_args(argv)
    lines.begin("shift")
    address = Address(url=given.url, user=given.user, password=os.environ.get(PASSWORD, ""), conf=given.conf)
    roster = Roster(
        asterisk=address,
        attend=given.attend,
        status=given.status,
        workers=given.workers,
        command=tuple(given.command) or WORKER,
    )
    return Shift(roster).run()


if __name__ == "__main__":
    sys.exit(main())
