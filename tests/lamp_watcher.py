"""A telephone by hand that shows the lamp of another one: SUBSCRIBE and NOTIFY over UDP (RFC 6665, 4235, 3856).

Belongs here: what no telephone program shows. Not here: what a lamp should show (the tests).
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.running_town import Town
from tests.sip_line import answer, heard, proved

ACCEPTS = {"dialog": "application/dialog-info+xml", "presence": "application/pidf+xml"}
STATE = {
    "dialog": re.compile(r"<state>(\w+)</state>"),
    "presence": re.compile(r"<dm:note>([^<]+)</dm:note>|<note>([^<]+)</note>"),
}
SUBSCRIBE = """SUBSCRIBE sip:{number}@{exchange} SIP/2.0
Via: SIP/2.0/UDP {address};branch=z9hG4bK{count}{tag};rport
From: <sip:{phone}@{exchange}>;tag={tag}
To: <sip:{number}@{exchange}>
Call-ID: {tag}
CSeq: {count} SUBSCRIBE
Contact: <sip:{phone}@{address}>
Event: {event}
Accept: {accepts}
Expires: {expires}
Max-Forwards: 70
{proof}Content-Length: 0

"""


class NotShown(Exception):
    """The exchange does not let this telephone watch that number; the answer is the text."""


@dataclass
class Watcher:
    """One lamp: what it was told, the last last, and when (epoch seconds)."""

    line: socket.socket
    event: str
    told: list[tuple[str, float]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    ended: bool = False
    """Whether the exchange said that it will tell no more."""

    @property
    def shows(self) -> str:
        return self.told[-1][0] if self.told else ""

    def becomes(self, state: str, within: float) -> float:
        """Wait until it shows `state`: seconds that it took; TimeoutError if it does not."""
        began = time.monotonic()
        while self.shows != state:
            if time.monotonic() - began > within:
                raise TimeoutError(f"{self.event}: not {state} within {within} s, but {self.told[-5:]}")
            time.sleep(0.005)
        return time.monotonic() - began

    def listen(self) -> None:
        """Answer each NOTIFY and write it down, until `over`; an exchange that is away for a while is waited for."""
        while not self.over.is_set():
            try:
                packet = self.line.recv(65535).decode(errors="replace")
            except TimeoutError:
                continue
            except OSError:  # the exchange is not there now
                time.sleep(0.01)
                continue
            if packet.startswith("NOTIFY"):
                self._take(packet)

    def _take(self, packet: str) -> None:
        with suppress(OSError):
            answer(self.line, packet)
        self.ended = "Subscription-State: terminated" in packet
        if found := STATE[self.event].search(packet):
            self.told.append((next(group for group in found.groups() if group), time.time()))


@contextmanager
def watching(town: Town, phone: str, number: str, *, event: str = "dialog", expires: int = 600) -> Iterator[Watcher]:
    """`phone` shows the lamp of `number`; raises NotShown where it may not."""
    host, port = town.exchange.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect((host, int(port)))
        line.settimeout(5)
        _subscribe(town, line, phone, number, event, expires)
        line.settimeout(0.1)
        made = Watcher(line, event)
        thread = threading.Thread(target=made.listen)
        thread.start()
        try:
            yield made
        finally:
            made.over.set()
            thread.join()


def _subscribe(town: Town, line: socket.socket, phone: str, number: str, event: str, expires: int) -> None:
    address, tag = ":".join(map(str, line.getsockname())), f"w{time.monotonic_ns()}"
    asked = {"exchange": town.exchange, "address": address, "tag": tag, "phone": phone, "number": number,
             "event": event, "accepts": ACCEPTS[event], "expires": expires}  # fmt: skip
    line.send(SUBSCRIBE.format(count=1, proof="", **asked).replace("\n", "\r\n").encode())
    said = dict(re.findall(r'(realm|nonce|opaque)="([^"]*)"', heard(line, "SIP/2.0 401")))
    proof = proved(town, phone, f"SUBSCRIBE:sip:{number}@{town.exchange}", said)
    told = SUBSCRIBE.format(count=2, proof=proof, **asked)
    line.send(told.replace("\n", "\r\n").encode())
    reply = heard(line, "SIP/2.0 ").partition("\r\n")[0]
    if not reply.startswith("SIP/2.0 2"):
        raise NotShown(reply)
