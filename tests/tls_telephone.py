"""A telephone by hand, over TLS: registered on a connection that it keeps, and rung there. Hundreds fit in one process.

Belongs here: what a telephone sends and hears by itself. Not here: what is expected of it (tests).
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

import trustme

from orchestrator.service import wiring
from orchestrator.service.state import State
from tests.running_town import Town
from tests.sip_line import REGISTER, proved

GIVES_UP, CONNECTS_ANEW = 15.0, 3
"""Seconds in which a connection must be encrypted, and how often it is tried anew, as telephones do: Asterisk lets five
wait (listen(2), PJSIP's PJ_SOMAXCONN), so of hundreds that come at once some are dropped by the kernel."""
KEPT = re.compile(r"^(?:Via|From|To|Call-ID|CSeq):.*$", re.MULTILINE)


def certified(state: State) -> None:
    """A certificate for the exchange, where an admin puts it."""
    made = trustme.CA().issue_cert("127.0.0.1")
    for path, text in zip(wiring.pair(state), (made.cert_chain_pems[0], made.private_key_pem), strict=True):
        text.write_to_path(str(path))


@dataclass(kw_only=True)
class TlsTelephone:
    """`phone` at `address`; who rings it hears that it is busy. To be entered with `async with`."""

    town: Town
    phone: str
    address: str = "127.0.0.1"
    answers: Counter[int] = field(default_factory=Counter)
    """Every answer to a REGISTER so far, by status."""
    rung: int = 0
    """How often it was rung."""
    given_up: int = 0
    """How many connections it gave up before this one."""
    cut: bool = False
    """Whether the other side has ended the connection."""
    challenge: dict[str, str] = field(default_factory=dict)
    """What it was asked with last. Telephones prove themselves by that the next time, as long as it is taken."""
    _answered: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await self._connected()
        self._own = ":".join(map(str, self._writer.get_extra_info("sockname")[:2]))
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._writer.transport.abort()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        host, port = self.town.settings.bind, self.town.settings.tls_port
        connect = partial(asyncio.open_connection, host, port, ssl=trusting, local_addr=(self.address, 0))
        for _ in range(CONNECTS_ANEW):
            with suppress(ConnectionAbortedError):
                return await connect(ssl_handshake_timeout=GIVES_UP)
            self.given_up += 1
        return await connect(ssl_handshake_timeout=GIVES_UP)

    async def registers(self, *, expires: int = 120, within: float = 60.0) -> int:
        """The last answer to a REGISTER, after a password was asked for and given."""
        exchange, tag = self.town.exchange, f"{self.phone}{time.monotonic_ns()}"
        what = f"REGISTER:sip:{exchange}"
        text = REGISTER.replace("SIP/2.0/UDP", "SIP/2.0/TLS").replace("{address}>", "{address};transport=tls>")
        asked = {"exchange": exchange, "address": self._own, "tag": tag, "phone": self.phone, "expires": expires}
        async with asyncio.timeout(within):
            for number in (1, 2):
                proof = proved(self.town, self.phone, what, self.challenge) if self.challenge else ""
                self._send(text.format(number=number, proof=proof, **asked))
                told = await self._answered.get()
                if not told.startswith("SIP/2.0 401"):
                    break
                self.challenge = dict(re.findall(r'(realm|nonce|opaque)="([^"]*)"', told))
        return int(told[8:11])

    async def _listen(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await self._reader.readuntil(b"\r\n\r\n")).decode(errors="replace").lstrip("\r\n")
                length = re.search(r"^(?:Content-Length|l): *(\d+)", head, re.MULTILINE | re.IGNORECASE)
                await self._reader.readexactly(int(length[1]) if length else 0)
                self._heard(head)
        self.cut = True

    def _heard(self, head: str) -> None:
        if head.startswith("SIP/2.0 "):
            self.answers[int(head[8:11])] += 1
            self._answered.put_nowait(head)
            return
        ringing = head.startswith("INVITE")
        self.rung += ringing
        if not head.startswith("ACK"):
            kept = "\n".join(KEPT.findall(head.replace("\r", "")))
            busy = "486 Busy Here" if ringing else "200 OK"
            kept = re.sub(r"^(To:.*)$", rf"\1;tag={self.phone}", kept, flags=re.MULTILINE) if ringing else kept
            self._send(f"SIP/2.0 {busy}\n{kept}\nContent-Length: 0\n\n")

    def _send(self, text: str) -> None:
        self._writer.write(text.replace("\n", "\r\n").encode())
