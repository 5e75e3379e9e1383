"""The ways into and out of the dialplan, tried as a stranger and as a curious employee would."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import pytest

from orchestrator.asterisk.errors import AlreadyOver
from orchestrator.asterisk.rest import Rest
from orchestrator.domain.outgoing import route
from orchestrator.journal import cel
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import history, wiring
from tests.outside_exchange import originate
from tests.running_town import CITIZEN, Town, until, world
from tests.sip_line import register
from tests.towns import BERLIN

INVITE = """INVITE sip:{number}@{exchange} SIP/2.0
Via: SIP/2.0/UDP {address}:{port};branch=z9hG4bK{tag};rport
From: "{name}" <sip:{user}@{address}>;tag={tag}
To: <sip:{number}@{exchange}>
Call-ID: {tag}@{address}
CSeq: 1 INVITE
Contact: <sip:{user}@{address}:{port}>
P-Asserted-Identity: <sip:{asserted}@{address}>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: {length}

"""
SDP = (
    "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n"
)


def invited(town: Town, address: str, *, user: str, number: str = "0", asserted: str = "1", name: str = "x") -> int:
    """The final answer to an INVITE; a call that is answered is ended at once."""
    host, port = town.exchange.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((address, 0))
        line.settimeout(5)
        sdp = SDP.format(address=address)
        text = INVITE.format(
            number=number,
            exchange=town.exchange,
            address=address,
            port=line.getsockname()[1],
            tag=f"t{time.monotonic_ns()}",
            user=user,
            asserted=asserted,
            name=name,
            length=len(sdp),
        ).replace("\n", "\r\n")
        line.sendto((text + sdp).encode(), (host, int(port)))
        reply = ""
        while not (found := re.match(r"SIP/2.0 (\d+)", reply)) or found[1] < "200":
            reply = line.recv(4096).decode()
        to = re.search(r"^To:.*$", reply, re.MULTILINE)
        assert to
        bye = re.sub(r"^To:.*\r$", to[0], text.partition("\r\n\r\n")[0], flags=re.MULTILINE)
        for method, number_ in (("ACK", 1), ("BYE", 2)):
            asked = bye.replace("INVITE sip", f"{method} sip").replace("CSeq: 1 INVITE", f"CSeq: {number_} {method}")
            asked = asked.replace("z9hG4bK", f"z9hG4bK{method}")
            asked = re.sub(r"Content-Type.*\r\n|Content-Length.*", "", asked).strip() + "\r\nContent-Length: 0\r\n\r\n"
            line.sendto(asked.encode(), (host, int(port)))
        return int(found[1])


@contextmanager
def sent_on(town: Town, phone: str, contact: str) -> Iterator[None]:
    """`phone` is registered, and answers every call with `302` and a contact that no phone should be able to name."""
    host, port = town.exchange.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect((host, int(port)))
        line.settimeout(5)
        register(town, line, phone, expires=60)
        thread = threading.Thread(target=_sends_on, args=(line, contact))
        thread.start()
        try:
            yield
        finally:
            thread.join()
            register(town, line, phone, expires=0)


def _sends_on(line: socket.socket, contact: str) -> None:
    """Answer the first call with 302; it is over when its ACK is there."""
    while not (heard := line.recv(65535).decode()).startswith("INVITE"):
        pass
    kept = re.findall(r"^(?:Via|From|To|Call-ID|CSeq):.*$", heard.replace("\r", ""), re.MULTILINE)
    told = [f"{each};tag=1" if each.startswith("To:") else each for each in kept]
    reply = ["SIP/2.0 302 Moved Temporarily", *told, f"Contact: <sip:{contact}@127.0.0.1>", "Content-Length: 0", "", ""]
    line.send("\r\n".join(reply).encode())
    while not line.recv(65535).decode().startswith("ACK"):
        pass


def journal(town: Town) -> list[cel.Event]:
    return list(cel.read(town.state.journal, 0).events)


def dialled_at_a_desk(town: Town, number: str) -> list[cel.Event]:
    """What happens when `number` is dialled at the first phone."""
    asterisk, id_ = Rest(wiring.ari(town.state)), f"desk{time.monotonic_ns()}"
    originate(
        wiring.ari(town.state),
        {
            "endpoint": "Local/0@from-trunk/n",
            "context": "from-phones",
            "extension": number,
            "formats": "alaw",
            "channelId": id_,
            "variables": {"PHONE": next(iter(town.directory.phones))},
        },
    )
    time.sleep(0.8)
    for channel in asterisk.ask("GET", "channels"):
        if channel["name"].startswith("Local/"):
            with suppress(AlreadyOver):  # its other half went with it
                asterisk.ask("DELETE", "channels", channel["id"])
    until(lambda: not town.left(), 10)
    calls = {event.call for event in journal(town) if event.channel == id_}
    return [event for event in journal(town) if event.call in calls and not event.name.endswith(";2")]


def outside(events: list[cel.Event]) -> set[str]:
    """Where it was tried to get outside; and any channel to the trunk, which there may be none but by such a place."""
    trunks = {event.name for event in events if event.name.startswith("PJSIP/trunk-")}
    return trunks | {event.mark for event in events if event.kind == "PLACE" and event.mark.startswith("outside.")}


def outgoing(town: Town) -> dict[str, history.Past]:
    """The calls to the outside that control has written down."""
    return {id_: made for id_, made in town.written().items() if made.place.startswith("outside.")}


def trunk(town: Town) -> str:
    """What Asterisk thinks of the trunk's address."""
    asterisk, conf = wiring.program("asterisk"), town.state.current / "asterisk" / "asterisk.conf"
    command = (*asterisk.argv, "-C", str(conf), "-rx", "pjsip show aor trunk-provider")
    return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout


