"""Circles of colleagues: who is in which, and that no number of a large one moves when others come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.compile import lamps
from orchestrator.domain.circles import ALL, Circles, operators
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Queue, Step
from orchestrator.domain.people import Department
from orchestrator.domain.queues import WaitingQueue
from tests.pickup_town import PHONES, directory
from tests.towns import town_flow

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


def test_operators_are_who_rings_first_for_a_caller_who_does_nothing() -> None:
    """Ringing or in a queue, in whatever flow; not who is rung after them, or for who presses a key."""
    assert operators(TOWN) == {"tel10"}
    flow = town_flow()
    after = replace(flow.steps["desk"], busy="n_2500.diverted", nobody="n_2500.diverted")  # type: ignore[call-arg]
    assert operators(town_with(desk=after)) == {"tel10"}
    queue = WaitingQueue(id="amt", name="Zentrale", department="bauamt", phones=("tel4000", "tel4001"))
    welcome = replace(flow.steps["welcome"], otherwise=queue.place)  # type: ignore[call-arg]
    waiting = town_with(queue, welcome=welcome)
    assert isinstance(waiting.graph[queue.place], Queue)
    assert operators(waiting) == {"tel4000", "tel4001"}
    assert ALL in near(waiting, "tel4001")


def town_with(*queues: WaitingQueue, **steps: Step) -> Directory:
    """Whose operator's number has these steps."""
    return derive(replace(directory(), flows={"town": town_flow(**steps)}, queues={each.id: each for each in queues}))


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


def test_a_large_house_has_a_hint_for_each_circle_and_length() -> None:
    """Asterisk goes through all of them for each that it adds."""
    few, many = (
        [e for c in lamps.contexts(large(n)) if c.name.startswith("circle-") for e in c.extensions if e.hint]
        for n in (600, 1100)
    )
    assert len(few) == sum(sizes(600)) <= lamps.MOST
    assert {extension.name for extension in few} == set(Circles(large(600)).house)
    assert sum(sizes(1100)) > lamps.MOST
    assert {extension.name for extension in many} == {"_" + "X" * length for length in (1, 2, 4, 5)}
    assert len(many) <= 4 * len(sizes(1100))
    parts = [context for context in lamps.contexts(large(1100)) if context.name.startswith("circle-all")]
    assert len(parts) < 128, "Asterisk looks no further"
    assert max(len(context.extensions) for context in parts) <= lamps.LARGEST


def test_no_variable_of_a_large_house_is_too_long() -> None:
    town = large(1100)
    texts = dict(line.split("=", 1) for line in lamps.variables(town))
    assert max(map(len, texts.values())) <= lamps.LONGEST
    for number in Circles(town).house:
        (found,) = (text for name, text in texts.items() if name.startswith("NEAR_all") and f"!{number}=" in text)
        assert f"!{number}=Stasis:circle-all&PJSIP/" in found
    assert not list(lamps.variables(TOWN))


def sizes(offices: int) -> list[int]:
    circles = Circles(large(offices))
    return [*map(len, circles.lines.values()), len(circles.house)]


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
