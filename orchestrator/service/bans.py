"""Bans in force: control reads who tried in vain, and Asterisk refuses what comes from there (403), until it is over.

The list is a file that `acl.conf` includes, so it also holds while control is down, and after a restart of Asterisk.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import structlog

from orchestrator.asterisk import security
from orchestrator.asterisk.ami import Ami
from orchestrator.domain.bans import Bans
from orchestrator.domain.directory import Directory
from orchestrator.metrics.control import Metrics
from orchestrator.rollout.trees import Busy
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State, write_whole

log = structlog.get_logger()

Network = IPv4Network | IPv6Network


@dataclass(kw_only=True)
class Guard:
    """Looks now and then, as its owner calls `look`."""

    state: State
    directory: Callable[[], Directory]
    ami: Ami
    metrics: Metrics
    bans: Bans = field(default_factory=Bans)
    _offset: int = -1
    """How far the log was read; -1: not yet."""
    _written: int = -1
    """When the list was written that Asterisk has, as the file system tells it."""
    _of: Directory | None = None
    """The directory whose trunks are spared."""
    _told: int = -1
    """The connection by which Asterisk was told of the list."""

    async def look(self) -> None:
        """Take over new attempts and what an admin has lifted, and tell Asterisk what is different."""
        if self._offset < 0:
            self._offset = self._size()
            self.bans.until = dict(banned(self.state))
        if (directory := self.directory()) is not self._of:
            self.bans.never, self._of = tuple(self._never(directory)), directory
        if self._offset != self._size():
            chunk = await asyncio.to_thread(security.read, self.state.log / "security", self._offset)
            self._offset = chunk.end
            for address in self.bans.take(chunk.attempts):
                self.metrics.bans.inc()
                log.warning("banned", address=address, seconds=round(self.bans.until[address] - time.time()))
        over = [*self.bans.expire(time.time()), *self._lifted()]
        for address in over:
            log.info("no longer banned", address=address)
        self.metrics.banned.set(len(self.bans.until))
        if over or self.bans.until != banned(self.state) or self._written < 0:
            await asyncio.to_thread(self._write)
            self._told = -1
        if self._told != self.ami.connections and self.ami.up:
            await self._tell()

    def _size(self) -> int:
        path = self.state.log / "security"
        return path.stat().st_size if path.exists() else 0

    def _never(self, directory: Directory) -> Iterator[Network]:
        """The networks of the settings, and those from which trunks call."""
        settings = self.state.settings()
        yield from map(ip_network, settings.never_banned)
        for trunk in directory.trunks.values():
            where = settings.trunks.get(trunk.id, f"{trunk.host}:{trunk.port}").rpartition(":")[0]
            for source in (where, *trunk.sources):
                try:
                    yield ip_network(source.strip("[]"), strict=False)
                except ValueError:
                    continue  # a name: Asterisk knows those calls by the addresses that it found for it

    def _lifted(self) -> list[str]:
        """Addresses that somebody has taken out of the file since we wrote it."""
        if self._written < 0 or not self.state.bans.exists() or self.state.bans.stat().st_mtime_ns == self._written:
            return []
        kept = banned(self.state)
        lifted = [address for address in self.bans.until if address not in kept]
        for address in lifted:
            del self.bans.until[address]
        return lifted

    def _write(self) -> None:
        rules = "".join(f"deny = {ip_network(address)}\n" for address in sorted(self.bans.until))
        write_whole(self.state.run / "banned.conf", rules)
        write_whole(self.state.bans, json.dumps(self.bans.until))
        self._written = self.state.bans.stat().st_mtime_ns

    async def _tell(self) -> None:
        """Have Asterisk read the list, unless an apply reloads something: reloads that overlap can deadlock."""
        connection = self.ami.connections
        try:
            with wiring.trees(self.state).alone():
                await self.ami.action("Reload", Module="acl")
        except Busy:
            return
        self._told = connection


def banned(state: State) -> Mapping[str, float]:
    """Address -> until when it is banned, in seconds since the epoch."""
    try:
        found = json.loads(state.bans.read_text())
        return {str(ip_address(address)): float(until) for address, until in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def lift(state: State, address: str) -> None:
    """End the ban of `address` within a second or two; raises ServiceError where there is none."""
    kept = dict(banned(state))
    if kept.pop(address, None) is None:
        raise ServiceError(f"{address} is not banned", todo="`durchwahl bans` lists who is")
    write_whole(state.bans, json.dumps(kept))
