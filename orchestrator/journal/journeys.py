"""Events of one call -> its journey: where it went, how long it took, and what it came to. Pure; no clock, no file.

Outcomes: `answered`, `message`, `too_short` (a recording in which nothing was said), `told` (sent off with a spoken
next step), `call_back` (keeps the place in a waiting queue, and is called back), `served` (came to hear messages, was
in a conference room, or switched something by a code), `gave_up` (hung up on the way), `unanswered` (a call to the
outside, or back to a caller, that found nobody), `failed` (cut by the exchange, or no line). There is no other.

Whom somebody puts through by hand goes on in the same journey: the place where they talked has the answer `talked`, and
behind it stand the places to which they were put through, or the phone. The outcome is that of the first who answered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestrator.domain import outgoing, promises
from orchestrator.domain.explain import Visit
from orchestrator.domain.flow import KEPT
from orchestrator.domain.listening import turned_away
from orchestrator.domain.place import BY_HAND, TALKED
from orchestrator.domain.town import CODES, MAILBOX, PARKING
from orchestrator.journal.cel import Event, fetched, put_through_to, source_of_hangup, talks

ENTRIES = ("from-trunk", "from-phones", "from-guests", "from-test", "numbers", "completed")
GUEST = "guest "
"""What the dialplan notes, with the number, of a call from a desk at which somebody has logged in."""
OUTCOMES = ("answered", "message", "too_short", "told", "call_back", "served", "gave_up", "unanswered", "failed")
SENT_OFF = ("gone", "called")
"""Answers after which the exchange may hang up on a caller who heard messages: with a goodbye, or a refused number."""
KEPT_AT = f"{PARKING}.keep"
"""Where parked callers are; Asterisk itself writes down that they were fetched."""
BACK = "back "
"""What the dialplan notes, with the phone, when it rings who put the caller through to that place."""
CODE = re.compile(r"[*#][0-9]+[*#]?")
"""A code that switches, without the number that is dialled behind it."""
AGAIN = "again"
"""The answer by which a place goes on where it is: a turn of a dialogue, and no step of the way."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One place of a journey. Times are seconds since the epoch."""

    place: str
    answer: str
    """Empty where the call ended before one was found."""
    at: float
    answered_at: float
    talked_at: float = 0.0
    """When somebody talked to the caller there, first; 0: nobody did. The answer is written when they have talked."""


@dataclass(frozen=True, kw_only=True)
class Journey:
    """What happened to one call into a flow."""

    id: str
    began: float
    ended: float
    caller: str
    number: str
    flow: str
    outcome: str
    place: str
    """Where the outcome came about."""
    wait: float | None
    """Seconds until a person talked or a mailbox answered; None if it came to neither."""
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    """`deadline`: a step went on natively because Python was silent."""
    recording: str = ""
    """Channel of which there may be a recording; empty if there is none."""
    test: bool = False

    @property
    def visits(self) -> list[tuple[Visit, datetime]]:
        """The way, as `explain` writes it, with the instant of each answer."""
        return [
            (Visit(place=step.place, answer=step.answer), datetime.fromtimestamp(step.answered_at or step.at, UTC))
            for step in self.steps
        ]


