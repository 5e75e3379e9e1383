"""Each place and each answer of a flow as an extension: the native rendition of every step.

A place disarms the deadline, remembers itself, tells the journal and performs; an answer tells the journal and
leads on. A place at which no call waits does the first two only where a flow begins or a deadline ran before, and is
told with its answer.
What all of them do alike is the same line in each: which place it is, Asterisk knows. Each line that is executed
costs: what is mostly so is asked in one line (decisions/0042).
What Python performs first is offered to the attendants, and done natively when none takes it (design, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import assert_never

from orchestrator.compile import (
    by_name,
    completion,
    listening,
    message,
    parking,
    promises,
    queues,
    ringing,
    rooms,
    secretaries,
    service_codes,
    silent,
    usual,
)
from orchestrator.compile.asking import is_on, nothing
from orchestrator.compile.escape import DIGITS, IDENTIFIER, PLACE, SOUND, fit
from orchestrator.compile.extensions import STAYS, Context, Extension, Line
from orchestrator.compile.switched import announced, forwarded, forwarding, transferred
from orchestrator.domain.directory import Directory
from orchestrator.domain.display import Signs
from orchestrator.domain.flow import (
    END,
    KEYS,
    Announce,
    CallBack,
    Dictate,
    Do,
    FindByName,
    Flow,
    Forward,
    HangUp,
    LeaveMessage,
    Listen,
    Menu,
    Place,
    Queue,
    Ring,
    Say,
    Speak,
    Step,
    Switch,
    Transfer,
    When,
)
from orchestrator.domain.house import AskPin, GoBack, House, Meet, Park, Promise, Recall, Screen, StandIn
from orchestrator.domain.prompts import Prompt, Sounds, length
from orchestrator.domain.skills import in_turns

ANSWERED = Say | Menu | Queue | LeaveMessage | Announce | FindByName | Do | Dictate | Listen | AskPin | Meet
"""Steps that need a two-way path: they answer the call."""
PASSES = When | Switch | Speak
"""Steps at which no call waits; and so is a forwarding that is not in force."""
MARGIN = 3
"""Seconds that a step may take longer than its prompt and wait before Asterisk takes the call back."""
OFFER = 250
"""Milliseconds until an offer that no attendant claimed is withdrawn."""
MOST_LOST = 20
"""How often one call may miss its deadline or its answer before it is given up as failed."""
DISARM = Line("Set(TIMEOUT(absolute)=0)")
LANDED = "TIMEOUT(absolute)=0,PLACE=${EXTEN}"
"""What is so at a place: no deadline runs, and it is known where the call is."""
NATIVE = "native"
"""Where a place goes on without Python; at a menu, with the try that the caller is in."""
RESUME = "resume"
"""Where a caller whom an attendant hands back comes to the place again; at a menu, in the same try."""
TOLD = {"mailbox": listening.TOLD, "switching": service_codes.TOLD}
"""What the attendants of a skill learn besides the place and the call's time."""
ENTERED = Line("CELGenUserEvent(PLACE,${CONTEXT:5}.${EXTEN})")
LEFT = Line("CELGenUserEvent(ANSWER,${CONTEXT:5}.${EXTEN})")
"""What the journal gets: the flow (behind `flow-` in the name of the context) and the place, with its answer."""
PASSED = Line("CELGenUserEvent(PASSED,${CONTEXT:5}.${EXTEN})")
"""Both in one, where no call waits."""


def context_of(flow: str) -> str:
    """Name of the context of `flow`."""
    return f"flow-{fit(flow, IDENTIFIER)}"


def target(place: Place) -> str:
    """The arguments of a Goto to `place`."""
    flow, step = fit(place, PLACE).split(".")
    return f"{context_of(flow)},{step},1"


def leads(to: Place) -> Line:
    """Goes on at a place, or ends the call."""
    return Line("Hangup()" if to == END else f"Goto({target(to)})")


def landed_at(directory: Directory) -> frozenset[Place]:
    """Where a call lands although it may not wait there: it has not been anywhere, or a deadline runs."""
    begins = {directory.first(flow) for flow in directory.flows}
    offered = (step for step in directory.graph.values() if isinstance(step, Menu | Do))
    return frozenset(begins.union(*(step.exits.values() for step in offered)))


