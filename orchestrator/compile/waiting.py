"""Call waiting: which telephones may ring just now. One that takes one call at a time is busy while it has one.

The directory says so of a telephone (context `single`), or a desk has switched it (`single_…` in Asterisk's own
database). Whether it has a call, Asterisk knows. One context for all places, called by Gosub: only of a telephone that
has a call something is looked up. Waiting queues never ring who talks (queues.conf).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.compile import by_phone
from orchestrator.compile.asking import whether
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.domain.directory import Directory
from orchestrator.domain.switches import SINGLE

NAME = "waiting"
STATIC = "single"
"""The telephones that never have a second call (by_phone)."""
TOLD = 0.2
"""Seconds until Asterisk tells of a telephone that it rings no more."""
FREE = "${FREE}"
"""What may ring of what was asked for."""
NONE = '$["${FREE}" = ""]'
BUSY_AFTER_ALL = Line('ExecIf($["${ENGAGED}:${DIALSTATUS:0:3}" = "yes:CHA"]?Set(DIALSTATUS=BUSY))')
"""After Dial(): a busy telephone that did not ring outweighs one that is not registered (CHANUNAVAIL)."""
_CALLS = "(INUSE|BUSY|RINGING|RINGINUSE|ONHOLD)"
_HAS_A_CALL = f'$["${{DEVICE_STATE(${{ONE}})}}" : "{_CALLS}$"]'
MANY = 12
"""Telephones of which a place asks itself whether one of them has a call: the line stays one that can be read."""


def asked(phones: str) -> Line:
    """Asks for `PJSIP/a&PJSIP/b`: FREE is what may ring; where that is empty, DIALSTATUS is BUSY."""
    return Line(f"Gosub({NAME},free,1({phones}))")


def known(phones: Sequence[str]) -> Iterator[Line]:
    """The same for telephones that are known now. While none of them has a call, which is mostly so, all may ring."""
    rings = "&".join(phones)
    if len(phones) > MANY:
        yield asked(rings)
        return
    states = "".join(f":${{DEVICE_STATE({phone})}}" for phone in phones)
    yield Line(f"MSet(FREE={rings},ENGAGED=)")
    yield Line(f'ExecIf($["{states}" : ".*:{_CALLS}"]?{asked(rings).application})')


def contexts(directory: Directory) -> Iterator[Context]:
    """The question, and the telephones of which the directory says it."""
    yield Context(name=NAME, extensions=(Extension("free", tuple(_free())),))
    single = sorted(phone.id for phone in directory.phones.values() if not phone.call_waiting)
    yield from by_phone.marked(STATIC, single)


def _free() -> Iterator[Line]:
    yield Line("Set(FREE=)")
    yield Line("Set(ENGAGED=)")
    yield Line("Set(LOCAL(LEFT)=${ARG1})")
    yield Line("Set(LOCAL(ONE)=${SHIFT(LEFT,&)})", label="next")
    yield Line('GotoIf($["${ONE}" = ""]?done)')
    yield Line(f"GotoIf({_HAS_A_CALL}?:rings)")
    yield Line("Set(LOCAL(PHONE)=${ONE:6})")
    yield Line(f"GotoIf({by_phone.known(STATIC, 'PHONE')}?single)")
    yield whether(f"{SINGLE}${{PHONE}}")
    yield Line('GotoIf($["${GOSUB_RETVAL}" = "on"]?:rings)')
    # It is told late what a telephone does: it may be this caller for whom it has just rung.
    yield Line(f'ExecIf($["${{DEVICE_STATE(${{ONE}})}}" = "RINGING"]?Wait({TOLD}))', label="single")
    yield Line(f"GotoIf({_HAS_A_CALL}?engaged)")
    yield Line("Set(FREE=${FREE}&${ONE})", label="rings")
    yield Line("Goto(next)")
    yield Line("Set(ENGAGED=yes)", label="engaged")
    yield Line("Goto(next)")
    yield Line("Set(FREE=${FREE:1})", label="done")
    yield Line(f"ExecIf({NONE}?Set(DIALSTATUS=BUSY))")
    yield Line("Return()")
