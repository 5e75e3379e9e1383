"""Circles of colleagues: who is in which, and that no number of a large one moves when others come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.compile import lamps
from orchestrator.domain.circles import ALL, Circles
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.people import Department
from tests.pickup_town import PHONES, directory

TOWN = derive(directory())


def near(town: Directory, phone: str) -> set[str]:
    return set(Circles(town).near(town.phones[phone]))


@pytest.mark.parametrize(("phone", "circles"), [
    ("tel10", {ALL}),
    ("tel2500", {"d_buergerbuero", "s_4000"}),
    ("tel2501", {"d_buergerbuero", "g_hotline", "g_idle"}),
    ("tel4000", {"d_bauamt", "g_hotline"}),
    ("tel4001", {"d_bauamt"}),
    ("lift", set()),
])  # fmt: skip
def test_who_is_in_which_circle(phone: str, circles: set[str]) -> None:
    assert near(TOWN, phone) == circles


def test_what_rings_is_picked_up_by_department_and_hunt_group_only() -> None:
    """Stand-ins and operators name the number."""
    circles = Circles(TOWN)
    groups = {phone: circles.groups(TOWN.phones[phone]) for phone in PHONES}
    assert groups["tel2500"] == ("d_buergerbuero",)
    assert groups["tel4000"] == ("d_bauamt", "g_hotline")
    assert groups["tel10"] == groups["lift"] == ()


def test_every_number_of_the_house_rings_somewhere() -> None:
    circles = Circles(TOWN)
    assert set(circles.house) == {"0", "10", "2500", "2501", "30", "3501", "4000", "4001", "4100", "50", "51", "60"}
    assert circles.house["30"] == ("tel2500", "tel2501")
    assert circles.house["0"] == ("tel10",)


def test_an_office_that_stands_in_for_another_is_let_into_its_number_only() -> None:
    office = replace(TOWN.departments["buergerbuero"], stand_in="bauamt")
    town = derive(replace(directory(), departments={**directory().departments, office.id: office}))
    assert near(town, "tel4001") == {"d_bauamt", "o_buergerbuero"}
    assert set(Circles(town).lines["o_buergerbuero"]) == {"30"}


@pytest.mark.parametrize(("setting", "watched"), [
    ("nobody", {"tel10": (), "tel2500": (), "lift": ()}),
    ("operators", {"tel10": (ALL,), "tel2500": (), "lift": ()}),
    ("department", {"tel10": (ALL,), "tel2500": ("d_buergerbuero", "s_4000"), "lift": ()}),
    ("house", {"tel10": (ALL,), "tel2500": (ALL,), "lift": ()}),
])  # fmt: skip
def test_the_setting_of_lamps_changes_lamps_and_not_picking_up(
    setting: str, watched: dict[str, tuple[str, ...]]
) -> None:
    town = derive(directory(setting))
    assert {phone: Circles(town).watched(town.phones[phone]) for phone in watched} == watched
    assert near(town, "tel2500") == near(TOWN, "tel2500")


def test_numbers_of_a_large_circle_stay_where_they_are() -> None:
    """A hint that moves to another context is gone for those who watch it."""
    few, more = ({c.name: {e.name for e in c.extensions} for c in lamps.contexts(large(n))} for n in (2400, 2600))
    where = {number: name for name, numbers in few.items() if name.startswith("circle-all") for number in numbers}
    assert len(where) > 2400
    assert all(number in more[name] for number, name in where.items())
    assert max(len(numbers) for numbers in more.values()) <= lamps.LARGEST
    assert sum(name.startswith("circle-all") for name in more) < 128, "Asterisk looks no further"


def large(offices: int) -> Directory:
    town = directory()
    made = {
        f"amt{at}": Department(
            id=f"amt{at}", name="Amt", site="rathaus", extension=str(70000 + at), schedule="rathaus", box="10",
            phones=("tel4001",),
        )
        for at in range(offices)
    }  # fmt: skip
    one = replace(town, departments={**town.departments, **made}, groups={})
    return derive(one)
