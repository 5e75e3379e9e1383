"""What a desk hears whose code did nothing: why, and then the call is over."""

from __future__ import annotations

from orchestrator.compile.escape import SOUND, fit
from orchestrator.compile.extensions import Line


def sentence(sound: str, label: str = "", then: tuple[Line, ...] = ()) -> tuple[Line, ...]:
    """Says `sound`, then what `then` says. Who was put through by hand is no employee, and goes to the catch-all."""
    return (
        Line('GotoIf($["${BLINDTRANSFER}" != ""]?elsewhere,0,1)', label=label),
        Line("Answer(,i)"),
        Line(f"Playback({fit(sound, SOUND)})"),
        *then,
        Line("Hangup()"),
    )