def context(
    directory: Directory,
    sounds: Sounds,
    flow: Flow,
    spool: str,
    timed: frozenset[str],
    landed: frozenset[Place],
    signs: Signs,
    number: str = "",
) -> Context:
    """The context `flow-<name>`: every place of the flow and every answer. `timed`: see ringing; `landed`: `landed_at`.

    `signs` say why telephones ring; `number` is that by which the owner of the flow is known on displays.
    """
    writer = Writer(directory, sounds, spool, timed, landed, signs, number)
    extensions = [Extension("=start", (Line(f"Goto({fit(flow.start, IDENTIFIER)},1)"),))]
    for name, step in flow.steps.items():
        extensions.append(Extension(fit(name, IDENTIFIER), tuple(writer.place(f"{flow.name}.{name}", name, step))))
        for said, to in step.exits.items():
            found = isinstance(step, FindByName) and said == "found"
            onward = to.removeprefix(f"{flow.name}.")
            extensions.append(_found(name) if found else _answer(name, said, onward, told(step, said)))
    return Context(name=context_of(flow.name), includes=("landing",), extensions=tuple(extensions))


@lru_cache(maxsize=4096)
def _answer(name: str, said: str, to: str, told: Line) -> Extension:
    """What is done at an answer that leads to the place or, in the same flow, step `to`.

    Flows that were derived have the same ones, which are kept.
    """
    onward = leads(to) if to == END or "." in to else Line(f"Goto({fit(to, IDENTIFIER)},1)")
    return Extension(f"{name}={fit(said, IDENTIFIER)}", (told, onward))


def told(step: Step, said: str) -> Line:
    """What the journal is told at an answer of `step`."""
    passes = isinstance(step, PASSES) or (isinstance(step, Forward) and not step.missed and said == "off")
    return PASSED if passes else LEFT


def _found(name: str) -> Extension:
    """What is done at the step `name` when somebody was found by name: the flow ends, their number leads on."""
    return Extension(f"{name}=found", (LEFT, Line(by_name.LED)))


