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
_NUMBER = "${CALLERID(num)}"
_GROUP = f"n{_NUMBER}"
"""Never empty: Asterisk would tell its log of a group that it does not find."""
_COUNTED = f"$[0${{PER_CALLER}} > 0 & ${{LEN(${{FILTER(0-9,{_NUMBER})}})}} >= {SHORTEST}]"
_FULL = f"$[0${{PER_CALLER}} > 0 & ${{GROUP_COUNT({_GROUP}@caller)}} > 0${{PER_CALLER}}]"
ASKED = (Line(f"ExecIf({_COUNTED}?Set(GROUP(caller)={_GROUP}))"), Line(f"GotoIf({_FULL}?{NAME},many,1)"))
"""Goes on where there is room; else the call is refused as busy."""


def context() -> Context:
    """The context `per-caller`."""
    return Context(name=NAME, extensions=(Extension("many", tuple(_many())),))


def _many() -> Iterator[Line]:
    yield Line(f"CELGenUserEvent(PLACE,{PLACE})")
    yield Line(f"CELGenUserEvent(ANSWER,{PLACE}=busy)")
    yield Line("Hangup(17)")
