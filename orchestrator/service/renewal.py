"""A certificate is renewed while people talk: taken over when it is found good, shown by Asterisk, and looked at again.

Belongs here: when, and that Asterisk does it. Not here: which certificate is good (service.certificate).
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.metrics.exchange import CertificateMetrics
from orchestrator.rollout.trees import Busy
from orchestrator.service import certificate, wiring
from orchestrator.service.certificate import Certificate
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import RELOAD_WITHIN
from orchestrator.service.state import State

log = structlog.get_logger()

SHOWN_WITHIN = 10.0
"""Seconds after a reload until Asterisk must show what it was given."""
AGAIN, SELDOM = 60.0, 3600.0
"""Seconds until it is asked again where it did not; doubled each time, as it reads its whole configuration for it."""
Stamp = tuple[tuple[int, int, int], ...]


@dataclass(kw_only=True)
class Renewal:
    """Looks now and then, as its owner calls `look`."""

    state: State
    ami: Ami
    metrics: CertificateMetrics
    _seen: Stamp | None = None
    """The admin's files at the last look; judged when they have not changed since: two are not written at once."""
    _judged: Stamp | None = None
    """As they were when they were judged last."""
    _refused: str = ""
    _sure: tuple[int, str] = (0, "")
    """The connection to Asterisk, and what was shown on it for certain."""
    _again: float = 0.0
    _pause: float = AGAIN

    async def look(self) -> None:
        """Take over what is new and good; have Asterisk show what is in force, also after it was started anew."""
        stamp = await asyncio.to_thread(_stamp, self.state)
        if stamp == self._seen and stamp != self._judged:
            self._judged = stamp
            await self._judge()
        self._seen = stamp
        found = await asyncio.to_thread(certificate.in_force, self.state)
        self.metrics.known(math.nan if found is None else found.days(datetime.now(UTC)), bool(self._refused))
        if found and self.ami.up and self._sure != (self.ami.connections, found.fingerprint):
            await self._see(found)

    async def _judge(self) -> None:
        try:
            if await asyncio.to_thread(certificate.waits, self.state):
                if found := await asyncio.to_thread(certificate.take_over, self.state):
                    log.info("a new certificate", subject=found.subject, until=f"{found.until:%Y-%m-%d}")
                self._again, self._pause = 0.0, AGAIN
            self._refused = ""
        except ServiceError as bad:
            self._refused = str(bad)
            log.error("a new certificate is not taken over, the one before goes on", why=str(bad), todo=bad.todo)

    async def _see(self, found: Certificate) -> None:
        if time.monotonic() < self._again or not await asyncio.to_thread(certificate.used, self.state):
            return
        connection = self.ami.connections
        self._again = time.monotonic() + self._pause
        try:
            await have_shown(self.state, self.ami, found)
        except Busy:
            self._again = 0.0
            return
        except ServiceError as bad:
            log.error("the certificate is not shown", why=str(bad), todo=bad.todo)
            self._pause = min(SELDOM, self._pause * 2)
            return
        self._pause = AGAIN
        self._sure = (connection, found.fingerprint)


async def have_shown(state: State, ami: Ami, found: Certificate) -> None:
    """Have Asterisk show `found`, unless it does; calls and telephones stay connected.

    Raises Busy while an apply is under way (reloads that overlap can deadlock), and ServiceError if it is not shown.
    """
    if await asyncio.to_thread(certificate.seen, state) == found.fingerprint:
        return
    try:
        with wiring.trees(state).alone():
            await ami.action("Reload", Module="res_pjsip.so", within=RELOAD_WITHIN)
    except AsteriskError as bad:
        raise ServiceError(f"Asterisk does not reload PJSIP: {bad}", todo=f"see {state.log / 'full'}") from bad
    deadline = time.monotonic() + SHOWN_WITHIN
    while (shown := await asyncio.to_thread(certificate.seen, state)) != found.fingerprint:
        if time.monotonic() > deadline:
            raise ServiceError(
                f"Asterisk shows {'another certificate' if shown else 'none'} at {state.settings().tls_port}/tls",
                todo=f"see {state.log / 'full'}; after an update it is shown from the next start of Asterisk on",
            )
        await asyncio.sleep(0.2)


def _stamp(state: State) -> Stamp:
    """When the admin's files were written, as the file system tells it."""
    told = [path.stat() for path in wiring.pair(state) if path.exists()]
    return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in told)
