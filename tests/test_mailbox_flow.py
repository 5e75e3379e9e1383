"""The flow and the number of the mailbox by telephone, as the directory, the proof and explain see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.compile.listening import contexts
from orchestrator.domain import outgoing
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import Visit, World, ending, explain, retrace
from orchestrator.domain.flow import Flow
from orchestrator.domain.listening import Desks
from orchestrator.domain.people import SHARED_KINDS
from orchestrator.domain.proof import prove
from orchestrator.domain.ranges import free
from orchestrator.domain.town import NumberRange
from orchestrator.messages.telephone.dialogue import Caller
from orchestrator.messages.telephone.session import begin
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
    for python, inside, outcome, way in (
        (True, False, "served", "turn=done goodbye=gone"),
        (False, True, "served", "turn=python_down boxes=served goodbye=gone"),
        (False, False, "told", "turn=python_down boxes=refused sorry=said goodbye=gone"),
    ):
        visits = tuple(explain(directory, first, World(at=MONDAY_10, python=python, inside=inside)))
        assert " ".join(f"{visit.place}={visit.answer}".removeprefix("mailbox.") for visit in visits) == way
        assert ending(visits).outcome == outcome


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
    assert Desks(town).opens(town.phones["tel2501"]) == "3501"
    assert Desks(town).opens(town.phones["tel2500"]) == "10", "who has no own box has the department's"
    for kind in SHARED_KINDS:
        shared = replace(town.phones["tel2501"], kind=kind)
        assert Desks(town).lamp(shared) == Desks(town).lamp(town.phones["tel2501"])
        assert bool(Desks(town).opens(shared)) is (kind == "other"), kind


def test_where_nobody_knows_who_sits_there_no_box_opens() -> None:
    town = small()
    tel10 = town.phones["tel10"]
    assert Desks(town).lamp(tel10) == "10"
    assert Desks(town).opens(tel10) == "", "it is nobody's, though its number is that of a box"
    ours = replace(town.departments["buergerbuero"], phones=("tel10",))
    one = replace(town, departments={ours.id: ours})
    assert Desks(one).opens(tel10) == "10"
    two = replace(town, departments={ours.id: ours, "it": replace(ours, id="it", box="3501")})
    assert Desks(two).opens(tel10) == ""
    people = {**town.people, "p41": replace(town.people["p3501"], id="p41")}
    assert Desks(replace(one, people=people)).opens(town.phones["tel2501"]) == "", "two people share it"


@pytest.mark.parametrize("kind", ["", *SHARED_KINDS])
@pytest.mark.parametrize("sharing", [1, 2])
def test_the_dialogue_and_the_dialplan_open_the_same_box(kind: str, sharing: int) -> None:
    town = small()
    counter = replace(town.phones["tel10"], kind=kind)
    homes = {
        f"d{n}": replace(town.departments["buergerbuero"], id=f"d{n}", phones=(counter.id,)) for n in range(sharing)
    }
    shared = {f"s{n}": replace(town.people["p3501"], id=f"s{n}", phones=("tel2501",)) for n in range(sharing)}
    people = {**town.people, "p3501": replace(town.people["p3501"], phones=()), **shared}
    town = replace(town, departments=homes, people=people, phones={**town.phones, counter.id: counter})
    opened = {
        extension.name: extension.lines[0].application.removeprefix("Set(BOX=").removesuffix(")")
        for context in contexts(town)
        if context.name.startswith("desks-")
        for extension in context.extensions
    }
    for phone in town.phones:
        assert begin(Caller(channel="1.1", phone=phone, number=""), town).box == opened.get(phone, "")
    assert ("tel10" in opened) is (kind in ("", "other") and sharing == 1)
    assert ("tel2501" in opened) is (sharing == 1)
