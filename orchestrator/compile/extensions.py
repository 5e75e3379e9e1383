"""The dialplan as data: contexts of extensions of lines. Templates only write it down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

LARGEST = 1000
"""Extensions in one context: Asterisk loads a flat context in quadratic time."""


class Line(NamedTuple):
    """One priority: an application call, with a label where something jumps to it. Numbers are never used.

    A named tuple, as there may be millions: it is made in half the time of a dataclass.
    """

    application: str
    label: str = ""


class Extension(NamedTuple):
    """A name or pattern and what is done there, in turn."""

    name: str
    lines: tuple[Line, ...]
    hint: str = ""
    """The devices whose state it has; empty: it has none."""

    def written(self) -> Iterator[str]:
        """The lines of extensions.conf."""
        head = f"exten => {self.name},1"
        if self.hint:
            yield f"exten => {self.name},hint,{self.hint}"
            head = " same => 1"
        for application, label in self.lines:
            yield f"{head}({label}),{application}" if label else f"{head},{application}"
            head = " same => n"


@dataclass(frozen=True, kw_only=True)
class Context:
    """A context, the contexts that it includes, and its extensions."""

    name: str
    extensions: tuple[Extension, ...]
    includes: tuple[str, ...] = ()

    def written(self) -> str:
        """Its part of extensions.conf."""
        lines = [f"[{self.name}]", *(f"include => {name}" for name in self.includes)]
        for extension in self.extensions:
            lines += extension.written()
        return "\n".join(lines) + "\n"
