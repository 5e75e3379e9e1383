"""Asterisk's configuration files as its own reader takes them: sections with what they have from their templates.

Belongs here: the grammar. Not here: what an option means. Files that are included are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

HEAD = re.compile(r"\[([^\]]+)\](?:\(([^)]*)\))?")
OPTION = re.compile(r"([\w.-]+)\s*=>?\s*(.*)")
COMMENT = re.compile(r"(?<!\\);.*")


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section; several may have the same name."""

    name: str
    options: Mapping[str, tuple[str, ...]]
    """Option -> its values, those of templates first."""

    def one(self, option: str, default: str = "") -> str:
        """The value that counts where an option has one: the last."""
        return self.options.get(option, (default,))[-1]

    def listed(self, option: str) -> tuple[str, ...]:
        """A value that is a list with commas; empty where the option is not there."""
        return tuple(part.strip() for part in self.one(option).split(",") if part.strip())


def sections(text: str) -> tuple[Section, ...]:
    """Every section of a file that is no template, in order."""
    found: list[tuple[str, bool, dict[str, tuple[str, ...]]]] = []
    templates: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in _lines(text):
        if head := HEAD.match(line):
            name, marks = head[1], [mark.strip() for mark in (head[2] or "").split(",")]
            options = dict(item for mark in marks for item in templates.get(mark, {}).items())
            found.append((name, "!" in marks, options))
            if "!" in marks:
                templates[name] = options
        elif found and (option := OPTION.match(line)):
            options = found[-1][2]
            options[option[1]] = (*options.get(option[1], ()), option[2].strip().replace("\\;", ";"))
    return tuple(Section(name=name, options=options) for name, template, options in found if not template)


def _lines(text: str) -> Iterator[str]:
    """Lines without comments, and without those that include other files."""
    lines = (COMMENT.sub("", line).strip() for line in text.splitlines())
    return (line for line in lines if line and not line.startswith("#"))
