"""`durchwahl call`: a real call by SIP into the running exchange, pressed through its menus, and what came of it.

The keys are pressed where the journal says that the caller is, so the same call works with Python and without.
"""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.compile import speech
from orchestrator.domain.codes import FIRST
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import Visit, World, explain
from orchestrator.domain.findable import Names
from orchestrator.domain.finding import Finding
from orchestrator.domain.flow import FindByName, LeaveMessage, Menu, Place, Queue
from orchestrator.domain.prompts import Sounds, length
from orchestrator.domain.routes import greeting_seconds
from orchestrator.domain.spelling import parse
from orchestrator.journal.cel import Event, read
from orchestrator.journal.journeys import Call as Events
from orchestrator.journal.journeys import Journey, journey
from orchestrator.phone.call import Call
from orchestrator.phone.errors import NotStarted, PhoneError
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import present, wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.questions import Question, described, digits, keys, start, when
from orchestrator.service.running import life
from orchestrator.service.state import State

LOOK_EVERY = 0.1
LONGEST = 300.0
"""Seconds that a test call may last."""
BEHIND = 3.0
"""Seconds that the journal may be behind what a telephone knows."""
AFTER_THE_BEEP = 1.2
"""Seconds from the end of a greeting until the caller speaks: the beep, and a breath."""
TALK = 2.0
"""Seconds of talk with a person before the caller hangs up."""
WORDS = "Guten Tag, hier spricht eine Bürgerin. Ich brauche einen neuen Ausweis. Bitte rufen Sie mich zurück."
PEOPLE = ("talked", "busy", "nobody", "unreachable", "waited", "left", "too_short", "full", "failed", "human")
REFUSED = "see why in the log of Asterisk; 488 is what it says, too, when no port from rtp_start to rtp_end is free"
EARLY = ("gave_up", "message", "too_short", "served", "told", "call_back")
"""Outcomes of calls in which the caller may hang up before the way ends."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A test call: what happened against what should have."""

    journey: Journey
    expected: tuple[Visit, ...]
    difference: str
    """Empty where they are the same."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How the caller behaves."""

    number: str
    press: str = ""
    at: str = ""
    hangup_after: float = 0.0
    """Seconds after the answer; 0: when the exchange or the other side does, or after a talk."""
    says: Path | None = None
    """What the caller says after the beep of a mailbox; None is silence. `words` makes a sentence."""
    leaves: bool = False
    """Hangs up where a mailbox would answer: it is known then where the call goes, and nothing is left there."""
    only: frozenset[Place] = frozenset()
    """Hangs up at once at any other place; empty: stays everywhere."""
    settle: float = 1.0
    """Seconds that the caller listens to a menu before pressing a key."""


class Follower:
    """Follows the journal from now on, for the one call that begins with an event that `is_ours`.

    `life` numbers the lives of Asterisk: no call survives from one to the next.
    """

    def __init__(self, path: Path, is_ours: Callable[[Event], bool], life: Callable[[], int]) -> None:
        self._path, self._is_ours, self._life = path, is_ours, life
        self._began_in = life()
        self._offset = path.stat().st_size if path.exists() else 0
        self.call: Events | None = None

    async def events(self, *, within: float, ended: Callable[[], bool] = lambda: False) -> AsyncIterator[Event]:
        """Events of the call until it is over; none where it has `ended` before Asterisk began anything.

        Raises ServiceError after `within` seconds.
        """
        calls: dict[str, Events] = {}
        now = asyncio.get_running_loop().time
        lasted, deadline = now(), now() + within
        while not (self.call and self.call.over):
            lasted = lasted if ended() else now()
            if now() > deadline:
                raise ServiceError(f"the call was not over within {within:.0f} s", todo="see `durchwahl status`")
            if self._life() != self._began_in:
                raise ServiceError("Asterisk ended during the call", todo="see `durchwahl journeys` in a minute")
            chunk = read(self._path, self._offset) if self._path.exists() else None
            self._offset = chunk.end if chunk else self._offset
            for event in chunk.events if chunk else ():
                calls.setdefault(event.call, Events(event.call)).add(event)
                if self.call is None and self._is_ours(event):
                    self.call = calls[event.call]
                if self.call and event.call == self.call.id:
                    yield event
            if not self.call and now() > lasted + BEHIND:
                return
            await asyncio.sleep(LOOK_EVERY)


