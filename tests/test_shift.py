"""The shift's parent on a real Asterisk: start, drain, rescue, and an Asterisk that comes and goes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestrator.apps.rescue import Rescue
from orchestrator.apps.slot import Slot
from orchestrator.asterisk.errors import refusal
from orchestrator.asterisk.rest import Rest
from orchestrator.asterisk.transport import websocket
from tests.asterisk_instance import Instance
from tests.citizens import Citizens
from tests.exchanges import ATTEND, SOUNDS, dialplan
from tests.journeys import journeys, written
from tests.sounds import tone
from tests.staff import Staff

DESK = ["PLACE test.desk", "ANSWER test.desk=talked"]


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """Not started yet."""
    lasts = {**SOUNDS, "short": 8.0}
    sounds = {f"{name}.wav": tone(tmp_path / f"{name}.wav", seconds) for name, seconds in lasts.items()}
    return Instance(tmp_path, dialplan(), sounds)


@asynccontextmanager
async def at_work(instance: Instance, workers: int = 2) -> AsyncIterator[Staff]:
    """A shift at work, and nothing left of it afterwards."""
    door = {**ATTEND["places"]["test.door"], "seconds": {"de": 8.0}}
    staff = Staff(instance, {**ATTEND["places"], "test.door": door}, workers)
    staff.begin()
    try:
        yield staff
        staff.end()
    finally:
        staff.kill_parent()
        instance.kill()


async def marks(instance: Instance, line: str) -> list[str]:
    """The journal of a caller whose call is over."""
    return [str(mark) for mark in (await written(instance.journal, [line])).get(line, [])]


async def until(limit: float, fulfilled: object) -> None:
    """Wait until `fulfilled()` is true; TimeoutError if it is not within `limit` seconds."""
    assert callable(fulfilled)
    async with asyncio.timeout(limit):
        while not fulfilled():
            await asyncio.sleep(0.02)


async def over(citizens: Citizens, name: str) -> None:
    async with asyncio.timeout(10):
        await citizens.over[name].wait()


def told(instance: Instance) -> object:
    found = instance.get("asterisk/variable?variable=ATTENDANTS")
    assert isinstance(found, dict)
    return found["value"]


async def test_draining_sends_callers_back_and_leaves_none(instance: Instance) -> None:
    instance.start()
    async with at_work(instance) as staff:
        await staff.ready()
        assert told(instance) == "2"
        async with Citizens(websocket(instance.address)) as citizens:
            line = await citizens.call("drained", "test.door")
            await asyncio.sleep(0.5)
            began = time.monotonic()
            await asyncio.to_thread(staff.end)
            assert time.monotonic() - began < 1.5
            assert told(instance) == "0"
            await asyncio.sleep(0.3)
            await citizens.press("drained", "1")
            await over(citizens, "drained")
        assert await marks(instance, line) == ["PLACE test.door", "PLACE test.door", "ANSWER test.door=key_1", *DESK]
        instance.assert_empty()


async def test_a_worker_that_hangs_while_the_parent_dies_is_ended_by_the_next_shift(instance: Instance) -> None:
    instance.start()
    async with at_work(instance) as staff:
        await staff.ready()
        hung, well = staff.workers()
        staff.stop_one()
        staff.kill_parent()
        await until(5, lambda: gone(well))
        assert not gone(hung)
        staff.begin()
        await staff.ready()
        assert gone(hung)
        assert len(staff.workers()) == 2
        instance.assert_empty()


def gone(pid: int) -> bool:
    """Whether a process has ended, whoever waits for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_an_asterisk_that_comes_late_and_comes_again(instance: Instance) -> None:
    async with at_work(instance) as staff:
        await asyncio.sleep(1.0)
        for name in ("late", "again"):
            instance.start()
            await until(10, lambda: staff.status().get("up") == 2)
            await until(4, lambda: told(instance) == "2")
            async with Citizens(websocket(instance.address)) as citizens:
                line = await citizens.call(name, "test.door")
                await asyncio.sleep(0.3)
                await citizens.press(name, "1")
                await over(citizens, name)
            assert (await marks(instance, line))[-4:] == ["PLACE test.door", "ANSWER test.door=key_1", *DESK]
            instance.kill()
            await until(5, lambda: staff.status()["up"] == 0 and not staff.status()["asterisk"])
        assert staff.status()["restarts"] == 0


