"""Ports for one exchange: the standard ones where they are free, otherwise others, so that several run side by side."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass

RTP_PORTS = 1000
"""Two ports a leg: 500 legs, 250 calls between two phones."""
ATTENDANTS = 32
"""The most attendants; each has a port for its metrics."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where this exchange listens."""

    sip: int = 5060
    tls: int = 5061
    http: int = 8088
    ami: int = 5038
    web: int = 8080
    metrics: int = 9151
    """First of `ATTENDANTS`."""
    rtp: int = 10000
    """First of `rtp_ports`."""
    rtp_ports: int = RTP_PORTS


SINGLE = ("sip", "tls", "http", "ami", "web")


def choose(bind: str) -> Ports:
    """The standard ports if every one of them is free on `bind` now, else a free set of others.

    All below the range that Linux hands out itself: else another program may have got one before the exchange starts.
    """
    standard = Ports()
    single = (standard.sip, standard.tls, standard.http, standard.ami, standard.web, standard.rtp)
    several = range(standard.metrics, standard.metrics + ATTENDANTS)
    if all(free(bind, port) for port in (*single, *several)):
        return standard
    block = len(SINGLE) + ATTENDANTS
    start = _free_range(bind, range(9200, 11000, block), looks=block)
    return spread(start, rtp=_free_range(bind, range(11000, 32000, RTP_PORTS), looks=10))


def spread(start: int, *, rtp: int, rtp_ports: int = RTP_PORTS) -> Ports:
    """Ports one after the other from `start`: the single ones, then those for metrics."""
    single = {name: start + at for at, name in enumerate(SINGLE)}
    return Ports(**single, metrics=start + len(SINGLE), rtp=rtp, rtp_ports=rtp_ports)


def _free_range(bind: str, starts: range, *, looks: int) -> int:
    """One of `starts` from which the ports up to the next one are free, as far as `looks` of them tell."""
    for start in random.sample(starts, len(starts)):
        if all(free(bind, port) for port in range(start, start + starts.step, starts.step // looks)):
            return start
    return starts[0]


def free(bind: str, port: int) -> bool:
    """Whether nobody listens on `port` now, neither by TCP nor by UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except OSError:
                return False
    return True