def trace(id: str) -> str:
    """The W3C trace id of the journey `id`: the first 16 bytes of its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(id.encode()).hexdigest()[:32]


@dataclass
class Call:
    """The events of one call so far."""

    id: str
    events: list[Event] = field(default_factory=list)
    channels: dict[str, bool] = field(default_factory=dict)
    """Channel -> whether it is still there."""
    over: bool = False
    """Whether Asterisk has nothing more to say about this call."""

    def add(self, event: Event) -> None:
        """Take one more event."""
        self.events.append(event)
        if event.kind == "CHAN_START":
            self.channels[event.channel] = True
        elif event.kind == "CHAN_END":
            self.channels[event.channel] = False
        elif event.kind == "LINKEDID_END":
            self.over = True

    @property
    def place(self) -> str:
        """Where the call is, or was last."""
        return next((event.mark for event in reversed(self.events) if event.kind == "PLACE"), "")


def journey(call: Call, *, cut: bool = False) -> Journey | None:
    """The journey of a call; None if it never reached a flow. `cut`: the exchange died under it."""
    call = _of_somebody(call)
    marks = [event for event in call.events if event.kind in ("PLACE", "ANSWER", "NOTE")]
    caller = next((mark.channel for mark in marks if _recalls(mark)), marks[0].channel if marks else "")
    steps = tuple(_steps(call.events, caller))
    if not steps:
        return None
    first = call.events[0]
    outcome, place, at = _outcome(call, steps, caller, cut)
    began, ended = first.at, call.events[-1].at
    return Journey(
        id=call.id,
        began=began,
        ended=ended,
        caller=_shown(call, marks[0]),
        number=_number(call.events, steps),
        flow=steps[0].place.partition(".")[0],
        outcome=outcome,
        place=place,
        wait=max(0.0, at - began) if at else None,
        steps=steps,
        notes=tuple(event.mark for event in marks if event.kind == "NOTE"),
        recording=_recording(steps, caller, outcome),
        test=any(event.name.startswith("PJSIP/testcall-") for event in call.events),
    )


def _of_somebody(call: Call) -> Call:
    """The call without what was before a desk picked up that is called back when somebody is free: nobody waited."""
    begins = (at for at, event in enumerate(call.events) if event.kind == "NOTE" and event.mark == "completed")
    return Call(id=call.id, events=call.events[next(begins, 0) :], channels=call.channels)


def _recalls(event: Event) -> bool:
    """Whether a caller is called back on this channel: what a member said to the stand-in before was no talk."""
    return event.kind == "PLACE" and event.mark.startswith(promises.FLOW) and event.mark.endswith(f".{promises.CALL}")


def _steps(events: Iterable[Event], caller: str) -> Iterator[Step]:
    """Places with their answers. A place twice without an answer between is one visit: the call was sent back there.

    Who talked at a place and was put through from there by hand left it without an answer of the dialplan.
    """
    place, at, talked, how, handed = "", 0.0, 0.0, "talked", False
    for event in events:
        if event.kind == "PLACE" and (event.mark != place or talked):
            if place:
                yield Step(place=place, answer=how if talked else "", at=at, answered_at=talked, talked_at=talked)
            place, at, talked, how = event.mark, event.at, 0.0, "talked"
        elif event.kind == "ANSWER":
            where, _, answer = event.mark.partition("=")
            if where == place and answer != AGAIN:
                yield Step(place=place, answer=answer, at=at, answered_at=event.at, talked_at=talked)
                place, talked = "", 0.0
            elif talked and event.channel == caller:  # put through while it rang there: in the place of who asked
                yield Step(place=place, answer=how, at=at, answered_at=talked, talked_at=talked)
                yield Step(place=where, answer=answer, at=event.at, answered_at=event.at)
                place, talked = "", 0.0
        elif (talked or handed) and (phone := put_through_to(event)):
            if talked:
                yield Step(place=place, answer=how, at=at, answered_at=talked, talked_at=talked)
            yield Step(place=f"{BY_HAND}.{phone}", answer="talked", at=event.at, answered_at=event.at)
            place, talked, handed = "", 0.0, True
        elif event.kind == "NOTE" and event.mark.startswith(BACK) and not talked:
            how = "back"
        elif event.channel == caller and place and talks(event):
            talked = talked or event.at
        elif event.channel == caller and fetched(event):
            if place not in ("", KEPT_AT):  # who parked them in the place of a call of their own
                yield Step(place=place, answer=how if talked else "", at=at, answered_at=talked, talked_at=talked)
                at = event.at
            yield Step(place=KEPT_AT, answer="fetched", at=at, answered_at=event.at)
            place, talked = "", 0.0
    if place:
        yield Step(place=place, answer="", at=at, answered_at=0.0)


def _outcome(call: Call, steps: tuple[Step, ...], caller: str, cut: bool) -> tuple[str, str, float]:
    """What it came to, where, and when someone or something listened (0 if nobody did)."""
    for step in steps:
        if step.answer in TALKED or (not step.answer and step is steps[-1] and _talked(call, caller)):
            return "answered", step.place, _talked(call, caller) or step.answered_at
        if step.answer in ("met", "fetched"):
            return "served" if step.answer == "met" else "answered", step.place, step.at
    if steps[0].place.startswith(promises.FLOW):
        return "failed" if cut else "unanswered", steps[-1].place, 0.0
    for step in steps:
        if step.answer == "promised":
            return "call_back", step.place, 0.0
        if step.answer == "left":
            return "message", step.place, step.at
    if kept := _kept(call, steps):
        return "message", kept.place, kept.at
    last = steps[-1]
    if last.place.partition(".")[0] == MAILBOX:
        cut = cut or (last.answer not in SENT_OFF and not _hung_up_by(call, caller))
        began = next(step.at for step in steps if step.place.partition(".")[0] == MAILBOX)
        if cut or any(turned_away(step.place, step.answer) for step in steps):
            return "failed" if cut else "told", last.place, 0.0
        return "served", last.place, began
    if last.place.startswith(f"{CODES}.") and any(step.answer == "done" for step in steps):
        return "served", last.place, steps[0].at
    if last.answer in ("busy", "nobody"):
        return "unanswered", last.place, 0.0
    if last.answer == "gone":
        short = next((step for step in steps if step.answer == "too_short"), None)
        return ("too_short", short.place, 0.0) if short else ("told", last.place, 0.0)
    if last.answer == "too_short":
        return "too_short", last.place, 0.0
    if cut or last.answer == "failed" or not (_hung_up_by(call, caller) or _gave_away(call, steps, caller)):
        return "failed", last.place, 0.0
    return "gave_up", last.place, 0.0


def _kept(call: Call, steps: tuple[Step, ...]) -> Step | None:
    """The first place where something was said before key 0 led on to a human: it is filed, whatever came then."""
    noted = {event.mark.removeprefix(KEPT) for event in call.events if event.kind == "NOTE"}
    return next((step for step in steps if step.answer == "human" and step.place in noted), None)


def _talked(call: Call, caller: str) -> float:
    """When the caller first was in a bridge with someone; 0 if never."""
    return next((event.at for event in call.events if event.channel == caller and talks(event)), 0.0)


def _hung_up_by(call: Call, caller: str) -> bool:
    """Whether the caller's own channel was ended from its side; whatever else ended it was the exchange."""
    ends = (event for event in call.events if event.kind == "HANGUP" and event.channel == caller)
    return any(source_of_hangup(event) == event.name for event in ends)


