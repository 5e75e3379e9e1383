"""A real mail server for the tests, which fails wherever it is told to. It runs in a thread of its own.

Not here: servers that do not even speak SMTP (`mute`, `greets`) know nothing of mails.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from orchestrator.messages.mail.smtp import Security, Server

USER, PASSWORD = "durchwahl", "ganz geheim"
SENDER = "telefon@stadt.example"
DROP, TAKE_AND_DROP, SLOW = "drop", "take and drop", "slow"
"""The connection is cut before the answer, the mail not taken or taken; the answer comes after a while."""


@dataclass
class Post:
    """What the server does and got. `answers`: stage (mail, rcpt, data) -> the next answers; then all is well."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()
    """Addresses that are always refused."""
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    sessions: int = 0
    began: list[str] = field(default_factory=list)
    """Every DATA that was begun: its Message-ID."""

    @property
    def ids(self) -> list[str]:
        """The Message-ID of every mail that was taken."""
        return [str(mail["Message-ID"]) for mail in self.taken]

    def next(self, stage: str) -> str:
        """The answer at `stage`; empty: all is well."""
        waiting = self.answers.get(stage, [])
        return waiting.pop(0) if waiting else ""


class Handler:
    """aiosmtpd's hooks."""

    def __init__(self, post: Post) -> None:
        self.post = post

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.post.sessions += session.ssl is None or not server.tls_context
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := self.post.next("mail"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.post.refuses:
            return "550 5.1.1 no such user"
        if answer := self.post.next("rcpt"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.post.next("data")
        mail = message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(mail, EmailMessage)
        self.post.began.append(str(mail["Message-ID"]))
        if answer == SLOW:
            await asyncio.sleep(1)
        if answer in ("", SLOW, TAKE_AND_DROP):
            self.post.taken.append(mail)
            self.post.recipients.extend(envelope.rcpt_tos)
        if answer in (DROP, TAKE_AND_DROP):
            assert server.transport
            server.transport.abort()
            return "250 nobody hears that"
        return "250 2.0.0 taken" if answer in ("", SLOW) else answer


@dataclass
class Running:
    """A server at work."""

    post: Post
    port: int
    authority: trustme.CA | None = None

    def server(self, security: Security = "none", **changed: Any) -> Server:
        """How it is reached, with limits that suit a test."""
        given: dict[str, Any] = {"connect": 20.0, "command": 20.0, "data": 20.0, **changed}
        return Server(host="127.0.0.1", port=self.port, security=security, sender=SENDER, **given)


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def mail_server(post: Post | None = None, *, tls: bool = False, login: bool = False) -> Iterator[Running]:
    """A server on a free port; with `tls` it offers STARTTLS, with `login` it demands one after that."""
    post = post or Post()
    authority = trustme.CA() if tls else None
    context = None
    if authority:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
    controller = Controller(
        Handler(post),
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        authenticator=_authenticate if login else None,
        auth_required=login,
        auth_require_tls=tls,
        ready_timeout=30,
    )
    controller.start()
    try:
        yield Running(post, controller.port, authority)
    finally:
        controller.stop()


@contextmanager
def says(greeting: bytes) -> Iterator[int]:
    """A port on which every connection gets `greeting`, and is closed; with an empty one nothing is said at all."""
    listening = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            held.append(connection)
            if greeting:
                connection.sendall(greeting)
                connection.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in held:
            connection.close()
        thread.join(10)


def free_port() -> int:
    """A port on which nobody listens now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
