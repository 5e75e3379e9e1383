"""AMI: one connection to Asterisk's manager, kept up by its owner, on panoramisk's protocol and messages.

What panoramisk 1.4 leaves open is closed here, in one place: values that would inject whole actions, umlauts that are
split over two packets, actions without a limit, a connection that died without a word, and actions sent again after a
reconnect (which could ring twice: here an unanswered action fails, and its caller decides). And its price for a list:
rows are kept as they came, and read when all are there.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from orchestrator.asterisk.address import likely
from orchestrator.asterisk.errors import AsteriskError, NoReply, NotConnected, Refused

log = logging.getLogger(__name__)

LIMIT = 5.0
"""Seconds that connecting, logging in or one action may take."""
PING_EVERY = 5.0
"""Seconds between two pings where nothing is asked: with `LIMIT`, a connection that died is noticed within 10 s."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
ENDING = "shutting down"
"""What Asterisk says to a login, and to every action, while it waits for calls to end (main/manager.c)."""
REFUSALS = 5
"""Logins that are refused, over about three seconds, until the password is taken for wrong."""
END = "\r\n\r\n"
"""Closes a message."""
ROW = re.compile(r"Event: \w+(?<!Complete)\r\n(?:[^\r]*\r\n)*?ActionID: ([^\r]+)")
"""An event of a list, unless it is the closing one; queues say last for whom it is."""
FIELD = re.compile(r"(\w+): ([^\r]*)(?:\r\n|$)")
LONGEST_MESSAGE = 4 * 1024 * 1024
"""Characters of one message after which the other side is not Asterisk."""


class Unsayable(AsteriskError, ValueError):
    """A key or value that AMI would read as more than one line."""


class WrongPassword(AsteriskError):
    """The login was refused: trying again would only lock the account."""


def _read(row: str) -> dict[str, str]:
    """The fields of an event, by names in small letters."""
    return {name.lower(): value for name, value in FIELD.findall(row)}


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where AMI listens and who we are."""

    host: str = "127.0.0.1"
    port: int
    user: str
    secret: str = field(repr=False)
    conf: Path | None = None
    """The manager.conf that Asterisk was given, where the password is read at each login: it may be a new one."""


def checked(fields: Mapping[str, object]) -> dict[str, str]:
    """Fields as text, each on one line; raises Unsayable."""
    said = {key: str(value) for key, value in fields.items()}
    for key, value in said.items():
        for text in (key, value):
            if any(character in text for character in "\r\n\0"):
                raise Unsayable(f"{key!r}: {text!r} holds a line break or NUL")
    return said


class _Asked(Action):  # type: ignore[misc]
    """An action whose list, if it is refused, is over at once: panoramisk waits for rows that never come."""

    def __init__(self, fields: Mapping[str, str], *, rows: bool) -> None:
        super().__init__(fields, as_list=rows or None)
        self.rows: list[str] = []
        """What came between the answer and the closing event, unread."""

    @property
    def multi(self) -> bool:
        return bool(self.as_list) and bool(self.responses[0].success)


class _Wire(AMIProtocol):  # type: ignore[misc]
    """panoramisk's protocol with an incremental decoder. Also its own factory: no manager, nothing is sent again."""

    forgetable_actions = ("login", "ping")
    encoding = "utf-8"

    def __init__(self) -> None:
        self.awaiting_actions: deque[Action] = deque()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        """The begin of a message of which the end has not come."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.factory = self

    def data_received(self, data: bytes) -> None:
        *messages, self._rest = (self._rest + self._decode.decode(data)).split(END)
        if len(self._rest) > LONGEST_MESSAGE:
            self.transport.abort()
            return
        for text in messages:
            if asked := self._row_of(text):
                asked.rows.append(text)
            elif message := Message.from_line(text.strip()):
                self.handle_message(message)

    def _row_of(self, text: str) -> _Asked | None:
        """Who asked for the list of which this is a row."""
        found = ROW.match(text)
        asked = self.responses.get(found[1]) if found else None
        return asked if asked is not None and asked.as_list else None

    def dispatch(self, message: Any) -> None:
        """Events nobody asked for are not for us: the journal has them."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whatever waits for an answer; nothing is kept to be sent again."""
        waiting = [action for action in self.responses.values() if not action.future.done()]
        self.responses.clear()
        for action in waiting:
            action.future.set_exception(NotConnected(f"AMI went away before it answered {action['action']}"))
            action.future.exception()
        self.closed = True
        if not self.lost.done():
            self.lost.set_result(None)


