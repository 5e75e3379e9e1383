"""Ringing several phones: all at once, in turn, or the one first that has not talked for the longest time.

Native from end to end: who talked when lies in Asterisk's own database, family `idle`, written by Asterisk itself when
a phone picks up and when it hangs up. So it needs no Python, and a restart forgets nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import by_phone, display, parking, secretaries, waiting
from orchestrator.compile.escape import IDENTIFIER, fit
from orchestrator.compile.extensions import STAYS, Context, Extension, Line
from orchestrator.domain.directory import Directory
from orchestrator.domain.display import Sign
from orchestrator.domain.flow import Ring
from orchestrator.domain.people import ALL_AT_ONCE, LONGEST_IDLE

FAMILY = "idle"
"""Family of Asterisk's database: phone -> when it talked last, in seconds since 1970."""


def timed(directory: Directory) -> frozenset[str]:
    """The phones of which it must be known when they talked last: those that some step rings by it."""
    rings = (step for step in directory.graph.values() if isinstance(step, Ring) and step.order == LONGEST_IDLE)
    return frozenset(phone for step in rings for phone in step.phones)


def lines(name: str, step: Ring, timed: frozenset[str], sign: Sign, back: str = "") -> Iterator[Line]:
    """Ring, and go on at the answer of the step `name`: the best that any phone said, as `explain.rung` has it.

    RINGING is the place already. `back`: the number that was rung, where who put the caller through is rung before
    the call goes on.
    """
    yield display.why(sign)
    phones = [fit(phone, IDENTIFIER) for phone in step.phones]
    noted = f"U({FAMILY})" if timed.intersection(step.phones) else ""
    if step.order == ALL_AT_ONCE:
        yield from _at_once(name, step, phones, noted, back)
        return
    turns = ",".join(phones)
    if step.order == LONGEST_IDLE:
        # By seconds of idleness: SORT() counts in floats, which tell times since 1970 apart only by minutes.
        turns = f"${{SORT({','.join(f'{p}:$[0${{DB({FAMILY}/{p})}} - ${{EPOCH}}]' for p in phones)})}}"
    yield Line(f"Set(TURNS={turns})")
    yield Line("Set(RUNG=unreachable)")
    yield Line("Set(TURN=PJSIP/${SHIFT(TURNS)})", label="turn")
    yield waiting.asked("${TURN}")
    yield Line(f"GotoIf({waiting.NONE}?rung)")
    yield Line(f"Dial(${{TURN}},{int(step.seconds)},{STAYS}{noted}{display.OPTION})")
    yield Line(f'GotoIf($["${{DIALSTATUS}}" = "ANSWER"]?{name}=talked,1)', label="rung")
    yield Line('ExecIf($["${DIALSTATUS}" = "NOANSWER"]?Set(RUNG=nobody))')
    yield Line('ExecIf($["${DIALSTATUS}:${RUNG}" = "BUSY:unreachable"]?Set(RUNG=busy))')
    yield Line('GotoIf($["${TURNS}" != ""]?turn)')
    summed = '${IF($["${RUNG}" = "busy"]?BUSY:NOANSWER)}'  # and not what the last one of them said
    yield Line(f'ExecIf($["${{RUNG}}" != "unreachable"]?Set(DIALSTATUS={summed}))')
    if back:
        yield from parking.back(name, back, "${RUNG}")
    else:
        yield Line(f"Goto({name}=${{RUNG}},1)")


def _at_once(name: str, step: Ring, phones: list[str], noted: str, back: str) -> Iterator[Line]:
    if step.away:
        yield from secretaries.present(name, step)
        yield waiting.asked(secretaries.RINGS)
    else:
        yield from waiting.known([f"PJSIP/{phone}" for phone in phones])
    yield Line(f"GotoIf({waiting.NONE}?rung)")
    yield Line(f"Dial({waiting.FREE},{int(step.seconds)},{STAYS}{noted}{display.OPTION})")
    if len(phones) > 1:
        yield waiting.BUSY_AFTER_ALL
    yield from dialled(name, otherwise="unreachable", back=back, label="rung")


def dialled(name: str, *, otherwise: str, back: str = "", label: str = "") -> Iterator[Line]:
    """What Dial() found -> the answer. Talking ends in the hangup of one side, which `landing` writes down."""
    yield Line(f'GotoIf($["${{DIALSTATUS}}" = "ANSWER"]?{name}=talked,1)', label=label)
    if back:
        busy = '$["${DIALSTATUS}" = "BUSY"]'
        nobody = '$["${DIALSTATUS}" = "NOANSWER"]'
        yield from parking.back(name, back, f"${{IF({busy}?busy:${{IF({nobody}?nobody:{otherwise})}})}}")
        return
    yield Line(f'GotoIf($["${{DIALSTATUS}}" = "BUSY"]?{name}=busy,1)')
    yield Line(f'GotoIf($["${{DIALSTATUS}}" = "NOANSWER"]?{name}=nobody,1)')
    yield Line(f"Goto({name}={otherwise},1)")


def contexts(directory: Directory) -> Iterator[Context]:
    """What a phone that picked up does before it talks, and when it has: it writes down when that was."""
    if timed(directory):
        phone = by_phone.named("PHONE", "CHANNEL")
        now = Line(f"Set(DB({FAMILY}/${{PHONE}})=${{EPOCH}})")
        push = Line(f"Set(CHANNEL(hangup_handler_push)={FAMILY},over,1)")
        answered = Extension("s", (*phone, now, push, Line("Return()")))
        yield Context(name=FAMILY, extensions=(answered, Extension("over", (*phone, now, Line("Return()")))))
