"""The codes that desks dial, as extensions of `from-phones`; what each does is in the module of its feature."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.compile import listening, parking
from orchestrator.compile.extensions import Extension
from orchestrator.domain.directory import Directory


def extensions(directory: Directory) -> Iterator[Extension]:
    """Every code of the town."""
    yield from listening.code(directory)
    yield from parking.codes(directory)
