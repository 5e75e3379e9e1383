"""Whose turn it is in a waiting queue: a place is the time at which its caller came (TICKET, milliseconds since 1970).

`Queue()` forgets who leaves it. Who comes back, or stands in for another one, joins before the first who came later.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile.escape import IDENTIFIER, fit
from orchestrator.compile.extensions import Context, Extension, Line

NAME = "turns"
"""The context."""
BACK = "again"
"""Label of the line where a caller joins again who was here before."""
NOW_MS = "${EPOCH}${STRFTIME(,UTC,%3q)}"


def ticket(queue: str) -> Iterator[Line]:
    """Before a caller joins `queue` (as app_queue knows it): when they came, and POSITION where they were before."""
    yield Line("Set(POSITION=)")
    yield Line(f'GotoIf($["${{AGAIN}}" = "{queue}"]?{BACK})')
    yield Line(f"Set(SHARED(TICKET)={NOW_MS})")
    yield Line("Set(TICKET=${SHARED(TICKET)})")
    yield Line("Goto(joins)")
    yield position(queue, label=BACK)
    yield Line("Set(POSITION=${GOSUB_RETVAL})")
    yield Line("Set(AGAIN=)", label="joins")


def position(queue: str, label: str = "") -> Line:
    """GOSUB_RETVAL: the position in `queue` that TICKET has."""
    return Line(f"Gosub({NAME},place,1({fit(queue, IDENTIFIER)}))", label=label)


def context() -> Context:
    """`place`: the position in the queue ARG1 before the first who came after TICKET; 0 is its end."""
    lines = (
        Line("Set(LOCAL(AT)=0)"),
        Line("Set(AT=$[${AT} + 1])", label="next"),
        Line("Set(LOCAL(THERE)=${QUEUE_GET_CHANNEL(${ARG1},${AT})})"),
        Line('GotoIf($["${THERE}" = ""]?end)'),
        Line("GotoIf($[0${SHARED(TICKET,${THERE})} > ${TICKET}]?here:next)"),
        Line("Return(${AT})", label="here"),
        Line("Return(0)", label="end"),
    )
    return Context(name=NAME, extensions=(Extension("place", lines),))
