"""Random flows and random worlds: what the agreement tests put before `explain`, the fake exchange and Asterisk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st

from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World
from orchestrator.domain.flow import (
    Announce,
    Do,
    FindByName,
    Flow,
    Forward,
    HangUp,
    LeaveMessage,
    Menu,
    Ring,
    Say,
    Speak,
    Step,
    Switch,
    Transfer,
    When,
)
from orchestrator.domain.people import ORDERS
from orchestrator.domain.switches import Absence, Forwarding, On, Switched
from orchestrator.domain.texts import STATES
from tests.towns import CHRISTMAS_10, MONDAY_10, SUNDAY_10, prompt, small

PHONES = ("tel10", "tel2500", "tel2501")
RUNG = ("talked", "busy", "nobody", "unreachable")
FEW_KEYS = "12*#"
"""So few that a random caller often finds the right one."""
EVENING = int(MONDAY_10.timestamp()) + 8 * 3600
"""An instant between the times of the worlds."""
Draw = Callable[[st.SearchStrategy[Any]], Any]


@st.composite
def flows(
    draw: Draw, most: int = 6, transfers: bool = True, phones: tuple[str, ...] = PHONES, finds: bool = False
) -> Flow:
    """A flow whose silent edges only lead onward, so that it ends; keys may lead anywhere. `finds`: names are asked."""
    count = draw(st.integers(1, most))
    steps: dict[str, Step] = {
        "last": Say(prompt=prompt("town.last", "Ende.", "The end."), then="town.bye"),
        "bye": HangUp(),
    }
    for number in range(count):
        steps[f"step{number}"] = draw(_a_step(number, count, transfers, phones, finds))
    return Flow(name="town", start="step0", steps=steps)


@cache  # hypothesis takes longer to look at a strategy for the first time than to draw from it
def _a_step(number: int, count: int, transfers: bool, phones: tuple[str, ...], finds: bool) -> st.SearchStrategy[Step]:
    """What step `number` of `count` can be."""
    name, names = f"step{number}", [f"step{n}" for n in range(count)]
    later = st.sampled_from([f"town.{n}" for n in [*names[number + 1 :], "last"]])
    anywhere = st.sampled_from([f"town.{n}" for n in [*names, "last"]])
    step = _step(name, later, anywhere, phones)
    step = st.one_of(step, _finds(name, later, anywhere)) if finds else step
    return step if transfers else step.filter(lambda step: not isinstance(step, Transfer))


def _finds(name: str, later: st.SearchStrategy[str], anywhere: st.SearchStrategy[str]) -> st.SearchStrategy[Step]:
    return st.builds(
        FindByName,
        prompt=st.just(prompt(f"town.{name}", f"Name {name}.", f"The name {name}.")),
        nobody=anywhere,
        gave_up=later,
        human=st.just("") | anywhere,
        tries=st.integers(1, 3),
        wait=st.just(1.0),
    )


def _step(
    name: str, later: st.SearchStrategy[str], anywhere: st.SearchStrategy[str], rung: tuple[str, ...]
) -> st.SearchStrategy[Step]:
    said = st.just(prompt(f"town.{name}", f"Ansage {name}.", f"Prompt {name}."))
    menu = st.builds(
        Menu,
        prompt=said,
        keys=st.dictionaries(st.sampled_from(FEW_KEYS), anywhere, min_size=1, max_size=4),
        otherwise=later,
        tries=st.integers(1, 3),
        wait=st.just(1.0),
    )
    switch = st.builds(Switch, name=st.just("night"), on=later, off=later)
    forward = st.builds(
        Forward,
        number=st.sampled_from(["2500", "3501"]),
        off=later,
        busy=later,
        nobody=later,
        failed=later,
        seconds=st.just(2),
        absent=said,
    )
    return st.one_of(
        st.builds(Say, prompt=said, then=later),
        st.builds(Speak, language=st.sampled_from(["de", "en"]), then=later),
        menu,
        menu,
        menu,
        st.builds(When, schedule=st.just("rathaus"), open=later, closed=later, holiday=later),
        st.builds(
            Ring,
            phones=st.lists(st.sampled_from(rung), min_size=1, max_size=3, unique=True).map(tuple),
            busy=later,
            nobody=later,
            unreachable=later,
            seconds=st.just(2),
            order=st.sampled_from(ORDERS),
        ),
        st.builds(
            LeaveMessage,
            box=st.just("10"),
            greeting=said,
            left=later,
            too_short=later,
            full=later,
            failed=later,
            human=st.just("") | later,
            limit=st.just(8),
            state=st.sampled_from(STATES),
        ),
        st.builds(
            Transfer,
            number=st.just("+4962051234"),
            trunk=st.just("provider"),
            busy=later,
            nobody=later,
            failed=later,
            seconds=st.just(2),
        ),
        switch,
        switch,
        st.builds(Announce, switch=st.just("night"), prompt=said, then=later),
        forward,
        forward,
        forward,
        st.builds(
            Do,
            skill=st.just("next_opening"),
            outcomes=st.fixed_dictionaries({"said": later, "failed": later}),
            python_down=later,
            seconds=st.just(8.0),
            arguments=st.just({"schedule": "rathaus"}),
        ),
    )


_TIMES = st.sampled_from([(0, 0), (EVENING, 0), (0, EVENING)])
_TO = st.sampled_from(["2500", "3501", "30"])
SWITCHES: Mapping[str, st.SearchStrategy[Switched]] = {
    "night": _TIMES.map(lambda times: On(begins=times[0], ends=times[1])),
    "forward_2500": st.builds(Forwarding, to=_TO | st.just("+4962051234")),
    "absent_2500": st.tuples(_TIMES, _TO | st.just("")).map(
        lambda drawn: Absence(begins=drawn[0][0], ends=drawn[0][1], stand_in=drawn[1])
    ),
}
"""Switches of the random flows; 3501 is never absent or forwarded."""

worlds = st.builds(
    World,
    at=st.sampled_from([MONDAY_10, SUNDAY_10, CHRISTMAS_10]),
    keys=st.lists(st.sampled_from([*FEW_KEYS, "9", ""]), max_size=6).map(tuple),
    phones=st.fixed_dictionaries({phone: st.sampled_from(RUNG) for phone in PHONES}),
    boxes=st.fixed_dictionaries({"10": st.sampled_from(["left", "too_short", "full", "human"])}),
    outside=st.fixed_dictionaries({"+4962051234": st.sampled_from(["talked", "busy", "nobody", "failed"])}),
    switches=st.fixed_dictionaries({}, optional=dict(SWITCHES)),
    python=st.booleans(),
)


def town(flow: Flow) -> Directory:
    """The small town with `flow` as its entry."""
    return small(flow, switches={"night": "Nachtschaltung"})
