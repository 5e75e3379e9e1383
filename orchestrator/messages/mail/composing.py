"""Mails as MIME (RFC 5322): from what is known about a message or a box to a mail that any program can read.

Belongs here: which texts a mail has, its headers and its attachment. Not here: the words (wording), where the recording
and the rows come from (clerk), sending (smtp).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal
from zoneinfo import ZoneInfo

from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Box
from orchestrator.messages.mail.letters import Letter
from orchestrator.messages.mail.transcription import LONGEST
from orchestrator.messages.mail.wording import WORDS, caller, day, length, moment, plain
from orchestrator.messages.mailbox import Message


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """What every mail of this exchange has in common."""

    sender: str
    """The mail address that it comes from."""
    web: str = ""
    """Where messages can be heard in a browser: `https://telefon.stadt.example`; empty: nowhere."""
    link: Callable[[str, str, float, str], str] = lambda box, message, left, reader: ""
    """Box, message, when it was left, who reads it -> the token of a link for that reader (links)."""
    menu: str = ""
    """The extension under which messages are heard by telephone; empty: there is none."""

    @property
    def domain(self) -> str:
        """The mail domain, for the ids of mails."""
        return self.sender.rpartition("@")[2]


@dataclass(frozen=True, kw_only=True)
class Enclosed:
    """The recording, or why there is none."""

    form: Literal["wav", "mp3", "none", "lost", "large"] = "none"
    """`none`: this box does not want any."""
    audio: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Pending:
    """One line of a digest."""

    message: Message
    state: Literal["open", "taken", "called_back", "unheard"]
    who: str = ""
    """Who has taken it or called back, in words."""


@dataclass(frozen=True, kw_only=True)
class Composer:
    """Writes the mails to one box's readers."""

    directory: Directory
    head: Letterhead
    box: Box

    def new(self, letter: Letter, message: Message | None, enclosed: Enclosed, transcript: str = "") -> EmailMessage:
        """Tells of a new message; None: it was deleted before it could be told. `transcript`: what a machine heard."""
        if message is None:
            when = moment(self._local(letter.created), self.language)
            return self._mail(letter, self._say("gone_subject"), [self._say("gone", when=when)])
        token = self.head.link(self.box.id, message.id, message.at, letter.recipient) if self.head.web else ""
        heard = [self._say("transcript", text=plain(transcript, LONGEST))] if transcript else []
        said = [self._say("new"), self._about(message), *heard, *self._listen(message, enclosed, token)]
        mail = self._mail(letter, self._say("new_subject", **self._facts(message)), said)
        if enclosed.form in ("wav", "mp3"):
            subtype = "wav" if enclosed.form == "wav" else "mpeg"
            name = f"{self._local(message.at):%Y-%m-%d-%H%M}.{enclosed.form}"
            mail.add_attachment(enclosed.audio, maintype="audio", subtype=subtype, filename=name)
        return mail

    def overdue(self, letter: Letter, message: Message) -> EmailMessage:
        """Tells the head of a message that waits for too long; what was said in it is not told."""
        told = self._say("overdue", hours=self.box.overdue)
        said = [told, self._about(message), *self._listen(message, Enclosed())]
        return self._mail(letter, self._say("overdue_subject", **self._facts(message)), said)

    def full(self, letter: Letter, count: int) -> EmailMessage:
        """Tells that a box will soon take no more messages."""
        return self._mail(letter, self._say("full_subject"), [self._say("full", count=count, quota=self.box.quota)])

    def digest(self, letter: Letter, pending: Iterable[Pending]) -> EmailMessage:
        """Tells what is open, the oldest first."""
        rows = sorted(pending, key=lambda each: (each.message.at, each.message.id))
        lines = [self._line(row) for row in rows]
        date = day(self._local(letter.created), self.language)
        ways = "\n".join(self._ways())
        said = [self._say("digest"), "\n".join(lines), *([ways] if ways else [])]
        return self._mail(letter, self._say("digest_subject", count=len(rows), day=date), said)

    @property
    def language(self) -> str:
        return self.box.language if self.box.language in WORDS else "de"

    def _say(self, name: str, **facts: object) -> str:
        return WORDS[self.language][name].format(box=plain(self.box.name), **facts)

    def _facts(self, message: Message) -> dict[str, str]:
        return {
            "caller": caller(self.directory, message.caller, self.language),
            "length": length(message.seconds),
            "when": moment(self._local(message.at), self.language),
        }

    def _about(self, message: Message) -> str:
        facts = self._facts(message)
        told = (
            (self._say("from"), facts["caller"]),
            (self._say("when"), facts["when"]),
            (self._say("length"), self._say("minutes", length=facts["length"])),
        )
        width = max(len(name) for name, _ in told) + 1
        return "\n".join(f"{name + ':':<{width}} {what}" for name, what in told)

    def _listen(self, message: Message, enclosed: Enclosed, token: str = "") -> list[str]:
        told = [] if enclosed.form == "none" else [self._say(enclosed.form)]
        told += self._ways(token)
        until = self._local(message.at) + timedelta(days=self.box.keep)
        kept = self._say("until", day=day(until, self.language))
        return ["\n".join(told), kept] if told else [kept]

    def _ways(self, token: str = "") -> list[str]:
        ways = [self._say("phone", menu=self.head.menu)] if self.head.menu else []
        if token:
            ways.append(self._say("web", link=f"{self.head.web.rstrip('/')}/nachricht/{token}"))
        return ways

    def _line(self, row: Pending) -> str:
        state = self._say(row.state, who=plain(row.who))
        return f"- {self._say('line', **self._facts(row.message), state=state)}"

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self.directory.town.timezone))

    def _mail(self, letter: Letter, subject: str, said: list[str]) -> EmailMessage:
        town = self.directory.town.name
        mail = _headed(self.head, letter.recipient, message_id(letter.key, self.head.domain), town=town)
        mail["Subject"] = subject
        mail["Date"] = format_datetime(self._local(letter.created))
        machine = self._say("machine", town=plain(town))
        text = "\n\n".join([self._say("hello"), *said]) + f"\n\n-- \n{machine}\n"
        mail.set_content(text, charset="utf-8", cte="quoted-printable")
        mail["Content-Language"] = self.language
        return mail


def message_id(key: str, domain: str) -> str:
    """The same for the same letter, however often it is sent: who gets it twice can tell."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def trial(head: Letterhead, recipient: str, at: datetime) -> EmailMessage:
    """A mail by which an admin sees that mail works. Each has an id of its own."""
    mail = _headed(head, recipient, message_id(f"trial:{recipient}:{at.isoformat()}", head.domain), town="")
    mail["Subject"] = "Testnachricht der Telefonanlage"
    mail["Date"] = format_datetime(at)
    mail.set_content(
        "Diese E-Mail wurde mit `durchwahl mail --test` verschickt. Kommt sie an, kommen auch die Nachrichten an.\n",
        charset="utf-8",
        cte="quoted-printable",
    )
    return mail


def _headed(head: Letterhead, recipient: str, id: str, *, town: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name=plain(f"Telefonanlage {town}"), addr_spec=head.sender)
    mail["To"] = Address(addr_spec=recipient)
    mail["Message-ID"] = id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notice answers it
    mail["X-Auto-Response-Suppress"] = "All"  # what Exchange heeds instead
    return mail
