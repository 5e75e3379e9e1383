"""YAML whose every value knows its file, line and column, and mistakes that say where and what to do.

Belongs here: reading values of one type each. Not here: which keys there are (reading, read_flows, read_hours).
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

SURROGATE = re.compile("[\ud800-\udfff]")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that no text needs and that files of configuration take for the end of a line, or of themselves."""
DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of writing: with them a name can look like another."""
LONGEST = 500
"""Characters of a text on one line: Asterisk leaves out a line of its configuration that has more than 8191 bytes."""
STORED = "the stored directory"
"""The file of values that an import did not bring but found."""


@dataclass(frozen=True, kw_only=True, order=True)
class Mistake:
    """One thing that is wrong in a file. Lines and columns count from 1; line 0 is no line of a file."""

    file: str
    line: int
    column: int
    what: str
    todo: str = ""

    def __str__(self) -> str:
        at = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{at}: {self.what}" + (f"\n    to do: {self.todo}" if self.todo else "")


@dataclass
class Mistakes:
    """Collects what is wrong, so that an admin sees all of it at once."""

    found: list[Mistake] = field(default_factory=list)

    def add(self, at: Marked, what: str, todo: str = "") -> None:
        """Note a mistake at a value."""
        mark = at.node.start_mark
        what = f"{mark.heading}: {what}" if isinstance(mark, Spot) and mark.heading else what
        self.found.append(Mistake(file=at.file, line=mark.line + 1, column=mark.column + 1, what=what, todo=todo))


class Spot(yaml.Mark):
    """Where a value stands that is no YAML: the cell of a table, an entry of LDAP, a thing that is stored."""

    def __init__(self, *, line: int = -1, column: int = 0, heading: str = "") -> None:
        """`line` and `column` count from 0, -1 is no line; `heading` is what the value is called there."""
        super().__init__("", 0, line, column, None, 0)
        self.heading = heading


@dataclass(frozen=True)
class Marked:
    """One YAML value with where it stands. Readers note a mistake and give a default; they never raise."""

    node: yaml.Node
    file: str
    mistakes: Mistakes = field(repr=False, compare=False)

    def wrong(self, what: str, todo: str = "") -> None:
        """Note a mistake here."""
        self.mistakes.add(self, what, todo)

    @property
    def at(self) -> str:
        """`file:line:column`, counted from 1."""
        mark = self.node.start_mark
        return f"{self.file}:{mark.line + 1}:{mark.column + 1}" if mark.line >= 0 else self.file

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    def items(self) -> Iterator[tuple[Marked, Marked]]:
        """Keys and values of a mapping; a key given twice is a mistake."""
        if not isinstance(self.node, yaml.MappingNode):
            self.wrong("expected `key: value` lines here")
            return
        seen: set[str] = set()
        for key, value in self.node.value:
            marked = self._of(key)
            if marked.text() in seen:
                marked.wrong(f"{marked.text()!r} is given twice", "keep one of the two")
            seen.add(marked.text())
            yield marked, self._of(value)

    def fields(self, known: Iterable[str], required: Iterable[str] = ()) -> dict[str, Marked]:
        """A mapping with named keys; unknown and missing ones are mistakes."""
        names, found = list(known), {}
        for key, value in self.items():
            if key.text() in names:
                found[key.text()] = value
            else:
                key.wrong(
                    f"unknown key {key.text()!r}", suggest(key.text(), names) or f"known here: {', '.join(names)}"
                )
        for name in required:
            if name not in found and self.is_mapping:
                self.wrong(f"{name!r} is missing", f"add a line `{name}: …`")
        return found

    def values(self) -> list[Marked]:
        """The entries of a list; a single value counts as a list of one."""
        if isinstance(self.node, yaml.SequenceNode):
            return [self._of(node) for node in self.node.value]
        return [self]

    def text(self, *, lines: bool = False) -> str:
        """A scalar as it is written, without blanks around it; a text of several `lines` only where it may be one."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.wrong("expected a text here")
            return ""
        text = str(self.node.value)
        if SURROGATE.search(text):
            self.wrong("holds half a character (a surrogate escape like \\ud83d)", "write the character itself")
            return SURROGATE.sub("", text)
        if CONTROL.search(text) or (not lines and re.search("[\r\n]", text.strip())):
            self.wrong("holds a line break or a control character", "write it on one line, without them")
            return " ".join(CONTROL.sub(" ", text).split())
        if DIRECTION.search(text):
            self.wrong("holds a mark that turns the direction of writing", "type the text anew instead of pasting it")
            return DIRECTION.sub("", text)
        if not lines and len(text) > LONGEST:
            self.wrong(f"has {len(text)} characters, more than {LONGEST}", "shorten it")
            return text[:LONGEST].strip()
        return text.strip()

    def number(self, least: int, most: int) -> int:
        """A whole number within limits."""
        try:
            value = int(self.text())
        except ValueError:
            self.wrong(f"{self.text()!r} is not a whole number")
            return least
        if not least <= value <= most:
            self.wrong(f"{value} is not between {least} and {most}")
            return least
        return value

    def yes(self) -> bool:
        """`yes` or `no`."""
        if self.text().lower() not in ("yes", "no", "true", "false"):
            self.wrong(f"{self.text()!r} is neither yes nor no")
        return self.text().lower() in ("yes", "true")

    def one_of(self, known: Collection[str], kind: str) -> str:
        """A name that must be known."""
        if self.text() not in known:
            self.wrong(f"there is no {kind} {self.text()!r}", suggest(self.text(), known))
        return self.text()

    def _of(self, node: yaml.Node) -> Marked:
        return Marked(node, self.file, self.mistakes)


def suggest(wrong: str, known: Iterable[str], most: int = 1) -> str:
    """`did you mean …?` for the nearest known names, `most` of them, or nothing."""
    near = difflib.get_close_matches(wrong, list(known), n=most, cutoff=0.6)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


def read(path: Path, mistakes: Mistakes) -> Marked | None:
    """The document in `path`; None, with a mistake, if it cannot be read."""
    try:
        node = _composed(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = f"not YAML: {bad.problem or bad.context}"
        todo = "indent with spaces, not tabs" if "\\t" in what else "check the indentation and quotes near this line"
        mistakes.found.append(Mistake(file=str(path), line=line, column=column, what=what, todo=todo))
        return None
    except RecursionError:
        mistakes.found.append(
            Mistake(file=str(path), line=1, column=1, what="is nested too deep to be a directory", todo="look at it")
        )
        return None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as bad:
        mistakes.found.append(
            Mistake(file=str(path), line=1, column=1, what=f"cannot be read: {bad}", todo="save it as UTF-8")
        )
        return None
    return Marked(node, str(path), mistakes) if node else None


def _composed(text: str) -> yaml.Node | None:
    """The document of `text`, by libyaml where it is there (ten times as fast); what is wrong is told by Python's."""
    with contextlib.suppress(yaml.YAMLError):
        return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return yaml.compose(text, Loader=yaml.SafeLoader)
