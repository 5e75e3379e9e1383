"""The mailboxes of derived flows: a full one leads upwards, 0 to the operator, a closed office says when it opens."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.domain import texts
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, ending, explain
from orchestrator.domain.flow import Do, LeaveMessage, Menu
from orchestrator.domain.people import Box
from orchestrator.domain.proof import prove
from orchestrator.domain.routes import Routes, greeting_seconds
from tests.towns import MONDAY_10, SUNDAY_10, TODAY, small, town_flow


def offices(**parents: str) -> Directory:
    """Three offices with a mailbox each, one above the other as `parents` says; 3501 is in the first of them."""
    town = small()
    first = town.departments["buergerbuero"]
    boxes = {id_: Box(id=id_, name=id_) for id_ in ("10", "31", "32", "33", "3501")}
    made = {
        id_: replace(first, id=id_, name=id_, extension=box, box=box, parent=parents.get(id_, ""))
        for id_, box in (("amt", "31"), ("dezernat", "32"), ("rathaus", "33"))
    }
    people = {id_: replace(person, department="amt") for id_, person in town.people.items()}
    welcome = town_flow().steps["welcome"]
    assert isinstance(welcome, Menu)
    entry = town_flow(welcome=replace(welcome, keys={**welcome.keys, "1": "d_amt.hours"}))
    return replace(town, departments=made, people=people, boxes=boxes, flows={"town": entry}, numbers={"0": "town"})


def box(directory: Directory, place: str) -> LeaveMessage:
    step = directory.graph[place]
    assert isinstance(step, LeaveMessage)
    return step


def test_a_full_box_leads_upwards_to_the_operators_and_then_to_a_spoken_next_step() -> None:
    town = derive(offices(amt="dezernat", dezernat="rathaus"))
    assert prove(town, {}, TODAY).problems == ()
    full = dict.fromkeys(("3501", "31", "32", "33", "10"), "full")
    world = World(at=MONDAY_10, others="nobody", boxes=full)
    visits = [f"{visit.place}={visit.answer}" for visit in explain(town, "n_3501.box", world)]
    assert visits == [
        "n_3501.box=full",
        "d_amt.overflow=full",
        "d_dezernat.overflow=full",
        "d_rathaus.overflow=full",
        "b_10.box=full",
        "b_10.sorry=said",
        "b_10.goodbye=gone",
    ]
    assert box(town, "d_amt.box").full == box(town, "d_amt.box_closed").full == "d_dezernat.overflow"
    assert box(town, "n_3501.box").failed == "n_3501.sorry"  # the next box would fail too
    heard = ending(explain(town, "n_3501.box", replace(world, boxes={"3501": "full", "31": "full"})))
    assert (heard.outcome, heard.place) == ("message", "d_dezernat.overflow")


def test_a_box_that_was_full_is_not_tried_again_and_nobody_waits_for_what_is_not_played() -> None:
    town = offices(amt="dezernat", dezernat="rathaus")
    same = {id_: replace(each, box="31") for id_, each in town.departments.items() if id_ != "rathaus"}
    shared = derive(replace(town, departments={**town.departments, **same}))
    assert box(shared, "d_amt.box").full == box(shared, "n_3501.box").full.replace("amt", "rathaus")
    deep = derive(offices(amt="dezernat", dezernat="rathaus"))
    waits = Routes(graph=deep.graph, starts=("n_3501.box",), python=None).waits({})
    sorry = max(map(len, texts.SORRY.values())) * 0.1
    longest = max(greeting_seconds(step, {}) for step in deep.graph.values() if isinstance(step, LeaveMessage))
    assert waits["n_3501.box"].usual <= longest + sorry


def test_offices_above_themselves_are_reported_and_do_not_go_round() -> None:
    town = derive(offices(amt="dezernat", dezernat="amt", rathaus="amt"))
    assert {problem.code for problem in prove(town, {}, TODAY).problems} == {"department_ring"}
    assert box(town, "d_amt.box").full == "b_10.box"
    assert box(town, "d_rathaus.box").full == "d_amt.overflow"


def test_zero_leads_to_the_operator_only_where_that_is_somebody_else_and_only_while_it_is_open() -> None:
    town = derive(offices())
    assert box(town, "n_3501.box").exits["human"] == "town.door"
    assert box(town, "d_amt.box").human == "town.door"
    assert {box(town, f"d_amt.{step}").human for step in ("box_closed", "box_told")} == {""}
    assert box(derive(replace(offices(), numbers={})), "n_3501.box").human == ""
    own = small()  # the office keeps the operator's own box
    assert "human" not in own.graph["d_buergerbuero.box"].exits
    pressed = World(at=MONDAY_10, others="nobody", boxes={"3501": "human", "10": "human"})
    visits = [f"{visit.place}={visit.answer}" for visit in explain(town, "n_3501.box", pressed)]
    assert (visits[:2], visits[-3]) == (["n_3501.box=human", "town.door=open"], "town.box=left")
    assert box(town, "n_3501.box").by_caller == {"human"}


def test_a_closed_office_says_when_it_opens_and_without_python_that_it_is_closed() -> None:
    town = derive(offices())
    later = town.graph["d_amt.later"]
    assert isinstance(later, Do)
    assert later.arguments == {"schedule": "rathaus"}
    for python, place in ((True, "d_amt.box_told"), (False, "d_amt.box_closed")):
        visits = list(explain(town, "d_amt.hours", World(at=SUNDAY_10, python=python)))
        assert ending(visits).place == place
    assert (box(town, "d_amt.box_told").wording, box(town, "d_amt.box_closed").wording) == (texts.TOLD, texts.OFFICE)


def test_everybody_shares_what_is_said_of_the_state() -> None:
    """One greeting a mailbox, whatever the state; the rest is spoken once."""
    town = derive(offices())
    own = {step.greeting.name for step in town.graph.values() if isinstance(step, LeaveMessage)}
    assert {name for name in own if name.startswith(("n_", "d_amt"))} == {"n_3501.box", "d_amt.box", "d_amt.overflow"}
    assert set(texts.WORDINGS[texts.PERSON]) == {"busy", "nobody", "unreachable", "absent"}
