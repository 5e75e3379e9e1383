"""What is left of the mailbox by telephone without Python: VoiceMailMain(), in German, with the PINs of the spool."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator

import pytest

from orchestrator.asterisk.voicemail import pins_changed
from orchestrator.compile import sounds, speech
from orchestrator.messages.mailbox import Spool
from orchestrator.messages.pins import Pins
from orchestrator.phone.call import Call
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import read_sound
from orchestrator.service import wiring
from orchestrator.service.running import connected
from tests.mailbox_line import NUMBER, PUBLIC, Mailbox, becomes, running_mailbox, visiting
from tests.running_town import until

OLD, NEW, NEWEST = "471183", "582946", "903174"
IN_A_BOX = "vm-youhave"
"""What is said first to somebody who is in a box."""


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with running_mailbox(tmp_path_factory.mktemp("n")) as running:
        # The package's own is in a format that is not read here; another one for German alone is told apart from all.
        state = running.town.state
        samples, rate = speech.speak(wiring.voice(state), "Der Anrufbeantworter hat für Sie", "de")
        marked = state.sounds / "de" / IN_A_BOX
        sounds.store(samples, rate, marked)
        yield running


@pytest.fixture
def mailbox(exchange: Mailbox) -> Iterator[Mailbox]:
    exchange.whole()
    yield exchange
    until(lambda: not exchange.town.left(), 20)
    exchange.whole()


def pins(mailbox: Mailbox) -> Pins:
    return Pins(Spool(mailbox.town.state.spool), wiring.secrets(mailbox.town.state).pin)


async def changed(mailbox: Mailbox, box: str, pin: str) -> None:
    """As control does it."""
    state = mailbox.town.state
    pins(mailbox).change(box, pin)
    async with connected(state) as running:
        assert running
        await pins_changed(running.ami, state.current / "asterisk" / "voicemail.conf")


async def opens(mailbox: Mailbox, call: Call, limit: float = 25.0) -> bool:
    """Whether the caller hears, in German, how many messages a box has."""
    sound = read_sound(mailbox.town.state.sounds / "de" / f"{IN_A_BOX}.alaw")
    deadline = time.monotonic() + limit
    while call.ended is None and time.monotonic() < deadline:
        await call.stays(2.0)
        if recognise(await call.heard(), sound).share > 0.9:
            return True
    return False


async def logs_in(call: Call, box: str, pin: str) -> None:
    await call.answered(within=10)
    await call.stays(1.0)
    await call.press(f"{box}#")
    await call.stays(1.0)
    await call.press(f"{pin}#")


@pytest.mark.parametrize("gone", ["attend", "control"])
async def test_the_own_desk_is_served_natively(mailbox: Mailbox, gone: str) -> None:
    since = time.time() - 1
    mailbox.town.end(gone)
    async with mailbox.desk() as telephone:
        call = await telephone.dial(NUMBER)
        await call.answered(within=10)
        assert await opens(mailbox, call), "the box did not open, or not in German"
        await call.hang_up()
    mailbox.whole()
    await mailbox.journey(NUMBER, "served", since)


@pytest.mark.parametrize("gone", ["attend", "control"])
async def test_from_outside_nobody_guesses_where_nothing_counts_it(mailbox: Mailbox, gone: str) -> None:
    since = time.time() - 1
    mailbox.town.end(gone)
    async with mailbox.citizen() as telephone:
        call = await telephone.dial(PUBLIC)
        await call.answered(within=10)
        assert await call.ends(within=60), "VoiceMailMain() asks for box and PIN"
        heard = await call.heard()
        assert recognise(heard, mailbox.town.prompt("mailbox_unreachable", "de")).share > 0.9
    mailbox.whole()
    await mailbox.journey(PUBLIC, "told", since)


async def test_control_that_dies_in_a_call_leaves_the_caller_to_the_native_box(mailbox: Mailbox) -> None:
    async with mailbox.desk() as telephone, visiting(mailbox, telephone, NUMBER) as visit:
        await visit.press("1")
        await visit.in_turn(2)
        mailbox.town.end("control", signal.SIGKILL)
        await visit.press("1")
        assert await opens(mailbox, visit.call)


@pytest.mark.long
async def test_a_pin_that_we_change_counts_natively_and_the_other_way_round(mailbox: Mailbox) -> None:
    await changed(mailbox, "2500", OLD)
    await changed(mailbox, "2500", NEW)
    mailbox.town.end("control")
    mailbox.town.end("attend")
    async with mailbox.desk("tel10") as telephone:
        call = await telephone.dial(NUMBER)
        await logs_in(call, "2500", NEW)
        assert await opens(mailbox, call), "our PIN is refused"
        for keys in ("0", "5", f"{NEWEST}#", f"{NEWEST}#"):
            await call.press(keys)
            await call.stays(2.0)
        await becomes(lambda: pins(mailbox).right("2500", NEWEST), 10)
        assert not pins(mailbox).right("2500", NEW)
        await call.hang_up()
    async with mailbox.desk("tel10") as telephone:
        call = await telephone.dial(NUMBER)
        await logs_in(call, "2500", OLD)
        assert not await opens(mailbox, call, 10.0), "a PIN that was changed opens the box"
        await call.hang_up()
    journal = mailbox.town.state.journal.read_text()
    assert "PLACE" in journal
    assert "DTMF" not in journal, "the journal holds the keys of PINs"


@pytest.mark.long
async def test_three_wrong_pins_end_the_call(mailbox: Mailbox) -> None:
    mailbox.town.end("attend")
    async with mailbox.desk("tel10") as telephone:
        call = await telephone.dial(NUMBER)
        await logs_in(call, "3501", "000001")
        for _ in range(2):
            await call.stays(3.0)
            await call.press("3501#")
            await call.stays(1.0)
            await call.press("000001#")
        ended = await call.ends(within=60)
        assert ended


async def test_nothing_is_dialled_out_of_a_box(mailbox: Mailbox) -> None:
    """No key of VoiceMailMain() leads out: it has no context to dial in."""
    text = (mailbox.town.state.current / "asterisk" / "voicemail.conf").read_text()
    assert not re.search(r"^\s*(dialout|callback|exitcontext)\s*=", text, re.MULTILINE)
    assert "\nsendvoicemail = no\n" in text
    assert not _options(text) & {"dialout", "callback", "exitcontext", "sendvoicemail"}


def _options(text: str) -> set[str]:
    lines = [line.rpartition(",")[2] for line in text.splitlines() if "=>" in line]
    return {option.partition("=")[0] for line in lines for option in line.split("|")}
