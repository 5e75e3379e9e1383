"""What the proof promises holds for any flow and any world: a call ends, and a silent caller never waits longer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from orchestrator.domain.explain import World, explain
from orchestrator.domain.flow import END, Flow
from orchestrator.domain.proof import prove
from orchestrator.domain.routes import Routes, seconds
from tests.random_flows import flows, town, worlds
from tests.towns import TODAY


@settings(max_examples=300, deadline=None)
@given(flows(finds=True), worlds)
@pytest.mark.long
def test_every_call_ends_at_a_person_a_mailbox_or_a_goodbye(flow: Flow, world: World) -> None:
    directory = town(flow)
    visits = list(explain(directory, flow.first, world))
    last = visits[-1]
    assert directory.graph[last.place].exits[last.answer] == END
    assert last.answer in ("talked", "gone")


@settings(max_examples=300, deadline=None)
@given(flows(finds=True), worlds)
@pytest.mark.long
def test_a_silent_caller_never_waits_longer_than_promised(flow: Flow, world: World) -> None:
    directory = town(flow)
    silent = World(**{**vars(world), "keys": ()})
    routes = Routes(graph=directory.graph, starts=[flow.first], python=silent.python)
    visits = explain(directory, flow.first, silent)
    kept = sum(seconds(directory.graph[visit.place], {}, visit.answer) for visit in visits)
    assert kept <= routes.waits({})[flow.first].usual + 1e-9
    proof = prove(directory, {}, TODAY)
    assert {problem.code for problem in proof.problems} <= {"unreachable"}


@settings(max_examples=200, deadline=None)
@given(flows(finds=True), worlds)
@pytest.mark.long
def test_no_call_leaves_the_places_that_the_proof_has_seen(flow: Flow, world: World) -> None:
    directory = town(flow)
    routes = Routes(graph=directory.graph, starts=[flow.first], python=world.python)
    for visit in explain(directory, flow.first, world):
        assert visit.place in routes.came_by
