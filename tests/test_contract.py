"""The contract with Asterisk: what we rely on, tried on the fake exchange and on the original alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.asterisk.errors import NOT_THERE, AlreadyOver
from orchestrator.asterisk.events import Arrived, Departed, KeyPressed, Offered, PlaybackEnded
from tests.asterisk_instance import Instance
from tests.citizens import Citizens
from tests.exchange.line import Delays
from tests.exchanges import DEADLINE, SOUNDS, WAIT, Exchange, Run, asterisk, run_fake, run_real, write_attend
from tests.probe import Probe

EXCHANGES = ("fake", "fake, events first", "fake, replies first", "asterisk")
DELAYS = {
    "fake": Delays(),
    "fake, events first": Delays(reply=0.03, event=0.002),
    "fake, replies first": Delays(reply=0.002, event=0.03),
}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with asterisk(tmp_path_factory.mktemp("asterisk")) as running:
        yield running


@pytest.fixture(params=EXCHANGES)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    attend = write_attend(tmp_path)
    if request.param == "asterisk":
        return run_real(request.getfixturevalue("instance"), attend)
    return run_fake(attend, DELAYS[request.param])


async def at_the_door(citizens: Citizens, probe: Probe, name: str) -> str:
    """A citizen rings, and `probe` has claimed them."""
    line = await citizens.call(name, "test.door")
    await probe.hears(Offered)
    await probe.ari.claim(line)
    await probe.hears(Arrived)
    return line


async def go_on(probe: Probe, line: str, extension: str) -> None:
    await probe.ari.go_on(line, context="flow-test", extension=extension)


async def over(citizens: Citizens, name: str) -> None:
    async with asyncio.timeout(8):
        await citizens.over[name].wait()


def now() -> float:
    return asyncio.get_running_loop().time()


def test_the_first_claim_wins_and_the_other_hears_so(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as one, Probe(exchange.dial, "attendant-2") as two:
            line = await citizens.call("claimed", "test.door")
            await one.hears(Offered)
            await two.hears(Offered)
            await one.ari.claim(line)
            await one.hears(Arrived)
            with pytest.raises(AlreadyOver):
                await two.ari.claim(line)
            arrived = one.all(Arrived)[0]
            assert isinstance(arrived, Arrived)
            assert arrived.arguments == ("test.door", "", "1")
            assert (arrived.channel.context, arrived.channel.extension) == ("flow-test", "door")
            assert arrived.channel.language == "de"
            assert not two.all(Arrived)
            await go_on(one, line, "door=key_1")
            await over(citizens, "claimed")
            assert await exchange.marks(line) == [
                "PLACE test.door",
                "ANSWER test.door=key_1",
                "PLACE test.desk",
                "ANSWER test.desk=talked",
            ]

    run(scenario)


def test_an_offer_that_nobody_claims_is_withdrawn(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await citizens.call("unclaimed", "test.door")
            await probe.hears(Offered)
            await asyncio.sleep(0.5)
            with pytest.raises(AlreadyOver):
                await probe.ari.claim(line)
            await citizens.press("unclaimed", "1")
            await over(citizens, "unclaimed")
            assert (await exchange.marks(line))[:2] == ["PLACE test.door", "ANSWER test.door=key_1"]

    run(scenario)


def test_leaving_waits_behind_a_playback_unless_that_is_stopped(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "patient")
            await probe.ari.play(line, f"{line}-1", ["sound:short"])
            began = now()
            await go_on(probe, line, "door")  # answered at once, obeyed later
            assert await probe.hears(Departed) - began > SOUNDS["short"] - 0.2
            await probe.hears(Offered, times=2)
            await probe.ari.claim(line)
            await probe.hears(Arrived, times=2)
            await probe.ari.play(line, f"{line}-1", ["sound:short"])  # the same id serves again
            began = now()
            probe.ari.stop(f"{line}-1")
            await go_on(probe, line, "door=key_1")
            assert await probe.hears(Departed, times=2) - began < 0.4
            assert len(probe.all(PlaybackEnded)) == 2
            await over(citizens, "patient")

    run(scenario)


def test_moving_waits_behind_a_playback_too(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as one, Probe(exchange.dial, "attendant-2") as two:
            line = await at_the_door(citizens, one, "moved")
            await one.ari.play(line, f"{line}-1", ["sound:short"])
            began = now()
            await one.connection.request("POST", f"channels/{line}/move", [("app", "attendant-2")])
            assert await two.hears(Arrived) - began > SOUNDS["short"] - 0.2
            await go_on(two, line, "door=key_1")
            await over(citizens, "moved")

    run(scenario)


async def ask_on(probe: Probe, line: str) -> None:
    """Ask for a channel until there is an error: it is gone a moment after it is told."""
    async with asyncio.timeout(2):
        while True:
            await probe.ari.channel(line)
            await asyncio.sleep(0.05)


def test_what_has_ended_is_answered_with_no(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "over")
            await probe.ari.play(line, f"{line}-1", ["sound:brief"])
            await probe.hears(PlaybackEnded)
            await asyncio.sleep(0.2)  # it is told a moment before it is gone
            with pytest.raises(AlreadyOver):
                await probe.ari.stop(f"{line}-1")
            await go_on(probe, line, "door=key_1")
            await probe.hears(Departed)
            with pytest.raises(AlreadyOver) as gone_on:
                await probe.ari.play(line, f"{line}-2", ["sound:brief"])
            assert gone_on.value.status in {404, 409}
            await over(citizens, "over")
            with pytest.raises(AlreadyOver) as hung_up:
                await ask_on(probe, line)
            assert hung_up.value.status == 404

    run(scenario)


def test_a_hangup_ends_the_visit_and_what_plays(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "leaver")
            await probe.ari.play(line, f"{line}-1", ["sound:short"])
            began = now()
            await citizens.hang_up("leaver")
            assert await probe.hears(Departed) - began < 0.5
            await probe.hears(PlaybackEnded)
            with pytest.raises(AlreadyOver):
                await probe.ari.stop(f"{line}-1")
            assert await exchange.marks(line) == ["PLACE test.door"]

    run(scenario)


def test_keys_are_heard_while_something_plays(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "typist")
            await probe.ari.play(line, f"{line}-1", ["sound:short"])
            for key in "7*#":
                await citizens.press("typist", key)
            await probe.hears(KeyPressed, times=3)
            assert [event.key for event in probe.all(KeyPressed) if isinstance(event, KeyPressed)] == ["7", "*", "#"]
            await citizens.hang_up("typist")
            await probe.hears(Departed)

    run(scenario)


def test_several_sounds_are_one_playback(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "listener")
            began = now()
            await probe.ari.play(line, f"{line}-1", ["sound:brief", "sound:brief", "sound:brief"])
            assert await probe.hears(PlaybackEnded) - began > 2.5 * SOUNDS["brief"]
            await probe.ari.play(line, f"{line}-2", ["sound:short", "sound:short", "sound:short"])
            began = now()
            probe.ari.stop(f"{line}-2")
            await go_on(probe, line, "door=key_1")
            assert await probe.hears(Departed) - began < 0.5
            assert len(probe.all(PlaybackEnded)) == 2
            await over(citizens, "listener")

    run(scenario)


def test_an_unknown_answer_lands_at_the_same_place_natively(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "stranger")
            await go_on(probe, line, "door=renamed")
            await probe.hears(Departed)
            await asyncio.sleep(0.3)
            await citizens.press("stranger", "1")
            await over(citizens, "stranger")
            marks = await exchange.marks(line)
            assert marks[:3] == ["PLACE test.door", "NOTE unknown door=renamed", "ANSWER test.door=key_1"]

    run(scenario)


def test_native_is_a_label_that_one_can_go_on_at(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "native")
            await probe.ari.go_on(line, context="flow-test", extension="door", label="native")
            await probe.hears(Departed)
            await asyncio.sleep(0.3)
            await citizens.press("native", "2")
            await probe.hears(Offered, times=2)
            await probe.ari.claim(line)
            await probe.hears(Arrived, times=2)
            await go_on(probe, line, "hall=said")
            await over(citizens, "native")
            assert (await exchange.marks(line))[:3] == ["PLACE test.door", "ANSWER test.door=key_2", "PLACE test.hall"]

    run(scenario)


def attempts(probe: Probe) -> list[str]:
    """The try in which each caller came."""
    return [event.arguments[2] for event in probe.all(Arrived) if isinstance(event, Arrived)]


async def again(probe: Probe, line: str, label: str, times: int) -> None:
    """Send a caller back to the door at `label`, and claim them once more, for the time number `times`."""
    await probe.ari.go_on(line, context="flow-test", extension="door", label=label)
    await probe.hears(Offered, times=times)
    await probe.ari.claim(line)
    await probe.hears(Arrived, times=times)


def test_the_dialplan_counts_the_tries_of_a_menu(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "slow")
            for times, label in enumerate(["next", "resume", "next"], 2):
                await again(probe, line, label, times)
            assert attempts(probe) == ["1", "2", "2", "3"]
            await probe.ari.go_on(line, context="flow-test", extension="door", label="next")
            await over(citizens, "slow")
            door = ["PLACE test.door", "PLACE test.door", "ANSWER test.door=gave_up"]
            assert (await exchange.marks(line))[:3] == door  # `resume` is the place again, `next` is in it

    run(scenario)


def test_a_deadline_is_for_one_try_and_the_native_part_goes_on_counting(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "overdue")
            began = now()
            await asyncio.sleep(2)
            await again(probe, line, "next", 2)
            took = await probe.hears(Departed, times=2, within=8) - began
            assert 2 + DEADLINE - 0.2 < took < 2 + DEADLINE + 1.5
            began = now()
            await over(citizens, "overdue")
            two_tries = 2 * (SOUNDS["short"] + WAIT)  # the second again, and the third
            assert two_tries < now() - began < two_tries + 1.2
            marks = ["PLACE test.door", "NOTE deadline", "ANSWER test.door=gave_up"]
            assert (await exchange.marks(line))[:3] == marks

    run(scenario)


def test_a_caller_stays_who_is_sent_to_a_label_that_there_is_none_of(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as probe:
            line = await at_the_door(citizens, probe, "stays")
            for extension, label in (("door", "renamed"), ("renamed", "native")):
                with pytest.raises(AlreadyOver) as refused:
                    await probe.ari.go_on(line, context="flow-test", extension=extension, label=label)
                assert refused.value.status == NOT_THERE
            assert await probe.ari.my_channels() == (line,)
            await go_on(probe, line, "door=key_1")
            await over(citizens, "stays")

    run(scenario)


def test_a_caller_stays_with_a_line_that_is_gone(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as gone:
            line = await at_the_door(citizens, gone, "orphan")
        async with Probe(exchange.dial, "attendant-1") as again:
            assert await again.ari.my_channels() == (line,)
            await asyncio.sleep(0.2)
            assert not again.heard  # nothing is told again
            found = await again.ari.channel(line)
            await again.ari.go_on(line, context=found.context, extension=f"{found.extension}=key_1")
            await over(citizens, "orphan")

    run(scenario)


def test_a_second_line_under_one_name_takes_it_from_the_first(run: Run) -> None:
    async def scenario(exchange: Exchange, citizens: Citizens) -> None:
        async with Probe(exchange.dial, "attendant-1") as first:
            second = await exchange.dial("attendant-1")
            async with asyncio.timeout(3):
                while first.connection.connected:
                    await asyncio.sleep(0.01)
                while not first.connection.connected:  # it comes back by itself
                    await asyncio.sleep(0.01)
            await second.close()
            assert first.connects == 2

    run(scenario)
