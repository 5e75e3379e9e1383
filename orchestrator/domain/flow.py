"""The call flow: every place that a caller can be, and where each answer leads.

A step is a question put to the world. It owns the finite list of answers that the world may give (`exits`), so no
reader of the graph needs to know its type to draw it, prove it or predict it. Belongs here: steps and their
exits. Not here: how a step is performed (apps), written (compile), predicted (explain) or judged (proof).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from orchestrator.domain import texts
from orchestrator.domain.finding_texts import FIND
from orchestrator.domain.house import AskPin, GoBack, House, Meet, Park, Promise, Recall, Screen, StandIn
from orchestrator.domain.house import Queue as Queue
from orchestrator.domain.people import ALL_AT_ONCE
from orchestrator.domain.place import AT_DESK, PutThrough
from orchestrator.domain.place import END as END
from orchestrator.domain.place import KEYS as KEYS
from orchestrator.domain.place import NOBODY as NOBODY
from orchestrator.domain.place import OPERATORS as OPERATORS
from orchestrator.domain.place import Answer as Answer
from orchestrator.domain.place import Exits as Exits
from orchestrator.domain.place import Place as Place
from orchestrator.domain.prompts import Language, Prompt

KEPT = "kept "
"""What the journal notes, with the place, when a caller who had spoken goes on from a mailbox to a human."""

NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
"""Grammar of flow, step and answer names. Asterisk takes `town-hall` and `townhall` for the same, hence no hyphen;
one-letter extensions (`h i s t`) are its own, hence two characters; it cuts extensions and contexts after 79, and ours
are `step=answer` and `flow-name`, hence 40."""

NAME_HINT = "use small letters, digits and _, a letter first: at least 2, at most 40"


@dataclass(frozen=True, kw_only=True)
class Say:
    """Play a prompt to its end."""

    prompt: Prompt
    then: Place
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"said": self.then}


@dataclass(frozen=True, kw_only=True)
class Speak:
    """From here on the caller hears `language`."""

    language: Language
    then: Place
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"set": self.then}


@dataclass(frozen=True, kw_only=True)
class Menu:
    """Ask for one key. Retries live inside the step, so that the graph stays small."""

    prompt: Prompt
    keys: Mapping[str, Place]
    otherwise: Place
    """Silence or a wrong key, after every try: never optional."""
    tries: int = 3
    wait: float = 5.0
    """Seconds to press a key after the prompt has ended."""

    @property
    def exits(self) -> Exits:
        return {KEYS[key]: place for key, place in self.keys.items()} | {"gave_up": self.otherwise}

    @property
    def by_caller(self) -> frozenset[Answer]:
        return frozenset(KEYS[key] for key in self.keys)


@dataclass(frozen=True, kw_only=True)
class When:
    """Ask the schedule. `holiday` is a whole day off, a holiday or a dated closure."""

    schedule: str
    open: Place
    closed: Place
    holiday: Place
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"open": self.open, "closed": self.closed, "holiday": self.holiday}


@dataclass(frozen=True, kw_only=True)
class Ring(PutThrough):
    """Ring one or several phones, natively. Talking is the end of the flow."""

    phones: tuple[str, ...]
    busy: Place
    nobody: Place
    unreachable: Place
    """No phone is registered, or the line refused."""
    seconds: int = 20
    """How long they ring; each of them, where they ring in turn."""
    order: str = ALL_AT_ONCE
    """Of `people.ORDERS`."""
    away: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Phone -> the switches while one of which is on it does not ring."""

    @property
    def exits(self) -> Exits:
        found = {"talked": END, "busy": self.busy, "nobody": self.nobody, "unreachable": self.unreachable}
        return {**found, **self.returns}


