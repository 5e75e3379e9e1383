"""The codes that switch something: what the dialplan tells the attendant of them.

Belongs here: the codes' contexts, and what is told. Not here: what a wish means (domain.service_codes), who fulfils it
(service.service_codes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.compile.escape import CODE, IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.domain import secretaries
from orchestrator.domain.codes import DIRECT, SWITCH, SWITCHING
from orchestrator.domain.directory import Directory
from orchestrator.domain.service_codes import FIRST
from orchestrator.domain.switches import DIRECT as TO_BOSS
from orchestrator.domain.switches import KEY

LAMPS = "code-lamps"
"""The context of the hints: a lamp is set to the code that turns its switch, or fetches from its parking place."""
TOLD = ":${TESTTIME}:${TRY}::${WISH}:${ASKER}"
"""What an attendant learns of a turn besides the place: time, name of the playback, the wish, the telephone."""
PHONE = '${IF($["${CHANNEL(channeltype)}" = "PJSIP"]?${CHANNEL(endpoint)})}'


def lamps(directory: Directory, places: Iterable[Extension]) -> Context:
    """What lamps show that are set to a code: a switch of the town, that of a boss, one of the parking `places`."""
    turned = {SWITCH.head + digit: name for digit, name in sorted(directory.switch_codes.items())}
    turned |= {DIRECT.head + name.removeprefix(TO_BOSS): name for name in sorted(secretaries.switches(directory))}
    hints = (Extension(fit(code, CODE), (), hint=f"Custom:{fit(name, KEY)}") for code, name in turned.items())
    return Context(name=LAMPS, extensions=(*hints, *places))


def codes() -> Iterator[Context]:
    """Who was put through to a code by hand has dialled none, and is led to the catch-all."""
    flow, step = FIRST.split(".")
    for code in SWITCHING:
        lines = (
            Line('GotoIf($["${BLINDTRANSFER}" != ""]?elsewhere,0,1)'),
            Line(f"Set(WISH={fit(code.name, IDENTIFIER)}.${{GIVEN}})"),
            Line(f"Set(ASKER={PHONE})"),
            Line(f"Goto(flow-{fit(flow, IDENTIFIER)},{fit(step, IDENTIFIER)},1)"),
        )
        yield Context(name=f"code-{fit(code.name, IDENTIFIER)}", extensions=(Extension("s", lines),))
