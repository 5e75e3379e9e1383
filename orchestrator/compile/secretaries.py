"""Callers of a boss: who comes through at once, and the phones of a front office that ring.

Native from end to end: who comes through stands in `direct-<number>`, an extension for each phone; whether the boss
takes the own calls, and who is away, lies in Asterisk's own database. A phone is known by the name of its channel,
which it cannot choose, and never by the number that a call shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import by_phone
from orchestrator.compile.asking import is_on
from orchestrator.compile.escape import DIGITS, IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Ring
from orchestrator.domain.house import Screen
from orchestrator.domain.switches import DIRECT

RINGS = "${RINGS:1}"
"""What Dial() rings of those who are not away."""
_BY = '${IF($["${BLINDTRANSFER}" = ""]?${CHANNEL}:${BLINDTRANSFER})}'
"""The channel that calls, or that has put the caller through by hand."""


def screened(name: str, step: Screen) -> Iterator[Line]:
    """Leaves the place `name` by its answer."""
    number = fit(step.number, DIGITS)
    yield is_on(DIRECT + number)
    yield Line(f'GotoIf($["${{GOSUB_RETVAL}}" = "on"]?{name}=off,1)')
    yield Line(f"Set(BY={_BY})")
    yield Line(f'GotoIf($["${{BY:0:6}}" = "PJSIP/"]?:{name}=on,1)')
    yield from by_phone.named("BY", "BY")
    yield Line(f"GotoIf(${{DIALPLAN_EXISTS(direct-{number},${{BY}},1)}}?{name}=direct,1)")
    if step.inside:
        yield Line(f'GotoIf($["${{BLINDTRANSFER}}" = ""]?:{name}=on,1)')
        yield Line(f"GotoIf({by_phone.known(by_phone.PHONES, 'BY')}?{name}=direct,1)")
    yield Line(f"Goto({name}=on,1)")


def present(name: str, step: Ring) -> Iterator[Line]:
    """Sets RINGS to the phones of those who are not away; without any the place `name` is left."""
    yield Line("Set(RINGS=)")
    for asked in dict.fromkeys(step.away.get(phone, ()) for phone in step.phones):
        phones = "&".join(f"PJSIP/{fit(p, IDENTIFIER)}" for p in step.phones if step.away.get(p, ()) == asked)
        yield Line(f"Set(MORE=&{phones})")
        for switch in asked:
            yield is_on(switch)
            yield Line('ExecIf($["${GOSUB_RETVAL}" = "on"]?Set(MORE=))')
        yield Line("Set(RINGS=${RINGS}${MORE})")
    yield Line(f'GotoIf($["${{RINGS}}" = ""]?{name}=unreachable,1)')


def contexts(directory: Directory) -> Iterator[Context]:
    """Who comes through to each boss."""
    steps = [step for step in directory.graph.values() if isinstance(step, Screen)]
    for step in sorted(steps, key=lambda step: step.number):
        phones = (Extension(fit(phone, IDENTIFIER), (Line("Return()"),)) for phone in step.direct)
        yield Context(name=f"direct-{fit(step.number, DIGITS)}", extensions=tuple(phones))
