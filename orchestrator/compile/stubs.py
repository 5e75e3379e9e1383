"""What stays of flows that are gone: a caller may still be in one, and `continue` to no context cuts the call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from orchestrator.compile.extensions import Context, Extension, Line
from orchestrator.compile.places import context_of, target
from orchestrator.domain.directory import Directory

_STUB = "=gone"
"""The extension that marks a stub, so that it is not kept for ever."""
_FLOW = re.compile(r"\n\[flow-([a-z][a-z0-9_]+)\]\n")
_STUBBED = re.compile(_FLOW.pattern + rf"include => landing\nexten => =start,[^\n]*\nexten => {_STUB},")

_WRITTEN = re.compile(_STUBBED.pattern + r"[^\n]*\n(?=\n|$)")
"""A stub as `_stub` writes it, with the empty line before it."""


def flows_in(extensions_conf: str) -> frozenset[str]:
    """The flows that a written dialplan has, stubs left out."""
    return frozenset(_FLOW.findall(extensions_conf)) - _stubbed(extensions_conf)


def stubs(directory: Directory, former: Iterable[str]) -> Iterator[Context]:
    """For each flow that was and is no more, a context from which `landing` leads every caller to the catch-all."""
    onward = Line(f"Goto({target(directory.first(directory.town.catch_all))})")
    for flow in sorted(set(former) - set(directory.flows)):
        yield _stub(flow, onward)


def with_stubs(extensions_conf: str, former: Iterable[str]) -> str:
    """A written dialplan with a stub for each of `former` that it has not: `landing` knows where to lead a caller."""
    gone = sorted(set(former) - flows_in(extensions_conf) - _stubbed(extensions_conf))
    onward = Line("Goto(numbers,none,1)")  # a number that nobody has: the catch-all
    return extensions_conf + "".join(_stub(flow, onward).written() + "\n" for flow in gone)


def without_stubs(extensions_conf: str) -> str:
    """A written dialplan as it is once its stubs have gone; the same text if it has none."""
    return _WRITTEN.sub("", extensions_conf)


def _stubbed(extensions_conf: str) -> frozenset[str]:
    return frozenset(_STUBBED.findall(extensions_conf))


def _stub(flow: str, onward: Line) -> Context:
    gone = (Extension("=start", (onward,)), Extension(_STUB, (onward,)))
    return Context(name=context_of(flow), includes=("landing",), extensions=gone)