@dataclass(frozen=True, kw_only=True)
class LeaveMessage:
    """Greeting, beep, native recording; ended by `#`, silence, hangup or `limit`.

    After `#` the caller may listen to it and record once more; who was not heard is asked once more. Both happen
    inside the step: an answer is what came of all of it.
    """

    box: str
    greeting: Prompt
    left: Place
    too_short: Place
    full: Place
    failed: Place
    human: Place = ""
    """Where key 0 leads, in the greeting and while recording; empty: 0 is a key like any other."""
    limit: int = 120
    """Seconds that a message may last."""
    state: str = texts.NOBODY
    """Of `texts.STATES`: how the caller found whose box it is, which chooses a greeting that they recorded."""
    wording: str = ""
    """Of `texts.WORDINGS`: what is said of the state behind the greeting, and then the notice; empty: the greeting
    says all of it."""

    @property
    def by_caller(self) -> frozenset[Answer]:
        return frozenset({"human"} if self.human else ())

    @property
    def exits(self) -> Exits:
        found = {"left": self.left, "too_short": self.too_short, "full": self.full, "failed": self.failed}
        return {**found, "human": self.human} if self.human else found


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Put the caller through to a number outside, by the trunk."""

    number: str
    """E.164 with `+`; for the old exchange, the extension as it is dialled there."""
    trunk: str
    busy: Place
    nobody: Place
    failed: Place
    seconds: int = 30
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"talked": END, "busy": self.busy, "nobody": self.nobody, "failed": self.failed}


@dataclass(frozen=True, kw_only=True)
class Switch:
    """Ask whether a switch is on now. It is turned without a rollout and asked natively (domain.switches)."""

    name: str
    on: Place
    off: Place
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"on": self.on, "off": self.off}


@dataclass(frozen=True, kw_only=True)
class Announce:
    """Play what was said when a switch was turned on; `prompt` where nothing was, or where it is off by now."""

    switch: str
    prompt: Prompt
    then: Place
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"said": self.then}


@dataclass(frozen=True, kw_only=True)
class Forward(PutThrough):
    """Ring where the calls of a number go now: to the stand-in of who is absent, or where they are forwarded to.

    Phones are rung, never flows, so forwardings cannot go round.
    """

    number: str
    """The extension whose absence and forwarding are asked."""
    off: Place
    """Neither is set."""
    busy: Place
    nobody: Place
    """Nobody picks up, or who is absent has no stand-in."""
    failed: Place
    """No phone there is registered, or no trunk takes the call."""
    seconds: int = 20
    absent: Prompt | None = None
    """For a number that can be absent: what its callers hear if nothing was spoken for this absence."""
    quiet: Place = ""
    """For a number that may not be disturbed: where its callers are led then; empty: that is not asked."""
    desk: Place = ""
    """For a number that may log in at a desk elsewhere, which rings then: where its callers are led who talk to nobody
    there; empty: that is not asked. A desk that is not registered is as none: the answer is `off`."""
    stood_in: bool = False
    """Whether somebody else is rung after `quiet` and `desk`, and so before who put the caller through."""
    missed: bool = False
    """Comes after the phones of the number, which rang in vain: the forwarding on busy is asked, or that on no answer.
    Busy is who came by the answer `busy`."""

    @property
    def exits(self) -> Exits:
        found = {"off": self.off, "busy": self.busy, "nobody": self.nobody, "failed": self.failed}
        found |= {"quiet": self.quiet} if self.quiet else {}
        found |= dict.fromkeys(AT_DESK, self.desk) if self.desk else {}
        return {"talked": END, **found, **self.returns}


@dataclass(frozen=True, kw_only=True)
class FindByName:
    """Let the caller type a last name and choose whom they mean (domain.finding). Native, tries included.

    The flow ends where somebody was found: their number leads on, as if it had been dialled.
    """

    prompt: Prompt
    nobody: Place
    """Nobody has the name that was typed, in the last try."""
    gave_up: Place
    """Silence, or a wrong key at the last try."""
    human: Place = ""
    """Where key 0 leads at any time; empty: nowhere."""
    tries: int = 3
    wait: float = 5.0
    """Seconds to press a key after a prompt has ended."""

    @property
    def exits(self) -> Exits:
        found = {"found": END, "nobody": self.nobody, "gave_up": self.gave_up}
        return {**found, "human": self.human} if self.human else found

    @property
    def by_caller(self) -> frozenset[Answer]:
        return frozenset(self.exits.keys() - {"gave_up"})


@dataclass(frozen=True, kw_only=True)
class HangUp:
    """Send the caller off; only ever after something was said."""

    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"gone": END}


@dataclass(frozen=True, kw_only=True)
class Do:
    """A skill written in Python. It must name every way it can end, and where to go without it."""

    skill: str
    outcomes: Mapping[Answer, Place]
    python_down: Place
    by_caller: frozenset[Answer] = NOBODY
    seconds: float = 20.0
    """Longest that the skill may take."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    intro: Prompt | None = None
    """What the skill says before what it makes for the call."""
    says: tuple[Prompt, ...] = ()
    """Everything else that it may say."""

    @property
    def exits(self) -> Exits:
        return {**self.outcomes, "python_down": self.python_down}


