"""`durchwahl phone`: a telephone that is set up with exactly what it prints registers, and is seen to."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.phone.errors import NotRegistered
from orchestrator.phone.telephone import Line, Telephone
from orchestrator.service import wiring
from tests.running_town import Town, running_town
from tests.test_cli import durchwahl
from tests.test_import import GOOD


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("p")) as running:
        yield running


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small directory, imported and not applied."""
    at = tmp_path_factory.mktemp("i")
    (at / "small.yaml").write_text(GOOD)
    for arguments in (("init",), ("import", str(at / "small.yaml"))):
        assert durchwahl(at / "s", *arguments).returncode == 0
    return at / "s"


def typed_in(printed: str) -> Line:
    """The line of a telephone into which somebody types what the command printed."""
    told = dict(re.findall(r"^  (user|password) +(\S+)$", printed, re.MULTILINE))
    server = re.search(r"^  server +(\S+) port (\d+) \(udp\)$", printed, re.MULTILINE)
    assert server, printed
    exchange = f"{server[1]}:{server[2]}"
    return Line(number=told["user"], exchange=exchange, password=told["password"], registers=True)


async def test_a_telephone_registers_with_what_is_printed(town: Town) -> None:
    async def phone(*more: str) -> str:
        done = await asyncio.to_thread(durchwahl, town.state.root, "phone", "2500", *more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    printed = await phone("--secret")
    assert "state       not registered" in printed
    for line, why in (
        (replace(typed_in(printed), password="wrong"), "Failed to authenticate"),
        (replace(typed_in(printed), number="tel2500x"), "No matching endpoint found"),
    ):
        before = len((town.state.log / "full").read_text())
        with pytest.raises(NotRegistered):
            async with Telephone(wiring.program("baresip"), line):
                pass
        told = (town.state.log / "full").read_text()[before:]
        assert re.search(f"'REGISTER' from '<sip:{line.number}@.*{why}", told), told
    assert "state       not registered" in await phone()
    async with Telephone(wiring.program("baresip"), typed_in(printed)) as telephone:
        assert "state       registered now" in await phone()
        assert json.loads(await phone("--json"))[0]["registered"] is True
        password = wiring.secrets(town.state).of("sip:testcall")
        tester = Line(number="testcall", exchange=town.exchange, password=password)
        async with Telephone(wiring.program("baresip"), tester) as caller:
            call = await caller.dial("2500")
            ringing = await telephone.incoming(within=5)
            await ringing.answer()
            await call.answered(within=5)
            await call.hang_up()


def test_the_password_is_printed_only_when_it_is_asked_for(imported: Path) -> None:
    secret = durchwahl(imported, "phone", "tel2500", "--secret").stdout
    password = typed_in(secret).password
    for arguments in (("tel2500",), ("2500",), ("tel2500", "--json")):
        shown = durchwahl(imported, "phone", *arguments)
        assert shown.returncode == 0
        assert "tel2500" in shown.stdout
        assert password not in shown.stdout + shown.stderr
    assert "password    shown with --secret" in durchwahl(imported, "phone", "2500").stdout
    whole = json.loads(durchwahl(imported, "phone", "tel2500", "--secret", "--json").stdout)[0]
    assert whole["password"] == password
    assert whole["registered"] is None
    assert whole["applied"] is False


@pytest.mark.parametrize(
    "name", ["tel2500", "21-2500", "+49 6205 21-2500", "30", "Anna Grün", "grün", "Grün, Anna", "amt"]
)
def test_a_telephone_is_found_by_number_and_name(imported: Path, name: str) -> None:
    found = json.loads(durchwahl(imported, "phone", name, "--json").stdout)
    assert [each["id"] for each in found] == ["tel2500"]
    assert {number["extension"] for number in found[0]["numbers"]} == {"2500", "30"}


def test_what_no_telephone_has_is_refused_with_what_is_near(imported: Path) -> None:
    for wrong, near in (("tel2600", "'tel2500'"), ("2550", "'2500'")):
        done = durchwahl(imported, "phone", wrong, "--secret")
        assert done.returncode == 2
        assert not done.stdout
        assert f"there is no telephone of '{wrong}'" in done.stderr
        assert near in done.stderr


def test_a_test_call_to_a_code_is_refused_at_once(town: Town) -> None:
    for code in ("*45", "#46", "*21*2500#"):
        done = durchwahl(town.state.root, "call", code, "--silent")
        assert done.returncode == 2
        assert f"{code} is a code for desks" in done.stderr
