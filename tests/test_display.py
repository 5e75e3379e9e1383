"""Why a telephone rings: the rule, and what real telephones get of it in the INVITE; nothing of it gets outside."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.display import LONGEST, SHOWN, Sign, Signs
from orchestrator.domain.explain import World, explain
from orchestrator.domain.flow import Queue
from orchestrator.domain.people import Box, Department, Group, Phone
from orchestrator.domain.queues import WaitingQueue
from orchestrator.domain.town import Retired
from orchestrator.phone.desk import Desk
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import switching, wiring
from tests.far_exchange import SDP, FarExchange
from tests.pickup_town import citizen, telephone
from tests.running_town import CITIZEN, MODES, Town, all_off, performed_by, running_town, until
from tests.side_by_side import always
from tests.switched_town import OUT, switched_town
from tests.test_pickup import dials
from tests.towns import MONDAY_10, person, town_flow

PHONES = ("tel10", "tel2500", "tel2501", "tel4000")
HEAD = "+49620521"


def display_town() -> Directory:
    """2500 has no box and is stood in for by 3501 (tel2501); offices 30 (tel2500, stand-in 60), 60 (a queue: tel4000);
    hunt group 50 (tel2501) of office 30; 2345 was 2500's, 2346 was 60's, 2347 is somebody's again.
    """
    town = switched_town()
    hall = Department(
        id="bauamt", name="Amt für Bauordnung & „Denkmal“-Schutz", site="rathaus", extension="60", schedule="rathaus",
        box="60", phones=("tel4000",), queue="bau",
    )  # fmt: skip
    office = replace(town.departments["buergerbuero"], phones=("tel2500",), stand_in="bauamt", ring_seconds=2)
    people = (person("2500", stand_in="p3501"), person("3501", phones=("tel2501",), box="3501"))
    people = (*people, replace(person("2347", phones=("tel10",), box="10"), last_name="Neu"))
    old = {"2345": "2500", "2346": "60", "2347": "2500"}
    return replace(
        town,
        flows={"town": town_flow()},
        numbers={"0": "town"},
        switches={},
        waves={},
        sites={"rathaus": town.sites["rathaus"]},
        departments={"buergerbuero": office, "bauamt": hall},
        queues={
            "bau": WaitingQueue(id="bau", name="Warteschlange Bau", department="bauamt", longest=10, ring_seconds=5),
            "zwei": WaitingQueue(
                id="zwei", name="Zweite", department="bauamt", extension="61", longest=10, phones=("tel2501",),
                waited="q_bau.wait", nobody="q_bau.wait", ring_seconds=5,
            ),
        },
        people={each.id: replace(each, ring_seconds=2) for each in people},
        groups={
            "hotline": Group(
                id="hotline", name="Hotline", extension="50", phones=("tel2501",), department="buergerbuero",
                ring_seconds=2,
            )
        },
        phones={
            **{id_: town.phones[id_] for id_ in PHONES[:3]},
            "tel4000": Phone(id="tel4000", site="rathaus", label="tel4000", extension="4000"),
        },
        boxes={**town.boxes, "60": Box(id="60", name="Bauamt", quota=99)},
        retired={n: Retired(extension=n, to=to, until=date(2026, 1, 1), announced=to == "60") for n, to in old.items()},
    )  # fmt: skip


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("d"), display_town()) as running:
        yield running


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    yield exchange
    asyncio.run(all_off(exchange.state))
    until(lambda: not exchange.left(), 15)


OFFICE = "Amt für Bauordnung."
BUSY = {"tel2500": "busy", "tel2501": "busy", "tel4000": "busy", "tel10": "busy"}


@pytest.mark.parametrize(("number", "answers", "expected"), always([
    ("2500", {}, {"tel2500": "", "tel2501": "für Grün", "tel4000": "für Grün"}),
    ("2345", {}, {"tel2500": "alte Nr. 2345", "tel2501": "für Grün", "tel4000": "für Grün"}),
    ("30", {}, {"tel2500": "Bürgerbüro", "tel4000": "Überlauf Bürgerbüro"}),
    ("60", {}, {"tel4000": OFFICE}),
    ("61", {}, {"tel2501": "Zweite", "tel4000": "Überlauf Zweite"}),
    ("50", {}, {"tel2501": "Hotline", "tel2500": "Überlauf Hotline", "tel4000": "Überlauf Hotline"}),
    ("3501", {}, {"tel2501": ""}),
    ("2346", {}, {"tel4000": "alte Nr. 2346"}),
    ("2347", {}, {"tel10": ""}),
], 3), ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
@pytest.mark.parametrize("mode", MODES)
async def test_every_telephone_that_rings_is_told_why(
    town: Town, number: str, answers: Mapping[str, str], expected: Mapping[str, str], mode: str
) -> None:
    """The telephones refuse the call, each after the other; what they were told is what the rule says of the way."""
    described = World(at=MONDAY_10, phones={**BUSY, **answers}, others="unreachable", boxes={"10": "too_short"})
    way = tuple(explain(town.directory, town.directory.first(town.directory.numbers[number]), described))
    ruled = [text for _, text in Signs(town.directory).shown(number, way)]
    with performed_by(town, mode):
        shown = await rung(town, number, tuple(expected))
    assert {phone: name.removesuffix(":") for phone, name in shown.items()} == expected
    assert all(text in ruled for text in expected.values())
    assert all(name.endswith(":") or not name for name in shown.values())


async def rung(town: Town, number: str, until_rang: tuple[str, ...]) -> dict[str, str]:
    """What the telephones showed that a call to `number` rang, until these have."""
    caller, dialled = await dials(town, number)
    desks = {phone: town.desk(phone, "busy") for phone in PHONES}
    async with caller, desks["tel10"], desks["tel2500"], desks["tel2501"], desks["tel4000"]:
        call = await caller.dial(dialled)
        async with asyncio.timeout(30):
            while not all(desks[phone].calls for phone in until_rang):
                await asyncio.sleep(0.1)
        await asyncio.sleep(1)  # a mailbox answers now: who is put away while giving up would not take that back
        await call.hang_up()
        return {phone: first(desk) for phone, desk in desks.items() if desk.calls}


def first(desk: Desk) -> str:
    return desk.calls[0].name.strip()


async def test_the_caller_stands_behind_it_and_the_number_stays_theirs(town: Town) -> None:
    async with citizen(town) as caller, telephone(town, "tel2500"), telephone(town, "tel2501") as stand_in:
        call = await caller.dial(f"{HEAD}2500")
        ringing = await stand_in.incoming(within=10)
        assert (ringing.name, ringing.number) == (f"für Grün: {caller.line.number}", caller.line.number)
        await call.hang_up()


async def test_a_colleague_stands_there_with_the_name(town: Town) -> None:
    async with telephone(town, "tel4000") as colleague, telephone(town, "tel2501") as rings:
        call = await colleague.dial("50")
        ringing = await rings.incoming(within=10)
        assert (ringing.name, ringing.number) == ("Hotline: tel4000", "4000")
        await call.hang_up()


async def test_a_forwarded_call_says_for_whom_and_the_next_one_is_called_for_another_reason(town: Town) -> None:
    await switching.forward(town.state, "3501", "2500", why="test")
    async with citizen(town) as caller, telephone(town, "tel2500") as desk, telephone(town, "tel4000") as other:
        call = await caller.dial(f"{HEAD}3501")
        ringing = await desk.incoming(within=10)
        assert ringing.name == f"für Blau: {caller.line.number}"
        await ringing.answer()
        await call.stays(0.5)
        await desk._command("transfer", f"sip:4000@{town.exchange}")
        put = await other.incoming(within=10)
        assert (put.name, put.number) == ("", caller.line.number)
        await put.answer()
        await call.stays(0.5)
        await call.hang_up()


async def test_nothing_of_it_gets_outside(town: Town) -> None:
    await switching.forward(town.state, "2500", OUT, why="test")
    async with FarExchange(town.directory.trunks["amt"].host, town.directory.trunks["amt"].port) as provider:
        async with asyncio.timeout(60):
            while not provider.invites:
                async with citizen(town) as caller, telephone(town, "tel2501"):
                    call = await caller.dial(f"{HEAD}2345")
                    await call.stays(1.0)
                    await call.hang_up()
    (invite, *_) = provider.invites
    assert invite.startswith(f"INVITE sip:{OUT}@")
    assert not [word for word in ("alte Nr", "Gr\u00fcn", "f\u00fcr", ": +49171") if word in invite], invite


HIDES = """{method} sip:{number}@{exchange} SIP/2.0
Via: SIP/2.0/UDP {address};branch=z9hG4bKhides;rport
From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=hides
To: <sip:{number}@{exchange}>
Call-ID: hides
CSeq: 1 {method}
Contact: <sip:provider@{address}>
P-Asserted-Identity: "Geheim" <sip:+4917199887766@provider>
Privacy: id
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: {length}

