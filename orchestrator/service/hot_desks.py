"""Logging in at a desk of the house: by an admin, and by code with number and PIN.

Belongs here: who may, wrong PINs, the dialogue. Not here: what it means (domain.hot_desks), the way into the exchange
(present), which code it is (service_codes).

A dialogue is kept in memory, under the channel; after a restart of control it begins anew. What was typed is in no
record: neither the number of who did not get in, nor any PIN.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from orchestrator.domain import hot_desks
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Person, Phone
from orchestrator.domain.switches import DESK, Guest
from orchestrator.service import directory as directories
from orchestrator.service import present, switching
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State

if TYPE_CHECKING:
    from orchestrator.web.dialogue import Asked

TRIES = 3
"""Wrong PINs of one call, and turns in which nothing came, after which it is over."""
WAITS = 8.0
"""Seconds of patience for the first digit."""
LONGEST = 20.0
"""Seconds that judging a PIN and logging in may take."""
KEPT = 1000
"""Calls whose dialogue is kept."""


class Knows(Protocol):
    """Whether a PIN is that of a mailbox: `right`, `change`, `wrong` or `locked` (messages.telephone.by_telephone)."""

    def __call__(self, box: str, pin: str, *, known: bool, also: str) -> Awaitable[str]: ...


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One desk, and who has logged in there."""

    desk: str
    label: str
    site: str
    who: str
    """Empty: nobody."""
    until: int
    """Seconds since the epoch."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What the dialogue does next."""

    said: tuple[str, ...]
    """Names of prompts (domain.hot_desks)."""
    then: str = ""
    """The answer of the step; empty: to be asked again, with the keys."""
    number: int = 0


@dataclass
class Session:
    """Somebody who is logging in."""

    turn: Turn
    typed: str = ""
    """The number, once it is typed."""
    tries: int = 0
    checking: asyncio.Task[Turn] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class LoggingIn:
    """Speaks with who dials the code. `directory` gives the one that is applied now."""

    def __init__(self, *, state: State, directory: Callable[[], Directory], knows: Knows) -> None:
        self._state, self._directory, self._knows = state, directory, knows
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    async def turn(self, asked: Asked, phone: Phone, patience: float) -> Turn | None:
        """What comes next at `phone`; None where that takes longer than `patience` seconds.

        Raises ServiceError, AsteriskError, OSError, SQLAlchemyError.
        """
        first = Turn(said=("desk_number",), number=1)
        session = self._sessions.setdefault(asked.channel, Session(turn=first))
        while len(self._sessions) > KEPT:
            self._sessions.popitem(last=False)
        async with session.lock:
            if session.checking is None and not asked.came and asked.turn == session.turn.number:
                session.turn = self._pressed(session, asked.keys, phone)
            if session.checking is not None:
                done, _ = await asyncio.wait({session.checking}, timeout=patience)
                if not done:
                    return None
                checked, session.checking = session.checking, None
                session.turn = checked.result()
            return session.turn

    def _pressed(self, session: Session, keys: str, phone: Phone) -> Turn:
        number = session.turn.number + 1
        if session.turn.then:
            return session.turn
        if not (keys.isascii() and keys.isdecimal()):
            session.tries += 1
            if session.tries >= TRIES:
                return Turn(said=("desk_silent",), then="refused", number=number)
            return Turn(said=("desk_silent", "desk_pin" if session.typed else "desk_number"), number=number)
        if not session.typed:
            session.typed = keys
            return Turn(said=("desk_pin",), number=number)
        session.checking = asyncio.create_task(self._checked(session, keys, phone, number))
        return session.turn

    async def _checked(self, session: Session, pin: str, phone: Phone, number: int) -> Turn:
        """A number that nobody has is judged as any other, so that nobody finds out which there are. It is none of a
        mailbox, and locks none.
        """
        async with asyncio.timeout(LONGEST):
            return await self._judged(session, pin, phone, number)

    async def _judged(self, session: Session, pin: str, phone: Phone, number: int) -> Turn:
        directory, typed = self._directory(), session.typed
        person = directory.person_with(typed)
        box = hot_desks.pin_of(directory, person) if person else ""
        said = await self._knows(box or f"nobody {typed}", pin, known=bool(box), also=f"desk {phone.id}")
        session.typed, session.tries = "", session.tries + 1
        if person and said in ("right", "change"):
            return Turn(said=(await take(self._state, directory, person, phone),), then="done", number=number)
        if said == "locked" or session.tries >= TRIES:
            return Turn(said=("desk_locked" if said == "locked" else "desk_wrong",), then="refused", number=number)
        return Turn(said=("desk_wrong", "desk_number"), number=number)


def now() -> datetime:
    """The instant by which it is judged who is where."""
    return datetime.now(UTC)