class Ami:
    """The manager connection. `run` is a task of its owner; actions fail with NotConnected while it is down."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._wire: _Wire | None = None
        self._came_up = asyncio.Event()
        self._refused = 0
        """Logins that were refused in a row."""
        self.connections = 0
        """How often the connection came up: whoever keeps something in Asterisk looks after it then."""
        self._asking, self._patient = 0, 0
        """Actions that are not answered yet; those of them that may take longer than `LIMIT`."""
        self._heard = 0.0
        """When one was answered last, by the clock of the event loop."""

    @property
    def up(self) -> bool:
        """Whether actions can be sent now."""
        return self._wire is not None

    async def ready(self, within: float) -> bool:
        """Whether the connection came up within so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._came_up.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Keep the connection up until cancelled; raises WrongPassword when it was refused `REFUSALS` times in a row.

        Once is not enough: an Asterisk that is just starting knows no accounts yet, and refuses everybody.
        """
        pause, self._refused = FIRST_PAUSE, 0
        while True:
            try:
                async with asyncio.timeout(LIMIT):
                    wire = await self._connect()
                pause, self._refused = FIRST_PAUSE, 0
                await self._watch(wire)
            except (OSError, TimeoutError, AsteriskError) as bad:
                self._refused += isinstance(bad, WrongPassword)
                if self._refused == REFUSALS:
                    raise
                log.info("AMI: %r; again in %.1f s", bad, pause)
            finally:
                self._drop()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def action(self, name: str, *, within: float = 0.0, **fields: object) -> dict[str, str]:
        """Send one action; the fields of its answer, within so many seconds (0: `LIMIT`).

        Raises Unsayable, NotConnected, NoReply, Refused.
        """
        asked = await self._ask(self._connected(), name, fields, rows=False, within=within)
        return dict(asked.responses[0].items())

    async def rows(self, name: str, *, within: float = 0.0, **fields: object) -> list[dict[str, str]]:
        """Send an action that answers with a list; the fields of each event but the closing one, by names in small
        letters: panoramisk folds them, Asterisk's documentation does not.
        """
        asked = await self._ask(self._connected(), name, fields, rows=True, within=within)
        return [_read(row) for row in asked.rows]

    def _connected(self) -> _Wire:
        if self._wire is None:
            raise NotConnected("there is no connection to AMI")
        return self._wire

    async def _connect(self) -> _Wire:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(_Wire, self._account.host, self._account.port)
        try:
            secrets = likely(self._account.conf, self._account.secret)
            secret = secrets[self._refused % len(secrets)]
            login = {"Username": self._account.user, "Secret": secret, "Events": "off"}
            await self._ask(wire, "Login", login, rows=False)
        except Refused as bad:
            wire.transport.abort()
            if ENDING in str(bad):
                raise
            raise WrongPassword(f"AMI refuses {self._account.user}: apply the tree again") from bad
        except BaseException:
            wire.transport.abort()
            raise
        self._wire = wire
        self.connections += 1
        self._came_up.set()
        return wire

    async def _watch(self, wire: _Wire) -> None:
        """Return when the connection is lost; raises NoReply when Asterisk no longer answers."""
        while not wire.lost.done():
            await asyncio.wait({wire.lost}, timeout=PING_EVERY)
            if not wire.lost.done() and not self._asking:  # one session does one thing at a time: a reload keeps it
                await self._ask(wire, "Ping", {}, rows=False)

    async def _ask(
        self, wire: _Wire, name: str, fields: Mapping[str, object], *, rows: bool, within: float = 0.0
    ) -> _Asked:
        action = _Asked({**checked(fields), "Action": checked({"Action": name})["Action"]}, rows=rows)
        limit = within or LIMIT
        if wire.closed:
            raise NotConnected("AMI went away")
        now, patient = asyncio.get_running_loop().time, limit > LIMIT
        wire.send(action, as_list=rows or None)
        began, self._asking, self._patient = now(), self._asking + 1, self._patient + patient
        try:
            async with asyncio.timeout(limit):
                await action.future
            self._heard = now()
        except TimeoutError:
            # Else a reload takes its time, or many are answered one after the other.
            if not self._patient and self._heard < began:
                wire.transport.abort()
            raise NoReply(f"AMI did not answer {name} within {limit:.0f} s") from None
        finally:
            wire.responses.pop(action.id, None)  # also of who waits no more
            self._asking, self._patient = self._asking - 1, self._patient - patient
        first = action.responses[0]
        if not first.success:
            raise Refused(status=0, reason=first.message, asked=f"AMI {name}")
        return action

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.transport.abort()
            self._wire = None
            self._came_up.clear()
