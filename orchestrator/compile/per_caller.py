"""How many calls one number may have in the exchange at once: nobody keeps all lines to himself.

Counted by Asterisk as the calls that are. PER_CALLER comes with the channel of a public trunk (pjsip.conf); other calls
have none. Who hides their number cannot be told from others who do, and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile.extensions import Context, Extension, Line

NAME = "per-caller"
FLOW = "limit"
"""What stands in the journal for a flow."""
PLACE = f"{FLOW}.caller"
SHORTEST = 3
"""Digits that a number has at least: less is no number."""
ASKED = Line(f"Gosub({NAME},take,1)")
"""Goes on where there is room; else the call is refused as busy."""


def context() -> Context:
    """The context `per-caller`."""
    return Context(name=NAME, extensions=(Extension("take", tuple(_take())),))


def _take() -> Iterator[Line]:
    number = "${CALLERID(num)}"
    yield Line(f"GotoIf($[0${{PER_CALLER}} = 0 | ${{LEN(${{FILTER(0-9,{number})}})}} < {SHORTEST}]?done)")
    yield Line(f"Set(GROUP(caller)={number})")
    yield Line(f"GotoIf($[${{GROUP_COUNT({number}@caller)}} > ${{PER_CALLER}}]?many)")
    yield Line("Return()", label="done")
    yield Line(f"CELGenUserEvent(PLACE,{PLACE})", label="many")
    yield Line(f"CELGenUserEvent(ANSWER,{PLACE}=busy)")
    yield Line("Hangup(17)")
