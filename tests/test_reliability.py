"""The catalogue of cases (docs/reliability.md): every case has a row, and every test that a row names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "docs" / "reliability.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## ", TEXT, flags=re.MULTILINE)
CATALOGUE = next((section for section in SECTIONS if section.startswith("Catalogue\n")), "")
CASES = [f"{kind}{number}" for kind, last in (("R", 20), ("P", 10), ("S", 20)) for number in range(1, last + 1)]
ROWS = {
    case: (done, shown) for case, done, shown in re.findall(r"^\| (\w+) \| (.+?) \| (.+?) \|$", CATALOGUE, re.MULTILINE)
}
NAMED = re.compile(r"`((?:stack/)?test_\w+\.py)::(test_\w+)`")


@cache
def written(file: str) -> frozenset[str]:
    """The tests of one file; none if there is no such file."""
    path = TESTS / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_case_has_its_row() -> None:
    assert [case for case in ROWS if case in CASES] == CASES


@pytest.mark.parametrize("case", CASES)
def test_a_row_says_what_shows_it_or_what_is_missing(case: str) -> None:
    _, shown = ROWS[case]
    named = NAMED.findall(shown)
    assert [f"{file}::{name}" for file, name in named if name not in written(file)] == []
    if shown.startswith("partly: "):
        assert named
        assert "; missing: " in shown
    else:
        assert named or shown.startswith("not yet: ")


def test_what_is_not_there_would_be_seen() -> None:
    assert "test_what_is_not_there_would_be_seen" in written("test_reliability.py")
    assert not written("test_no_such_file.py")
