"""Every `durchwahl …` that the documentation tells somebody to type is a command of this version."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer import BadParameter
from typer.main import get_group

from orchestrator.cli.app import tree

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TYPED = re.compile(r"^ {4,}(durchwahl .+)$", re.MULTILINE)
SAID = re.compile(r"`(durchwahl [^`]+)`")
COMMENT = re.compile(r" {2,}\S.*$")
"""What a line tells of its command."""
OPTIONAL = re.compile(r"\[[^\]]*\]|\|.*$")
"""`[--json|--csv]`, and what may stand in the place of the last word."""
UsageError = BadParameter.__mro__[1]
"""Everything that the command line says against what was typed; typer does not name it."""
GROUP = get_group(tree())
NEEDED = ("upgrade", "restore", "emergency", "wave", "disaster-day", "systemd")
"""Runbooks that must hold some."""


def typed(text: str) -> list[str]:
    """Commands on a line of their own: whole, as somebody types them."""
    return [OPTIONAL.sub("", COMMENT.sub("", line)).strip() for line in TYPED.findall(text)]


def said(text: str) -> list[str]:
    """Commands that a sentence names, often by their first words only."""
    return [OPTIONAL.sub("", " ".join(words.split())) for words in SAID.findall(text)]


def refused(command: str) -> str:
    """What the command line would say against it, and its kind; empty: it would begin."""
    group, words = GROUP, shlex.split(command)[1:]
    try:
        context = group.make_context("durchwahl", words)
        while True:
            name, asked, rest = group.resolve_command(context, [*context._protected_args, *context.args])
            context = asked.make_context(name, rest, parent=context)
            if not hasattr(asked, "resolve_command"):
                return ""
            group = asked
    except UsageError as bad:
        return f"{type(bad).__name__}: {bad}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_to_be_typed_can_be(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert {command: told for command in typed(text) if (told := refused(command))} == {}
    unknown = ("NoSuchCommand", "NoSuchOption", "UsageError")
    assert {command: told for command in said(text) if (told := refused(command)).startswith(unknown)} == {}


def test_there_is_something_to_look_at() -> None:
    found = [command for page in PAGES for command in typed(page.read_text(encoding="utf-8"))]
    assert len(found) > 150
    runbooks = [page for page in PAGES if page.parent.name == "operations"]
    assert all(typed(page.read_text(encoding="utf-8")) for page in runbooks if page.stem in NEEDED)


@pytest.mark.parametrize(
    "command",
    [
        "durchwahl evidense",
        "durchwahl evidence --aloud",
        "durchwahl wave mvoe 2",
        "durchwahl undo x",
        "durchwahl explain",
    ],
)
def test_a_mistake_would_be_seen(command: str) -> None:
    assert refused(command)
