"""Waiting queues on a real Asterisk: every way out of them, with attendants and with none, as `explain` says."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.asterisk.rest import Rest
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World
from orchestrator.domain.queues import PAUSED_BY_SILENCE, WaitingQueue
from orchestrator.journal.journeys import Journey
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import Sound, read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import queues as service
from orchestrator.service import wiring
from orchestrator.service.running import connected
from tests.crowd import crowd
from tests.running_town import MODES, Town, performed_by, running_town, until, world
from tests.side_by_side import always
from tests.towns import MONDAY_10, small

NUMBER = "30"
"""The citizens' office, whose callers wait."""
WAIT, BOX = "q_amt.wait", "d_buergerbuero.box"
NOON = int(MONDAY_10.timestamp())
QUEUE = WaitingQueue(
    id="amt",
    name="Bürgerbüro",
    department="buergerbuero",
    phones=("tel2500", "tel2501"),
    ring_seconds=5,
    wrap_up=0,
    most=3,
    longest=10,
    announce=15,
)


def waiting_town(**changed: Any) -> Directory:
    """The small town, whose citizens' office has a queue."""
    town = small()
    office = replace(town.departments["buergerbuero"], queue="amt", stand_in="")
    return replace(
        town,
        departments={"buergerbuero": office},
        queues={"amt": replace(QUEUE, **changed)},
        flows={"town": town.flows["town"]},
        numbers={"0": "town"},
        boxes={id_: replace(box, quota=500, limit=20) for id_, box in town.boxes.items()},
    )


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("q"), waiting_town()) as running:
        yield running


@pytest.fixture(params=MODES)
def town(request: pytest.FixtureRequest, exchange: Town) -> Iterator[Town]:
    """Once with attendants, once with none."""
    with performed_by(exchange, request.param) as town:
        yield town


async def calls(town: Town, phones: dict[str, str], press: str = "") -> Journey:
    """The journey of a call to the office, which must be as `explain` says, until a mailbox answers."""
    described = world(MONDAY_10, press, phones=phones)
    made, different = await town.test_call(described, number=NUMBER, at_box="leaves")
    assert not different, f"{phones} {press}: {different}"
    return made


def answer(made: Journey) -> str:
    return next(step.answer for step in made.steps if step.place == WAIT)


@pytest.mark.parametrize(("phones", "press", "expected", "place"), always([
    ({"tel2500": "nobody", "tel2501": "talked"}, "", "talked", WAIT),
    ({"tel2500": "busy"}, "", "waited", BOX),
    ({}, "", "nobody", BOX),
    ({"tel2500": "busy"}, "7,2", "key_2", BOX),
    ({"tel2500": "talked"}, "", "talked", WAIT),
    ({"tel2500": "busy", "tel2501": "talked"}, "", "talked", WAIT),
    ({"tel2500": "talked", "tel2501": "nobody"}, "", "talked", WAIT),
    ({"tel2500": "nobody"}, "", "waited", BOX),
    ({"tel2500": "nobody"}, "2", "key_2", BOX),
], 4), ids=lambda value: "-".join(value.values()) or "none" if isinstance(value, dict) else str(value))  # fmt: skip
async def test_every_way_out(town: Town, phones: dict[str, str], press: str, expected: str, place: str) -> None:
    async with town.staff(phones):
        made = await calls(town, phones, press)
    assert (answer(made), made.place) == (expected, place)


@pytest.mark.long
async def test_a_full_queue_takes_nobody_more(exchange: Town) -> None:
    async with exchange.staff({"tel2500": "nobody"}), crowd(wiring.ari(exchange.state), "beep", after=60) as callers:
        for number in range(QUEUE.most):
            await callers.calls(f"46.{number}", f"{NUMBER}*{NOON + number}", context="from-test")
        until(lambda: len(waiting(exchange)) == QUEUE.most, 10)
        described = World(at=MONDAY_10, others="unreachable", queues={"amt": "full"})
        made, different = await exchange.test_call(described, number=NUMBER)
        assert different == ""
        assert (answer(made), made.outcome) == ("full", "message")
        await callers.leave()
    until(lambda: not exchange.left(), 20)


