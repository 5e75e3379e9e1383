"""Labels that name nobody: a derived flow of a person, a shared phone or a retired number counts under its kind."""

from __future__ import annotations

KINDS = {"n_": "person", "t_": "shared_phone", "r_": "retired_number"}


def flow(name: str) -> str:
    """A flow as a label."""
    return KINDS.get(name[:2], name)


def place(name: str) -> str:
    """A place as a label: `town.welcome`, `person.box`."""
    of, _, step = name.partition(".")
    return f"{flow(of)}.{step}"
