"""What is switched now: read from the directory's database, spoken, and brought into Asterisk's own.

Belongs here: the way of a switch into the running exchange and back. Not here: who may switch what (switching).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.asterisk import database
from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.asterisk.rest import Rest
from orchestrator.compile import sounds
from orchestrator.compile.message import FAMILY as GREETINGS
from orchestrator.compile.speech import Unspoken
from orchestrator.domain.directory import Directory
from orchestrator.domain.hot_desks import sits
from orchestrator.domain.prompts import Prompt
from orchestrator.domain.switches import (
    ANNOUNCEMENT,
    FAMILY,
    Absence,
    Guest,
    On,
    Switched,
    forwarder,
    known,
    mirrored,
    value,
)
from orchestrator.messages import greetings
from orchestrator.messages.mailbox import Spool
from orchestrator.service import directory as directories
from orchestrator.service import signals, wiring
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import NotAnswering, connected
from orchestrator.service.state import State
from orchestrator.store import switched as store

AT_ONCE = "in force at once"
LATER = "stored; takes effect when Asterisk is back"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was spoken for a switch."""

    sound: str
    """Empty: nothing could be spoken, and callers hear what the flow says."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What came of switching; as a text it is what to tell."""

    change: int
    """Its number in the record."""
    how: str

    @property
    def in_force(self) -> bool:
        """Whether Asterisk has it, and not only the directory's database."""
        return self.how == AT_ONCE

    def __str__(self) -> str:
        return self.how


async def rows(state: State) -> list[store.Row]:
    """Everything that is switched."""
    async with opened(state) as engine:
        return await store.rows(engine)


async def now(state: State) -> Mapping[str, Switched]:
    """Everything that is switched, as `explain` asks for it."""
    return {row.name: row.switched for row in await rows(state)}


async def put(state: State, directory: Directory, row: store.Row, what: str) -> Turned:
    """Switch it, here and in a running Asterisk. Raises ServiceError for what cannot be switched."""
    directories.demand(state, row.why)
    said = await asyncio.to_thread(speak, state, directory, row.name, row.switched)
    if said.seconds > ANNOUNCEMENT:
        raise ServiceError(
            f"the announcement lasts {said.seconds:.0f} s, and callers wait {ANNOUNCEMENT:.0f} s for one at most",
            todo="say it in fewer words",
        )
    try:
        entry = value(directory, row.switched, said.sound, number=forwarder(row.name))
    except ValueError as bad:
        raise ServiceError(
            f"{row.name}: {bad}", todo="name a number that has a phone, and not a crowd of them"
        ) from bad
    async with opened(state) as engine:
        done = await store.put(engine, row, what)
    for name, guest in done.gone.items():
        await _push(state, name, "", None, guest)
    return Turned(change=done.change, how=await _push(state, row.name, entry, row.switched, done.before))


async def remove(state: State, name: str, *, what: str, who: str = "", why: str) -> Turned:
    """Switch it off, here and in a running Asterisk."""
    directories.demand(state, why)
    before = (await now(state)).get(name)
    async with opened(state) as engine:
        change = await store.remove(engine, name, at=time.time(), who=who or directories.who(), what=what, why=why)
    return Turned(change=change, how=await _push(state, name, "", None, before))


async def _push(state: State, name: str, entry: str, switched: Switched | None, before: Switched | None) -> str:
    """Bring one entry into a running Asterisk (empty: out of it), and read it back; its lamps show it.

    `before`: what it was until now; what follows from it goes, too.
    """
    follows = dict(mirrored(name, switched))
    try:
        async with connected(state) as running:
            if running is None:
                return LATER
            for gone in dict(mirrored(name, before)).keys() - follows.keys():
                await database.remove(running.ami, FAMILY, gone)
            for key, value in follows.items():
                await database.put(running.ami, FAMILY, key, value)
            if entry:
                await database.put(running.ami, FAMILY, name, entry)
            else:
                await database.remove(running.ami, FAMILY, name)
            found = (await database.entries(running.ami, FAMILY)).get(name, "")
            with contextlib.suppress(AsteriskError):  # control looks after lamps within a minute
                await signals.show(Rest(wiring.ari(state)), name, switched)
    except (NotAnswering, AsteriskError) as bad:
        return f"{LATER} ({bad})"
    return AT_ONCE if found == entry else f"Asterisk has {found!r} instead: control corrects it within a minute"


async def correct(state: State, ami: Ami, directory: Directory) -> int:
    """Have Asterisk hold what is switched and nothing else; how many entries were otherwise. Raises AsteriskError.

    Asked again after each correction: somebody may have switched meanwhile.
    """
    corrected = 0
    for _ in range(3):
        # Asterisk first, then the rows: what is switched in between is not taken for foreign.
        found = await database.entries(ami, FAMILY)
        wanted = await asyncio.to_thread(entries, state, directory, await rows(state))
        if not (wrong := await database.correct(ami, FAMILY, found, wanted)):
            break
        corrected += wrong
    return corrected


async def correct_greetings(spool: Spool, ami: Ami, directory: Directory) -> int:
    """Have Asterisk hold which greetings were recorded, and until when; how many entries were otherwise.

    Raises AsteriskError, OSError.
    """
    found = await database.entries(ami, GREETINGS)
    wanted = await asyncio.to_thread(greetings.entries, spool, directory.boxes)
    return await database.correct(ami, GREETINGS, found, wanted)


def entries(state: State, directory: Directory, switched: Iterable[store.Row]) -> dict[str, str]:
    """What Asterisk should hold; without what the directory does not know any more. Blocking."""
    asked, found = known(directory), {}
    for row in switched:
        gone = isinstance(row.switched, Guest) and not sits(directory, row.name, row.switched)
        if row.name in asked and not gone:
            try:
                said = speak(state, directory, row.name, row.switched)
                found[row.name] = value(directory, row.switched, said.sound, number=forwarder(row.name))
                for key, entry in mirrored(row.name, row.switched):
                    found.setdefault(key, entry)  # of two at one desk the first, as `hot_desks.guest` says
            except ValueError:
                continue  # its target is gone: callers go on as if it were not set, and `switched` says so
    return found


def speak(state: State, directory: Directory, name: str, switched: Switched) -> Said:
    """Have a switch's texts spoken in every language of the town; what was spoken before is there already. Blocking."""
    if not isinstance(switched, Absence | On) or not switched.texts:
        return Said(sound="", seconds=0.0)
    first = next(iter(switched.texts.values()))
    texts = {language: switched.texts.get(language, first) for language in directory.town.languages}
    try:
        made = sounds.make({name: Prompt(name=name, texts=texts)}, wiring.workshop(state)).sounds[name]
    except (ServiceError, Unspoken, OSError):
        return Said(sound="", seconds=0.0)
    return Said(sound=made.file, seconds=max(made.seconds.values()))
