"""Real telephones on a real Asterisk: registering, ringing, talking, keys, tones, and ending whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from orchestrator.asterisk.package import Program, find
from orchestrator.phone.desk import Answers, Desk, LetsItRing, Refuses
from orchestrator.phone.errors import CallOver, NothingHappened, NotRegistered, NotStarted, PhoneError
from orchestrator.phone.events import Ended, Incoming, Registered
from orchestrator.phone.hearing import level, recognise, tone_bursts
from orchestrator.phone.sipp import run_sipp
from orchestrator.phone.sound import Sound, read_sound, write_wav
from orchestrator.phone.telephone import Line, Telephone
from tests.asterisk_instance_min import Exchange, compress, speak
from tests.side_by_side import always

GREETING = "Guten Tag. Sie sind mit der Stadtverwaltung verbunden. Bitte wählen Sie jetzt."
OTHER = "Alle Leitungen sind zur Zeit besetzt. Bitte rufen Sie später wieder an."
SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, kw_only=True)
class Town:
    """An exchange, two sentences, and ready-made telephones."""

    baresip: Program
    exchange: Exchange
    greeting: Sound
    other: Sound

    def citizen(self, number: str = "+4962051234", **options: object) -> Telephone:
        line = Line(number=number, name="Erika Müller", exchange=self.exchange.address)
        return Telephone(self.baresip, line, address="127.0.0.2", **options)  # type: ignore[arg-type]

    def tel2500(self, password: str = "secret-of-2500", **options: object) -> Telephone:
        line = Line(number="tel2500", password=password, registers=True, exchange=self.exchange.address)
        return Telephone(self.baresip, line, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("exchange")
    exchange = Exchange(folder / "asterisk")
    try:
        exchange.start()
        greeting, other = (speak(text, folder) for text in (GREETING, OTHER))
        write_wav(exchange.folder / "data/sounds/de/greeting.wav", greeting)
        yield Town(baresip=find("baresip"), exchange=exchange, greeting=greeting, other=other)
    finally:
        exchange.end()


@pytest.fixture
async def town(started: Town) -> AsyncIterator[Town]:
    """The town; after each test no channel may be left, nor any process of a telephone."""
    yield started
    for _ in range(60):
        if not started.exchange.channels():
            break
        await asyncio.sleep(0.1)  # where a telephone vanished without hanging up, the exchange goes on to the end
    assert started.exchange.channels() == 0
    assert processes() == []


def processes(parent: int | None = None) -> list[int]:
    """Telephones of this test process (or of another) that are still running."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            started_by = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if started_by == (parent or os.getpid()) and any(word.endswith(b"bin/baresip") for word in words):
                found.append(int(folder.name))
    return found


