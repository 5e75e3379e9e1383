"""What is marked `long` is dealt out so that three changes, or a night, ask all of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WHOLE = "tests/test_secrets.py::"
"""A file that is long as a whole: it sets up once what all its tests look at."""


def collected(*more: str) -> set[str]:
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", "-p", "no:cacheprovider", *more]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return set(re.findall(r"^tests/\S+::.+$", done.stdout, re.MULTILINE))


@pytest.mark.long
def test_thirds_are_all_of_it_and_none_twice() -> None:
    every = collected("-m", "long")
    thirds = [collected("-m", "long", "--third", str(third)) for third in (1, 2, 3)]
    assert set.union(*thirds) == every
    assert sum(map(len, thirds)) == len(every)
    assert all(len(third) > len(every) / 6 for third in thirds)
    assert sorted(any(test.startswith(WHOLE) for test in third) for third in thirds) == [False, False, True]
    assert collected("-m", "not long", "--third", "1") == collected("-m", "not long")
