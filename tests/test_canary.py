"""The reachability canary: which call nobody notices, and what it sees of an exchange that answers or does not."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.canary import LONGEST, canary
from orchestrator.domain.derive import derive
from orchestrator.domain.explain import Visit, World, retrace
from orchestrator.domain.flow import Flow, Ring, Say, When
from orchestrator.domain.prompts import Sound
from orchestrator.service import canary as service
from orchestrator.service import watching
from orchestrator.service.canary import Sentry, Sighting
from tests.call_back_town import ALWAYS
from tests.running_town import Town, all_off, running_town, until
from tests.test_compile import sounds
from tests.towns import MONDAY_10, SUNDAY_10, prompt, small, town_flow

TOWN = small()
DESK = Ring(phones=("tel10",), busy="town.box", nobody="town.box", unreachable="town.box", seconds=5)


def test_the_operators_menu_is_listened_to_for_a_few_seconds() -> None:
    found = canary(TOWN, sounds(TOWN), World(at=MONDAY_10))
    assert found is not None
    assert found.seconds == LONGEST
    assert found.quiet == {"town.door", "town.welcome"}


def test_out_of_hours_the_sentence_before_the_mailbox_is_heard() -> None:
    found = canary(TOWN, sounds(TOWN), World(at=SUNDAY_10))
    assert found is not None
    assert found.seconds <= LONGEST


@pytest.mark.parametrize(("start", "seconds"), [("desk", 20.0), ("hello", 1.0)], ids=["nothing", "too-short"])
def test_where_a_telephone_rings_at_once_there_is_no_such_call(start: str, seconds: float) -> None:
    hello = Say(prompt=prompt("town.hello", "Guten Tag.", "Hello."), then="town.desk")
    steps = {name: step for name, step in town_flow().steps.items() if name in ("box", "thanks", "sorry", "bye")}
    flow = Flow(name="town", start=start, steps={**steps, "hello": hello, "desk": DESK})
    town = derive(replace(TOWN, flows={"town": flow}, numbers={"0": "town"}))
    spoken = {**sounds(town), "town.hello": Sound(file="hello", seconds={"de": seconds})}
    assert canary(town, spoken, World(at=MONDAY_10)) is None
    longer = {**spoken, "town.hello": Sound(file="hello", seconds={"de": 6.0})}
    assert (canary(town, longer, World(at=MONDAY_10)) is None) == (start == "desk")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The small town, always open."""
    door = When(schedule=ALWAYS.name, open="town.welcome", closed="town.later", holiday="town.closed")
    written = replace(
        TOWN,
        flows={"town": town_flow(door=door)},
        numbers={"0": "town"},
        schedules={**TOWN.schedules, ALWAYS.name: ALWAYS},
    )
    with running_town(tmp_path_factory.mktemp("canary"), written) as running:
        yield running


@pytest.fixture
def sentry(town: Town, monkeypatch: pytest.MonkeyPatch) -> Sentry:
    monkeypatch.setenv("DURCHWAHL_CANARY", "60")
    return Sentry(
        state=town.state,
        directory=lambda: town.directory,
        sounds=lambda: town.sounds,
        tell=lambda seen: None,
        every=1.0,
    )


async def looks(sentry: Sentry) -> None:
    """One look, once more where the telephone crashed (pyproject.toml says why)."""
    before = sentry.seen
    for _ in range(3):
        sentry.seen = before
        await sentry.look()
        if "telephone's program" not in sentry.seen.why:
            return


@pytest.mark.parametrize("python", [True, False], ids=["python", "native"])
async def test_it_is_answered_and_no_telephone_rings(town: Town, sentry: Sentry, python: bool) -> None:
    if not python:
        town.end("attend")
    async with town.desk("tel10", "nobody") as desk:
        await looks(sentry)
        await asyncio.sleep(1.0)
        assert desk.calls == []
    if not python:
        town.begin("attend")
    assert (sentry.seen.up, sentry.seen.vain, sentry.seen.why) == (True, 0, "")
    assert 0 < sentry.seen.answered < 5
    assert service.last(town.state) == sentry.seen
    until(lambda: not town.left(), 10)


async def test_no_figure_of_citizens_counts_it(town: Town, sentry: Sentry) -> None:
    def counted() -> list[str]:
        kinds = ("durchwahl_calls_total", "durchwahl_call_seconds_count", "durchwahl_test_calls_total{")
        told = town.page("/metrics").splitlines()
        return [line for line in told if line.startswith(kinds) and not line.endswith(" 0.0")]

    before = len(town.written())
    await looks(sentry)
    await asyncio.to_thread(until, lambda: len(town.written()) > before, 15)
    await asyncio.to_thread(until, lambda: any("test_calls" in line for line in counted()), 10)
    assert [line for line in counted() if "test_calls" not in line] == []
    assert "noch keine" in town.page("/"), "no call since midnight"


