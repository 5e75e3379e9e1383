"""The dialplan as data: contexts of extensions of lines. Templates only write it down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One priority: an application call, with a label where something jumps to it. Numbers are never used."""

    application: str
    label: str = ""


@dataclass(frozen=True)
class Extension:
    """A name or pattern and what is done there, in turn."""

    name: str
    lines: tuple[Line, ...]

    def written(self) -> Iterator[str]:
        """The lines of extensions.conf."""
        for number, line in enumerate(self.lines):
            head = f"exten => {self.name},1" if number == 0 else " same => n"
            yield f"{head}{f'({line.label})' if line.label else ''},{line.application}"


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
