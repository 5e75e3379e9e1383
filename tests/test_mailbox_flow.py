"""The flow and the number of the mailbox by telephone, as the directory, the proof and explain see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.domain import outgoing
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import Visit, World, ending, explain, retrace
from orchestrator.domain.flow import Flow
from orchestrator.domain.listening import Desks
from orchestrator.domain.proof import prove
from orchestrator.domain.ranges import free
from orchestrator.domain.town import NumberRange
from tests.towns import MONDAY_10, TODAY, small, town_flow


def with_mailbox(number: str, **changed: object) -> Directory:
    town = small()
    written = {"flows": {"town": town_flow()}, "numbers": {"0": "town"}, **changed}
    return derive(replace(town, town=replace(town.town, mailbox=number), **written))  # type: ignore[arg-type]


def codes(directory: Directory) -> set[str]:
    return {problem.code for problem in prove(directory, {}, TODAY).problems}


def test_it_is_proved_and_counts_as_no_wait() -> None:
    proof = prove(with_mailbox("98"), {}, TODAY)
    assert not proof.problems
    assert proof.worst_wait == prove(with_mailbox(""), {}, TODAY).worst_wait


def test_without_a_number_there_is_no_flow() -> None:
    directory = with_mailbox("")
    assert "mailbox" not in directory.flows
    assert outgoing.route(directory, directory.phones["tel10"], "*98").number == "*98"


@pytest.mark.parametrize(
    ("number", "code"),
    [("2500", "double_number"), ("112", "reserved_number"), ("25001", "shadowed_number"), ("9x", "bad_number")],
)
def test_its_number_is_held_to_the_plan(number: str, code: str) -> None:
    assert code in codes(with_mailbox(number))


def test_its_number_is_not_given_to_anybody_else() -> None:
    span = NumberRange(id="r", first="97", last="99", department="buergerbuero")
    assert list(free(with_mailbox("98"), [span], TODAY)) == ["97", "99"]


def test_a_written_flow_cannot_have_its_name() -> None:
    own = Flow(name="mailbox", start="door", steps=town_flow().steps)
    assert "bad_name" in codes(with_mailbox("98", flows={"town": town_flow(), "mailbox": own}))


def test_a_desk_dials_it_by_number_and_by_code() -> None:
    directory = with_mailbox("98")
    for dialled in ("98", "*98"):
        route = outgoing.route(directory, directory.phones["tel10"], dialled)
        assert (route.kind, route.number) == ("inside", "98")


def test_explain_knows_both_ways() -> None:
    directory = with_mailbox("98")
    first = directory.first("mailbox")
    for python, way in ((True, "turn=done goodbye=gone"), (False, "turn=python_down boxes=served goodbye=gone")):
        visits = tuple(explain(directory, first, World(at=MONDAY_10, python=python)))
        assert " ".join(f"{visit.place}={visit.answer}".removeprefix("mailbox.") for visit in visits) == way
        assert ending(visits).outcome == "served"


def test_who_calls_back_goes_on_elsewhere_and_that_is_as_it_should_be() -> None:
    directory = with_mailbox("98")
    left = [Visit(place="mailbox.turn", answer="call"), Visit(place="mailbox.call", answer="called")]
    for place, answer in (("outside.outside", "talked"), ("n_2500.diverted", "off")):
        visits = [*left, Visit(place=place, answer=answer)]
        assert retrace(directory, [(visit, MONDAY_10) for visit in visits]) == ""
    lost = [left[0], Visit(place="mailbox.boxes", answer="served")]
    assert "expected mailbox.call" in retrace(directory, [(visit, MONDAY_10) for visit in lost])


def test_a_box_opens_at_its_own_desk_and_not_where_anybody_comes_by() -> None:
    town = small()
    desks = Desks(town)
    assert desks.opens(town.phones["tel10"]) == "10"
    assert desks.opens(town.phones["tel2500"]) == ""
    assert desks.lamp(replace(town.phones["tel10"], kind="hall")) == "10"
    assert desks.opens(replace(town.phones["tel10"], kind="hall")) == ""
