"""The table of codes: what it takes, the dialplan takes, and nothing else; and the card that is printed of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.compile import codes as compiled
from orchestrator.domain import codes
from orchestrator.domain.codes import Code
from tests.console import console
from tests.pickup_town import running
from tests.running_town import Town
from tests.towns import small

TOWN = small().town
SHAPES = (
    *codes.CODES,
    Code(name="always", dialled="*21*NUMBER#", card=""),
    Code(name="off", dialled="#21#", card=""),
    Code(name="digit", dialled="*5DIGIT", card=""),
)


def takes(code: Code) -> list[str]:
    """What a telephone may send for a code."""
    given = {codes.NUMBER: ["10", "2500", "123456789"], codes.DIGIT: ["0", "9"], "": [""]}[code.takes]
    return [code.head + digits + end for digits in given for end in ("", "#")]


def near(code: Code) -> list[str]:
    """What nearly is one."""
    wrong = {codes.NUMBER: ["", "1", "12##", "12*", "1#2", "12a", '12"', "12,3"], codes.DIGIT: ["", "12", "a", "1##"]}
    return [code.head + digits for digits in wrong.get(code.takes, ["##", "1", "*"])]


@pytest.mark.parametrize("code", SHAPES, ids=lambda code: code.name)
def test_the_table_takes_each_code_with_and_without_a_hash(code: Code) -> None:
    for dialled in takes(code):
        found = code.pattern.fullmatch(dialled)
        assert found, dialled
        assert dialled.startswith(code.head)
    for dialled in near(code):
        assert not code.pattern.fullmatch(dialled), dialled


@given(st.text(alphabet="0123456789*#", min_size=1, max_size=8))
def test_no_two_codes_take_the_same(dialled: str) -> None:
    assert sum(bool(code.pattern.fullmatch(dialled)) for code in codes.CODES) <= 1


def test_the_code_of_the_mailbox_is_there_only_with_a_mailbox() -> None:
    assert codes.find(TOWN, "*98#") is not None
    assert codes.find(replace(TOWN, mailbox=""), "*98") is None


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running(tmp_path_factory.mktemp("c")) as made:
        yield made


def first(town: Town, dialled: str) -> str:
    """The extension of from-phones that Asterisk takes for what was dialled."""
    told = console(town, f"dialplan show {dialled}@from-phones")
    found = re.search(r"^  '([^']+)' =>", told, re.MULTILINE)
    return found[1] if found else ""


def test_asterisk_takes_for_a_code_what_the_table_takes(town: Town) -> None:
    """Digits behind a code are counted by the dialplan: those are dialled in tests/test_pickup.py."""
    for code in codes.codes(town.directory.town):
        mine = {extension.name for extension in compiled.dialled(code)}
        for dialled in takes(code):
            assert first(town, dialled) in mine, dialled
    for dialled in ("*", "#", "*7", "*9", "*99", "*981", "**", "**1", "*8*", "#8", "*#8", "##"):
        assert codes.find(town.directory.town, dialled) is None
        assert first(town, dialled) == "_[*#]!", dialled
