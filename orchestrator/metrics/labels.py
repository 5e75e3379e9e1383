"""Labels that name nobody: a derived flow of a person, a shared phone or a retired number counts under its kind."""

from __future__ import annotations

from orchestrator.domain.place import BY_HAND

LEFT = "hung_up"
"""Instead of an answer: the call ended at that place."""
KINDS = {"n_": "person", "t_": "shared_phone", "r_": "retired_number"}


def flow(name: str) -> str:
    """A flow as a label."""
    return KINDS.get(name[:2], name)


def place(name: str) -> str:
    """A place as a label: `town.welcome`, `person.box`; to which phone a call was put through by hand is left out."""
    of, _, step = name.partition(".")
    return of if of == BY_HAND else f"{flow(of)}.{step}"