def _gave_away(call: Call, steps: tuple[Step, ...], caller: str) -> bool:
    """Whether somebody else was put into the place of the caller, who was asking for them: who was ringing for it then
    leaves from where the other one was.
    """
    places = {step.place for step in steps}
    left = (event.mark.partition("=")[0] for event in call.events if event.kind == "ANSWER" and event.channel == caller)
    return any(place not in places for place in left)


def _shown(call: Call, entered: Event) -> str:
    """The number of who calls. By a trunk, it is the one that the dialplan has left: none of who hides theirs."""
    if entered.name.startswith("PJSIP/trunk-"):
        return entered.caller
    noted = (event for event in call.events if event.kind == "NOTE" and event.mark.startswith(GUEST))
    if guest := next((event.mark.removeprefix(GUEST) for event in noted if event.channel == entered.channel), ""):
        return guest
    return call.events[0].caller or next((event.caller for event in call.events if event.caller), "")


def _number(events: list[Event], steps: tuple[Step, ...]) -> str:
    """What was dialled: the first extension in a context of entry; what is rung begins at `s`, which nobody dials."""
    dialled = (event.extension for event in events if event.context in ENTRIES and event.extension not in ("", "s"))
    whole = next(dialled, "")
    number = whole.partition("*")[0] or whole  # a test call's time stands behind a *, a code of ours begins with it
    if steps[0].place.startswith(f"{CODES}.") and (code := CODE.match(whole)):
        return code.group()  # and not the number behind it, which may be a private one
    return outgoing.masked(number) if steps[0].place.startswith(f"{outgoing.FLOW}.") else number


def _recording(steps: tuple[Step, ...], caller: str, outcome: str) -> str:
    """The channel that may have been recorded: whose step says so, or whose call was cut in some step."""
    said = any(step.answer in ("left", "too_short", "human") for step in steps)
    return caller if said or outcome == "failed" else ""
