"""Waiting queues for Asterisk's app_queue: its configuration, the place where callers wait, logging in from a phone.

All of it native: with Python down callers wait, are answered and leave as ever, and members log in and out. Who has
logged in is kept by Asterisk itself, in its own database. Not here: who may be a member (domain.queues).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from orchestrator.compile import by_phone, display, ringing, taking, turns
from orchestrator.compile.escape import IDENTIFIER, SOUND, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.sentence import sentence
from orchestrator.domain import codes as table
from orchestrator.domain import queues
from orchestrator.domain.directory import Directory
from orchestrator.domain.display import Sign
from orchestrator.domain.flow import KEYS, Queue
from orchestrator.domain.prompts import Sounds

NATIVE = {
    queues.LONGEST_IDLE: "leastrecent",
    queues.ALL: "ringall",
    queues.ROUND_ROBIN: "rrmemory",
    queues.FEWEST_CALLS: "fewestcalls",
    queues.RANDOM: "random",
}
"""Strategy -> what app_queue calls it."""
MEMBERS = "members"
"""Which queues a telephone may log in to."""
OPTIONS = "ciC"
"""Go on here after a talk, so that it is written down; no member may send the call on (as with `ringing.STAYS`); and
phones that rang in vain do not count it as missed."""
ANSWERS = {"CONTINUE": "talked", "TIMEOUT": "waited", "FULL": "full"}
"""QUEUESTATUS -> answer; anything else is that nobody is there."""
UNKNOWN_KEY = "_[\x01-\x02]"
"""What a key becomes that is pressed while `Queue()` tells the place: always the sign 1, whatever the key was
(https://github.com/asterisk/asterisk/issues/543). Which one it was is known by PRESSED, which `StoreDTMF()` writes."""
FORGET = Line("TryExec(StoreDTMF(remove))")
"""No key is written down any more. Who was put through while waiting has lost the hook: no reason to hang up."""
REASONS = {table.PAUSE: "pause", table.AFTERWORK: "afterwork", table.MEETING: "meeting"}
"""Code -> why a member takes no calls."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """What the template needs of one queue; everything is escaped."""

    name: str
    keys: str
    strategy: str
    autopause: bool
    """Whether a member who does not pick up is paused."""
    ring_seconds: int
    wrap_up: int
    priority: int
    most: int
    announce: int
    hint: str
    members: tuple[str, ...]
    """Phones that are members without logging in."""


def sections(directory: Directory, sounds: Sounds) -> Iterator[Section]:
    """Every queue, by name."""
    for id_, queue in sorted(directory.queues.items()):
        step = _step(directory, id_)
        yield Section(
            name=fit(queue.flow, IDENTIFIER),
            keys=_keys(queue.flow),
            strategy=NATIVE[queue.strategy],
            autopause=queue.strategy in queues.PAUSED_BY_SILENCE,
            ring_seconds=int(queue.ring_seconds),
            wrap_up=int(queue.wrap_up),
            priority=int(queue.priority),
            most=int(queue.most),
            announce=int(queue.announce),
            hint=fit(sounds[step.hint.name].file, SOUND),
            members=() if queue.log_in else tuple(fit(phone, IDENTIFIER) for phone in step.members),
        )


def _step(directory: Directory, id_: str) -> Queue:
    return cast(Queue, directory.graph[directory.queues[id_].place])


def _keys(flow: str) -> str:
    return f"keys-{fit(flow, IDENTIFIER)}"


def lines(name: str, step: Queue, timed: frozenset[str], sign: Sign, priority: int) -> Iterator[Line]:
    """Wait at the step `name`, and go on at its answer. `timed`: see ringing.

    QUEUED and MEMBERINTERFACE tell `landing` that who hangs up has talked, DIALSTATUS tells a mailbox behind it
    how the office was found.
    """
    queue = fit(f"{queues.QUEUED}{step.queue}", IDENTIFIER)
    if step.keys:
        yield from turns.ticket(queue)
    position = ",,${POSITION}" if step.keys else ""
    yield Line(f"Set(QUEUED={name})")
    yield Line("Set(MEMBERINTERFACE=)")
    yield Line("Set(DIALSTATUS=BUSY)")
    yield Line("Set(TAKEN=)")
    yield taking.turn(priority)
    yield display.why(sign)
    if step.keys:
        yield Line(f"Set(LEFT={int(step.seconds)})")
        yield Line("Set(PRESSED=)")
        yield Line("TryExec(StoreDTMF(rx,PRESSED))")
    options, gosub = f"{OPTIONS}{display.OPTION}", answered(step.members, timed)
    left = "${LEFT}" if step.keys else int(step.seconds)
    yield Line(f"Queue({queue},{options},,,{left},,{gosub}{position})", label=taking.WAITS)
    if step.keys:
        yield FORGET
    for status, answer in ANSWERS.items():
        yield Line(f'GotoIf($["${{QUEUESTATUS}}" = "{status}"]?{name}={answer},1)')
    yield Line("Set(DIALSTATUS=NOANSWER)")
    yield Line(f"Goto({name}=nobody,1)")
    yield from taking.lines(name)


def _some_key(flow: str, seconds: int) -> Iterator[Line]:
    """The key was pressed while the place was told; who pressed one that leads nowhere waits on at their place, for
    what is left of `seconds`. None was pressed where the sound cannot be played: not again at once.
    """
    keys, flow = _keys(flow), fit(flow, IDENTIFIER)
    yield Line("Set(KEY=${PRESSED:-1})")
    yield Line("Set(PRESSED=)")
    yield Line('ExecIf($["${KEY}" = ""]?Wait(1))')
    yield Line(f"Set(LEFT=$[0${{TICKET:0:-3}} + {int(seconds)} - ${{EPOCH}}])")
    yield Line("ExecIf($[${LEFT} < 1]?Set(LEFT=1))")
    yield Line(f"GotoIf(${{DIALPLAN_EXISTS({keys},${{KEY}},1)}}?${{KEY}},1)")
    yield turns.position(flow)
    yield Line("Set(POSITION=${GOSUB_RETVAL})")
    yield Line(f"Goto(flow-{flow},{queues.STEP},{taking.WAITS})")


def answered(members: tuple[str, ...], timed: frozenset[str]) -> str:
    """What a member's channel is led through before it talks."""
    return ringing.FAMILY if timed.intersection(members) else ""


def contexts(directory: Directory) -> Iterator[Context]:
    """The keys of each queue; and which queues each phone may log in to."""
    phones: dict[str, list[str]] = {}
    for id_, queue in sorted(directory.queues.items()):
        step = _step(directory, id_)
        keys = (
            Extension(key, (FORGET, Line(f"Goto(flow-{fit(queue.flow, IDENTIFIER)},{queues.STEP}={KEYS[key]},1)")))
            for key in step.keys
        )
        yield Context(
            name=_keys(queue.flow),
            extensions=(*keys, Extension(UNKNOWN_KEY, tuple(_some_key(queue.flow, step.seconds)))),
        )
        for phone in step.members if queue.log_in else ():
            phones.setdefault(phone, []).append(queue.flow)
    found = ((phone, (Line(f"Set(QUEUES={','.join(q)})"), Line("Return()"))) for phone, q in sorted(phones.items()))
    yield from by_phone.contexts(MEMBERS, found)


def codes() -> Iterator[Context]:
    """What a member dials: in, out, a pause for a reason, and its end. Who logs in has no pause."""
    member = "PJSIP/${PHONE}"
    each = Line("Set(EACH=${SHIFT(QUEUES)})", label="next")
    again = Line('GotoIf($["${QUEUES}" != ""]?next)')
    joins = Line(f"AddQueueMember(${{EACH}},{member},,,${{PHONE}})")
    leaves = Line(f"RemoveQueueMember(${{EACH}},{member})")
    returns = Line(f"UnpauseQueueMember(,{member})")
    yield _code(table.LOG_IN, (*_known(), each, joins, again, returns, *_said("waiting-in")))
    yield _code(table.LOG_OUT, (*_known(), each, leaves, again, *_said("waiting-out")))
    for code, why in REASONS.items():
        pauses = Line(f"PauseQueueMember(,{member},,{why})")
        yield _code(code, (*PHONE, pauses, *_done("PQMSTATUS", "PAUSED"), *_said("waiting-paused"), *_none()))
    yield _code(table.BACK, (*PHONE, returns, *_done("UPQMSTATUS", "UNPAUSED"), *_said("waiting-in"), *_none()))


def _code(code: table.Code, lines: tuple[Line, ...]) -> Context:
    """Nobody is logged in or out by being put through to a code: who was is led to the catch-all."""
    put = Line('GotoIf($["${BLINDTRANSFER}" != ""]?elsewhere,0,1)')
    return Context(name=f"code-{code.name}", extensions=(Extension("s", (put, *lines)),))


PHONE = (Line("Answer(,i)"), Line("Set(PHONE=${CHANNEL(endpoint)})"))


def _known() -> tuple[Line, ...]:
    """QUEUES: where the phone that dials may log in; who may nowhere is told so."""
    return (
        *PHONE,
        Line(f"GotoIf({by_phone.known(MEMBERS, 'PHONE')}?member)"),
        *_none(),
        Line(f"Gosub({by_phone.at(MEMBERS, 'PHONE')})", label="member"),
    )


def _done(variable: str, status: str) -> tuple[Line, ...]:
    return (Line(f'GotoIf($["${{{variable}}}" = "{status}"]?:none)'),)


def _said(sound: str) -> tuple[Line, ...]:
    return (Line(f"Playback({sound})"), Line("Hangup()"))


def _none() -> tuple[Line, ...]:
    return sentence("waiting-no-member", "none")
