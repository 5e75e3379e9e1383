"""Trunks that register, on real Asterisks: over TLS and UDP, failing over, and what a caller in need hears."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme

from orchestrator.domain.town import Trunk
from orchestrator.phone.hearing import recognise
from orchestrator.phone.sound import read_sound
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import trunks, wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import connected
from orchestrator.service.state import State, create
from orchestrator.service.watching import look
from tests import hurry, ports, test_entries
from tests.provider import ACCOUNT, PASSWORD, Provider
from tests.running_town import Town, running_town, until
from tests.test_entries import invited, journal

FIRST, SECOND, STRANGER, NOBODY = "127.0.0.5", "127.0.0.6", "127.0.0.3", "127.0.0.8"
REALLY = "127.0.0.9:5098"
"""Where the old exchange is, whatever the directory says."""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The town, its first provider by TLS and its second by UDP."""

    town: Town
    first: Provider
    second: Provider


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lines]:
    authority, folder = trustme.CA(), tmp_path_factory.mktemp("p")
    first = Provider(folder / "1", FIRST, ports.one(), authority)
    second = Provider(folder / "2", SECOND, ports.one())
    hurried = hurry.directory()
    directory = replace(
        hurried,
        people={**hurried.people, "p2031": replace(hurried.people["p2031"], language="en")},
        trunks={
            "a_second": Trunk(id="a_second", host=SECOND, port=second.port, user=ACCOUNT, order=2),
            "first": Trunk(id="first", host=FIRST, port=first.port, user=ACCOUNT, transport="tls"),
            "wrong": Trunk(
                id="wrong", host=SECOND, port=second.port, user=ACCOUNT, sources=(NOBODY,), public=False, order=3
            ),
            "old": Trunk(id="old", host="127.0.0.7", port=5099, public=False, order=1),
        },
    )

    def furnish(state: State) -> None:
        for trunk, password in (("first", PASSWORD), ("a_second", PASSWORD), ("wrong", "falsch")):
            (state.root / "secrets" / f"trunk-{trunk}").write_text(f"{password}\n")
        authority.cert_pem.write_to_path(str(state.root / "secrets" / "authorities.crt"))
        with (state.root / "settings.toml").open("a") as file:
            file.write(f'old = "{REALLY}"\n')  # in [trunks]

    try:
        first.start()
        second.start()
        with running_town(tmp_path_factory.mktemp("t"), directory, furnish) as town:
            until(first.registered, 40)
            until(second.registered, 40)
            until(lambda: len(re.findall(r"\bAvail\b", contacts(town))) == 3, 70)
            yield Lines(town=town, first=first, second=second)
    finally:
        first.end()
        second.end()


def desk(town: Town, phone: str = "tel2030") -> Telephone:
    password = wiring.secrets(town.state).of(f"sip:{phone}")
    return Telephone(wiring.program("baresip"), Line(number=phone, exchange=town.exchange, password=password))


async def dialled(town: Town, number: str, *, seconds: float = 20) -> None:
    async with desk(town) as telephone:
        await (await telephone.dial(number)).ends(within=seconds)


def contacts(town: Town) -> str:
    """What Asterisk thinks of the addresses of trunks."""
    asterisk, conf = wiring.program("asterisk"), town.state.current / "asterisk" / "asterisk.conf"
    command = (*asterisk.argv, "-C", str(conf), "-rx", "pjsip show contacts")
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout


async def test_calls_go_out_by_the_first_trunk_encrypted_with_an_own_number(lines: Lines) -> None:
    for number in ("00621555123", "112"):
        await dialled(lines.town, number)
    site = lines.town.directory.sites[lines.town.directory.phones["tel2030"].site]
    assert lines.first.got() == [("0621555123", "+496205212030", "1"), ("112", site.emergency_number, "1")]
    assert lines.second.got() == []


async def test_a_trunk_that_is_full_is_followed_by_the_next(lines: Lines) -> None:
    await dialled(lines.town, "00666666")
    assert lines.first.got()[-1][0] == "0666666"
    assert lines.second.got() == [("0666666", "+496205212030", "0")]


@pytest.mark.parametrize(("phone", "language"), [("tel2030", "de"), ("tel2031", "en")])
async def test_why_not_is_told_in_the_language_of_the_owner(lines: Lines, phone: str, language: str) -> None:
    async with desk(lines.town, phone) as telephone:
        call = await telephone.dial("00900123456")
        await call.answered(within=10)
        await call.ends(within=20)
        heard = await call.heard()
    said = read_sound(lines.town.state.sounds / language / "not-allowed.alaw")
    assert recognise(heard, said).recognised