def words(state: State) -> Path:
    """A citizen's sentence as a WAV that a telephone can play: mono, 16 bit, 8 kHz."""
    samples, rate = speech.speak(wiring.voice(state), WORDS, "de")
    path = state.run / "words.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(speech.linear(speech.resample(speech.fit(samples), rate, 8000)))
    return path


def tested(dialled: str) -> Callable[[Event], bool]:
    """The beginning of a test call to `dialled`."""
    return lambda event: event.name.startswith("PJSIP/testcall-") and event.extension == dialled


async def place(state: State, directory: Directory, sounds: Sounds, wish: Wish) -> Placed:
    """Call as the test endpoint; expected is what `explain` says once it is known what people did."""
    if not 0 <= wish.hangup_after <= LONGEST:
        raise ServiceError(
            f"{wish.hangup_after} is not a time to hang up after", todo=f"name 0 to {LONGEST:.0f} seconds"
        )
    if digits(directory, wish.number).startswith(FIRST):
        raise ServiceError(
            f"{wish.number} is a code for desks, and no number: the test call would lead nowhere",
            todo=f"ask with `explain --from EXTENSION '{wish.number}'` what becomes of it at a desk",
        )
    if not life(state):
        raise ServiceError(f"Asterisk of {state.root} does not run", todo="run `durchwahl up`")
    line = Line(
        number="testcall",
        exchange=f"{state.settings().bind}:{state.settings().sip_port}",
        password=wiring.secrets(state).of("sip:testcall"),
    )
    question = Question(number=wish.number, at=wish.at, press=wish.press, switches=await present.now(state))
    world = described(directory, question)
    dialled = directory_number(directory, wish.number)
    if wish.at:
        dialled += f"*{int(when(wish.at, directory.town.timezone).timestamp())}"
    try:
        async with Telephone(wiring.program("baresip"), line) as telephone:
            follower = Follower(state.journal, tested(dialled), lambda: life(state))
            made = await call(telephone, follower, directory, sounds, dialled, wish)
    except PhoneError as bad:
        raise ServiceError(f"the test call failed: {bad}", todo="see `durchwahl status`") from bad
    return compared(directory, start(directory, directory_number(directory, wish.number)), world, made)


def directory_number(directory: Directory, number: str) -> str:
    """The extension that `number` means; what is none of ours is nobody's, and meets the catch-all."""
    meant = parse(directory, number)
    return meant.extension or meant.number if meant else number


async def call(
    telephone: Telephone, follower: Follower, directory: Directory, sounds: Sounds, dialled: str, wish: Wish
) -> Journey:
    """Place one call, press its keys where its menus are, and follow it to its end. Raises PhoneError, ServiceError."""
    placed = await telephone.dial(dialled)
    citizen = Citizen(placed, directory, sounds, wish)
    hanging = asyncio.create_task(_hang_up(placed, wish.hangup_after)) if wish.hangup_after else None
    try:
        async for event in follower.events(within=LONGEST, ended=lambda: placed.ended is not None):
            if event.kind == "PLACE":
                citizen.at(event.mark)
            elif event.kind == "BRIDGE_ENTER" and not hanging:
                hanging = asyncio.create_task(_hang_up(placed, TALK))
    finally:
        citizen.rest()
        if hanging:
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)
    if placed.ended and placed.ended.by == "fault":  # the exchange heard nobody from then on, and went its own way
        raise NotStarted(f"{placed.ended}\n{telephone.log()[-2000:]}")
    if placed.ended and placed.ended.by == "refused" and not follower.call:
        raise ServiceError(f"Asterisk refused the call: {placed.ended.text}", todo=REFUSED)
    made = journey(follower.call) if follower.call else None
    if made is None:
        raise ServiceError(
            f"{dialled}: the call reached no flow", todo="see `durchwahl status` and the log of Asterisk"
        )
    return made