@pytest.mark.parametrize("user", ["trunk-provider", "testcall", "tel2500", "anybody"])
def test_a_stranger_is_asked_for_a_password_whatever_he_calls_himself(town: Town, user: str) -> None:
    assert invited(town, "127.0.0.3", user=user) == 401


def test_the_provider_is_known_by_its_address(town: Town) -> None:
    assert invited(town, CITIZEN, user="anonymous") == 200


async def test_a_citizen_does_not_learn_whose_telephone_rings_and_who_answers(town: Town) -> None:
    """Of a queue, which would tell each try anew, test_queue_of_47 shows it: SIPp knows no re-INVITE."""
    line = Line(number="+491711234567", exchange=town.exchange)
    async with (
        town.staff({"tel2810": "talked"}),
        Telephone(wiring.program("baresip"), line, address=CITIZEN, trace=True) as calling,
    ):
        call = await calling.dial("+496205212810")
        await call.answered(within=15)
        await call.stays(1.0)
        await call.hang_up()
        said = calling.log()
    assert "SIP/2.0 200" in said
    for ours in ("P-Asserted-Identity", "Remote-Party-ID", "<sip:2810@"):
        assert ours not in said, ours


@pytest.mark.parametrize("number", ["0,foo", "0%2Cfoo", "06205210&x", "0%22"])
def test_what_is_no_number_comes_in_as_any_other_call(town: Town, number: str) -> None:
    assert invited(town, CITIZEN, user="x", number=number) == 200


@pytest.mark.parametrize(
    "number", ["02345678", "0017112345", "01234567", "115", "0116117", "112", "0110", "2500", "299", "000491"]
)
def test_a_number_dialled_at_a_desk_goes_where_explain_says(town: Town, number: str) -> None:
    expected = route(town.directory, next(iter(town.directory.phones.values())), number)
    events = dialled_at_a_desk(town, number)
    places = [event.mark for event in events if event.kind == "PLACE"]
    kind = "refused" if "refused" in {event.extension for event in events} else "inside"
    if outside(events):
        kind = places[0].partition(".")[2]
        assert places[0] == expected.place
    assert kind == expected.kind


async def test_a_call_to_the_outside_is_written_down_without_its_last_digits(town: Town) -> None:
    """And it fails at once where the trunk is known to be down, not after the 32 s that SIP would wait."""
    await asyncio.to_thread(until, lambda: "Unavail" in trunk(town), 40)
    desk = Line(number="tel2030", exchange=town.exchange, password=wiring.secrets(town.state).of("sip:tel2030"))
    before = outgoing(town)
    async with Telephone(wiring.program("baresip"), desk) as telephone:
        call = await telephone.dial("07111234567")
        await call.ends(within=20)

    def ours() -> list[history.Past]:
        return [made for id_, made in outgoing(town).items() if id_ not in before and made.number.startswith("0711")]

    until(ours, 15)  # calls of the tests before may be written down now, too
    (made,) = ours()
    assert (made.place, made.number, made.unexpected) == ("outside.outside", "07111234···", "")
    assert made.outcome == "failed"  # nobody listens where the provider of the tests should be


@pytest.mark.parametrize(
    "number",
    [
        "01&PJSIP/0900555@trunk-provider",
        "01,60,G(from-phones^0^1)",
        '01" | "1',
        "01${SHELL(id)}",
        "00900123",
        "0001234",
        "0010330900557",
        "0118890",
    ],
)
def test_no_desk_gets_outside_by_a_trick(town: Town, number: str) -> None:
    events = dialled_at_a_desk(town, number)
    assert events
    assert not outside(events)
    assert "refused" in {event.extension for event in events}


@pytest.mark.parametrize("contact", ["Local/0900123456%40outside", "PJSIP/0900123456%40trunk-provider", "00900123456"])
def test_a_phone_cannot_send_on_who_rings_it(town: Town, contact: str) -> None:
    with sent_on(town, "tel2030", contact):
        events = dialled_at_a_desk(town, "2030")
    assert not outside(events)
    assert "n_2030.ring=busy" in {event.mark for event in events if event.kind == "ANSWER"}


@pytest.mark.parametrize("number", ["299", "9999999", "anna"])
def test_an_unknown_number_dialled_at_a_desk_reaches_the_catch_all(town: Town, number: str) -> None:
    marks = [event.mark for event in dialled_at_a_desk(town, number) if event.kind == "PLACE"]
    assert marks[:1] == [town.directory.first(town.directory.town.catch_all)]


@pytest.mark.parametrize("dialled", ["service-desk", "anonymous", "+1999", "496205210"])
@pytest.mark.long
async def test_whatever_the_provider_sends_reaches_somebody(town: Town, dialled: str) -> None:
    journey, different = await town.citizen_calls(world(datetime.now(BERLIN), "1"), dialled=dialled)
    assert not different
    assert journey.outcome in ("message", "answered")


def test_a_number_with_line_breaks_leaves_a_whole_record(town: Town) -> None:
    journal = town.state.journal
    began = journal.stat().st_size if journal.exists() else 0  # it comes with the first call of the town
    assert invited(town, CITIZEN, user="x", asserted="49%0A1%22,%0D2", name="a, b") == 200
    until(lambda: not town.left(), 10)
    time.sleep(0.3)
    new = cel.read(journal, began)
    assert not new.broken
    assert "LINKEDID_END" in {event.kind for event in new.events}
    assert {event.caller for event in new.events if event.kind == "PLACE"} == {"4912"}
