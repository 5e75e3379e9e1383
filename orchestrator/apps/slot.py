"""One slot of the shift: a worker process, its pulse, and when it may be started again.

Standard library only. Belongs here: one process. Not here: Asterisk, callers, the other slots (shift).
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

log = logging.getLogger(__name__)

HUNG_AFTER = 1.2
"""Seconds without a heartbeat after which a worker counts as hung: six missed beats."""
START_LIMIT = 15.0
"""Seconds until the first heartbeat of a new worker."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds until a dead worker is started again: doubled each time."""
SETTLED = 20.0
"""Seconds that a worker must live until the next pause is the shortest again."""


class Slot:
    """A place for one worker. All times are seconds of a monotonic clock, given by the caller."""

    def __init__(self, number: int, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.number, self.app = number, f"attendant-{number}"
        self.restarts = -1
        self.up = False
        """Whether the worker said at its last heartbeat that it is on the line to Asterisk."""
        self._command, self._environment = command, environment
        self._process: subprocess.Popen[bytes] | None = None
        self.pulse: int | None = None
        """Our end of the pipe."""
        self._began = self._last_beat = 0.0
        self._beaten = False
        self._due, self._pause = 0.0, FIRST_PAUSE

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start_if_due(self, now: float) -> None:
        """Start the worker if there is none and its pause is over."""
        if self._process or now < self._due:
            return
        try:
            self.pulse, theirs = os.pipe()
        except OSError as error:
            self._later(now, error)
            return
        os.set_blocking(self.pulse, False)
        command = [*self._command, "--slot", str(self.number), "--heartbeat", str(theirs)]
        try:
            self._process = subprocess.Popen(
                command, pass_fds=(theirs,), env=dict(self._environment), stdin=subprocess.DEVNULL
            )
        except OSError as error:
            os.close(self.pulse)
            self.pulse = None
            self._later(now, error)
            return
        finally:
            os.close(theirs)
        self._began = self._last_beat = now
        self._beaten = False
        self.restarts += 1

    def _later(self, now: float, error: OSError) -> None:
        """No process could be made: the machine is short of something, and we must not end for it."""
        log.error("%s cannot be started: %s; again in %.1f s", self.app, error, LONGEST_PAUSE)
        self._due = now + LONGEST_PAUSE

    def listen(self, now: float) -> None:
        """Read what heartbeats have come."""
        if self.pulse is None:
            return
        try:
            beats = os.read(self.pulse, 4096)
        except BlockingIOError:
            return
        if beats:
            self._last_beat, self._beaten = now, True
            self.up = beats.endswith(b"c")

    def excuse(self, now: float) -> None:
        """We did not look for a while ourselves: count the silence from now on."""
        self._last_beat = now

    def lost(self, now: float) -> str | None:
        """Why this worker is lost, `died …` or `hung`; None if it is well, or if there is none."""
        if self._process is None:
            return None
        if (code := self._process.poll()) is not None:
            return f"died ({code})"
        limit = HUNG_AFTER if self._beaten else START_LIMIT
        return "hung" if now - self._last_beat > limit else None

    def drain(self) -> None:
        """Ask the worker to hand its callers back and leave."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def gone(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def bury(self, now: float) -> None:
        """Make sure that it is dead, which is the fence, and remember when to start the next."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self.pulse is not None:
            os.close(self.pulse)
            self.pulse = None
        self.up = False
        self._pause = FIRST_PAUSE if now - self._began > SETTLED else min(self._pause * 2, LONGEST_PAUSE)
        self._due = now + self._pause
