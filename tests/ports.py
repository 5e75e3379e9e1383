"""Ports for the exchanges of this test process: it has an area of them to itself for as long as it runs.

So test processes can run side by side, and beside an exchange on the standard ports. Below the range that Linux hands
out itself, and below the ports that telephones speak on.
"""

from __future__ import annotations

import socket
from functools import cache

from orchestrator.service import ports

HOST = "127.0.0.1"
AREA = 1000
AREAS = range(11000, 28000, AREA)
RTP_PORTS = 200
"""For 50 calls between two phones."""


class Area:
    """The ports after `first`, which is held: bound and never listening, until this process has ended."""

    def __init__(self) -> None:
        self._hold = socket.socket()
        for first in AREAS:
            try:
                self._hold.bind((HOST, first))
            except OSError:
                continue
            self._first, self._given = first, 1
            return
        raise RuntimeError(f"{len(AREAS)} test processes run already")

    def take(self, count: int) -> int:
        """The first of `count` free ports; those that were taken longest ago come round again."""
        for _ in range(AREA):
            if self._given + count > AREA:
                self._given = 1
            start = self._first + self._given
            if all(ports.free(HOST, port) for port in range(start, start + count)):
                self._given += count
                return start
            self._given += 1
        raise RuntimeError(f"no {count} ports are free between {self._first} and {self._first + AREA}")


@cache
def area() -> Area:
    return Area()


def one() -> int:
    """A port that nobody else has."""
    return area().take(1)


def rtp(count: int = RTP_PORTS) -> int:
    """The first of `count`, an even one."""
    start = area().take(count + 1)
    return start + start % 2


def exchange(rtp_ports: int = RTP_PORTS) -> ports.Ports:
    """All that one exchange needs."""
    start = area().take(len(ports.SINGLE) + ports.ATTENDANTS)
    return ports.spread(start, rtp=rtp(rtp_ports), rtp_ports=rtp_ports)