async def take(state: State, directory: Directory, person: Person, phone: Phone) -> str:
    """Who has shown who they are logs in: the prompt that says what came of it. Raises ServiceError.

    At the own telephone nothing is left but to log out elsewhere.
    """
    who, why = f"{person.extension} {person.name}", f"dialled at {phone.id}"
    if phone.id in person.phones:
        for found in (person, hot_desks.guest(directory, await present.now(state), phone.id, now())):
            if found and DESK + found.extension in await present.now(state):
                await log_out(state, found.extension, who=who, why=why)
        return "desk_off"
    turned, _ = await _seated(state, phone.id, person.extension, who=who, why=why)
    if not turned.in_force:  # whoever hears "not now" has not logged in
        await log_out(state, person.extension, who=who, why="the exchange did not take it")
        raise ServiceError(f"{who} could not log in at {phone.id}: {turned}", todo="have them try again")
    return "desk_on" if hot_desks.rings(await present.now(state), person, now()) else "desk_still"


async def guest_at(state: State, directory: Directory, phone: str) -> str:
    """The id of who has logged in at a telephone; empty: nobody has."""
    if not hot_desks.is_desk(directory, phone):
        return ""
    person = hot_desks.guest(directory, await present.now(state), phone, now())
    return person.id if person else ""


async def log_in(state: State, desk: str, number: str, *, who: str = "", why: str) -> list[str]:
    """Have somebody sit at a desk; who sat there is logged out. What to tell; raises ServiceError."""
    _, told = await _seated(state, desk, number, who=who, why=why)
    return told


async def _seated(state: State, desk: str, number: str, *, who: str, why: str) -> tuple[present.Turned, list[str]]:
    """As `log_in`, with what came of it."""
    directory = await directories.running(state)
    phone, person = _desk(directory, desk), switching.person_of(directory, number)
    if phone.id in person.phones:
        raise ServiceError(f"{phone.id} is {person.name}'s own telephone", todo="log out elsewhere, or name another")
    before = await present.now(state)
    guest = Guest(desk=phone.id, ends=hot_desks.night(now(), directory.town.timezone), person=person.id)
    told = f"{person.extension} {person.name}: logged in at {phone.id} ({phone.label})"
    row = switching.as_row(DESK + person.extension, guest, why, who)
    how = await present.put(state, directory, row, told)
    sat = hot_desks.guest(directory, before, phone.id, now())
    gone = [f"logged out there: {sat.extension} {sat.name}"] if sat and sat.id != person.id else []
    return how, [f"{told}; {how}", *gone]


async def log_out(state: State, number: str, *, who: str = "", why: str) -> list[str]:
    """Log somebody out, who has `number`. What to tell; raises ServiceError."""
    directory = await directories.running(state)
    person = switching.person_of(directory, number)
    name = DESK + person.extension
    await switching.must_be(state, name, f"{person.extension} {person.name} has logged in nowhere")
    told = f"{person.extension} {person.name}: logged out"
    return [f"{told}; {await present.remove(state, name, what=told, who=who, why=switching.plain(why))}"]


async def clear(state: State, desk: str, *, why: str) -> list[str]:
    """Log out who has logged in at a desk. What to tell; raises ServiceError."""
    directory = await directories.running(state)
    phone = _desk(directory, desk)
    person = hot_desks.guest(directory, await present.now(state), phone.id, now())
    if person is None:
        raise ServiceError(f"nobody has logged in at {phone.id}", todo="see `durchwahl desk`")
    return await log_out(state, person.extension, why=why)


async def seats(state: State) -> list[Seat]:
    """Every desk at which people may log in. Raises ServiceError."""
    directory = await directories.running(state)
    taken = {guest.desk: (who, guest) for who, guest in hot_desks.seats(directory, await present.now(state), now())}
    found = []
    for desk in directory.hot_desks:
        who, guest = taken.get(desk, (None, None))
        found.append(
            Seat(
                desk=desk,
                label=directory.phones[desk].label,
                site=directory.phones[desk].site,
                who=f"{who.extension} {who.name}" if who else "",
                until=guest.ends if guest else 0,
            )
        )
    return found


async def at_night(state: State) -> None:
    """Put into the record that the night has logged somebody out: calls went by the hour already."""
    for name, guest in (await present.now(state)).items():
        if isinstance(guest, Guest) and guest.ends and guest.ends <= now().timestamp():
            told = f"{name.removeprefix(DESK)}: logged out at {guest.desk} for the night"
            await present.remove(state, name, what=told, who="night", why="every guest is logged out at night")


def _desk(directory: Directory, named: str) -> Phone:
    """The desk of that name or extension; raises ServiceError."""
    for desk in directory.hot_desks:
        if named in (desk, directory.phones[desk].extension):
            return directory.phones[desk]
    known = ", ".join(directory.hot_desks) or "there is none"
    raise ServiceError(f"{named!r} is no desk at which people may log in", todo=f"use one of them: {known}")
