"""What is marked `long` is dealt out so that five changes, or a night, ask all of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.side_by_side import FIFTHS

ROOT = Path(__file__).parents[1]
WHOLE = "tests/test_secrets.py::"
"""A file that is long as a whole: it sets up once what all its tests look at."""


def collected(*more: str) -> set[str]:
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", "-p", "no:cacheprovider", *more]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return set(re.findall(r"^tests/\S+::.+$", done.stdout, re.MULTILINE))


@pytest.mark.long
def test_fifths_are_all_of_it_and_none_twice() -> None:
    every = collected("-m", "long")
    fifths = [collected("-m", "long", "--fifth", str(fifth)) for fifth in FIFTHS]
    assert set.union(*fifths) == every
    assert sum(map(len, fifths)) == len(every)
    assert all(len(fifth) > len(every) / 12 for fifth in fifths)
    assert sum(any(test.startswith(WHOLE) for test in fifth) for fifth in fifths) == 1
    assert collected("-m", "not long", "--fifth", "1") == collected("-m", "not long")
