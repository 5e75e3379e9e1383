"""Bans in force: control reads who tried in vain, and Asterisk refuses what comes from there (403), until it is over.

The list is a file that `acl.conf` includes, so it also holds while control is down, and after a restart of Asterisk.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import chain

import structlog

from orchestrator.asterisk import security
from orchestrator.asterisk.ami import Ami
from orchestrator.domain.bans import Bans
from orchestrator.domain.directory import Directory
from orchestrator.metrics.lines import BanMetrics
from orchestrator.rollout.trees import Busy
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State, write_whole

log = structlog.get_logger()

TOLD_EVERY = 1.0
"""Seconds between two lists: each makes Asterisk read all of pjsip.conf, and made-up senders could ask for many."""
Network = IPv4Network | IPv6Network
SPARED_FOR = 300.0
"""Seconds until the names of trunks are looked up again."""


@dataclass(kw_only=True)
class Guard:
    """Looks now and then, as its owner calls `look`."""

    state: State
    directory: Callable[[], Directory]
    ami: Ami
    metrics: BanMetrics
    bans: Bans = field(default_factory=Bans)
    _log: str = field(init=False)
    _list: str = field(init=False)
    """Where what happened, and the list, are: looked for ten times a second."""
    _offset: int = -1
    """How far the log was read; -1: not yet."""
    _written: int = -1
    """When the list was written that Asterisk has, as the file system tells it."""
    _of: Directory | None = None
    """The directory whose trunks are spared."""
    _again: float = 0.0
    """When their names are looked up again (monotonic seconds)."""
    _told: int = -1
    """The connection by which Asterisk was told of the list."""
    _listed: Mapping[str, float] = field(default_factory=dict)
    """What was written into the list last."""
    _next: float = 0.0
    """When Asterisk may be told again (monotonic seconds)."""
    _swept: float = -1.0
    """When bans that are over were looked for (monotonic seconds)."""

    def __post_init__(self) -> None:
        self._log, self._list = str(self.state.log / "security"), str(self.state.bans)

    async def look(self) -> None:
        """Take over new attempts and what an admin has lifted, and tell Asterisk what is different."""
        if self._offset < 0:
            await self._begin()
        over = self._lifted()
        await self._spare()
        if self._offset != self._size():
            chunk = await asyncio.to_thread(security.read, self.state.log / "security", self._offset)
            self._offset = chunk.end
            for address in self.bans.take(chunk.attempts):
                self.metrics.made.inc()
                log.warning("banned", address=address, seconds=round(self.bans.until[address] - time.time()))
        if time.monotonic() - self._swept >= 1.0:
            over += self.bans.expire(time.time())
            self._swept = time.monotonic()
        for address in over:
            log.info("no longer banned", address=address)
        self.metrics.now.set(len(self.bans.until))
        if time.monotonic() < self._next:
            return
        if over or self.bans.until != self._listed or self._written < 0 or not _changed(self._list):
            await asyncio.to_thread(self._write)
            self._told = -1
        if self._told != self.ami.connections and self.ami.up:
            self._next = time.monotonic() + TOLD_EVERY
            await self._tell()

    async def _begin(self) -> None:
        """Who is banned already, and at whose addresses telephones have logged in of late."""
        self.bans.until = dict(banned(self.state))
        self._offset = self._size()
        if self._offset:
            begin = max(0, self._offset - security.LARGEST)
            before = await asyncio.to_thread(security.read, self.state.log / "security", begin)
            self.bans.take(attempt for attempt in before.attempts if attempt.succeeded)

    def _size(self) -> int:
        try:
            return os.stat(self._log).st_size
        except FileNotFoundError:
            return 0

    async def _spare(self) -> None:
        """Now and then: the networks of the settings, our own address, and those from which trunks call."""
        if (directory := self.directory()) is self._of and time.monotonic() < self._again:
            return
        settings = self.state.settings()
        trunks = directory.trunks.values()
        hosts = {settings.trunks.get(t.id, f"{t.host}:{t.port}").rpartition(":")[0].strip("[]") for t in trunks}
        hosts.update(source for t in trunks for source in t.sources)
        found = await asyncio.gather(*(asyncio.to_thread(_networks, host) for host in sorted(hosts)))
        never = (settings.bind, *settings.never_banned)
        known = self.bans.never if directory is self._of else ()  # what a name meant before, where DNS says nothing
        self.bans.never = tuple({*known, *map(ip_network, never), *chain.from_iterable(found)})
        self._of, self._again = directory, time.monotonic() + SPARED_FOR

    def _lifted(self) -> list[str]:
        """Addresses that somebody has taken out of the file since we wrote it."""
        if self._written < 0 or _changed(self._list) in (0, self._written):
            return []
        kept = _read(self.state)
        lifted = [address for address in self.bans.until if kept is not None and address not in kept]
        for address in lifted:
            del self.bans.until[address]
        return lifted

    def _write(self) -> None:
        rules = "".join(f"deny = {ip_network(address)}\n" for address in sorted(self.bans.until))
        write_whole(self.state.run / "banned.conf", rules)
        write_whole(self.state.bans, json.dumps(self.bans.until))
        self._written, self._listed = _changed(self._list), dict(self.bans.until)

    async def _tell(self) -> None:
        """Have Asterisk read the list, unless an apply reloads something: reloads that overlap can deadlock."""
        connection = self.ami.connections
        try:
            with wiring.trees(self.state).alone():
                await self.ami.action("Reload", Module="acl")
        except Busy:
            return
        self._told = connection


def _changed(path: str) -> int:
    """When a file was written, in nanoseconds; 0: it is not there."""
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def _networks(host: str) -> list[Network]:
    """What is meant by an address, a network or a name; nothing while DNS does not know the name."""
    with suppress(ValueError):
        return [ip_network(host, strict=False)]
    try:
        return [ip_network(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)]
    except (OSError, ValueError):
        return []


def banned(state: State) -> Mapping[str, float]:
    """Address -> until when it is banned, in seconds since the epoch."""
    return _read(state) or {}


def _read(state: State) -> Mapping[str, float] | None:
    try:
        found = json.loads(state.bans.read_text())
        return {str(ip_address(address)): float(until) for address, until in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def lift(state: State, address: str) -> None:
    """End the ban of `address` within a second or two; raises ServiceError where there is none."""
    kept = dict(banned(state))
    with suppress(ValueError):
        address = str(ip_address(address))
    if kept.pop(address, None) is None:
        raise ServiceError(f"{address} is not banned", todo="`durchwahl bans` lists who is")
    write_whole(state.bans, json.dumps(kept))