@pytest.mark.parametrize("press", ["2", "7,2"])
async def test_a_key_counts_also_while_the_place_is_told(exchange: Town, press: str) -> None:
    async with exchange.staff({"tel2500": "nobody"}), crowd(wiring.ari(exchange.state), "beep", after=60) as callers:
        await callers.calls("48.0", f"{NUMBER}*{NOON}", context="from-test")
        await asyncio.to_thread(until, lambda: len(waiting(exchange)) == 1, 10)
        described = world(MONDAY_10, press, phones={"tel2500": "nobody"})
        made, different = await exchange.test_call(described, number=NUMBER, at_box="leaves")
        assert different == ""
        assert answer(made) == "key_2"
        await callers.leave()
    until(lambda: not exchange.left(), 20)


async def test_who_presses_a_key_that_leads_nowhere_keeps_the_place(exchange: Town) -> None:
    line = Line(
        number="testcall", exchange=exchange.exchange, password=wiring.secrets(exchange.state).of("sip:testcall")
    )
    async with (
        exchange.staff({"tel2500": "nobody"}),
        crowd(wiring.ari(exchange.state), "beep", after=60) as callers,
        Telephone(wiring.program("baresip"), line) as telephone,
    ):
        await callers.calls("49.0", f"{NUMBER}*{NOON}", context="from-test")
        await asyncio.to_thread(until, lambda: len(waiting(exchange)) == 1, 10)
        call = await telephone.dial(f"{NUMBER}*{NOON + 1}")
        await asyncio.to_thread(until, lambda: len(waiting(exchange)) == 2, 10)
        await callers.calls("49.1", f"{NUMBER}*{NOON + 2}", context="from-test")
        await asyncio.to_thread(until, lambda: len(waiting(exchange)) == 3, 10)
        before = await order(exchange)
        await call.press("7")
        assert await call.stays(2.0)
        assert await order(exchange) == before
        place = recognise(await call.heard(), sound(exchange, "waiting-place"))
        assert place.share > 0.4, "it was told, and the key was pressed meanwhile"
        await call.hang_up()
        await callers.leave()
    until(lambda: not exchange.left(), 20)


async def order(town: Town) -> list[str]:
    """The channels that wait, the first one first."""
    async with connected(town.state) as running:
        assert running
        rows = [row for row in await service.rows(running.ami) if row["event"] == "QueueEntry"]
    return [row["uniqueid"] for row in sorted(rows, key=lambda row: int(row["position"]))]