async def test_asterisk_that_is_gone_is_believed_at_the_second_call(town: Town, sentry: Sentry) -> None:
    await looks(sentry)
    town.end("asterisk", signal.SIGKILL)
    try:
        await looks(sentry)
        assert (sentry.seen.up, sentry.seen.vain, sentry.seen.why) == (True, 1, "Asterisk does not run")
        await looks(sentry)
        assert (sentry.seen.up, sentry.seen.vain) == (False, 2)
        seen = await watching.look(town.state)
        assert "a citizen would not be answered now: Asterisk does not run" in seen.problems
    finally:
        town.begin("asterisk")
    await asyncio.to_thread(until, town.ready, 30)
    await looks(sentry)
    assert sentry.seen.up is True
    assert "test call   a citizen would be answered" in list((await watching.look(town.state)).lines())


async def test_a_greeting_that_is_silence_is_no_answer(town: Town, sentry: Sentry) -> None:
    spoken = town.state.sounds / "de" / f"{town.sounds['town.welcome'].file}.alaw"
    words = spoken.read_bytes()
    spoken.unlink()  # it may be linked into a cache
    spoken.write_bytes(b"\xd5" * len(words))
    for each in (sixteen := sorted(spoken.parent.glob(f"{spoken.stem}.*"))):
        if each != spoken:
            each.rename(each.with_suffix(".away"))
    try:
        await looks(sentry)
        assert (sentry.seen.vain, sentry.seen.why) == (1, "town.welcome was silent")
    finally:
        spoken.write_bytes(words)
        for each in sixteen:
            if each != spoken:
                each.with_suffix(".away").rename(each)


async def test_a_caller_who_is_led_elsewhere_than_explain_says_is_told(town: Town, sentry: Sentry) -> None:
    lunch = replace(town.directory.schedules[ALWAYS.name], week={})
    sentry.directory = lambda: replace(town.directory, schedules={**town.directory.schedules, ALWAYS.name: lunch})
    await looks(sentry)
    assert sentry.seen.vain == 1
    assert sentry.seen.why == "the call went to town.welcome, which `explain` does not expect so soon"


async def test_what_cannot_be_called_is_not_taken_for_an_outage(town: Town, sentry: Sentry) -> None:
    sentry.directory = lambda: derive(
        replace(TOWN, flows={"town": replace(town_flow(), start="desk")}, numbers={"0": "town"})
    )
    await looks(sentry)
    assert (sentry.seen.up, sentry.seen.vain) == (None, 0)
    assert "before enough is said" in sentry.seen.why


async def test_control_calls_by_itself(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await all_off(town.state)
    monkeypatch.setenv("DURCHWAHL_CANARY", "1")
    town.end("control")
    town.begin("control")
    try:
        await asyncio.to_thread(until, lambda: "durchwahl_canary_up 1.0" in town.page("/metrics"), 30)
        assert "wurde angenommen" in town.page("/")
    finally:
        monkeypatch.setenv("DURCHWAHL_CANARY", "0")
        town.end("control")
        town.begin("control")


def test_what_is_left_out_without_attendants_is_no_other_way() -> None:
    found = canary(TOWN, sounds(TOWN), World(at=SUNDAY_10))
    assert found is not None
    for answer in ("said", "python_down"):
        went = [("town.door", "closed"), ("town.later", answer), ("town.closed", "")]
        assert {place for place, _ in went} <= found.quiet
        visits = [(Visit(place=place, answer=said), SUNDAY_10) for place, said in went]
        assert retrace(TOWN, visits) == ""


async def test_a_canary_that_cannot_write_or_is_old_harms_nobody(
    town: Town, sentry: Sentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DURCHWAHL_CANARY", "60")
    town.state.canary.unlink(missing_ok=True)
    town.state.canary.mkdir()
    await looks(sentry)
    assert sentry.seen.up is True
    town.state.canary.rmdir()
    assert service.last(town.state).up is None
    town.state.canary.write_text(json.dumps({"at": 1.0, "up": True}))
    assert (service.last(town.state).up, service.last(town.state).why) == (None, "no test call of late")


def test_what_was_seen_may_be_damaged(town: Town, tmp_path: Path) -> None:
    kept = town.state.canary.read_text()
    for text in ("", "{", "[]", json.dumps({"at": 1, "other": 2})):
        town.state.canary.write_text(text)
        assert service.last(town.state) == Sighting()
    town.state.canary.write_text(kept)