class Writer:
    """Writes places; holds what every step may need to know."""

    def __init__(
        self,
        directory: Directory,
        sounds: Sounds,
        spool: str,
        timed: frozenset[str],
        landed: frozenset[Place],
        signs: Signs,
        number: str = "",
    ) -> None:
        self._directory, self._sounds, self._spool = directory, sounds, spool
        self._timed, self._landed, self._signs, self._number = timed, landed, signs, number

    def place(self, place: Place, name: str, step: Step) -> Iterator[Line]:
        """All lines of one place."""
        landed = place in self._landed
        mostly = usual.chain(self._directory, place) if landed else None
        asked = [mostly.condition()] if mostly else []
        here = Line(f"MSet({LANDED})", label=NATIVE)
        if isinstance(step, PASSES):
            lines = [*[here] * landed, *asked, *self._passes(name, step)]
            yield from (lines[0]._replace(label=NATIVE), *lines[1:])
        elif isinstance(step, Forward) and not step.missed:
            off = Line(f"GotoIf({nothing(*forwarding(step, bool(self._directory.hot_desks)))}?{name}=off,1)")
            yield from [here, *asked, off] if landed else [off, here]
            yield ENTERED
            yield from self._native(place, name, step)
        else:
            yield from self._waits(place, name, step)
        if mostly:
            yield mostly.told()._replace(label=usual.LABEL)
            yield leads(mostly.onward)

    def _waits(self, place: Place, name: str, step: Step) -> Iterator[Line]:
        """All lines of a place at which a call waits."""
        more = ",TRY=1" if isinstance(step, Menu) else ",RINGING=${EXTEN}" if isinstance(step, Ring) else ""
        label = {Menu: "", Do: RESUME}.get(type(step), NATIVE)
        yield Line(f"MSet({LANDED}{more})", label=label)
        yield ENTERED._replace(label="entered") if isinstance(step, Menu) else ENTERED
        if isinstance(step, ANSWERED):
            yield Line("Answer(,i)")
        turns = isinstance(step, Do) and in_turns(step.skill)
        if turns:
            yield from listening.turn()
        if isinstance(step, Menu | Do):
            yield Line("GotoIf($[0${ATTENDANTS} = 0]?native)", label="offer" if isinstance(step, Menu) else "")
            yield Line(f"Set(TIMEOUT(absolute)={self.deadline(step)})")
            # A skill may speak of time, a menu does not; what it has is the number of the try.
            told = "::${TRY}" if isinstance(step, Menu) else TOLD.get(step.skill, ":${TESTTIME}")
            yield Line(f"StasisBroadcast({OFFER},^attendant-,{place}{told})")
            yield DISARM._replace(label=NATIVE)
        yield from self._native(place, name, step)

    def deadline(self, step: Menu | Do) -> int:
        """Seconds until Asterisk takes the call back: one try of a menu, or the whole skill."""
        takes = length(step.prompt, self._sounds) + step.wait if isinstance(step, Menu) else step.seconds
        return math.ceil(takes) + MARGIN

    def sound(self, prompt: Prompt) -> str:
        """The name by which Asterisk plays `prompt`."""
        return fit(self._sounds[prompt.name].file, SOUND)

    def _native(self, place: Place, name: str, step: Step) -> Iterator[Line]:
        match step:
            case Say() | Announce():
                yield from self._says(name, step)
            case Menu():
                yield from self._menu(name, step)
            case Ring():
                sign = self._signs.of(place, step)
                yield from ringing.lines(name, step, self._timed, sign, self._number if step.back else "")
            case Queue():
                priority = self._directory.queues[step.queue].priority
                yield from queues.lines(name, step, self._timed, self._signs.of(place, step), priority)
            case LeaveMessage():
                quota = self._directory.boxes[step.box].quota
                yield from message.lines(name, step, quota, self.sound(step.greeting))
            case Transfer():
                yield from self._transfer(name, step)
            case Forward():
                general = self.sound(step.absent) if step.absent else ""
                yield from forwarded(name, step, general, self._signs.of(place, step))
            case FindByName():
                yield from by_name.lines(name, step, self.sound(step.prompt))
            case HangUp() | Do():
                yield Line(f"Goto({name}={'gone' if isinstance(step, HangUp) else 'python_down'},1)")
            case Park() | GoBack() | AskPin() | Meet() | Promise() | StandIn() | Recall() | Screen():
                yield from self._house(name, step)
            case Dictate() | CallBack() | Listen():
                yield from listening.lines(name, step, self._spool)
            case When() | Switch() | Speak():
                yield from self._passes(name, step)
            case _:
                assert_never(step)

    def _passes(self, name: str, step: When | Switch | Speak) -> Iterator[Line]:
        match step:
            case When():
                yield Line(f"Gosub(hours-{fit(step.schedule, IDENTIFIER)},state,1)")
                yield Line(f"Goto({name}=${{GOSUB_RETVAL}},1)")
            case Switch():
                yield Line(f"GotoIf({nothing(step.name)}?{name}=off,1)")
                yield is_on(step.name)
                yield Line(f"Goto({name}=${{GOSUB_RETVAL}},1)")
            case Speak():
                yield Line(f"Set(CHANNEL(language)={fit(step.language, IDENTIFIER)})")
                yield Line(f"Goto({name}=set,1)")
            case _:
                assert_never(step)

    def _says(self, name: str, step: Say | Announce) -> Iterator[Line]:
        sound = self.sound(step.prompt)
        yield announced(step.switch, sound) if isinstance(step, Announce) else Line(f"Playback({sound})")
        yield Line(f"Goto({name}=said,1)")

    def _house(self, name: str, step: House) -> Iterator[Line]:
        match step:
            case Park():
                yield from parking.park(name)
            case GoBack():
                yield from parking.lines(self._directory, name, step)
            case AskPin():
                yield from rooms.asked(name, step)
            case Meet():
                yield from rooms.lines(name, step)
            case Promise():
                yield from promises.promised(self._directory, name, step)
            case StandIn():
                yield from promises.stands_in(self._directory, name, step, queues.answered(step.members, self._timed))
            case Recall():
                yield from promises.recalled(name, step, self._sounds)
            case Screen():
                yield from secretaries.screened(name, step)
            case _:
                assert_never(step)

    def _menu(self, name: str, step: Menu) -> Iterator[Line]:
        # t(): no terminator, so that # is a key like any other.
        yield Line(f"Read(KEY,{self.sound(step.prompt)},1,t(),1,{step.wait:g})")
        for key in step.keys:
            yield Line(f'GotoIf($["${{KEY}}" = "{key}"]?{name}={KEYS[key]},1)')
        # What was once done natively stays so; an attendant who got no key comes in at `next`. Both go on with the
        # same count; an apply may bring a caller here who has none.
        for label, onward in (("", "native"), ("next", "offer")):
            yield Line("Set(TRY=$[0${TRY} + 1])", label=label)
            yield Line(f"GotoIf($[${{TRY}} <= {int(step.tries)}]?{onward}:{name}=gave_up,1)")
        yield Line(f"MSet({LANDED})", label=RESUME)
        yield Line("Goto(entered)")

    def _transfer(self, name: str, step: Transfer) -> Iterator[Line]:
        if step.number.startswith("+"):
            yield Line(f"Set(RINGING={name})")
            yield from transferred(name, step.number, step.trunk, int(step.seconds))
            return
        trunk, number = fit(step.trunk, IDENTIFIER), fit(step.number, DIGITS)
        # The old exchange that sends one of its own numbers here would get it back, and send it again.
        came = f"PJSIP/trunk-{trunk}-"
        yield Line(f'GotoIf($["${{CHANNEL:0:{len(came)}}}" = "{came}"]?{name}=failed,1)')
        yield Line(f"Set(RINGING={name})")
        yield Line(f"Dial(PJSIP/{number}@trunk-{trunk},{int(step.seconds)},{STAYS}{silent.OPTION})")
        yield from ringing.dialled(name, otherwise="failed")


