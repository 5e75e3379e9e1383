"""Callers who type a name, on a real Asterisk: whom they find, what they hear, who picks up; attended and not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.domain.directory import Directory
from orchestrator.journal import cel
from orchestrator.journal.journeys import Journey
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import Sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import rollout, testcall, wiring
from orchestrator.service.questions import keys
from orchestrator.service.running import life
from orchestrator.store.database import brief
from orchestrator.store.load import save
from tests.names import NUMBER, town
from tests.running_town import MODES, Town, performed_by, running_town, until, world
from tests.towns import MONDAY_10

CASES = {
    "624#,2": "n_4002.diverted",
    "624,2": "n_4002.diverted",
    "maianna": "n_4001.diverted",
    "62437#": "n_4002.diverted",
    "62437#,*,624#,1": "n_4001.diverted",
    "99*62437#": "n_4002.diverted",
    "schulz#,2": "n_4004.diverted",
    "baecker#": "n_4005.diverted",
    "backerjorg#": "n_4005.diverted",
    "weizsacker#": "n_4007.diverted",
    "landrut#": "n_4008.diverted",
    "meyerlena#": "n_4008.diverted",
    "li#": "n_4012.diverted",
    "l,i#": "n_4012.diverted",
    "muller#,emma#,3": "n_5014.diverted",
    "muller,e,mma#,9,3": "n_5014.diverted",
    "muelle,ra#,1": "n_5000.diverted",
    "heimlich#": "d_amt.hours",
    "keinesfalls#,keinesfalls#": "who.none",
    "xy#,mai#,7,2": "who.silent",
    "xy,624#,2": "n_4002.diverted",
    "0": "town.desk",
    "624#,0": "town.desk",
    "62437#,0": "town.desk",
    "": "who.silent",
    ",": "who.silent",
    "#,1": "who.silent",
    "mai#,9,8": "who.silent",
    "muller#,": "who.silent",
}
"""What is pressed -> where the caller goes on."""
AT_ONCE = 15
"""Calls at the same time."""
HEARD = 0.75
"""Share of a prompt that is heard for certain: a busy machine loses frames, and names that begin alike have half in
common."""


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("n"), town()) as running:
        yield running


@pytest.fixture(params=MODES)
def either(request: pytest.FixtureRequest, exchange: Town) -> Iterator[Town]:
    """Once with attendants, once with none."""
    with performed_by(exchange, request.param) as town:
        yield town


async def test_calls_go_where_explain_says(either: Town) -> None:
    described = world(MONDAY_10, python="attend" in either.processes)
    pressing = list(CASES)
    for at in range(0, len(pressing), AT_ONCE):
        part = pressing[at : at + AT_ONCE]
        calls = [
            either.test_call(replace(described, keys=keys(press)), number=NUMBER, at_box="leaves") for press in part
        ]
        for press, (journey, different) in zip(part, await asyncio.gather(*calls), strict=True):
            assert not different, f"{press}: {different}\n{journey}"
            assert journey.steps[1].place == CASES[press], f"{press}: {journey}"


async def listens(town: Town, pressed: str, settle: float) -> tuple[Journey, Sound]:
    """A citizen calls by the trunk, presses, talks, hangs up: the journey, and what was heard. `settle`: see Wish."""
    town.used += 1
    caller = f"+4917199{town.used:05d}"
    async with Telephone(
        wiring.program("baresip"), Line(number=caller, exchange=town.exchange), address="127.0.0.2"
    ) as telephone:
        follower = testcall.Follower(town.state.journal, lambda event: event.caller == caller, lambda: life(town.state))
        wish = testcall.Wish(number=NUMBER, press=pressed, settle=settle)
        made = await testcall.call(telephone, follower, town.directory, town.sounds, NUMBER, wish)
        return made, await telephone.calls[0].heard()


async def test_a_citizen_types_a_name_hears_it_and_talks(either: Town) -> None:
    async with either.staff({"tel4002": "talked"}):
        journey, heard = await listens(either, "62437#", 4.0)
    assert (journey.outcome, journey.place, journey.flow) == ("answered", "n_4002.ring", "who")
    assert [f"{step.place}={step.answer}" for step in journey.steps] == [
        "who.find=found", "n_4002.diverted=off", "n_4002.ring=talked",
    ]  # fmt: skip
    at = []
    for name in ("who.find", "find_connect", "n_4002.name"):
        match = recognise(heard, either.prompt(name, "de"))
        assert match.share >= HEARD, name
        at.append(match.at)
    assert at == sorted(at)
    until(lambda: journey.id in either.written(), 10)
    assert not either.written()[journey.id].unexpected


async def test_a_citizen_hears_several_and_chooses(either: Town) -> None:
    async with either.staff({"tel4004": "talked"}):
        journey, heard = await listens(either, "schulz#,2", 7.0)
    assert (journey.outcome, journey.place) == ("answered", "n_4004.ring")
    for name in ("n_4003.name", "find_1", "n_4004.name"):
        assert recognise(heard, either.prompt(name, "de")).share >= HEARD, name


@pytest.mark.long
async def test_an_apply_that_takes_the_step_away_leaves_nobody_behind(exchange: Town) -> None:
    """Who is typing then is led on by their flow, or by what stays of it."""
    written = town()
    flows = {"town": written.flows["town"]}
    steps = written.flows["who"].steps
    other = replace(written.flows["who"], start="none", steps={name: steps[name] for name in ("none", "bye")})
    ways = {"who.none": {**flows, "who": other}, "town.door": flows}
    for place, kept in ways.items():
        numbers = {number: flow for number, flow in written.numbers.items() if flow in kept}
        try:
            calling = asyncio.create_task(listens(exchange, "", 1.0))
            until_typing = asyncio.get_running_loop().time() + 20
            while not typing(exchange):
                assert asyncio.get_running_loop().time() < until_typing
                await asyncio.sleep(0.1)
            await apply(exchange, replace(written, flows=kept, numbers=numbers))
            journey, _ = await calling
        finally:
            await apply(exchange, written)
        assert [step.place for step in journey.steps[:2]] == ["who.find", place]
        assert journey.outcome in ("told", "too_short", "message", "gave_up"), journey


def typing(town: Town) -> bool:
    """Whether a call is being asked for a name now."""
    events = cel.read(town.state.journal, 0).events if town.state.journal.exists() else ()
    marks = [event.mark for event in events if event.kind in ("PLACE", "CHAN_END")]
    return bool(marks) and marks[-1] == "who.find"


async def apply(town: Town, written: Directory) -> None:
    """Another directory, under the running exchange."""
    await save(brief(town.state.database), written, who="tests", what="change", why="tests")
    applied = await rollout.apply(town.state, lambda done, total: None, checksum="", force=("deletions",))
    assert applied.done, applied.told
