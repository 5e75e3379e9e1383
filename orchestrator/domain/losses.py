"""How many of a kind may be gone at once before it looks like a mistake: one rule for imports and applies."""

from __future__ import annotations

MOST_GONE = 0.3
"""The part of all things of a kind that may be gone."""
FEW_GONE = 3
"""Things that are never too many."""


def too_many(gone: int, before: int) -> bool:
    """Whether `gone` of `before` things is more than one change may take away unasked."""
    return gone > FEW_GONE and gone > MOST_GONE * before
