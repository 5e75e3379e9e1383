"""The attendants' book: read when it changes, and never lost."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

import pytest

from orchestrator.apps.book import Book, Do, Menu, UnknownPlace, UnreadableBook, read
from orchestrator.apps.skills import SKILLS, opening, spoken
from orchestrator.compile.attend import hours
from orchestrator.domain import skills
from tests.exchanges import ATTEND
from tests.towns import BERLIN, HOURS


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, content: object) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(content))
    beside.replace(path)


def test_it_says_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "attend.json", ATTEND)
    book = Book(tmp_path / "attend.json")
    menu, skill = book.step("test.door"), book.step("test.hall")
    assert isinstance(menu, Menu)
    assert menu.keys == {"1", "2"}
    assert menu.length("de") == menu.length("xx") == 1.0
    assert isinstance(skill, Do)
    assert skill.exits == {"said", "failed"}
    assert book.tree == "contract"


def test_it_looks_once_a_second_and_at_once_for_an_unknown_place(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "attend.json"
    door = ATTEND["places"]["test.door"]
    write(path, {"tree": "one", "places": {"test.door": door}})
    book = Book(path, clock=clock)
    book.step("test.door")
    write(path, {"tree": "two", "places": {"test.door": door, "test.new": door}})
    clock.now = 0.5
    book.step("test.door")
    assert book.tree == "one"
    book.step("test.new")
    assert book.tree == "two"
    write(path, {"tree": "three", "places": {"test.door": door}})
    clock.now = 2.0
    book.step("test.door")
    assert book.tree == "three"
    with pytest.raises(UnknownPlace, match=r"test\.new"):
        book.step("test.new")


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"tree":"x","places":[]}', '{"places":{}}'])
def test_one_that_cannot_be_read_leaves_the_last_in_force(tmp_path: Path, broken: str) -> None:
    clock, path = Clock(), tmp_path / "attend.json"
    write(path, ATTEND)
    book = Book(path, clock=clock)
    book.step("test.door")
    path.write_text(broken)
    clock.now = 2.0
    assert book.step("test.door")
    with pytest.raises(UnreadableBook, match=r"attend\.json"):
        read(path)
    path.unlink()
    clock.now = 4.0
    assert book.step("test.door")


@pytest.mark.parametrize("strange", [{"step": "dance"}, {"step": "menu"}, {}, [], "menu"])
def test_a_step_of_another_version_costs_its_own_place_only(tmp_path: Path, strange: object) -> None:
    path, door = tmp_path / "attend.json", ATTEND["places"]["test.door"]
    book = Book(path)
    write(path, {"tree": "newer", "format": 7, "places": {"a.bb": strange, "test.door": {**door, "colour": "red"}}})
    assert isinstance(book.step("test.door"), Menu)
    assert book.tree == "newer"
    with pytest.raises(UnknownPlace, match=r"a\.bb"):
        book.step("a.bb")


def test_a_time_is_spoken_in_words_that_there_are() -> None:
    assert spoken(datetime(2026, 12, 27, 8, 0)) == (  # noqa: DTZ001
        "sound:digits/day-0",
        "sound:digits/h-27",
        "sound:digits/mon-11",
        "number:8",
        "sound:digits/oclock",
    )
    assert spoken(datetime(2026, 12, 28, 13, 30))[-1] == "number:30"  # noqa: DTZ001


def test_the_skills_are_those_that_a_flow_can_name() -> None:
    assert SKILLS.keys() == skills.SKILLS.keys()


def test_the_next_opening_is_asked_in_the_time_of_the_call() -> None:
    christmas = datetime(2026, 12, 24, 11, tzinfo=BERLIN)
    assert opening(hours(HOURS), christmas.timestamp()) == datetime(2026, 12, 28, 8, tzinfo=BERLIN)
    begins = opening(hours(HOURS), None)
    assert begins
    assert 0 < begins.timestamp() - time.time() < 14 * 86400