"""


async def test_who_hides_the_number_hides_no_reason_and_is_told_to_nobody(town: Town) -> None:
    password = wiring.secrets(town.state).of("sip:tel2501")
    line = Line(number="tel2501", exchange=town.exchange, password=password, registers=True)
    async with Telephone(wiring.program("baresip"), line, trace=True) as rings:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as provider:
            provider.bind((CITIZEN, 0))
            host, port = town.exchange.split(":")
            provider.connect((host, int(port)))
            address, body = ":".join(map(str, provider.getsockname())), SDP.format(CITIZEN)
            asked = {"number": f"{HEAD}50", "exchange": town.exchange, "address": address}
            invite = HIDES.format(method="INVITE", length=len(body), **asked).replace("\n", "\r\n")
            provider.send((invite + body).encode())
            ringing = await rings.incoming(within=10)
            provider.send(HIDES.format(method="CANCEL", length=0, **asked).replace("\n", "\r\n").encode())
            await ringing.ends(within=10)
        assert ringing.name == "Hotline"
        assert "99887766" not in rings.log()
        assert "Geheim" not in rings.log()


@given(st.text(max_size=60))
def test_any_name_can_stand_in_a_dialplan_and_on_a_display(name: str) -> None:
    for words in ("{}", "für {}", "Überlauf {}"):
        text = Signs.text(words, name)
        assert len(text) <= LONGEST
        assert not text or SHOWN.fullmatch(text)


def test_a_short_name_is_what_displays_say() -> None:
    town = display_town()
    office = replace(town.departments["bauamt"], short="Bau & Co.")
    signs = Signs(derive(replace(town, departments={**town.departments, "bauamt": office})))
    queue = derive(town).graph["q_bau.wait"]
    assert isinstance(queue, Queue)
    assert signs.of("q_bau.wait", queue) == Sign(here="Bau Co.", onward="Überlauf Bau Co.", own=True)


def test_where_a_number_leads_is_told_even_if_it_leads_to_a_menu() -> None:
    town = derive(replace(display_town(), retired={"2345": Retired(extension="2345", to="0", until=date(2026, 1, 1))}))
    way = explain(town, "town.desk", World(at=MONDAY_10))
    assert list(Signs(town).shown("2345", way)) == [("town.desk", "alte Nr. 2345")]
    assert list(Signs(town).shown("0", ())) == []
