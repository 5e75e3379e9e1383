"""Random flows in random worlds on a real Asterisk go where `explain` says, with attendants and with none.

The flows are drawn once, with a fixed seed; each has a number of its own in one town, and all are called at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World
from orchestrator.domain.flow import Announce, FindByName, Flow, Forward, Step, Switch
from orchestrator.domain.routes import Routes
from orchestrator.domain.switches import Forwarding, Switched, known
from orchestrator.service import present
from orchestrator.store.codec import from_data, to_data
from orchestrator.store.switched import Row
from tests.hurry import QUOTA
from tests.random_flows import FEW_KEYS, SWITCHES, flows, worlds
from tests.running_town import Town, running_town, until
from tests.towns import small

HOW_MANY = 28
Case = tuple[str, Flow, World]


def drawn() -> list[tuple[Flow, World]]:
    """The same flows and worlds at every run."""
    found: list[tuple[Flow, World]] = []

    @settings(max_examples=HOW_MANY, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(
        flows(most=5, transfers=False, finds=True),
        worlds,
        st.booleans(),
        st.fixed_dictionaries(dict(SWITCHES)),
        st.lists(st.sampled_from([*FEW_KEYS, "4", "4", "7", "0", ""]), max_size=6).map(tuple),
    )
    def draw(flow: Flow, world: World, says: bool, turned: dict[str, Switched], typed: tuple[str, ...]) -> None:
        finds = any(isinstance(step, FindByName) for step in flow.steps.values())
        world = replace(world, keys=typed) if finds else world
        box = {"10": "left" if says else "too_short"}
        switches = {name: _inside(switched) for name, switched in turned.items()}
        world = replace(world, boxes=box, phones={}, others="unreachable", switches=switches)
        found.append((flow, world))

    draw()
    return found[:HOW_MANY]


def _inside(switched: Switched) -> Switched:
    """What is forwarded outside stays inside: there is no provider here."""
    return Forwarding(to="30") if isinstance(switched, Forwarding) else switched


def case(flow: Flow, world: World, n: int) -> Case:
    """A number, a flow and switches of its own."""
    number, own = f"40{n:02d}", {"night": f"night_{n}"}
    own |= {f"{kind}_2500": f"{kind}_40{n:02d}" for kind in ("absent", "forward")}
    switches = {own[name]: switched for name, switched in world.switches.items()}
    return number, renamed(flow, f"random{n}", number, own["night"]), replace(world, switches=switches)


def _own(step: Step, number: str, night: str) -> Step:
    match step:
        case Switch(name="night"):
            return replace(step, name=night)
        case Announce(switch="night"):
            return replace(step, switch=night)
        case Forward(number="2500"):
            return replace(step, number=number)
        case _:
            return step


def renamed(flow: Flow, name: str, number: str, night: str) -> Flow:
    """The flow under another name, without the steps that no caller can reach."""
    data = _renamed(to_data(flow), name)
    moved = replace(from_data(Flow, data), name=name)
    moved = replace(moved, steps={key: _own(step, number, night) for key, step in moved.steps.items()})
    graph = {f"{name}.{step}": performed for step, performed in moved.steps.items()}
    reached = {p for up in (True, False) for p in Routes(graph=graph, starts=[moved.first], python=up).came_by}
    return replace(moved, steps={step: moved.steps[step] for step in moved.steps if f"{name}.{step}" in reached})


def _renamed(data: object, name: str) -> object:
    if isinstance(data, dict):
        return {key: _renamed(value, name) for key, value in data.items()}
    if isinstance(data, list):
        return [_renamed(value, name) for value in data]
    return data.replace("town.", f"{name}.", 1) if isinstance(data, str) and data.startswith("town.") else data


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [case(flow, world, n) for n, (flow, world) in enumerate(drawn())]


@pytest.fixture(scope="module")
def random_town(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town: Directory = small()
    written = replace(
        town,
        flows={"town": town.flows["town"], **{flow.name: flow for _, flow, _ in cases}},
        numbers={"0": "town", **{number: flow.name for number, flow, _ in cases}},
        switches={f"night_{n}": "Nachtschaltung" for n in range(HOW_MANY)},
        boxes={id_: replace(box, quota=QUOTA) for id_, box in town.boxes.items()},
    )
    with running_town(tmp_path_factory.mktemp("r"), written) as running:
        asyncio.run(turn(running, cases))
        yield running


async def turn(town: Town, cases: list[Case]) -> None:
    """Switch what the worlds of all cases say, where a step asks for it."""
    asked = known(town.directory)
    for _, _, world in cases:
        for name, switched in world.switches.items():
            if name in asked:
                row = Row(name=name, switched=switched, at=0.0, who="tests", why="")
                done = await present.put(town.state, town.directory, row, name)
                assert done.how == present.AT_ONCE


@pytest.mark.parametrize("python", [True, False], ids=["python", "native"])
async def test_real_calls_go_where_explain_says(random_town: Town, cases: list[Case], python: bool) -> None:
    if not python:
        random_town.end("attend")
    calls = [
        random_town.test_call(
            replace(world, python=python), number=number, at_box="speaks" if world.boxes["10"] == "left" else "silent"
        )
        for number, _, world in cases
    ]
    for (number, flow, world), (journey, different) in zip(cases, await asyncio.gather(*calls), strict=True):
        assert not different, f"{number}, pressing {world.keys}: {different}\n{flow}\n{journey}"
        assert journey.outcome in ("answered", "message", "too_short", "told"), journey
    until(lambda: not random_town.left(), 10)
    assert "Dangerous function" not in (random_town.state.log / "full").read_text()
