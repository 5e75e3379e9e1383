"""Mail of one exchange, wired from its settings: what control runs, and what `durchwahl mail` asks.

Belongs here: from the state folder to postman, clerk and reminders. Not here: what they do (messages).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.directory import Directory
from orchestrator.messages.mail import letters, outbox, smtp
from orchestrator.messages.mail.clerk import Clerk
from orchestrator.messages.mail.composing import Letterhead, trial
from orchestrator.messages.mail.letters import Letters
from orchestrator.messages.mail.outbox import Envelope, Fill
from orchestrator.messages.mail.postman import Observer, Postman
from orchestrator.messages.mail.reminders import Reminders
from orchestrator.messages.mail.transcripts import Transcripts
from orchestrator.messages.mailbox import Message, Spool
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.settings import Mail
from orchestrator.service.state import State

log = logging.getLogger(__name__)

PORTS = {"starttls": 587, "tls": 465, "none": 25}
MEGABYTE = 1_000_000
LOOK_AGAIN = 60.0
"""Seconds until the password is looked for again where it is missing."""


class Watcher(Observer, Protocol):
    """Told what becomes of letters, and how many wait."""

    def outbox(self, fill: Fill) -> None:
        """How full the outbox is."""

    def mail_misconfigured(self, yes: bool) -> None:
        """Whether nothing can be sent until an admin mends the configuration."""


@dataclass(frozen=True, kw_only=True)
class Mailing:
    """All that control needs. `run` is one owner task; `look` is a part of its housekeeping, once a minute."""

    engine: AsyncEngine
    hire: Callable[[], Postman]
    """Raises ServiceError while the server's password cannot be read."""
    reminders: Reminders
    watcher: Watcher
    _hired: list[Postman] = field(default_factory=list)
    """Who sends: one, or nobody yet."""

    def letters(self, message: Message) -> Letters:
        """Who is told of a new message: to be queued (`outbox.queue`) in the transaction that files it."""
        directory = self.reminders.directory()
        box = directory.boxes.get(message.box)
        return letters.letters(directory, box, message) if box else ()

    def wake(self) -> None:
        """Letters were queued, and their transaction is over."""
        for postman in self._hired:
            postman.wake()

    async def run(self) -> None:
        """Send what waits, until cancelled. Without a password letters wait, and nothing else does."""
        told = ""
        while not self._hired:
            try:
                self._hired.append(self.hire())
            except ServiceError as bad:
                if str(bad) != told:
                    log.error("no mail is sent, letters wait: %s; to do: %s", bad, bad.todo)
                told = str(bad)
                self.watcher.mail_misconfigured(True)
                await asyncio.sleep(LOOK_AGAIN)
        self.watcher.mail_misconfigured(False)
        await self._hired[0].run()

    async def look(self) -> None:
        """Queue reminders that are due, forget old letters, tell how many wait. Raises SQLAlchemyError, OSError."""
        now = time.time()
        if await self.reminders.look(now):
            self.wake()
        await outbox.forget(self.engine, now)
        self.watcher.outbox(await outbox.fill(self.engine, now))


def mailing(
    state: State,
    engine: AsyncEngine,
    directory: Callable[[], Directory],
    watcher: Watcher,
    menu: Callable[[Directory], str] = lambda directory: "",
    link: Callable[[str, str, float, str], str] = lambda box, message, left, reader: "",
) -> Mailing | None:
    """Mail as the settings want it; None: it is off, and no letter is to be queued.

    `menu` gives the extension under which messages are heard by telephone, or an empty one; `link` the token of a link
    to one message (box, message, when it was left, who reads it).
    """
    settings = state.settings().mail
    if not settings.host:
        return None
    clerk = Clerk(
        engine=engine,
        spool=Spool(state.spool),
        directory=directory,
        head=lambda: Letterhead(sender=settings.sender, web=settings.web, menu=menu(directory()), link=link),
        limit=settings.megabytes * MEGABYTE,
        transcripts=Transcripts(model=Path(settings.transcription), spool=Spool(state.spool))
        if settings.transcription
        else None,
    )
    return Mailing(
        engine=engine,
        hire=lambda: Postman(engine=engine, server=present(state, settings), writer=clerk, observer=watcher),
        reminders=Reminders(engine=engine, spool=Spool(state.spool), directory=directory, at=settings.digest),
        watcher=watcher,
    )


