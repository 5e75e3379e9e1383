"""Labels that name nobody: a person's derived flow (`n_…`) and a shared phone's (`t_…`) count under their kind."""

from __future__ import annotations

KINDS = {"n_": "person", "t_": "shared_phone"}


def flow(name: str) -> str:
    """A flow as a label."""
    return KINDS.get(name[:2], name)


def place(name: str) -> str:
    """A place as a label: `town.welcome`, `person.box`."""
    of, _, step = name.partition(".")
    return f"{flow(of)}.{step}"
