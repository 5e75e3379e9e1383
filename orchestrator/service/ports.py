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
    """First of `RTP_PORTS`."""


def choose(bind: str) -> Ports:
    """The standard ports if every one of them is free on `bind` now, else a free set of others."""
    standard = Ports()
    single = (standard.sip, standard.tls, standard.http, standard.ami, standard.web, standard.rtp)
    several = range(standard.metrics, standard.metrics + ATTENDANTS)
    if all(_free(bind, port) for port in (*single, *several)):
        return standard
    taken: list[socket.socket] = []
    try:
        for _ in range(5):
            probe = socket.socket()
            probe.bind((bind, 0))
            taken.append(probe)
        sip, tls, http, ami, web = (probe.getsockname()[1] for probe in taken)
    finally:
        for probe in taken:
            probe.close()
    metrics = _free_range(bind, range(9200, 11000, ATTENDANTS), looks=ATTENDANTS)
    rtp = _free_range(bind, range(11000, 32000, RTP_PORTS), looks=10)
    return Ports(sip=sip, tls=tls, http=http, ami=ami, web=web, metrics=metrics, rtp=rtp)


def _free_range(bind: str, starts: range, *, looks: int) -> int:
    """One of `starts` from which the ports up to the next one are free, as far as `looks` of them tell.

    Below the range that Linux hands out itself.
    """
    for start in random.sample(starts, len(starts)):
        if all(_free(bind, port) for port in range(start, start + starts.step, starts.step // looks)):
            return start
    return starts[0]


def _free(bind: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except OSError:
                return False
    return True
