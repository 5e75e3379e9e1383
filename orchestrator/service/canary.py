"""The reachability canary: now and then control calls the operator's number as a citizen would, and listens.

It is a real call by SIP through the real entry, hung up before any telephone rings. Twice in a row in vain, and the
exchange would not answer a citizen now: that is a metric, a line of the log, of the status page and of
`durchwahl status`. No figure of citizens' calls counts it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

import structlog

from orchestrator.domain.canary import Canary, canary
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, retrace
from orchestrator.domain.numbers import OPERATOR, e164
from orchestrator.domain.prompts import Sounds
from orchestrator.journal.journeys import Journey
from orchestrator.phone.errors import NotStarted, PhoneError
from orchestrator.phone.hearing import SILENCE, level
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import present, testcall, wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.questions import when
from orchestrator.service.running import life
from orchestrator.service.state import State, write_whole

log = structlog.get_logger()

FIRST, AGAIN = 20.0, 10.0
"""Seconds from the start to the first call; and after one in vain, or one that could not be made, to the next."""
STALE = 3
"""So many times the pause between two calls, and what the last one has shown says nothing of now."""
BELIEVED = 2
"""So many calls in vain in a row are no chance."""
LONGEST = 30.0
"""Seconds after which a call is in vain that is still not over."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What the last calls have shown."""

    at: float = 0.0
    """When the last one was made, in seconds since the epoch; 0: none yet."""
    up: bool | None = None
    """Whether a citizen would be answered now; None: that is not known."""
    why: str = ""
    """What was wrong, or why it cannot be known."""
    answered: float = 0.0
    """Seconds until the answer."""
    vain: int = 0
    """Calls in vain in a row."""

    @property
    def told(self) -> str:
        """For a person."""
        return "a citizen would be answered" if self.up else self.why or "no test call yet"

    @property
    def shown(self) -> tuple[str, str, bool]:
        """For the status page: name, what it says, whether that is well."""
        said = {True: "wurde angenommen", False: "wurde nicht angenommen", None: "nicht möglich"}[self.up]
        return "Testanruf", said if self.why or self.up else "noch keiner", bool(self.up) or not self.why


class Unanswered(Exception):
    """A citizen would not have been served by this call; says why."""


@dataclass
class Sentry:
    """Calls every `every` seconds (0: never), in the directory that runs."""

    state: State
    directory: Callable[[], Directory]
    sounds: Callable[[], Sounds]
    tell: Callable[[Sighting], None]
    every: float
    seen: Sighting = field(default_factory=Sighting)

    async def run(self) -> None:
        """Call until cancelled."""
        if not self.every:
            return
        pause = min(FIRST, self.every)
        while True:
            await asyncio.sleep(pause)
            await self.look()
            pause = min(AGAIN, self.every) if self.seen.vain or self.seen.up is None else self.every

    async def look(self) -> None:
        """One call, or why there was none."""
        before, now = self.seen, time.time()
        try:
            seconds = await self._call()
            self.seen = Sighting(at=now, up=True, answered=seconds)
        except Unanswered as bad:
            vain = before.vain + 1
            self.seen = Sighting(at=now, up=before.up if vain < BELIEVED else False, why=str(bad), vain=vain)
        except Exception as bad:  # a fault of the one who looks says nothing of what is looked at
            self.seen = replace(before, up=None, why=f"no test call could be made: {bad}")
        if before.up is not self.seen.up:
            said = log.info if self.seen.up else log.error
            said("canary", told=self.seen.told)
        self.tell(self.seen)
        try:
            await asyncio.to_thread(write_whole, self.state.canary, json.dumps(asdict(self.seen)))
        except OSError as bad:
            log.error("what the canary has seen cannot be kept", why=str(bad))

    async def _call(self) -> float:
        """Seconds until the answer; raises Unanswered, and ServiceError or PhoneError where no call could be made."""
        directory, settings = self.directory(), self.state.settings()
        planned = await self._planned(directory)
        if not life(self.state):
            raise Unanswered("Asterisk does not run")
        password = wiring.secrets(self.state).of("sip:testcall")
        line = Line(number="testcall", exchange=f"{settings.bind}:{settings.sip_port}", password=password)
        program = await asyncio.to_thread(wiring.program, "baresip")
        async with Telephone(program, line) as telephone:
            made = await self._made(telephone, directory, planned)
            if made.outcome == "failed":
                raise Unanswered(f"the exchange cut the call at {made.place}")
            if strange := [step.place for step in made.steps if step.place not in planned.quiet]:
                raise Unanswered(f"the call went to {strange[0]}, which `explain` does not expect so soon")
            if different := retrace(directory, made.visits):
                raise Unanswered(different)
            (placed,) = telephone.calls
            if level(await placed.heard()) < SILENCE:
                raise Unanswered(f"{made.place} was silent")
            return (placed.answered_at or 0.0) - placed.began_at

    async def _planned(self, directory: Directory) -> Canary:
        now = when("", directory.town.timezone)
        world = World(at=now, switches=await present.now(self.state))
        if planned := canary(directory, self.sounds(), world):
            return planned
        raise ServiceError(
            "a telephone rings at the operator's number before enough is said",
            todo="let its flow begin with a greeting, or set canary = 0",
        )

    async def _made(self, telephone: Telephone, directory: Directory, planned: Canary) -> Journey:
        """The call as the provider delivers it, hung up in time, and at once where a telephone might ring."""
        dialled = e164(directory.town, OPERATOR)
        follower = testcall.Follower(self.state.journal, testcall.tested(dialled), lambda: life(self.state))
        wish = testcall.Wish(number=OPERATOR, hangup_after=planned.seconds, only=planned.quiet)
        try:
            async with asyncio.timeout(LONGEST):
                return await testcall.call(telephone, follower, directory, self.sounds(), dialled, wish)
        except NotStarted:
            raise
        except TimeoutError:
            raise Unanswered(f"the call was not over after {LONGEST:.0f} s") from None
        except (PhoneError, ServiceError) as bad:
            raise Unanswered(str(bad)) from bad


def last(state: State) -> Sighting:
    """What control has seen last; nothing where it has not looked, or not for long."""
    try:
        seen = Sighting(**json.loads(state.canary.read_text()))
    except (OSError, ValueError, TypeError):
        return Sighting()
    every = state.settings().canary
    if not every:
        return Sighting(why="no test calls: canary = 0")
    return seen if time.time() - seen.at < STALE * every + LONGEST else Sighting(at=seen.at, why="no test call of late")
