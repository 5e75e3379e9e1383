"""`explain` goes where the world leads, and `retrace` tells a true journey from an impossible one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from orchestrator.domain.explain import Visit, World, explain, retrace
from tests.towns import BERLIN, CHRISTMAS_10, MONDAY_10, SUNDAY_10, small

TOWN = small()


def way(world: World, start: str = "town.door") -> list[str]:
    return [f"{visit.place}={visit.answer}" for visit in explain(TOWN, start, world)]


def test_key_1_while_open_talks_to_the_office() -> None:
    assert way(World(at=MONDAY_10, keys=("1",))) == [
        "town.door=open",
        "town.welcome=key_1",
        "d_buergerbuero.hours=open",
        "d_buergerbuero.closed=off",
        "d_buergerbuero.diverted=off",
        "d_buergerbuero.ring=talked",
    ]


def test_wrong_keys_and_silence_end_at_the_desk() -> None:
    for keys in ((), ("7", "7", "7"), ("", "5", "")):
        assert way(World(at=MONDAY_10, keys=keys))[1:] == ["town.welcome=gave_up", "town.desk=talked"]


def test_a_key_is_used_up_by_the_try_that_it_falls_into() -> None:
    assert way(World(at=MONDAY_10, keys=("8", "7", "1")))[1:4] == [
        "town.welcome=key_8",
        "town.welcome=key_1",
        "d_buergerbuero.hours=open",
    ]


@pytest.mark.parametrize(("at", "python", "second"), [
    (SUNDAY_10, True, "town.later=said"),
    (SUNDAY_10, False, "town.later=python_down"),
    (CHRISTMAS_10, True, "town.closed=said"),
])  # fmt: skip
def test_closed_ends_in_the_mailbox(at: datetime, python: bool, second: str) -> None:
    steps = way(World(at=at, python=python))
    assert steps[1] == second
    assert steps[-3:] == ["town.box=left", "town.thanks=said", "town.bye=gone"]


@pytest.mark.parametrize(("phones", "answer"), [
    ({"tel2500": "busy", "tel2501": "talked"}, "talked"),
    ({"tel2500": "busy", "tel2501": "nobody"}, "nobody"),
    ({"tel2500": "busy", "tel2501": "unreachable"}, "busy"),
    ({"tel2500": "unreachable", "tel2501": "unreachable"}, "unreachable"),
])  # fmt: skip
def test_several_phones_sum_up_as_dial_does(phones: dict[str, str], answer: str) -> None:
    assert way(World(at=MONDAY_10, phones=phones), "d_buergerbuero.ring")[0] == f"d_buergerbuero.ring={answer}"


def test_a_person_without_a_box_falls_back_to_the_department() -> None:
    steps = way(World(at=MONDAY_10, others="nobody"), "n_2500.ring")
    assert steps[:3] == ["n_2500.ring=nobody", "n_2500.missed=off", "n_2500.stand_in=nobody"]
    assert steps[-5:-2] == ["d_buergerbuero.ring=nobody", "d_buergerbuero.missed=off", "d_buergerbuero.box=left"]


def test_retrace_accepts_what_explain_says_and_names_what_differs() -> None:
    at = datetime(2026, 11, 30, 11, 59, 50, tzinfo=BERLIN)
    visits = [(visit, at) for visit in explain(TOWN, "town.door", World(at=at, keys=("1",)))]
    assert retrace(TOWN, visits) == ""
    assert retrace(TOWN, visits[:2]) == ""  # a hangup on the way is no difference
    assert "expected town.welcome" in retrace(TOWN, [visits[0], visits[3]])
    late = [(visit, at + timedelta(seconds=10)) for visit, _ in visits]
    assert "rathaus is closed" in retrace(TOWN, late)
    assert "no such answer" in retrace(TOWN, [(Visit(place="town.door", answer="key_1"), at)])
    assert "no such place" in retrace(TOWN, [(Visit(place="town.attic", answer="said"), at)])