@pytest.fixture(params=always(PAUSED_BY_SILENCE))
def strict(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    with running_town(tmp_path, waiting_town(strategy=request.param)) as running:
        yield running


async def test_who_does_not_pick_up_is_passed_over_until_they_are_back(strict: Town) -> None:
    """With strategies that would ring whoever has had the fewest calls over and over."""
    for there, away in (("tel2501", "tel2500"), ("tel2500", "tel2501")):
        phones = {there: "talked", away: "nobody"}
        async with strict.staff(phones):
            await dials(strict, there, "#46", "waiting-in")
            for _ in range(2):
                assert answer(await calls(strict, phones)) == "talked"


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose members log in."""
    with running_town(tmp_path_factory.mktemp("l"), waiting_town(log_in=True, longest=30)) as running:
        yield running


async def dials(town: Town, phone: str, code: str, says: str) -> None:
    """An employee dials a code at `phone`, and hears that it was done."""
    line = Line(number=phone, exchange=town.exchange, password=wiring.secrets(town.state).of(f"sip:{phone}"))
    async with Telephone(wiring.program("baresip"), line) as telephone:
        call = await telephone.dial(code)
        await call.ends(within=20)
        heard = recognise(await call.heard(), sound(town, says))
        assert heard.share > 0.4, (code, says, heard)  # of another sentence nothing is recognised


async def test_members_log_in_pause_and_log_out(staffed: Town) -> None:
    async with staffed.staff({"tel2500": "talked"}):
        for code, says, expected in (
            ("*45", "waiting-in", "talked"),
            ("*461", "waiting-paused", "nobody"),
            ("#46", "waiting-in", "talked"),
            ("*46", "waiting-paused", "nobody"),
            ("*45", "waiting-in", "talked"),
            ("#45", "waiting-out", "nobody"),
        ):
            await dials(staffed, "tel2500", code, says)
            described = World(
                at=MONDAY_10,
                phones={"tel2500": "talked"},
                others="unreachable",
                queues={"amt": "nobody"} if expected == "nobody" else {},
            )
            made, different = await staffed.test_call(described, number=NUMBER, at_box="leaves")
            assert different == "", code
            assert answer(made) == expected, code
    await dials(staffed, "tel10", "*45", "waiting-no-member")
    await dials(staffed, "tel10", "*46", "waiting-no-member")


async def test_who_waits_is_told_the_place_and_the_keys(staffed: Town) -> None:
    """The first hears that they are next, at once and not later; and after a while which keys there are."""
    await dials(staffed, "tel2501", "*45", "waiting-in")
    async with staffed.staff({"tel2501": "nobody"}):
        described = world(MONDAY_10, phones={"tel2501": "nobody"})
        (made, _), heard = await staffed.listening_call(described, 27.0, number=NUMBER)
    await dials(staffed, "tel2501", "#45", "waiting-out")
    assert made.outcome == "gave_up"
    begin = replace(heard, samples=heard.samples[: 6 * heard.rate])
    first = recognise(begin, sound(staffed, "waiting-next"))
    hint = recognise(heard, staffed.prompt("queue_box", "de"))
    assert first.share > 0.4
    assert first.at < 3.0
    assert hint.share > 0.5  # its end may lie behind the hangup
    assert hint.at > 10.0


async def test_who_is_logged_in_stays_so_when_asterisk_is_killed(staffed: Town) -> None:
    await dials(staffed, "tel2501", "*45", "waiting-in")
    staffed.end("asterisk", signal.SIGKILL)
    staffed.begin("asterisk")
    async with staffed.staff({"tel2501": "talked"}):
        described = world(MONDAY_10, phones={"tel2501": "talked"})
        until(staffed.ready, 20)
        made, different = await staffed.test_call(described, number=NUMBER, at_box="leaves")
    assert different == ""
    assert answer(made) == "talked"
    await dials(staffed, "tel2501", "#45", "waiting-out")


@pytest.mark.long
async def test_callers_are_led_on_when_all_members_leave(staffed: Town) -> None:
    await dials(staffed, "tel2501", "*45", "waiting-in")
    async with staffed.staff({"tel2501": "nobody"}):
        described = World(at=MONDAY_10, others="unreachable", queues={"amt": "nobody"})
        calling = asyncio.create_task(staffed.test_call(described, number=NUMBER))
        await asyncio.to_thread(until, lambda: len(waiting(staffed)) == 1, 10)
        await asyncio.to_thread(
            until, lambda: 'durchwahl_queue_waiting{queue="amt"} 1.0' in staffed.page("/metrics"), 10
        )
        (seen,) = await service.now(staffed.state)
        assert (seen.queue, seen.waiting, seen.members, seen.paused) == ("amt", 1, 1, 0)
        await dials(staffed, "tel2501", "#45", "waiting-out")
        made, different = await calling
    assert different == ""
    assert (answer(made), made.outcome) == ("nobody", "message")


async def test_who_may_not_be_logged_in_is_logged_out(staffed: Town) -> None:
    """A phone that was a member before an apply; those whom the directory allows stay."""
    await dials(staffed, "tel2501", "*45", "waiting-in")
    async with connected(staffed.state) as running:
        assert running
        await running.ami.action("QueueAdd", Queue="q_amt", Interface="PJSIP/tel10")
        assert await service.strays(running.ami, staffed.directory, await service.rows(running.ami)) == 1
        left = [row["location"] for row in await service.rows(running.ami) if row["event"] == "QueueMember"]
    assert left == ["PJSIP/tel2501"]
    await dials(staffed, "tel2501", "#45", "waiting-out")


def waiting(town: Town) -> list[str]:
    """The channels that wait in a queue now."""
    channels = Rest(wiring.ari(town.state)).ask("GET", "channels")
    return [channel["id"] for channel in channels if channel["dialplan"]["app_name"] == "Queue"]


def sound(town: Town, name: str) -> Sound:
    """One of Asterisk's own sounds, in German."""
    return read_sound(town.state.sounds / "de" / f"{name}.alaw")
