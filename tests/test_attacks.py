"""What somebody tries who wants calls at the town's cost, or harm: on a real Asterisk, with real telephones.

Attendants are down from the beginning on: what counts is the dialplan.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from orchestrator.compile import completion
from orchestrator.phone.call import Call
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import present, rollout, switching, wiring
from orchestrator.service.history import Past
from orchestrator.store.database import brief
from orchestrator.store.load import save
from tests.attack_town import attack_town, attacked, provider
from tests.console import console
from tests.putting_through import BACK, PIN, Desks
from tests.running_town import CITIZEN, until
from tests.side_by_side import always
from tests.sip_line import register
from tests.test_entries import INVITE, SDP, _sends_on
from tests.test_rooms import dials
from tests.towns import MONDAY_10

MOBILE, PREMIUM = "001701234567", "00900123456"
"""As they are dialled at a desk."""


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    with attacked(tmp_path_factory.mktemp("a")) as desks:
        yield desks


async def talking(telephone: Telephone, citizen: Call) -> Call:
    """The phone picks up, and the two talk."""
    call = await telephone.incoming(within=10)
    await call.answer()
    assert await citizen.stays(0.5)
    return call


@pytest.mark.parametrize("contact", always(["PJSIP/0900123456%40trunk-amt", "00900123456"]))
async def test_who_is_told_where_they_parked_cannot_send_that_call_on(desks: Desks, contact: str) -> None:
    """302 to the announcement, whose call nobody has dialled: no permission would be asked."""
    host, port = desks.town.exchange.split(":")
    async with provider(desks) as far, desks.line("tel2500") as puts, desks.citizen("2500") as (citizen, _):
        await talking(puts, citizen)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.connect((host, int(port)))
            line.settimeout(8)
            await asyncio.to_thread(register, desks.town, line, "tel2500", expires=60)
            thread = threading.Thread(target=_sends_on, args=(line, contact))
            thread.start()
            await desks.transfer(puts, "*70")
            await asyncio.to_thread(thread.join, 10)
            await asyncio.sleep(2)
        await citizen.hang_up()
        assert far.called == []


@pytest.mark.parametrize("contact", always(["PJSIP/0900123456%40trunk-amt", "00900123456"]))
async def test_who_is_called_back_when_somebody_is_free_cannot_send_that_call_on(desks: Desks, contact: str) -> None:
    """302 to the call of call completion: it is over, and so is the wish."""
    host, port = desks.town.exchange.split(":")
    async with provider(desks) as far, desks.line("tel2600") as other:
        async with desks.line("tel2500") as asks:
            call = await asks.dial("2600")
            await other.incoming(within=10)
            await call.hang_up()
            await (await asks.dial("*37#")).ends(within=15)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.connect((host, int(port)))
            line.settimeout(20)
            await asyncio.to_thread(register, desks.town, line, "tel2500", expires=60)
            thread = threading.Thread(target=_sends_on, args=(line, contact))
            thread.start()
            talks = await other.dial("3901")
            await talks.answered(within=5)
            await asyncio.sleep(3)
            await talks.hang_up()
            await asyncio.to_thread(thread.join, 20)
            await asyncio.sleep(2)
        wishes = await asyncio.to_thread(console, desks.town, f"database show {completion.WISHES}")
        assert (far.called, "tel2500" in wishes) == ([], False)


async def test_who_picks_a_call_up_puts_it_through_with_their_own_permission(desks: Desks) -> None:
    """2600 may call mobile phones, the colleague who picks up there may not."""
    async with provider(desks) as far, desks.line("tel2600") as rings, desks.line("tel2500") as picks:
        async with desks.citizen("2600") as (citizen, shown):
            await rings.incoming(within=10)
            picked = await picks.dial("**2600")
            await picked.answered(within=5)
            await citizen.stays(0.5)
            await desks.transfer(picks, MOBILE)
            again = await picks.incoming(within=5)
            assert again.number == shown
            await citizen.hang_up()
        assert far.called == []


async def test_whom_a_phone_may_not_put_through_comes_back_to_it(desks: Desks) -> None:
    """And hears nothing of permissions: it is no affair of theirs."""
    async with provider(desks) as far, desks.line("tel2500") as puts, desks.citizen("2500") as (citizen, shown):
        await talking(puts, citizen)
        await desks.transfer(puts, PREMIUM)
        again = await puts.incoming(within=5)
        assert (again.name, again.number) == ("zurück: 0", shown)
        await again.answer()
        assert await citizen.stays(0.5)
        await again.hang_up()
        await citizen.ends(within=5)
        assert far.called == []
        told = read_sound(desks.town.state.sounds / "de" / "not-allowed.alaw")
        assert not recognise(await citizen.heard(), told).recognised
    past = await desks.past(shown)
    assert past.way.endswith("n_2500.ring=talked, outside.refused=back")
    assert (past.outcome, past.unexpected) == ("answered", "")


@pytest.mark.parametrize("status", always([503, 486]))
async def test_who_is_put_through_to_the_outside_and_not_taken_comes_back_then_goes_on(
    desks: Desks, status: int
) -> None:
    async with provider(desks) as far, desks.line("tel2600") as puts, desks.citizen("2600") as (citizen, shown):
        far.status = status
        await talking(puts, citizen)
        await desks.transfer(puts, MOBILE)
        again = await puts.incoming(within=10)
        assert (again.name, again.number) == (f"zurück: {MOBILE[1:]}", shown)
        assert [number for number, _ in far.called] == [MOBILE[1:]]
        assert "tel2600" not in console(desks.town, "group show channels")
        await citizen.stays(BACK + 3)
        assert citizen.ended is None, "nobody picked up there either: not left alone"
        await citizen.hang_up()
    past = await desks.past(shown)
    said = "busy" if status == 486 else "failed"
    assert f"n_2600.ring=talked, outside.outside={said}, town." in past.way
    assert (past.outcome, past.unexpected) == ("answered", "")


async def test_a_forwarding_ends_with_the_permission(desks: Desks) -> None:
    """What the phone may is asked when the call comes: it was allowed once, and nobody has told the forwarding."""
    town = desks.town
    await switching.forward(town.state, "2700", "+491701234567", why="Dienstreise")
    try:
        async with provider(desks) as far:
            async with desks.citizen("2700") as (citizen, _):
                await asyncio.to_thread(until, lambda: len(far.called) == 1, 10)
                await citizen.ends(within=5)
            town.end("control")  # nobody corrects what stands in Asterisk's database
            await applied(desks, {"tel2700": "town"})
            async with desks.citizen("2700") as (citizen, _):
                await citizen.stays(3)
                assert citizen.ended is None, "the office has the call"
                await citizen.hang_up()
            assert len(far.called) == 1
    finally:
        await applied(desks, {})
        if "control" not in town.processes:
            town.begin("control")
        await present.remove(town.state, "forward_2700", what="off", why="")


async def test_a_forwarding_abroad_that_came_to_nothing_holds_no_budget(desks: Desks) -> None:
    """2700 may have one call abroad at once; the office that has the call instead is none."""
    town = desks.town
    await switching.forward(town.state, "2700", "+33123456789", why="Urlaub")
    try:
        async with provider(desks) as far, desks.line("tel2700") as office:
            far.status = 486
            line = Line(
                number="testcall", exchange=town.exchange, password=wiring.secrets(town.state).of("sip:testcall")
            )
            async with Telephone(wiring.program("baresip"), line) as telephone:
                call = await telephone.dial(f"2700*{int(MONDAY_10.timestamp())}")
                await talking(office, call)
                assert [number for number, _ in far.called] == ["+33123456789"]
                assert "tel2700" not in console(town, "group show channels").replace("PJSIP/tel2700", "")
                await call.hang_up()
    finally:
        await present.remove(town.state, "forward_2700", what="off", why="")


async def applied(desks: Desks, may: dict[str, str]) -> None:
    """The town with other permissions runs."""
    await save(brief(desks.town.state.database), attack_town(may), who="tests", what="permissions", why="tests")
    done = await rollout.apply(desks.town.state, lambda done, total: None, checksum="", force=())
    assert done.done, done.told


async def test_who_stands_at_a_lift_is_asked_for_the_pin(desks: Desks) -> None:
    async with desks.line("lift", registers=False) as lift:
        call = await lift.dial("3900")
        await dials(call, PIN[::-1])
        await call.stays(3)
        assert "saal" not in console(desks.town, "confbridge list")
        await call.hang_up()
        call = await lift.dial("3900")
        await dials(call, PIN)
        await asyncio.to_thread(until, lambda: "saal" in console(desks.town, "confbridge list"), 5)
        await call.hang_up()


async def test_nobody_outside_leads_us_anywhere(desks: Desks) -> None:
    """A REFER that comes by a trunk: who picked up is put through to nobody."""
    desks.used += 1
    line = Line(number=f"+4917190{desks.used:05d}", exchange=desks.town.exchange)
    baresip = wiring.program("baresip")
    async with desks.line("tel2500") as desk, Telephone(baresip, line, address=CITIZEN) as telephone:
        call = await talking(desk, await telephone.dial("+496205212500"))
        await desks.transfer(telephone, "2600")
        await call.stays(1)
        channels = console(desks.town, "core show channels concise")
        assert not re.search(r"^PJSIP/tel2500-[^!]*!(?!from-phones!)", channels, re.MULTILINE), channels
        await call.hang_up()


async def test_nobody_is_logged_in_by_being_put_through(desks: Desks) -> None:
    """2600 puts the colleague who calls through to the code for logging in: it would be that one's telephone."""
    async with desks.line("tel2600") as puts, desks.line("tel2500") as calls:
        call = await calls.dial("2600")
        await talking(puts, call)
        await desks.transfer(puts, "*45")
        await call.stays(2)
        assert "tel2500" not in console(desks.town, "queue show q_schalter")
        await call.hang_up()
        call = await calls.dial("*45")  # and by dialling it is
        await asyncio.to_thread(until, lambda: "tel2500" in console(desks.town, "queue show q_schalter"), 5)
        await call.hang_up()
        call = await calls.dial("#45")
        await asyncio.to_thread(until, lambda: "tel2500" not in console(desks.town, "queue show q_schalter"), 5)
        await call.hang_up()


