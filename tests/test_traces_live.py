"""Traces of real calls in the hurried town: each call is one, and nothing waits for a collector that is away."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from orchestrator.journal.journeys import trace
from orchestrator.metrics import labels
from orchestrator.metrics.traces import OUTCOMES
from orchestrator.service.state import State
from tests import ports
from tests.collector import LATER, NEVER, Collector, about, collecting
from tests.hurry import directory as hurried
from tests.running_town import MODES, Town, performed_by, running_town, until, world
from tests.test_cli import durchwahl
from tests.test_town import TALK
from tests.test_traces import shown, told
from tests.towns import BERLIN, MONDAY_10, SUNDAY_10


@pytest.fixture(scope="module")
def collector() -> Collector:
    """Of the town; the tests start it."""
    return Collector(ports.one())


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Town]:
    def furnish(state: State) -> None:
        path = state.root / "settings.toml"
        path.write_text(path.read_text().replace('traces = ""', f'traces = "{collector.url}"'))

    with running_town(tmp_path_factory.mktemp("t"), furnish=furnish) as town:
        yield town


def figures(town: Town) -> dict[str, float]:
    """What control tells of traces."""
    found = re.findall(
        r'^durchwahl_traces_(?:total\{outcome=")?(\w+)(?:"\})? (\S+)$', town.page("/metrics"), re.MULTILINE
    )
    return {name: float(value) for name, value in found}


async def gives_up(town: Town) -> str:
    """A call that is over soon; its id."""
    made, different = await town.test_call(world(MONDAY_10), hangup_after=1.0)
    assert (made.outcome, different) == ("gave_up", "")
    return made.id


def listed(town: Town) -> dict[str, dict[str, Any]]:
    """What `durchwahl journeys` says, by trace."""
    done = durchwahl(town.state.root, "journeys", "--tests", "--json")
    assert done.returncode == 0, done.stderr
    return {each["trace"]: each for each in json.loads(done.stdout)}


@pytest.mark.parametrize("mode", MODES)
async def test_every_call_is_one_trace(traced: Town, collector: Collector, mode: str) -> None:
    with performed_by(traced, mode), collecting(collector):
        async with traced.staff(TALK):
            now = world(datetime.now(BERLIN), phones=TALK)
            made = [
                await traced.test_call(world(MONDAY_10, "3", phones=TALK)),
                await traced.test_call(world(SUNDAY_10, "1")),
                await traced.test_call(world(MONDAY_10), hangup_after=1.0),
                await traced.citizen_calls(now, dialled="+49620521" + "2500"),
            ]
        assert [each.outcome for each, _ in made][:3] == ["answered", "message", "gave_up"]
        ids = {each.id: each for each, _ in made}
        await asyncio.to_thread(until, lambda: collector.traces.keys() >= {trace(id_) for id_ in ids}, 30)
        journeys, found = listed(traced), collector.traces
        assert found.keys() <= journeys.keys()
        assert {each["id"] for each in journeys.values() if each["trace"] in found} >= ids.keys()
        for trace_id, spans_ in found.items():
            root, past = about(spans_[0].attributes), journeys[trace_id]
            assert (root["durchwahl.journey"], root["durchwahl.outcome"]) == (past["id"], past["outcome"])
            assert told(spans_) == [(labels.place(place), answer or "hung_up") for place, answer in past["steps"]]
        for made_, _ in made:
            assert told(found[trace(made_.id)]) == shown(made_)
        log = (traced.state.log / "control.out").read_text()
        assert all(trace(id_) in log for id_ in ids)
        steps = {about(span.attributes).get("durchwahl.step") for spans_ in found.values() for span in spans_}
        assert steps >= {"Ring", "LeaveMessage", "Menu", "When"}


async def test_no_span_names_anybody(traced: Town, collector: Collector) -> None:
    """Neither of this call nor of those before it."""
    with collecting(collector):
        made, _ = await traced.citizen_calls(world(datetime.now(BERLIN)), dialled="+496205212500", at_box="leaves")
        await asyncio.to_thread(until, lambda: trace(made.id) in collector.traces, 30)
    town = hurried()
    names = {name for person in town.people.values() for name in (person.first_name, person.last_name)}
    assert any(span.name.startswith("person.") for spans_ in collector.traces.values() for span in spans_)
    for spans_ in collector.traces.values():
        for span in spans_:
            texts = [span.name, *(str(v) for k, v in about(span.attributes).items() if k != "durchwahl.journey")]
            assert [text for text in texts if re.search(r"\d{3}", text) and not re.fullmatch(r"\d+\.\d+", text)] == []
            assert [text for text in texts if any(name.lower() in text.lower() for name in names)] == []


@pytest.mark.long
async def test_nothing_waits_for_a_collector(traced: Town, collector: Collector) -> None:
    """Each journey is there, and control answers; in the end what was only late is in the collector, too."""
    before, lost = figures(traced), []
    kept = [await gives_up(traced)]
    for does in (*LATER, "slow", "cuts"):
        collector.does = does
        with collecting(collector):
            kept.append(await gives_up(traced))
            await asyncio.to_thread(until, lambda: kept[-1] in traced.written(), 20)
            assert figures(traced).keys() == {*OUTCOMES, "waiting"}
    collector.does = "takes"
    with collecting(collector):
        await asyncio.to_thread(until, lambda: collector.traces.keys() >= {trace(id_) for id_ in kept}, 120)
        await asyncio.to_thread(until, lambda: not figures(traced)["waiting"], 120)
        for does in NEVER:
            collector.does = does
            lost.append(await gives_up(traced))
            expected = before["refused"] + len(lost)
            await asyncio.to_thread(until, lambda wanted=expected: figures(traced)["refused"] == wanted, 30)
        collector.does = "takes"
        kept.append(await gives_up(traced))
        await asyncio.to_thread(until, lambda: trace(kept[-1]) in collector.traces, 30)
        assert {*kept, *lost} <= traced.written().keys()
        assert not {trace(id_) for id_ in lost} & collector.traces.keys()
        after = figures(traced)
    assert after["sent"] - before["sent"] >= len(kept)
    assert (after["dropped"], after["waiting"]) == (before["dropped"], 0)


async def test_control_ends_although_the_collector_hangs_and_sends_what_it_can(
    traced: Town, collector: Collector
) -> None:
    for does in ("hangs", "takes"):
        collector.does = does
        with collecting(collector):
            id_ = await gives_up(traced)
            await asyncio.to_thread(until, lambda id_=id_: id_ in traced.written(), 20)
            traced.end("control")
            assert (trace(id_) in collector.traces) == (does == "takes")
        traced.begin("control")
    assert "traces were not sent before the end" in (traced.state.log / "control.out").read_text()