@dataclass(frozen=True, kw_only=True)
class Dictate:
    """Record, after a beep, what a dialogue asked for. Native, so that killing Python does not stop a recording."""

    then: Place
    """Whether or not something was said: the dialogue finds out."""
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"recorded": self.then, "failed": self.then}


@dataclass(frozen=True, kw_only=True)
class CallBack:
    """Dial the number that a dialogue named, with the permission of the phone that is calling. The flow ends there."""

    refused: Place
    """No number was named, or the caller is at no phone of ours."""
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"called": END, "refused": self.refused}


@dataclass(frozen=True, kw_only=True)
class Listen:
    """Asterisk's own `VoiceMailMain()`: straight to the box at its owner's phone, at others it asks for box and PIN."""

    served: Place
    refused: Place
    """The caller is at no phone of ours: nothing would count their wrong PINs."""
    by_caller: ClassVar[frozenset[Answer]] = NOBODY

    @property
    def exits(self) -> Exits:
        return {"served": self.served, "refused": self.refused}


Native = Dictate | CallBack | Listen
"""What only derived flows have (domain.listening)."""
Written = Say | Speak | Menu | When | Ring | LeaveMessage | Transfer | Switch | Announce | Forward | HangUp | Do
Step = Written | FindByName | Queue | Native | House
Graph = Mapping[Place, Step]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A named way in, and the steps that belong to it. `steps` is keyed by the part of the place after the dot."""

    name: str
    start: str
    steps: Mapping[str, Step]

    @property
    def first(self) -> Place:
        return f"{self.name}.{self.start}"

    @property
    def places(self) -> Graph:
        return {f"{self.name}.{step}": performed for step, performed in self.steps.items()}


def exits(step: Step, *, python: bool | None) -> Exits:
    """The answers that `step` can get while Python is up, while it is down, or (None) while it comes and goes."""
    if isinstance(step, Do) and python is not None:
        return step.outcomes if python else {"python_down": step.python_down}
    return step.exits


def prompts(step: Step) -> Iterable[Prompt]:
    """Every prompt that `step` plays."""
    match step:
        case Say(prompt=prompt) | Menu(prompt=prompt) | Announce(prompt=prompt):
            yield prompt
        case LeaveMessage(greeting=prompt, wording=wording):
            yield prompt
            yield from texts.WORDINGS[wording].values()
            yield from texts.AT_A_BOX
        case Queue(hint=prompt):
            yield prompt
        case Do(intro=prompt) | Forward(absent=prompt):
            if prompt:
                yield prompt
            yield from step.says if isinstance(step, Do) else ()
        case FindByName(prompt=prompt):
            yield prompt
            yield from FIND.values()
        case Park() | AskPin() | Recall():
            yield from texts.HOUSE[type(step).__name__]
        case Speak() | When() | Ring() | Transfer() | Switch() | HangUp() | Dictate() | CallBack() | Listen():
            return
        case GoBack() | Meet() | Promise() | StandIn() | Screen():
            return
