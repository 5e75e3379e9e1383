"""Asking for a switch in the dialplan: how others call the context `switched` without knowing what else is in it.

Belongs here: the questions. Not here: how they are answered (switched).
"""

from __future__ import annotations

from orchestrator.compile.escape import fit
from orchestrator.compile.extensions import Line
from orchestrator.domain.switches import FAMILY, KEY

NAME = "switched"
"""The context that answers."""


def is_on(switch: str) -> Line:
    """Asks a switch: GOSUB_RETVAL is `on` or `off`."""
    return whether(fit(switch, KEY))


def whether(switch: str) -> Line:
    """The same of a switch whose name the dialplan finds: `single_${PHONE}`. SWITCHED is its entry, if it is on."""
    return Line(f"Gosub({NAME},state,1({switch}))")


def held(*switches: str) -> str:
    """What is held of these: empty where none was ever switched, or each was switched off by hand, as it mostly is."""
    return "".join(f"${{DB({FAMILY}/{fit(switch, KEY)})}}" for switch in switches)


def nothing(*switches: str) -> str:
    """The condition that nothing is held of these."""
    return f'$["{held(*switches)}" = ""]'


def stopped() -> Line:
    """Asks the kill switch: GOSUB_RETVAL is what it says, empty for no restriction."""
    return Line(f"Gosub({NAME},stopped,1)")