@pytest.mark.long
async def test_whom_a_phone_puts_through_calls_with_the_number_of_the_phone(lines: Lines) -> None:
    password = wiring.secrets(lines.town.state).of("sip:tel2030")
    line = Line(number="tel2030", exchange=lines.town.exchange, password=password, registers=True)
    site = lines.town.directory.sites[lines.town.directory.phones["tel2030"].site]
    for number, called, shown in (
        ("00621777", "0621777", "+496205212030"),
        ("112", "112", site.emergency_number),
        ("00033123", "", ""),  # what the phone may not call, it may not have others call either
    ):
        before = len(lines.first.got())
        async with Telephone(wiring.program("baresip"), line) as telephone:
            await asyncio.to_thread(lines.first.calls, "06205212030")
            call = await telephone.incoming(within=15)
            await call.answer()
            await call.stays(0.5)
            await telephone._command("transfer", f"sip:{number}@{lines.town.exchange}")
            await call.stays(3)
        await asyncio.to_thread(until, lambda: not lines.town.left(), 30)
        assert lines.first.got()[before:] == ([(called, shown, "1")] if called else [])


async def test_what_is_wrong_with_a_trunk_is_told(lines: Lines) -> None:
    async with connected(lines.town.state) as running:
        assert running
        told = await trunks.look(running.ami, lines.town.directory, lines.town.settings.trunks)
    assert told["first"] == told["a_second"] == ""
    assert told["old"] == f"{REALLY} does not answer: no call goes out by it"
    assert told["wrong"] == f"{SECOND} does not register us (Rejected): no call comes in by it"
    shown = "".join(f"{problem}\n" for problem in (await look(lines.town.state)).problems)
    assert f"trunk wrong: {told['wrong']}" in shown
    assert "trunk first" not in shown


async def test_registrations_are_read_back(lines: Lines) -> None:
    async with connected(lines.town.state) as running:
        assert running
        tree = wiring.trees(lines.town.state).running()
        assert await running.differences(tree) == []
        pjsip = tree["asterisk/pjsip.conf"]
        other = {**tree, "asterisk/pjsip.conf": pjsip.replace("type = registration\n", "type = nothing\n", 1)}
        assert await running.differences(other) == ["registration trunk-a_second is still there"]


def test_calls_come_in_by_a_registration_and_from_nobody_else(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def arrived() -> list[str]:
        return [event.extension for event in journal(lines.town) if event.context == "from-trunk" and event.extension]

    for provider, number in ((lines.first, "06205212500"), (lines.second, "06205212501")):
        provider.calls(number)
        until(lambda number=number: number in arrived(), 15)
    # A provider that calls the account, and says in To which number was dialled.
    told = test_entries.INVITE.replace("To: <sip:{number}", "To: <sip:+496205212502")
    monkeypatch.setattr(test_entries, "INVITE", told)
    assert invited(lines.town, SECOND, user="x", number="trunk_a_second") == 200
    until(lambda: "n_2502.ring" in [event.mark for event in journal(lines.town)], 10)
    assert invited(lines.town, STRANGER, user="x", number="trunk_a_second") == 401
    until(lambda: not lines.town.left(), 30)


def test_the_old_exchange_calls_inside_numbers_and_gets_no_line(lines: Lines) -> None:
    before = len(journal(lines.town))
    there = REALLY.partition(":")[0]
    assert invited(lines.town, there, user="2501", number="00621555123", asserted="2501") == 200
    until(lambda: not lines.town.left(), 30)
    new = journal(lines.town)[before:]
    assert not [event for event in new if event.mark.startswith("outside.")]
    assert {event.caller for event in new if event.kind == "PLACE"} == {"2501"}


async def test_the_second_trunk_takes_over_and_without_any_the_caller_is_told(lines: Lines) -> None:
    """Last: it ends both providers."""
    lines.first.end()
    before = len(lines.second.got())
    await dialled(lines.town, "112", seconds=60)
    assert lines.second.got()[before:][0][0] == "112"
    lines.second.end()
    await asyncio.to_thread(until, lambda: contacts(lines.town).count("Unavail") == 4, 60)
    async with desk(lines.town) as telephone:
        call = await telephone.dial("0112")
        await call.answered(within=10)
        await call.ends(within=40)
        heard = await call.heard()
    hint = read_sound(lines.town.state.sounds / "de" / "use-a-mobile.alaw")
    assert recognise(heard, hint).recognised


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read"), ("", "no password"), ("a b", "no password")])
async def test_a_password_that_is_missing_is_told_with_its_file(tmp_path: Path, content: str | None, told: str) -> None:
    trunk = Trunk(id="first", host=FIRST, user=ACCOUNT)
    directory = replace(hurry.directory(), trunks={"first": trunk})
    state = create(tmp_path / "s")
    if content is not None:
        (state.root / "secrets" / "trunk-first").write_text(content)
    with pytest.raises(ServiceError, match=told) as raised:
        wiring.secrets_of(state, directory)
    assert "secrets/trunk-first" in str(raised.value)
    assert raised.value.todo


def test_half_a_certificate_is_told(tmp_path: Path) -> None:
    state = create(tmp_path / "s")
    (state.root / "secrets" / "tls.crt").touch()
    with pytest.raises(ServiceError, match=r"tls\.crt is there alone"):
        wiring.exchange(state, hurry.directory())
