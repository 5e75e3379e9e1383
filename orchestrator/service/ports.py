"""Ports for one exchange: the standard ones where they are free, otherwise others, so that several run side by side."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass

RTP_PORTS = 1000
"""Two ports a leg: 500 legs, 250 calls between two phones."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where this exchange listens."""

    sip: int = 5060
    http: int = 8088
    ami: int = 5038
    web: int = 8080
    rtp: int = 10000
    """First of `RTP_PORTS`."""


def choose(bind: str) -> Ports:
    """The standard ports if every one of them is free on `bind` now, else a free set of others."""
    standard = Ports()
    if all(_free(bind, port) for port in (standard.sip, standard.http, standard.ami, standard.web, standard.rtp)):
        return standard
    taken: list[socket.socket] = []
    try:
        for _ in range(4):
            probe = socket.socket()
            probe.bind((bind, 0))
            taken.append(probe)
        sip, http, ami, web = (probe.getsockname()[1] for probe in taken)
    finally:
        for probe in taken:
            probe.close()
    return Ports(sip=sip, http=http, ami=ami, web=web, rtp=_free_range(bind))


def _free_range(bind: str) -> int:
    """The first port of a range whose every hundredth port is free; below the range that Linux hands out itself."""
    starts = list(range(11000, 32000, RTP_PORTS))
    random.shuffle(starts)
    for start in starts:
        if all(_free(bind, port) for port in range(start, start + RTP_PORTS, 100)):
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
