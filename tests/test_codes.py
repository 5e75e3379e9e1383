"""The table of codes: what it takes, the dialplan takes, and nothing else; and the card that is printed of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.compile import codes as compiled
from orchestrator.domain import codes
from orchestrator.domain.card import card
from orchestrator.domain.codes import Code
from orchestrator.domain.people import Phone
from orchestrator.domain.queues import WaitingQueue
from tests import preloaded
from tests.console import console
from tests.pickup_town import running
from tests.running_town import Town
from tests.towns import person, small

TOWN = small().town
CARD = Path("docs/help/tastenkarte.md")
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
    """But that of PARK, which stands before FETCH."""
    found = [code for code in codes.CODES if code.pattern.fullmatch(dialled)]
    assert len(found) <= 1 or found == [codes.PARK, codes.FETCH]


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
        for dialled in takes(code):
            found = codes.find(town.directory.town, dialled)
            assert found, dialled
            assert first(town, dialled) in {extension.name for extension in compiled.dialled(found.code)}, dialled
    for dialled in ("*", "#", "*3", "*9", "*99", "*981", "**", "**1", "*8*", "#8", "*#8", "##"):
        assert codes.find(town.directory.town, dialled) is None
        assert first(town, dialled) == "_[*#]!", dialled


def test_the_card_of_the_example_town_is_the_one_in_the_help_pages(tmp_path: Path) -> None:
    """By the command, from a state folder of its own; `durchwahl card > docs/help/tastenkarte.md` writes it anew."""
    state = ("--state", str(tmp_path / "s"))
    durchwahl(*state, "init")
    durchwahl(*state, "import", "examples/town", "--yes")
    assert durchwahl(*state, "card") == CARD.read_text(encoding="utf-8")


def test_the_card_has_every_code_of_the_town_and_no_other() -> None:
    queues = {"amt": WaitingQueue(id="amt", name="Amt", department="buergerbuero", log_in=True)}
    for town in (TOWN, replace(TOWN, mailbox="", lamps="nobody")):
        phones = {"gast": Phone(id="gast", site="rathaus", label="Gast", extension="61", hot_desk=True)}
        boss, secretary = person("2500", secretary=("p2600",)), person("2600")
        people = {each.id: each for each in (boss, secretary)}
        house = replace(small(), town=town, queues=queues, switch_codes={"1": "night"}, phones=phones, people=people)
        text = card(house)
        assert [code.name for code in codes.CODES if code.card in text] == [code.name for code in codes.codes(town)]
        for number in ("110", "112", "115", *([town.mailbox] if town.mailbox else [])):
            assert f"| `{number}` |" in text
        assert ("Lampen" in text) == (town.lamps == "department")
    nothing = (codes.SWITCH, codes.DIRECT, codes.DESK_ON, codes.DESK_OFF, *codes.QUEUEING)
    assert not [code.name for code in nothing if code.card in card(small())]


def durchwahl(*arguments: str) -> str:
    done = preloaded.durchwahl(*arguments, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