def runs(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


async def written(exchange: Exchange, text: str) -> bool:
    """Whether Asterisk writes this to its log within two seconds."""
    for _ in range(40):
        if text in exchange.log():
            return True
        await asyncio.sleep(0.05)
    return False


async def test_registers_and_takes_it_back(town: Town) -> None:
    async with town.tel2500() as phone:
        assert phone.events == [Registered()]
        async with town.citizen() as citizen:
            call = await citizen.dial("2500")
            await call.rings(within=2)
            await call.hang_up()
    async with town.citizen() as citizen:
        ended = await (await citizen.dial("2500")).ends(within=2)
        assert ended.by == "refused"
    assert await written(town.exchange, "DIAL CHANUNAVAIL")


async def test_wrong_password_is_told(town: Town) -> None:
    with pytest.raises(NotRegistered, match=r"tel2500: .* says 401"):
        async with town.tel2500(password="guessed"):
            pass


async def test_exchange_that_is_not_there_is_told(town: Town) -> None:
    line = Line(number="tel2500", password="x", registers=True, exchange="127.0.0.3:9")
    with pytest.raises(NotRegistered, match="tel2500"):
        async with Telephone(town.baresip, line):
            pass


@pytest.mark.parametrize("codec", always(["alaw", "g722"]))
async def test_two_people_talk(town: Town, codec: str) -> None:
    clerk = Desk(town.tel2500(codecs=(codec,)), Answers(after=0.5, says=town.other, talks=8))
    async with clerk, town.citizen(says=town.greeting, codecs=(codec,)) as citizen:
        call = await citizen.dial("2500")
        await call.rings(within=2)
        await call.answered(within=2)
        assert (await call.ends(within=12)).by == "them"
        assert call.rang_at is not None
        assert call.answered_at is not None
        assert call.ended_at is not None
        assert call.answered_at - call.rang_at == pytest.approx(0.5, abs=0.3)
        assert call.ended_at - call.answered_at == pytest.approx(8, abs=0.5)
        at_desk = clerk.calls[0]
        assert (at_desk.number, at_desk.name) == ("+4962051234", "Erika Müller")
        heard_by_citizen, heard_at_desk = await call.heard(), await at_desk.heard()
    assert heard_by_citizen.seconds == pytest.approx(8, abs=0.5)
    assert recognise(heard_by_citizen, town.other).recognised
    assert recognise(heard_at_desk, town.greeting).recognised
    assert not recognise(heard_by_citizen, town.greeting).recognised
    assert -30 < level(heard_by_citizen.part(0.5, 3)) < -10


async def test_busy_and_nobody_and_then_somebody(town: Town) -> None:
    async with Desk(town.tel2500(), Refuses()) as desk, town.citizen() as citizen:
        call = await citizen.dial("2500")
        assert await call.ends(within=3) == Ended(by="refused", code=486, text="486 Busy Here")
        assert await call.heard() == Sound()
        desk.habit = LetsItRing()
        call = await citizen.dial("2500")
        await call.rings(within=2)
        with pytest.raises(NothingHappened, match=r"call to 2500 \(ringing\): not answered within 1 s"):
            await call.answered(within=1)
        assert (await call.hang_up()).by == "us"
        assert (await desk.calls[-1].ends(within=2)).by == "them"
        desk.habit = Answers(after=0.1, talks=0.5)
        call = await citizen.dial("2500")
        await call.answered(within=2)
        assert (await call.ends(within=3)).by == "them"
        assert [event.number for event in desk.telephone.events if isinstance(event, Incoming)] == ["+4962051234"] * 3


async def test_nobody_answers_until_the_exchange_gives_up(town: Town) -> None:
    async with Desk(town.tel2500(), LetsItRing()), town.citizen() as citizen:
        call = await citizen.dial("2500")
        ended = await call.ends(within=10)
        assert ended.by == "refused"
        assert call.rang_at is not None
        assert call.answered_at is None
        with pytest.raises(CallOver, match="before it was answered"):
            await call.answered(within=1)
    assert await written(town.exchange, "DIAL NOANSWER")


async def test_one_call_at_a_time(town: Town) -> None:
    async with Desk(town.tel2500(), Answers(after=0)), town.citizen() as citizen, town.citizen("0815") as second:
        call = await citizen.dial("2500")
        await call.answered(within=2)
        with pytest.raises(PhoneError, match="is in a call already"):
            await citizen.dial("echo")
        assert (await (await second.dial("2500")).ends(within=2)).code == 486


async def test_unknown_number(town: Town) -> None:
    async with town.citizen() as citizen:
        call = await citizen.dial("999")
        assert (await call.ends(within=2)).code == 404
        with pytest.raises(CallOver):
            await call.press("1")


async def test_keys_arrive_in_order_and_once(town: Town) -> None:
    async with town.citizen() as citizen:
        call = await citizen.dial("keys")
        await call.answered(within=2)
        await call.press("1123*#4")
        await call.ends(within=7)
    assert await written(town.exchange, "KEYS 1123*#4")
    # Only keys by RFC 4733 have a begin and an end of their own.
    assert town.exchange.log().count("DTMF begin '1' received") == 2
    with pytest.raises(ValueError, match="not keys"):
        await call.press("12x")


async def test_prompt_is_heard_and_another_is_not(town: Town) -> None:
    async with town.citizen() as citizen:
        call = await citizen.dial("prompt")
        assert (await call.ends(within=15)).by == "them"
        heard = await call.heard()
        assert recognise(heard, town.greeting).share == 1.0
        assert recognise(heard, town.greeting).at < 0.5
        assert recognise(heard, town.other).share == 0.0


async def test_prompt_is_heard_as_far_as_it_was_listened_to(town: Town) -> None:
    async with town.citizen() as citizen:
        call = await citizen.dial("prompt")
        await call.answered(within=2)
        await call.stays(2.5)
        assert 1.5 < recognise(await call.heard(), town.greeting).seconds <= 2.75
        await call.hang_up()
        match = recognise(await call.heard(), town.greeting)
        assert not match.recognised
        assert match.seconds == pytest.approx(2.5, abs=0.5)


async def test_prompt_before_the_answer(town: Town) -> None:
    async with town.citizen() as citizen:
        call = await citizen.dial("early")
        await call.rings(within=2)
        assert call.early_audio
        assert (await call.ends(within=15)).code == 486
        assert recognise(await call.heard(), town.greeting).recognised


async def test_ringing_tone_is_heard(town: Town) -> None:
    async with Desk(town.tel2500(), Answers(after=6.5, talks=1)), town.citizen() as citizen:
        call = await citizen.dial("tone")
        await call.ends(within=12)
        bursts = tone_bursts(await call.heard())
    assert [end - start for start, end in bursts] == pytest.approx([1.0, 1.0], abs=0.1)
    assert bursts[1][0] - bursts[0][0] == pytest.approx(5.0, abs=0.1)


async def test_caller_speaks_when_it_is_time(town: Town) -> None:
    async with town.citizen() as citizen:
        call = await citizen.dial("record")
        await call.answered(within=2)
        await call.stays(1)
        await call.say(town.other)
        assert await call.stays(0.5)  # its own sound has ended, the call has not
        await call.hang_up()
        taken = town.exchange.folder / "taken.wav"
        await asyncio.sleep(0.3)
        match = recognise(read_sound(taken), town.other)
        assert match.recognised
        assert match.at == pytest.approx(1.0, abs=0.4)


async def test_call_of_the_test_line(town: Town) -> None:
    def line(password: str) -> Line:
        return Line(number="testcall", password=password, exchange=town.exchange.address)

    async with Telephone(town.baresip, line("secret-of-test")) as phone:
        assert (await (await phone.dial("1*1766656800")).ends(within=2)).by == "them"
    assert await written(town.exchange, "TEST 1*1766656800")
    async with Telephone(town.baresip, line("guessed")) as phone:
        assert (await (await phone.dial("1*1766656800")).ends(within=2)).code == 401


async def test_eight_citizens_at_once(town: Town) -> None:
    async def one(number: int) -> bool:
        async with town.citizen(f"+49620510{number}") as citizen:
            call = await citizen.dial("prompt")
            await call.ends(within=15)
            return recognise(await call.heard(), town.greeting).recognised

    async with asyncio.timeout(20):
        assert await asyncio.gather(*map(one, range(8))) == [True] * 8


async def test_nothing_is_left_of_a_telephone(town: Town) -> None:
    for leave in (leave_by_error, leave_by_cancelling):
        phone = town.citizen()
        folder = await leave(phone)
        assert processes() == []
        assert not folder.exists()
        with pytest.raises(NotStarted):
            await phone.dial("echo")


async def leave_by_error(phone: Telephone) -> Path:
    async def talk() -> None:
        async with phone:
            await (await phone.dial("echo")).answered(within=2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await talk()
    assert phone.calls[0].ended is not None
    return phone.calls[0].recording.parent


async def leave_by_cancelling(phone: Telephone) -> Path:
    async def talk() -> None:
        async with phone:
            await (await phone.dial("echo")).ends(within=60)

    task = asyncio.create_task(talk())
    while not phone.calls or phone.calls[0].answered_at is None:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    return phone.calls[0].recording.parent


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
async def test_telephone_that_breaks_is_told_and_removed(town: Town, signum: signal.Signals) -> None:
    async with town.citizen() as citizen:
        call = await citizen.dial("brief")
        await call.answered(within=2)
        os.kill(processes()[0], signum)
        if signum == signal.SIGKILL:
            assert (await call.ends(within=2)).by == "fault"
        with pytest.raises(PhoneError):
            await citizen.dial("prompt") if signum == signal.SIGKILL else await call.press("1")


KILLED = """
import asyncio, sys
from orchestrator.asterisk.package import find
from orchestrator.phone.telephone import Line, Telephone

async def talk():
    async with Telephone(find("baresip"), Line(number="1", exchange="127.0.0.1:9")) as phone:
        print(phone.log(), flush=True)
        await asyncio.sleep(60)

asyncio.run(talk())
"""


async def test_no_telephone_outlives_who_held_it(town: Town, tmp_path: Path) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, stdout=asyncio.subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert holder.stdout is not None
    async with asyncio.timeout(5):
        while b"baresip is ready" not in await holder.stdout.readline():
            pass
    assert len(processes(holder.pid)) == 1
    (telephone,) = processes(holder.pid)
    holder.kill()
    await holder.wait()
    for _ in range(40):
        if not runs(telephone):
            break
        await asyncio.sleep(0.05)
    assert not runs(telephone)


async def test_program_ends_by_itself_when_its_time_is_over(town: Town) -> None:
    async with town.citizen(lifetime=1.0) as citizen:
        call = await citizen.dial("echo")
        assert (await call.ends(within=3)).by in ("us", "fault")
        with pytest.raises(NotStarted):
            await citizen.incoming(within=3)


async def test_what_does_not_start_says_why(town: Town, tmp_path: Path) -> None:
    lines = Line(number="1", exchange="127.0.0.1:9")
    for argv in ("/nonexistent/baresip", "/bin/false"):
        with pytest.raises(NotStarted, match=r"cannot be started|did not start"):
            async with Telephone(replace(town.baresip, argv=(argv,)), lines):
                pass
    with pytest.raises(NotStarted, match="ctrl_tcp"):
        async with Telephone(replace(town.baresip, root=tmp_path), lines):
            pass


async def test_sipp_caller_with_a_voice(town: Town, tmp_path: Path) -> None:
    (tmp_path / "voice.alaw").write_bytes(bytes(map(compress, town.greeting.samples)))
    run = await run_sipp(find("sipp"), SCENARIOS / "caller.xml", address="127.0.0.2",
                         exchange=town.exchange.address, number="record", audio=tmp_path / "voice.alaw")  # fmt: skip
    assert (run.succeeded, run.failed) == (1, 0), run.errors
    await asyncio.sleep(0.3)
    assert recognise(read_sound(town.exchange.folder / "taken.wav"), town.greeting).seconds > 2.5
    run = await run_sipp(find("sipp"), SCENARIOS / "caller.xml", address="127.0.0.2",
                         exchange=town.exchange.address, number="999", audio=tmp_path / "voice.alaw")  # fmt: skip
    assert (run.succeeded, run.failed) == (0, 1)
    assert "404" in run.errors