class Citizen:
    """Presses keys, one per try of each menu, and speaks after the beep of a mailbox."""

    def __init__(self, placed: Call, directory: Directory, sounds: Sounds, wish: Wish) -> None:
        self._placed, self._directory, self._sounds, self._wish = placed, directory, sounds, wish
        self._keys = list(keys(wish.press))
        self._doing: asyncio.Task[object] | None = None

    def at(self, place: Place) -> None:
        """The caller is at `place` now, or again: whoever is sent back there hears it anew."""
        self.rest()
        if self._wish.only and place not in self._wish.only:
            self._doing = asyncio.create_task(self._placed.hang_up())
            return
        match self._directory.graph.get(place):
            case Menu() as menu if self._keys:
                self._doing = asyncio.create_task(self._press(menu))
            case Queue() as queue if self._keys:
                self._doing = asyncio.create_task(self._press_waiting(queue))
            case FindByName() as step if self._keys:
                self._doing = asyncio.create_task(self._type(Finding(step, Names(self._directory))))
            case LeaveMessage() if self._wish.leaves:
                self._doing = asyncio.create_task(self._placed.hang_up())
            case LeaveMessage() as box if self._wish.says:
                self._doing = asyncio.create_task(self._speak(greeting_seconds(box, self._sounds) + AFTER_THE_BEEP))

    def rest(self) -> None:
        """Do nothing more here."""
        if self._doing:
            self._doing.cancel()

    async def _press(self, menu: Menu) -> None:
        for _ in range(menu.tries):
            if not self._keys:
                return
            silent = length(menu.prompt, self._sounds) + menu.wait + 0.3
            await asyncio.sleep(self._wish.settle if self._keys[0] else silent)
            key = self._keys.pop(0)  # before it is pressed: its answer may come while we still press
            if key:
                await self._placed.press(key)
            if key in menu.keys:
                return

    async def _press_waiting(self, queue: Queue) -> None:
        """Each key in turn, until one leads out of the queue; an empty one is time that passes."""
        while self._keys:
            await asyncio.sleep(self._wish.settle)
            key = self._keys.pop(0)
            if key:
                await self._placed.press(key)
            if key in queue.keys:
                return

    async def _type(self, visit: Finding) -> None:
        """Types what is for this step; after what `#` does not end, the pause that does."""
        while not visit.answer and self._keys and visit.wants(self._keys[0]):
            silent = sum(length(each, self._sounds) for each in visit.said) + visit.wait + 0.3
            await asyncio.sleep(self._wish.settle if self._keys[0] else silent)
            entry = self._keys.pop(0)
            for key in entry:
                await self._placed.press(key)
                visit.key(key)
            if visit.pausing or not entry:
                await asyncio.sleep(visit.wait if entry else 0)
                visit.key("")

    async def _speak(self, after: float) -> None:
        await asyncio.sleep(after)
        if self._wish.says:
            await self._placed.say(self._wish.says)


async def _hang_up(placed: Call, after: float) -> None:
    await placed.answered(within=LONGEST)
    if await placed.stays(after):
        await placed.hang_up()


def compared(directory: Directory, first: Place, world: World, made: Journey) -> Placed:
    """What happened against what `explain` says, given what the people on the way did."""
    observed = {
        step.place: step.answer for step in made.steps if step.answer in PEOPLE or _waited(directory, step.place)
    }
    expected = tuple(explain(directory, first, replace(world, observed=observed, caller=made.caller)))
    return Placed(journey=made, expected=expected, difference=difference(made, expected))


def _waited(directory: Directory, place: Place) -> bool:
    """Whether the caller waited in a queue there, where a member may be quicker than the caller's key."""
    return isinstance(directory.graph.get(place), Queue)


def difference(made: Journey, expected: tuple[Visit, ...]) -> str:
    """The first place where a journey left the expected way; a hangup by the caller on the way is none."""
    if made.outcome == "failed":
        return f"the exchange cut the call at {made.place}"
    for at, step in enumerate(made.steps):
        wanted = expected[at] if at < len(expected) else None
        if wanted is None or step.place != wanted.place:
            return f"went to {step.place}, expected {wanted.place if wanted else 'the end'}"
        if step.answer and step.answer != wanted.answer:
            return f"at {step.place}: {step.answer}, expected {wanted.answer}"
    if len(made.steps) < len(expected) and made.outcome not in EARLY:
        return f"ended at {made.steps[-1].place}, expected {expected[len(made.steps)].place}"
    return ""
