"""The other end of a trunk: a SIP peer on an address of its own that answers, refuses or lets it ring.

Belongs here: as much SIP as a provider or an old exchange shows in one call. Not here: what a test expects of it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import ClassVar, Self

SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
KEPT = re.compile(r"^(?:Via|From|To|Call-ID|CSeq):.*$", re.MULTILINE | re.IGNORECASE)

ASKED = 3.2
"""Seconds until what Asterisk asked before we were there has timed out (`qualify_timeout`) and undoes nothing."""


@dataclass
class FarExchange(asyncio.DatagramProtocol):
    """`async with FarExchange("127.0.0.2", 5090) as provider`; `status` may be changed between calls."""

    address: str
    port: int
    status: int = 200
    """How it ends the ringing: 200 answers and hangs up a second later, 180 rings on, 100 only says that it tries,
    0 says nothing at all; anything else refuses."""
    called: list[tuple[str, str]] = field(default_factory=list)
    """(number called, number shown) of every call, the oldest first."""
    invites: list[str] = field(default_factory=list)
    """What it was told of them, whole."""

    _unheard: ClassVar[set[str]] = set()
    """Calls to which one said nothing: they are sent again for 32 s, and stay unheard, also by the next one there."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._line, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, self.port))
        self._invited = ""
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._line.close()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        text = data.decode()
        method = text.partition(" ")[0]
        if method == "INVITE":
            self._invite(text, address)
        elif method == "CANCEL":
            self._reply(text, address, 200)
            self._reply(self._invited, address, 487)
        elif method not in ("ACK", "SIP/2.0"):
            self._reply(text, address, 200)

    def _invite(self, text: str, address: tuple[str, int]) -> None:
        if text == self._invited:
            return
        self._invited = text
        call = re.search(r"^Call-ID: *(.*)$", text, re.MULTILINE)
        assert call
        if not self.status:
            self._unheard.add(call[1])
        if call[1] in self._unheard:
            return
        called, shown = re.match(r"INVITE sip:([^@]+)@", text), re.search(r"^From:.*<sip:([^@]+)@", text, re.MULTILINE)
        assert called
        assert shown
        self.called.append((called[1], shown[1]))
        self.invites.append(text)
        if self.status != 100:
            self._reply(text, address, 180)
        if self.status != 180:
            self._reply(text, address, self.status)
        if self.status == 200:
            asyncio.get_running_loop().call_later(1.0, self._bye, text, address)

    def _reply(self, asked: str, address: tuple[str, int], status: int) -> None:
        kept = "\r\n".join(line.strip() for line in KEPT.findall(asked))
        if status > 100 and ";tag=" not in next(line for line in kept.splitlines() if line.lower().startswith("to:")):
            kept = re.sub(r"^(To:.*?)$", r"\1;tag=far", kept, flags=re.MULTILINE).replace("\r;tag=far", ";tag=far\r")
        body = SDP.format(self.address) if status == 200 and asked.startswith("INVITE") else ""
        told = f"SIP/2.0 {status} Told\r\n{kept}\r\nContact: <sip:far@{self.address}:{self.port}>\r\n"
        told += "Content-Type: application/sdp\r\n" if body else ""
        self._line.sendto(f"{told}Content-Length: {len(body)}\r\n\r\n{body}".encode(), address)

    def _bye(self, text: str, address: tuple[str, int]) -> None:
        """Hang up: who was called becomes who speaks."""
        header = {name: re.search(rf"^{name}: (.*)\r$", text, re.MULTILINE) for name in ("From", "To", "Call-ID")}
        from_, to, call = (found[1] for found in header.values() if found)
        contact = re.search(r"^Contact:.*<([^>]+)>", text, re.MULTILINE)
        assert contact
        bye = (
            f"BYE {contact[1]} SIP/2.0\r\nVia: SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bKbye{call[:20]}\r\n"
            f"From: {to};tag=far\r\nTo: {from_}\r\nCall-ID: {call}\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        self._line.sendto(bye.encode(), address)