async def test_who_hides_their_number_is_shown_to_nobody(desks: Desks) -> None:
    """The provider tells it to us all the same; on no display, nor in the journal, is it to be found."""
    known, told = set(desks.town.written()), f"+4917155{int(asyncio.get_running_loop().time()) % 100000:05d}"
    async with desks.line("tel2500", trace=True) as puts:
        call = asyncio.create_task(asyncio.to_thread(hidden_call, desks, "+496205212500", told))
        rings = await puts.incoming(within=5)
        assert rings.number == "anonymous"
        await rings.answer()
        await asyncio.sleep(0.5)
        await desks.transfer(puts, "*70")
        parked = await puts.incoming(within=8)
        await parked.hang_up()
        await call
        assert told not in puts.log()
    await desks.over()

    def kept() -> list[Past]:
        new = (past for id_, past in desks.town.written().items() if id_ not in known)
        return [past for past in new if past.way.endswith("n_2500.ring=talked, park.keep")]

    await asyncio.to_thread(until, kept, 20)
    (past,) = kept()
    assert past.caller == ""


def hidden_call(desks: Desks, number: str, shown: str) -> None:
    """A call for six seconds, whose number the provider asserts and asks to be kept private (RFC 3325)."""
    host, port = desks.town.exchange.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((CITIZEN, 0))
        line.settimeout(5)
        sdp = SDP.format(address=CITIZEN)
        asked = INVITE.format(
            number=number, exchange=desks.town.exchange, address=CITIZEN, port=line.getsockname()[1],
            tag=f"h{shown[1:]}", user="anonymous", asserted=shown, name="Anonymous", length=len(sdp),
        ).replace("Max-Forwards", "Privacy: id\nMax-Forwards")  # fmt: skip
        line.sendto((asked.replace("\n", "\r\n") + sdp).encode(), (host, int(port)))
        reply = ""
        while not reply.startswith("SIP/2.0 2"):
            reply = line.recv(4096).decode()
        to = next(each for each in reply.splitlines() if each.startswith("To:"))
        head = re.sub(r"^To:.*$", to, asked.partition("\n\n")[0], flags=re.MULTILINE)
        head = re.sub(r"\n(Content-Type|Content-Length).*", "", head)
        for method, count, wait in (("ACK", 1, 6), ("BYE", 2, 0)):
            packet = head.replace("INVITE sip", f"{method} sip").replace("1 INVITE", f"{count} {method}")
            packet = packet.replace("z9hG4bK", f"z9hG4bK{method}") + "\nContent-Length: 0\n\n"
            line.sendto(packet.replace("\n", "\r\n").encode(), (host, int(port)))
            time.sleep(wait)


async def test_nothing_is_left(desks: Desks) -> None:
    await desks.over()
    await asyncio.sleep(0.5)
    assert console(desks.town, "group show channels").strip().endswith("\n0 active channels")
