"""What desks switch by a code: attendants ask, and get the words that say what came of it.

Belongs here: who is at the telephone, that nothing is done twice, the way to the commands. Not here: what may be
switched (domain.service_codes), switching itself (switching).

A wish is fulfilled by a task of its own, which outlives the question: an attendant that is killed, or one that was told
to wait, asks again and gets what came of it. What a code turns to and fro is decided once for a call, and the decision
lies in Asterisk's own database: who asks after a restart of control does not turn it back.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.asterisk import database
from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.domain import outgoing, switches
from orchestrator.domain.codes import DESK_ON, SWITCHING
from orchestrator.domain.directory import Directory
from orchestrator.domain.hot_desks import DIGITS, guest
from orchestrator.domain.hot_desks import PROMPTS as DESK_PROMPTS
from orchestrator.domain.people import Person, Phone
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.service_codes import ASK, OFF, ON, PROMPTS, TOGGLE, Judge, Refused, Wish
from orchestrator.domain.switches import ABSENT, DESK, DIRECT, FORWARDS, QUIET, SINGLE, Absence, Forwarding, On
from orchestrator.service import hot_desks, present, switching
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.web.dialogue import Asked, NoAnswer

log = structlog.get_logger()

DECIDED = "durchwahl-decided"
"""Family of Asterisk's database: channel -> what a code that turns to and fro turned to in this call."""
PATIENCE = 0.8
"""Seconds until who asked is told to wait: a question must be answered within 1.5."""
LONGEST = 20.0
"""Seconds that switching may take."""
KEPT = 1000
"""Calls of which it is known what came of them."""
CODES = {code.name: code for code in SWITCHING}
WHEN = {beginning: when for when, beginning in FORWARDS.items()}
_CHANNEL = re.compile(r"[A-Za-z0-9.-]+")
_NAME = re.compile(r"PJSIP/(?P<endpoint>.+)-[0-9a-f]+")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What came of a wish, in words."""

    prompt: str
    """Name of the prompt."""
    digits: str = ""
    then: str = "done"
    """The answer of the step; empty: to be asked again."""


SPOKEN = {**PROMPTS, **DESK_PROMPTS}
MOMENT = Said(prompt=PROMPTS["moment"].name, then="")


class ServiceCodes:
    """Answers attendants. `directory` and `sounds` give those that are applied now."""

    def __init__(
        self,
        *,
        state: State,
        directory: Callable[[], Directory],
        sounds: Callable[[], Sounds],
        ami: Ami,
        knows: hot_desks.Knows,
    ) -> None:
        self._logging_in = hot_desks.LoggingIn(state=state, directory=directory, knows=knows)
        self._state, self._directory, self._sounds, self._ami = state, directory, sounds, ami
        self._tasks: OrderedDict[tuple[str, str], asyncio.Task[Said]] = OrderedDict()
        self._one = asyncio.Lock()
        self._judge: tuple[Directory, Judge] | None = None

    async def answer(self, asked: Asked) -> Mapping[str, Any]:
        """What an attendant does next with who dialled a code. Raises NoAnswer."""
        if not _CHANNEL.fullmatch(asked.channel):
            raise NoAnswer(f"{asked.channel!r} is no channel")
        if MOMENT.prompt not in self._sounds():  # nothing is switched of which nothing could be said
            raise NoAnswer("control has just begun, or the codes are not spoken: `durchwahl apply` does that")
        if asked.wish.partition(".")[0] == DESK_ON.name:
            return await self._logs_in(asked)
        key = (asked.channel, asked.wish)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._fulfilled(asked))
            while len(self._tasks) > KEPT:
                self._tasks.popitem(last=False)
        task = self._tasks[key]
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            return self._turn(MOMENT)
        if task.exception():
            del self._tasks[key]  # who asks again may have more luck
        return self._turn(task.result())

    async def _logs_in(self, asked: Asked) -> Mapping[str, Any]:
        """Somebody logs in at the telephone: asked for number and PIN."""
        try:
            phone = self._phone(asked)
            if not phone.hot_desk:
                raise Refused("nobody")
            turn = await self._logging_in.turn(asked, phone, PATIENCE)
        except Refused as why:
            return self._turn(Said(prompt=PROMPTS[str(why)].name, then="refused"))
        except (ServiceError, AsteriskError, SQLAlchemyError, OSError) as bad:
            log.error("nobody can log in", desk=asked.asker, why=str(bad))
            raise NoAnswer(f"nobody can log in: {bad}") from bad
        if turn is None:
            return self._turn(MOMENT)
        play = [self._sound(DESK_PROMPTS[each].name) for each in turn.said] + ["sound:silence/1"] * bool(turn.then)
        most = 1 if turn.then else DIGITS
        return {
            "play": play,
            "most": most,
            "wait": hot_desks.WAITS,
            "during": {},
            "then": turn.then,
            "turn": turn.number,
        }

    def _sound(self, prompt: str) -> str:
        if (sound := self._sounds().get(prompt)) is None:
            raise NoAnswer(f"{prompt!r} is not spoken: `durchwahl apply` makes what is missing")
        return f"sound:{sound.file}"

    def _turn(self, said: Said) -> Mapping[str, Any]:
        play = [self._sound(said.prompt), *([f"digits:{said.digits}"] if said.digits else [])]
        play += ["sound:silence/1"] if said.then else []  # before it is hung up: what is on its way is heard
        return {"play": play, "most": 1, "wait": 0.1, "during": {}, "then": said.then, "turn": 1}

    async def _fulfilled(self, asked: Asked) -> Said:
        """What came of it; raises NoAnswer where it cannot be known."""
        try:
            async with asyncio.timeout(LONGEST), self._one:
                return await self._fulfil(asked)
        except Refused as why:
            return Said(prompt=PROMPTS[str(why)].name, then="refused")
        except (ServiceError, AsteriskError, SQLAlchemyError, OSError) as bad:  # TimeoutError is an OSError
            log.error("a code could not be fulfilled", wish=asked.wish.partition(".")[0], why=str(bad))
            raise NoAnswer(f"a code could not be fulfilled: {bad}") from bad

    async def _fulfil(self, asked: Asked) -> Said:
        phone = self._phone(asked)
        wish = self._wish(asked, phone, await self._guest(phone))
        now = await present.now(self._state)
        if wish.to == ASK:
            is_on = wish.name in now and switches.holds(now[wish.name], datetime.now(UTC))
            return Said(prompt=PROMPTS[f"{_word(wish.name)}_{ON if is_on else OFF}"].name)
        to = wish.to if wish.to != TOGGLE else await self._decided(asked.channel, wish, now)
        await _switch(self._state, wish, to, now)
        if wish.target:
            number = wish.target
            digits = outgoing.canonical(number) if number.startswith("+") else number
            return Said(prompt=PROMPTS[f"{_word(wish.name)}_on"].name, digits=digits)
        word = _word(wish.name)
        return Said(prompt=SPOKEN[f"{word}_{to}"].name if word else f"wish_{wish.name}_{to}")

    def _phone(self, asked: Asked) -> Phone:
        """The telephone that dialled; raises Refused, also where another one is on the line now."""
        found = _NAME.fullmatch(asked.name)
        phone = self._directory().phones.get(asked.asker) if found and found["endpoint"] == asked.asker else None
        if phone is None:
            raise Refused("nobody")
        return phone

    async def _guest(self, phone: Phone) -> Person | None:
        """Who has logged in at `phone`."""
        now = await present.now(self._state) if phone.hot_desk else {}
        return guest(self._directory(), now, phone.id, datetime.now(UTC))

    def _wish(self, asked: Asked, phone: Phone, guest: Person | None) -> Wish:
        """What is wished; raises Refused."""
        directory = self._directory()
        name, _, given = asked.wish.partition(".")
        if name not in CODES:
            raise Refused("nobody")
        if self._judge is None or self._judge[0] is not directory:
            self._judge = directory, Judge(directory)
        return self._judge[1].wish(phone, CODES[name], given, guest)

    async def _decided(self, channel: str, wish: Wish, now: Mapping[str, switches.Switched]) -> str:
        """To what it is turned in this call. Raises AsteriskError, Refused."""
        if before := (await database.entries(self._ami, DECIDED)).get(channel):
            return before
        current, today = now.get(wish.name), datetime.now(UTC)
        on = current is not None and switches.holds(current, today)
        if isinstance(current, Absence | On) and not on and current.begins > today.timestamp():
            raise Refused("planned" if isinstance(current, Absence) else "planned_switch")
        to = OFF if on else ON
        await database.put(self._ami, DECIDED, channel, to)
        return to

    async def sweep(self, living: Callable[[], Awaitable[frozenset[str] | None]]) -> None:
        """Forget decisions of calls that are over; `living` gives the channels there are. Raises AsteriskError."""
        decided = await database.entries(self._ami, DECIDED)  # before the channels: none that is new is taken for gone
        if decided and (there := await living()) is not None:
            for channel in decided.keys() - there:
                await database.remove(self._ami, DECIDED, channel)


def _word(name: str) -> str:
    """What the prompts of a switch begin with; empty for those of the town."""
    words = {
        **{each: each.removesuffix("_") for each in FORWARDS.values()},
        QUIET: "quiet",
        ABSENT: "absent",
        DESK: "desk",
        DIRECT: "direct",
        SINGLE: "single",
    }
    return next((word for beginning, word in words.items() if name.startswith(beginning)), "")


async def _switch(state: State, wish: Wish, to: str, now: Mapping[str, switches.Switched]) -> None:
    """Have it so, if it is not yet. Raises Refused, ServiceError and what switching raises."""
    who, why = wish.who, f"dialled {wish.dialled}"
    beginning = next((each for each in switches.PERSONAL if wish.name.startswith(each)), "")
    number = wish.name.removeprefix(beginning)
    if wish.target and now.get(wish.name) == Forwarding(to=wish.target):
        return
    if to == OFF and wish.name not in now:
        return
    if to == ON and not wish.target and wish.name in now and switches.holds(now[wish.name], datetime.now(UTC)):
        return
    if beginning in WHEN:
        target, when = wish.target or "off", WHEN[beginning]
        try:
            await switching.forward(state, number, target, when=when, who=who, why=why)
        except switching.GoesRound as bad:
            raise Refused("round") from bad
        except switching.NotAllowed as bad:
            raise Refused("forbidden") from bad
    elif beginning == QUIET:
        await switching.quiet(state, number, to, who=who, why=why)
    elif beginning == DESK:
        await hot_desks.log_out(state, number, who=who, why=why)
    elif beginning == ABSENT and to == ON:
        period = switching.Period()
        await switching.absent(state, number, period, stand_in=None, text="", who=who, why=why, instead=True)
    elif beginning == ABSENT:
        await switching.back(state, number, who=who, why=why)
    else:
        await switching.switch(state, wish.name, to, switching.Period(), text="", who=who, why=why)
