"""Handing one mail over to the town's mail server (RFC 5321), and what its refusals mean.

    MailFailure
    ├── Unreachable   no mail can be handed over now: server, TLS, login or our sender
    └── Refused       this mail was not taken: `permanent` or not, `large`, `broken` (the connection is gone)

Belongs here: the SMTP client with its limits. Not here: when a mail is tried again (postman), its text (composing).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiosmtplib
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPNotSupported,
    SMTPResponseException,
)

Security = Literal["starttls", "tls", "none"]
TOO_LARGE = ("5.3.4", "5.2.3")
"""Enhanced status codes (RFC 3463) of a mail that is too large for a server or a mailbox."""
LOGIN_FIRST = 530
"""The code of a server that takes nothing without a login (RFC 4954)."""
LOGIN = "`user` in [mail] of settings.toml, and its password in secrets/smtp"
LONGEST_ANSWER = 300
"""Characters that are kept of what a server says."""


class MailFailure(Exception):
    """A mail could not be handed over; `str()` says what the server said, or what failed."""


class Unreachable(MailFailure):
    """The server takes no mail from us now; `todo` says what an admin can do about it."""

    def __init__(self, what: str, *, todo: str) -> None:
        super().__init__(what)
        self.todo = todo


class Refused(MailFailure):
    """The server did not take this mail."""

    def __init__(self, what: str, *, permanent: bool = False, large: bool = False, broken: bool = False) -> None:
        super().__init__(what)
        self.permanent, self.large, self.broken = permanent, large, broken


@dataclass(frozen=True, kw_only=True)
class Server:
    """The town's mail server and how we are known there. Limits are seconds."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: str = ""
    ca: Path | None = None
    """Certificates by which the server's is judged; None: those of the machine."""
    connect: float = 30.0
    """Until we may begin: name, connection, TLS and login together."""
    command: float = 60.0
    data: float = 300.0
    """For the mail itself. A server may look into it for long; whoever hangs up too early sends it twice."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Line:
    """A session with the server, in which mails are handed over one after the other."""

    server: Server
    client: aiosmtplib.SMTP

    async def hand_over(self, recipient: str, mail: bytes) -> str:
        """Hand over `mail`; what the server said. Raises Refused, and Unreachable where it takes nothing from us."""
        waits = self.server.command
        try:
            await self._sender(len(mail))
            await self.client.rcpt(recipient, timeout=waits)
            async with asyncio.timeout(2 * self.server.data):
                return (await self.client.data(mail, timeout=self.server.data)).message
        except SMTPResponseException as bad:
            if bad.code == LOGIN_FIRST:
                self.client.close()
                raise Unreachable(f"{self.server} demands a login: {_answer(bad)}", todo=LOGIN) from bad
            raise await self._refused(bad) from bad
        except (SMTPException, OSError, ValueError) as bad:
            self.client.close()
            raise Refused(f"the connection broke: {_said(bad)}", broken=True) from bad

    async def _sender(self, size: int) -> None:
        options = [f"size={size}"] if self.client.supports_extension("size") else []
        try:
            await self.client.mail(self.server.sender, options=options, timeout=self.server.command)
        except SMTPResponseException as bad:
            if bad.code in (452, 552) or _is_large(bad):  # by the size that we told
                raise
            self.client.close()
            raise Unreachable(
                f"{self.server} does not take mail from {self.server.sender}: {_answer(bad)}",
                todo="`sender` in [mail] of settings.toml must be an address that this account may send from",
            ) from bad

    async def _refused(self, bad: SMTPResponseException) -> Refused:
        broken = bad.code == 421 or not self.client.is_connected
        if not broken:
            try:
                await self.client.rset(timeout=self.server.command)
            except (SMTPException, OSError):
                broken = True
        if broken:
            self.client.close()
        return Refused(_answer(bad), permanent=500 <= bad.code < 600, large=_is_large(bad), broken=broken)


@asynccontextmanager
async def line(server: Server) -> AsyncIterator[Line]:
    """A session with `server`, logged in; raises Unreachable."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        timeout=server.command,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        tls_context=None if server.security == "none" else _tls(server),
    )
    try:
        await _begin(server, client)
        yield Line(server, client)
        if client.is_connected:
            await _end(client)
    finally:
        client.close()


async def _begin(server: Server, client: aiosmtplib.SMTP) -> None:
    try:
        async with asyncio.timeout(server.connect):
            await client.connect()
            if server.user:
                await client.login(server.user, server.password)
    except (SMTPException, OSError, ValueError) as bad:
        raise _unreachable(server, bad) from bad


async def _end(client: aiosmtplib.SMTP) -> None:
    """Every mail is taken already: how the server says goodbye is of no matter."""
    try:
        await client.quit(timeout=5)
    except (SMTPException, OSError):
        return


def _tls(server: Server) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=server.ca)
    except (OSError, ssl.SSLError) as bad:
        raise Unreachable(
            f"{server.ca} holds no certificates that can be read: {bad}",
            todo="`ca` in [mail] of settings.toml must name a file of certificates (PEM)",
        ) from bad


def _unreachable(server: Server, bad: BaseException) -> Unreachable:
    what, todo = _meaning(server, bad)
    return Unreachable(f"{server}: {what}", todo=todo)


def _meaning(server: Server, bad: BaseException) -> tuple[str, str]:
    """What failed, and what to do about it."""
    causes = _causes(bad)
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        why = next(each for each in causes if isinstance(each, ssl.SSLCertVerificationError)).verify_message
        return f"its certificate is not to be trusted: {why}", (
            "the name in `host` must be that of the certificate; for an authority of the town's own name its file as"
            " `ca` in [mail] of settings.toml"
        )
    if any(isinstance(each, ssl.SSLError) for each in causes):
        return f"TLS fails: {_said(bad)}", "is the port that of the security: 587 for starttls, 465 for tls?"
    if any(isinstance(each, socket.gaierror) for each in causes):
        return "this name is not known", "`host` in [mail] of settings.toml; does the name server answer?"
    if isinstance(bad, SMTPAuthenticationError):
        return f"it refuses the login of {server.user}: {_answer(bad)}", (LOGIN)
    if isinstance(bad, SMTPNotSupported) or "STARTTLS" in str(bad):
        return f"it does not offer what we need: {bad}", "does this port offer STARTTLS and a login? 587 usually does"
    if isinstance(bad, SMTPResponseException):
        return f"it takes no mail now: {_answer(bad)}", "if it stays so, ask whoever runs the mail server"
    if isinstance(bad, TimeoutError):
        return "it does not answer in time", "is the server up, the port right, and open in the firewall?"
    return f"it cannot be reached: {_said(bad)}", "is the server up, the port right, and open in the firewall?"


def _causes(bad: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while bad is not None and bad not in found:
        found.append(bad)
        bad = bad.__cause__ or bad.__context__
    return found


def _is_large(bad: SMTPResponseException) -> bool:
    return bad.code in (552, 554) and (bad.code == 552 or bad.message.startswith(TOO_LARGE))


def _answer(bad: SMTPResponseException) -> str:
    return f"{bad.code} {_short(bad.message)}".strip()


def _said(bad: BaseException) -> str:
    return _short(str(bad)) or type(bad).__name__


def _short(text: str) -> str:
    """What a server says, on one line: it goes into logs, lists and terminals."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:LONGEST_ANSWER].strip()