def landing(directory: Directory) -> Context:
    """What every flow includes: the deadline, the unknown answer, and what is written down at a hangup."""
    here = "${CONTEXT:5}.${PLACE}"
    natively = (
        Line("Set(LOST=$[0${LOST} + 1])"),  # a caller whom nothing here can help must not go round for ever
        Line(f"GotoIf($[${{LOST}} > {MOST_LOST}]?over)"),
        Line("GotoIf(${DIALPLAN_EXISTS(${CONTEXT},${PLACE},1)}?${PLACE},native)"),
        Line("GotoIf(${DIALPLAN_EXISTS(${CONTEXT},=start,1)}?=start,1)"),
        Line(f"Goto({target(directory.first(directory.town.catch_all))})"),
        Line("Hangup()", label="over"),
    )
    hungup = (
        # Put through by hand, a caller may be elsewhere since: only the place that rang has talked.
        Line('GotoIf($["${DIALSTATUS}:${RINGING}" = "ANSWER:${PLACE}"]?talked)'),
        Line('GotoIf($["${QUEUED}" = "${PLACE}" & "${MEMBERINTERFACE}" != ""]?talked)'),
        Line('GotoIf($["${TAKEN}:${BRIDGERESULT}" = "${PLACE}:SUCCESS"]?talked)'),
        Line('GotoIf($["${MEETING}" = "${PLACE}"]?met)'),
        completion.NOTED,
        Line("Hangup()"),
        Line(f"CELGenUserEvent(ANSWER,{here}=met)", label="met"),
        Line("Hangup()"),
        Line(f"CELGenUserEvent(ANSWER,{here}=talked)", label="talked"),
        completion.TALKED,
    )
    lost = (DISARM, Line("CELGenUserEvent(NOTE,unknown ${INVALID_EXTEN})"), *natively)
    deadline = (DISARM, Line("CELGenUserEvent(NOTE,deadline)"), *natively)  # the place may be gone: an apply
    return Context(
        name="landing",
        extensions=(Extension("T", deadline), Extension("i", lost), Extension("h", hungup)),
    )
