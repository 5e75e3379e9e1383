"""A telephone by hand, over UDP: registered, and shown what its lamp is told.

Belongs here: what no telephone program shows. Calls are baresip's (orchestrator.phone).
"""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.service import wiring
from tests.running_town import Town

REGISTER = """REGISTER sip:{exchange} SIP/2.0
Via: SIP/2.0/UDP {address};branch=z9hG4bK{number}{tag};rport
From: <sip:{phone}@{exchange}>;tag={tag}
To: <sip:{phone}@{exchange}>
Call-ID: {tag}
CSeq: {number} REGISTER
Contact: <sip:{phone}@{address}>
Expires: {expires}
Max-Forwards: 70
{proof}Content-Length: 0

"""


def proved(town: Town, phone: str, asked: str, said: dict[str, str]) -> str:
    """The header that answers a challenge to `asked`, which is method and address."""
    password = wiring.secrets(town.state).of(f"sip:{phone}")
    one, two = (md5(text) for text in (f"{phone}:{said['realm']}:{password}", asked))
    fields = {**said, "username": phone, "uri": asked.partition(":")[2], "cnonce": "1"}
    fields["response"] = md5(f"{one}:{said['nonce']}:00000001:1:auth:{two}")
    proof = ", ".join(f'{name}="{value}"' for name, value in fields.items()) + ", qop=auth, nc=00000001"
    return f"Authorization: Digest {proof}\n"


def register(town: Town, line: socket.socket, phone: str, *, expires: int) -> None:
    address, tag = ":".join(map(str, line.getsockname())), f"t{time.monotonic_ns()}"
    asked = {"exchange": town.exchange, "address": address, "tag": tag, "phone": phone, "expires": expires}
    line.send(REGISTER.format(number=1, proof="", **asked).replace("\n", "\r\n").encode())
    said = dict(re.findall(r'(realm|nonce|opaque)="([^"]*)"', heard(line, "SIP/2.0 401")))
    proof = proved(town, phone, f"REGISTER:sip:{town.exchange}", said)
    told = REGISTER.format(number=2, proof=proof, **asked)
    line.send(told.replace("\n", "\r\n").encode())
    heard(line, "SIP/2.0 200")


def heard(line: socket.socket, beginning: str) -> str:
    """The next packet that begins so; the lamp of the mailbox (NOTIFY) may be told before a REGISTER is answered."""
    while not (packet := line.recv(4096).decode()).startswith(beginning):
        pass
    return packet


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - as SIP's digest wants it


class Lamp:
    """What the lamp of one telephone was told, the last last: (new, heard) messages, and when (epoch seconds)."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.told: list[tuple[int, int, float]] = []
        self.over = threading.Event()

    @property
    def shows(self) -> tuple[int, int] | None:
        """What it shows now; None if it was told nothing yet."""
        return self.told[-1][:2] if self.told else None

    def listen(self) -> None:
        """Answer each NOTIFY (RFC 3842) and write it down, until `over`."""
        while not self.over.is_set():
            try:
                packet = self._line.recv(65535).decode(errors="replace")
            except TimeoutError:
                continue
            if packet.startswith(("NOTIFY", "OPTIONS")):
                answer(self._line, packet)
            if found := re.search(r"^Voice-Message: (\d+)/(\d+)", packet, re.MULTILINE):
                self.told.append((int(found[1]), int(found[2]), time.time()))


def answer(line: socket.socket, packet: str) -> None:
    """Take note of a request."""
    kept = re.findall(r"^(?:Via|From|To|Call-ID|CSeq):.*$", packet.replace("\r", ""), re.MULTILINE)
    line.send("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode())


@contextmanager
def lamp(town: Town, phone: str) -> Iterator[Lamp]:
    """`phone` is registered, and its lamp is looked at."""
    host, port = town.exchange.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect((host, int(port)))
        line.settimeout(5)
        register(town, line, phone, expires=120)
        line.settimeout(0.1)
        made = Lamp(line)
        thread = threading.Thread(target=made.listen)
        thread.start()
        try:
            yield made
        finally:
            made.over.set()
            thread.join()
            line.settimeout(5)
            register(town, line, phone, expires=0)