def holder(instance: Instance, line: str) -> int | None:
    """The slot of the attendant who has a caller."""
    found = instance.get("applications")
    assert isinstance(found, list)
    having = [app["name"] for app in found if line in app["channel_ids"] and app["name"].startswith("attendant-")]
    return int(having[0].removeprefix("attendant-")) if having else None


async def test_the_second_rescue_from_one_place_is_native(instance: Instance) -> None:
    """A step that kills its attendants must not kill them all."""
    instance.start()
    async with at_work(instance) as staff:
        await staff.ready()
        async with Citizens(websocket(instance.address)) as citizens:
            line = await citizens.call("twice", "test.door")
            await until(2, lambda: holder(instance, line))
            await asyncio.sleep(0.5)
            first = holder(instance, line)
            assert first
            os.kill(staff.workers()[first - 1], signal.SIGKILL)
            await until(2, lambda: holder(instance, line) not in {None, first})
            await asyncio.sleep(0.5)
            os.kill(staff.workers()[2 - first], signal.SIGKILL)
            await until(2, lambda: staff.status()["rescued"] == 2)
            await staff.ready()
            assert holder(instance, line) is None
            await citizens.press("twice", "1")
            await over(citizens, "twice")
        assert await marks(instance, line) == ["PLACE test.door", "PLACE test.door", "ANSWER test.door=key_1", *DESK]
        assert staff.status()["restarts"] == 2


async def test_a_shift_that_finds_callers_of_an_earlier_one_rescues_them(instance: Instance) -> None:
    instance.start()
    async with at_work(instance) as staff:
        await staff.ready()
        async with Citizens(websocket(instance.address)) as citizens:
            line = await citizens.call("found", "test.door")
            await until(2, lambda: holder(instance, line))
            staff.kill_all()
            await asyncio.sleep(0.3)
            assert holder(instance, line)
            staff.begin()
            await until(3, lambda: len(journeys(instance.journal)[line]) == 2)  # long before its deadline
            await asyncio.sleep(0.5)
            await citizens.press("found", "1")
            await over(citizens, "found")
        assert await marks(instance, line) == ["PLACE test.door", "PLACE test.door", "ANSWER test.door=key_1", *DESK]


def test_a_worker_that_cannot_be_started_is_tried_later(tmp_path: Path) -> None:
    """No memory, no descriptors: the parent of the shift must outlive it."""
    slot = Slot(1, (str(tmp_path / "missing"),), {})
    before = len(os.listdir("/proc/self/fd"))
    slot.start_if_due(100.0)
    assert slot.pid is None
    assert slot.pulse is None
    assert len(os.listdir("/proc/self/fd")) == before
    assert slot.lost(101.0) is None


@pytest.mark.parametrize(
    ("status", "ways"),
    [(404, ["resume", "native", None]), (409, ["resume"])],
    ids=["a place that is no more", "a caller who has gone on"],
)
def test_callers_are_sent_back_by_what_the_dialplan_has(status: int, ways: list[str | None]) -> None:
    tried: list[str | None] = []

    class Refusing(Rest):
        """Answers every `continue` with `status`."""

        def __init__(self) -> None:
            pass

        def ask(self, method: str, *path: str, **query: str) -> object:
            if path[0] == "applications":
                return {"channel_ids": [] if tried else ["caller"]}
            if method == "POST":
                tried.append(query.get("label"))
                raise refusal(status=status, reason="No", asked="")
            return {"dialplan": {"context": "flow-test", "exten": "door"}}

    Rescue(Refusing()).callers_of("attendant-1")
    assert tried == ways


def test_one_odd_reply_does_not_stop_the_rescue_of_the_others() -> None:
    sent = []

    class Odd(Rest):
        """Answers 500 for one channel, as Asterisk does when it is short of memory."""

        def __init__(self) -> None:
            pass

        def ask(self, method: str, *path: str, **query: str) -> object:
            if path[0] == "applications":
                return {"channel_ids": [] if sent else ["first", "second"]}
            if path[1] == "first":
                raise refusal(status=500, reason="Internal Server Error", asked="")
            if method == "POST":
                sent.append(path[1])
            return {"dialplan": {"context": "flow-test", "exten": "door"}}

    assert Rescue(Odd()).callers_of("attendant-1") == 2
    assert sent == ["second"]
