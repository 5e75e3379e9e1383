"""One message behind a signed link: what the page shows of it, and what its buttons do.

The link is the permission: for one message, until it is deleted, in the name of who got it, and only while who got it
still works with the box. Belongs here: from a token to the service of messages. Not here: the page (web), the token
(messages.mail.links).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.domain.directory import Directory
from orchestrator.domain.rights import department_of
from orchestrator.messages.api import Asker, MessageError, Messages
from orchestrator.messages.ledger import State as CaseState
from orchestrator.messages.mail.letters import address, readers
from orchestrator.messages.mail.links import BadLink, Link, Links
from orchestrator.messages.mail.wording import caller, day, length, moment
from orchestrator.messages.mailbox import DELETED, Message
from orchestrator.web.message import Gone, Shown

TOO_OLD = "Diese Nachricht ist nicht mehr da, oder der Link gilt nicht mehr."
BUSY = "Das Postfach wird gerade bearbeitet. Bitte laden Sie die Seite in einem Augenblick neu."
IN_GERMAN = {"open": "offen", "taken": "wird bearbeitet", "called_back": "zurückgerufen", "done": "erledigt"}
CASE_ACTIONS: Mapping[str, tuple[str, CaseState]] = {
    "take": ("Ich kümmere mich", "taken"),
    "called_back": ("Zurückgerufen", "called_back"),
    "done": ("Erledigt", "done"),
    "give_back": ("Wieder offen", "open"),
}
"""Action -> what its button says, and the state that it brings a case into."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads messages for whoever has a link."""

    messages: Messages
    links: Links
    directory: Callable[[], Directory]

    def link(self, box: str, message: str, left: float, reader: str) -> str:
        """The token of a new link: it holds as long as the message is kept. Empty where there can be none: the box was
        taken out of the directory, or it or its reader has a name that does not fit into a link.
        """
        if (of := self.directory().boxes.get(box)) is None:
            return ""
        try:
            return self.links.token(Link(box=box, message=message, reader=reader, until=int(left + of.keep * 86400)))
        except ValueError:
            return ""

    async def shown(self, token: str) -> Shown:
        """What is behind the link. Raises Gone."""
        link, message = await self._found(token)
        directory = self.directory()
        left = datetime.fromtimestamp(message.at, ZoneInfo(directory.town.timezone))
        state, actions = await self._can(link, message)
        return Shown(
            token=token,
            caller=caller(directory, message.caller, "de"),
            at=moment(left, "de"),
            length=f"{length(message.seconds)} Minuten",
            state=state,
            until=day(left + timedelta(days=directory.boxes[link.box].keep), "de"),
            actions=actions,
        )

    async def audio(self, token: str) -> Path:
        """The audio behind the link. Raises Gone."""
        link, _ = await self._found(token)
        try:
            return await self.messages.hear(self._asker(link), link.box, link.message)
        except MessageError as bad:
            raise Gone(BUSY) from bad

    async def do(self, token: str, action: str) -> None:
        """Press a button. Raises Gone."""
        link, message = await self._found(token)
        _, actions = await self._can(link, message)
        if action not in dict(actions):
            raise Gone(TOO_OLD)
        asker, at = self._asker(link), (link.box, link.message)
        try:
            match action:
                case "heard" | "new":
                    await self.messages.mark(asker, *at, heard=action == "heard")
                case "delete":
                    await self.messages.delete(asker, *at)
                case "restore":
                    await self.messages.restore(asker, *at)
                case _:
                    await self.messages.deal(asker, *at, CASE_ACTIONS[action][1])
        except MessageError as bad:
            raise Gone(BUSY) from bad

    async def _found(self, token: str) -> tuple[Link, Message]:
        try:
            link = self.links.read(token, time.time)
            return link, await self.messages.find(self._asker(link), link.box, link.message)
        except (BadLink, MessageError) as bad:
            raise Gone(TOO_OLD) from bad

    async def _can(self, link: Link, message: Message) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Where the message is, in German, and what can be done with it."""
        if message.folder == DELETED:
            return "gelöscht", (("restore", "Löschen rückgängig machen"),)
        heard = (("heard", "Gehört"),) if message.new else (("new", "Wieder als neu"),)
        delete = ("delete", "Löschen")
        if not department_of(self.directory(), link.box):
            return "neu" if message.new else "gehört", (*heard, delete)
        case = next((each for each in await self.messages.cases(self._asker(link)) if each.message == message.id), None)
        now: CaseState = case.state if case else "open"
        steps = tuple((name, label) for name, (label, to) in CASE_ACTIONS.items() if to != now) if case else heard
        return IN_GERMAN[now], (*steps, delete)

    def _asker(self, link: Link) -> Asker:
        """Who reads: the person of that address, or the address where it is nobody's alone. No box for who had one."""
        directory, reader = self.directory(), address(link.reader)
        box = directory.boxes.get(link.box)
        still = box is not None and reader in {address(each) for each in readers(directory, box)} - {""}
        people = [person.id for person in directory.people.values() if person.email and address(person.email) == reader]
        boxes = frozenset({link.box} if still else ())
        return Asker(name=people[0] if len(people) == 1 else link.reader, boxes=boxes)