def server(state: State, settings: Mail) -> smtp.Server:
    """The mail server of the settings; raises ServiceError where the password is missing."""
    return smtp.Server(
        host=settings.host,
        port=settings.port or PORTS[settings.security],
        security=settings.security,
        sender=letters.address(settings.sender),
        user=settings.user,
        password=_password(state, settings) if settings.user else "",
        ca=Path(settings.ca) if settings.ca else None,
    )


def present(state: State, settings: Mail) -> Callable[[], smtp.Server]:
    """As `server`, with the password that the file holds each time, else with the last one. Raises ServiceError."""
    known = [server(state, settings)]

    def now() -> smtp.Server:
        with suppress(ServiceError):
            known[0] = server(state, settings)
        return known[0]

    return now


def _password(state: State, settings: Mail) -> str:
    path = state.root / "secrets" / "smtp"
    todo = f"write the password of {settings.user} at {settings.host} into it, on one line, readable for its owner only"
    try:
        found = path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as bad:
        raise ServiceError(f"mail is sent by {settings.user}, and {path} cannot be read: {bad}", todo=todo) from bad
    if not found or not found.isprintable():
        raise ServiceError(f"{path} holds no password", todo=todo)
    return found


async def listed(state: State) -> list[Envelope]:
    """The letters that wait or are dead, the oldest first."""
    async with opened(state) as engine:
        return await outbox.listed(engine)


async def retry(state: State, which: str) -> int:
    """Try a letter (its number) or `all` anew, at once; how many. Raises ServiceError."""
    async with opened(state) as engine:
        many = await outbox.retry(engine, None if which == "all" else _number(which), time.time())
    if not many and which != "all":
        raise _no_such(which)
    return many


async def drop(state: State, which: str) -> None:
    """Never send a letter; raises ServiceError if it does not wait."""
    async with opened(state) as engine:
        if not await outbox.drop(engine, _number(which)):
            raise _no_such(which)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise ServiceError(f"{text!r} is no number of a mail", todo="`durchwahl mail` lists them")
    return int(text)


def _no_such(which: str) -> ServiceError:
    return ServiceError(f"no mail {which} waits or is dead", todo="`durchwahl mail` lists those that do")


async def test(state: State, recipient: str) -> str:
    """Send a test mail now; what happened, in a sentence. Raises ServiceError that says what failed."""
    settings = state.settings().mail
    if not settings.host:
        raise ServiceError("mail is off: `host` is missing in [mail] of settings.toml", todo="docs/mail.md says how")
    if not (to := letters.address(recipient)):
        raise ServiceError(f"{recipient!r} is no mail address", todo="write it like anna.gruen@stadt.example")
    head = Letterhead(sender=letters.address(settings.sender))
    mail = trial(head, to, datetime.now(UTC).astimezone())
    to_server = server(state, settings)
    try:
        async with smtp.line(to_server) as line:
            said = await line.hand_over(to, await asyncio.to_thread(mail.as_bytes))
    except smtp.Unreachable as bad:
        raise ServiceError(str(bad), todo=bad.todo) from bad
    except smtp.Refused as bad:
        raise ServiceError(
            f"{to_server} did not take a mail to {to}: {bad}",
            todo="ask whoever runs the mail server"
            if bad.permanent
            else "try again later; mail to boxes is, by itself",
        ) from bad
    how = {"starttls": "STARTTLS", "tls": "TLS", "none": "no encryption"}[to_server.security]
    login = f", logged in as {to_server.user}" if to_server.user else ""
    return f"{to_server} took the mail to {to} ({how}{login}) and said: {said or 'nothing'}"
