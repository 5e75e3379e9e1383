"""The mailbox by telephone at work: who is on which line, and what their keys ask for is done.

    dialogues = Dialogues(messages=messages, pins=pins)
    turn = await dialogues.turn(caller, None)
    turn = await dialogues.turn(caller, Heard(keys="1", turn=turn.turn))

A reply that was lost is asked for again with the same Heard, and nothing is done a second time: a turn has a number,
and an old one is answered with the current turn. Sessions are kept in memory: after a restart a caller begins anew.

Nobody waits for what hangs: a turn has an end, and what was not done until then is left behind, without our locks, and
said not to have been done. Belongs here: waiting for files and rows. Not here: what a key means (menus), what is said
(saying).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError

from orchestrator.domain.rights import department_of
from orchestrator.messages import audio, greetings, ledger
from orchestrator.messages.api import Asker, BoxBusy, BoxFull, MessageError, Messages
from orchestrator.messages.greetings import Greeting
from orchestrator.messages.lock import PATIENCE
from orchestrator.messages.mailbox import DELETED
from orchestrator.messages.pins import Pins, WeakPin
from orchestrator.messages.telephone import menus, saying
from orchestrator.messages.telephone import session as words
from orchestrator.messages.telephone.dialogue import Caller, Heard, Turn
from orchestrator.messages.telephone.session import Action, Facts, Session

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Greeted = Callable[[str], Awaitable[None]]
"""The greetings of a box are other ones: whoever plays them is to be told. No caller waits for it."""
TELLING = 60.0
"""Seconds that this may take; whoever plays them looks by themselves, too."""


async def _nobody(box: str) -> None:
    """Nobody is told."""


@dataclass
class Line:
    """One channel."""

    session: Session
    touched: float
    """When the last turn was, in seconds of a clock that nobody sets."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """A turn that is asked for twice at once is taken once."""
    ends: float = 0.0
    """When the present part of the turn must be over, in seconds of the event loop."""


@dataclass(frozen=True, kw_only=True)
class Dialogues:
    """Every caller in the mailbox. To be used in one event loop of one process."""

    messages: Messages
    pins: Pins
    greeted: Greeted = _nobody
    repinned: Greeted = _nobody
    """The same, for a PIN."""
    acts: float = 0.8
    """Seconds of a turn within which something is done or was not; control has 1.5 for all of it (web.dialogue)."""
    says: float = 0.4
    """Seconds after that to look what is there to be said."""
    steady: Callable[[], float] = time.monotonic
    """A clock that nobody sets, for who has been silent how long."""
    _lines: dict[str, Line] = field(default_factory=dict)
    _guessing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One PIN after the other: many lines at once may not guess more often than one."""
    _working: set[asyncio.Task[Any]] = field(default_factory=set)
    """Whatever goes on when nobody waits for it."""

    async def turn(self, caller: Caller, heard: Heard | None) -> Turn:
        """What comes next. `heard` None: the caller came, or came again, and hears where they are.

        `call` and `done` are told as the answer to what was heard, and once more to who comes then, to be done by them.

        Raises OSError (TimeoutError: in time), SQLAlchemyError where nothing can be had; then nothing is done twice if
        it is asked again.
        """
        line = self._lines.get(caller.channel)
        if line is None:
            line = self._lines[caller.channel] = Line(session=self._begin(caller), touched=0.0)
            heard = None
        line.touched = self.steady()
        # Who asked may give up; what was begun is done, and remembered.
        return await asyncio.shield(self._own(self._take(line, caller, heard)))

    def _own(self, work: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
        working = asyncio.create_task(work)
        self._working.add(working)
        working.add_done_callback(self._working.discard)
        return working

    async def _within(self, line: Line, work: Coroutine[Any, Any, Answer]) -> Answer:
        """What comes of `work` until the line's present end. Raises TimeoutError; then it is left behind.

        It is told to stop, but not waited for: neither a thread nor a database that hangs can be made to.
        """
        working = self._own(work)
        await asyncio.wait((working,), timeout=max(0.0, line.ends - asyncio.get_running_loop().time()))
        if working.done():
            return working.result()
        working.add_done_callback(_told)
        working.cancel()
        raise TimeoutError("it takes too long")

    async def _take(self, line: Line, caller: Caller, heard: Heard | None) -> Turn:
        async with line.lock:
            PATIENCE.set(self.acts * 0.6)  # of threads, too: they give up before the caller is told that they did
            line.ends = asyncio.get_running_loop().time() + self.acts
            if heard is None:
                self._again(line, caller)
            elif heard.turn == line.session.turn:
                await self._press(line, heard)
            line.ends += self.says
            return await self._say(line)

    def forget(self, before: float) -> None:
        """Forget who had no turn since `before` (seconds since the epoch), and what they recorded for nothing.

        Only how long ago that is counts: a clock that was set forward in between throws nobody out.
        """
        before = self.steady() - (self.messages.clock() - before)
        for channel, line in list(self._lines.items()):
            if line.touched < before and not line.lock.locked():
                _unlink(line.session.recorded)
                del self._lines[channel]

    def _begin(self, caller: Caller) -> Session:
        return replace(words.begin(caller, self.messages.directory()), turn=1)

    def _again(self, line: Line, caller: Caller) -> None:
        """Somebody comes who may do what the last turn said; after that, they come back from it.

        From a call they are back at the message; after the end they begin anew.
        """
        session = line.session
        if session.at not in ("call", "over"):
            return
        if not session.told:
            line.session = replace(session, told=True)
        elif session.at == "call":
            line.session = replace(session.go("options"), turn=session.turn + 1)
        else:
            _unlink(session.recorded)
            line.session = replace(self._begin(caller), turn=session.turn + 1)

    async def _press(self, line: Line, heard: Heard) -> None:
        """Decide, do it, and remember that before anything is said: a repetition finds it done."""
        if heard.recorded:
            spoken = await self._within(line, asyncio.to_thread(self._spoken, heard.recorded))
            heard = replace(heard, recorded=spoken)
        facts = await self._look(line)
        session, action = menus.press(line.session, heard, facts)
        if action:
            session = menus.answered(session, action, await self._do(line, session, action))
        line.session = replace(session, turn=line.session.turn + 1)

    async def _say(self, line: Line) -> Turn:
        facts = await self._look(line)
        there = menus.gone_on(line.session, facts)
        if there is not line.session:
            line.session = there
            facts = await self._look(line)
        if line.session.at == "message":
            facts = replace(facts, audio=await self._audio(line))
            line.session = replace(line.session, played=bool(facts.audio))
        return saying.speak(line.session, facts)

    def _spoken(self, path: str) -> str:
        """The path of a recording in which something was said; empty: there is none, and it is removed."""
        found = words.recording(path, self.messages.spool.root)
        if not found:
            return ""
        audio.repair(Path(found))
        if audio.judge(Path(found))[1]:
            return found
        _unlink(found)
        return ""

    # Looking

    async def _look(self, line: Line) -> Facts:
        """What is known. Without the case, where the database cannot tell in time: then it is not spoken of."""
        session, directory = line.session, self.messages.directory()
        at = session.caller.at
        now = datetime.fromtimestamp(self.messages.clock() if at is None else at, ZoneInfo(directory.town.timezone))
        facts = Facts(directory=directory, now=now)
        if session.asker is None or session.box not in directory.boxes:
            return facts
        there = await self._within(line, self.messages.listed(session.asker, session.box))
        facts = replace(facts, messages=tuple(there))
        if session.at in ("message", "case") and department_of(directory, session.box):
            with contextlib.suppress(OSError, SQLAlchemyError, MessageError):
                case = self.messages.case(session.asker, session.box, session.message)
                facts = replace(facts, case=await self._within(line, case))
        if session.at == "greeting":
            facts = await self._within(line, asyncio.to_thread(self._greetings, session, facts))
        return facts

    async def _audio(self, line: Line) -> str:
        """Path of the current message's audio without .wav; empty: it has gone this moment, or the box is busy."""
        session = line.session
        with contextlib.suppress(MessageError, TimeoutError):
            if session.asker:
                hearing = self.messages.hear(session.asker, session.box, session.message)
                return str((await self._within(line, hearing)).with_suffix(""))
        return ""

    def _greetings(self, session: Session, facts: Facts) -> Facts:
        spool, found = self.messages.spool, dict[Greeting, str]()
        for greeting in greetings.GREETINGS:
            path = greetings.path(spool, session.box, greeting)
            if path.exists():
                found[greeting] = str(path.with_suffix(""))
        ends = greetings.ends(spool, session.box)
        return replace(facts, greetings=found, until=_last_day(ends, session.greeting, facts.now))

    # Doing

    async def _do(self, line: Line, session: Session, action: Action) -> str:
        """Do it, and say what came of it in the words of `menus.answered`. What fails did not go just now: `busy`."""
        try:
            if isinstance(action, words.Enter):
                return await self._enter(line, action)
            assert session.asker is not None  # noqa: S101 - there is nothing to be done before
            return await self._within(line, self._done(session.asker, session.box, action))
        except BoxBusy:
            return "busy"
        except (OSError, SQLAlchemyError) as bad:
            log.error("box %s: %s by telephone went wrong: %r", session.box, type(action).__name__, bad)
            return "busy"
        except BoxFull:
            return "full"
        except MessageError:
            return "gone"

    async def _done(self, asker: Asker, box: str, action: Action) -> str:
        messages = self.messages
        match action:
            case words.Mark():
                found = await messages.find(asker, box, action.id)
                if found.folder == DELETED:
                    return "gone"
                if found.new:  # other folders are the owner's own order
                    await messages.mark(asker, box, action.id, heard=True)
            case words.Delete():
                await messages.delete(asker, box, action.id)
            case words.Restore():
                await messages.restore(asker, box, action.id, heard=action.heard)
            case words.Forward():
                await self._forward(asker, box, action)
            case words.Deal():
                await messages.received(await messages.find(asker, box, action.id))  # it may have no case yet
                await messages.deal(asker, box, action.id, action.state)
            case _:
                return await self._set(box, action)
        return "done"

    async def _forward(self, asker: Asker, box: str, action: words.Forward) -> None:
        """Send a message on; the comment is kept only for whoever can try again."""
        joined = None
        try:
            if action.comment:
                original = await self.messages.hear(asker, box, action.id)
                joined = self.messages.spool.playing / f"{original.stem}-{os.urandom(4).hex()}.joined"
                await asyncio.to_thread(audio.join, Path(action.comment), original, joined)
            await self.messages.forward(asker, box, action.id, action.to, audio=joined)
        except BoxBusy:
            raise
        except MessageError:
            _unlink(action.comment)
            raise
        finally:
            if joined:
                joined.unlink(missing_ok=True)
        _unlink(action.comment)

    async def _set(self, box: str, action: Action) -> str:
        """Settings of a box."""
        spool = self.messages.spool
        match action:
            case words.ChangePin():
                try:
                    await asyncio.to_thread(self.pins.change, box, action.pin)
                except WeakPin as weak:
                    return weak.weakness
                self._tell(self.repinned, box)
                return "done"
            case words.Keep():
                await asyncio.to_thread(greetings.put, spool, box, action.greeting, Path(action.recorded))
                _unlink(action.recorded)
            case words.Remove():
                await asyncio.to_thread(greetings.remove, spool, box, action.greeting)
            case words.Until():
                end = _midnight_after(action.day, self._zone()) if action.day else None
                await asyncio.to_thread(greetings.end, spool, box, action.greeting, end)
            case words.Drop():
                _unlink(action.recorded)
                return "done"
            case _:
                raise TypeError(f"{action!r} is no setting")
        self._tell(self.greeted, box)
        return "done"

    def _tell(self, whom: Greeted, box: str) -> None:
        """Have somebody told of a change, without a caller who waits for it."""

        async def tell() -> None:
            try:
                async with asyncio.timeout(TELLING):
                    await whom(box)
            except TimeoutError:
                log.warning("box %s: what was changed by telephone is told late: %.0f s were not enough", box, TELLING)

        self._own(tell())

    async def _enter(self, line: Line, action: words.Enter) -> str:
        """Whether a PIN is right. Raises TimeoutError: nobody learns whether it was, and the next one may guess."""
        async with asyncio.timeout_at(line.ends):
            await self._guessing.acquire()
        try:
            known = action.box in self.messages.directory().boxes
            return await self._within(line, self._guess((action.box,), action.pin, known))
        finally:
            self._guessing.release()

    async def knows(self, box: str, pin: str, *, known: bool, also: str) -> str:
        """As in `_guess`, for who does not come to hear messages: `also` is locked with the box, where that is not
        `known` as for one; no right PIN unlocks it, but a day does. Raises OSError, SQLAlchemyError.
        """
        async with self._guessing:
            return await self._guess((box, also), pin, known)

    async def _guess(self, locks: tuple[str, ...], pin: str, known: bool) -> str:
        """Whether `pin` is that of the first of `locks`. One that there is not is locked as any other: nobody finds out
        which there are.
        """
        now, box = self.messages.clock(), locks[0]
        async with self.messages.engine.connect() as connection:
            if any([await ledger.locked_until(connection, each, now) > now for each in locks]):
                return "locked"
        if known and await asyncio.to_thread(self.pins.right, box, pin):
            async with self.messages.engine.begin() as connection:
                await ledger.guessed_right(connection, box)
            return "right" if await asyncio.to_thread(self.pins.chosen, box) else "change"
        async with self.messages.engine.begin() as connection:
            until = [await ledger.guessed_wrong(connection, each, now, lapses=each != box) for each in locks]
        return "locked" if any(until) else "wrong"

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.messages.directory().town.timezone)


def _told(working: asyncio.Task[Any]) -> None:
    """What was left behind and went wrong later."""
    if not working.cancelled() and (bad := working.exception()):
        log.warning("what a caller did not wait for went wrong: %r", bad)


def _midnight_after(day: date, zone: ZoneInfo) -> float:
    """The end of a day, in seconds since the epoch."""
    after = day + timedelta(days=1)
    return datetime(after.year, after.month, after.day, tzinfo=zone).timestamp()


def _last_day(ends: Mapping[str, float], greeting: str, now: datetime) -> date | None:
    end = ends.get(greeting)
    return datetime.fromtimestamp(end - 1, now.tzinfo).date() if end else None


def _unlink(path: str) -> None:
    if path:
        Path(path).unlink(missing_ok=True)
