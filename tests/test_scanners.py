"""SIPVicious, with which such exchanges are looked for: it learns nothing, and is soon refused."""

from __future__ import annotations

import itertools
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.asterisk import security
from orchestrator.domain.bans import FAILURES
from orchestrator.service import bans, wiring
from tests import ports
from tests.leash import leashed
from tests.running_town import Town, running_town
from tests.sip_line import register
from tests.test_bans import spare_nobody

STRANGERS, SITE = itertools.count(31), "127.0.0.30"
"""Where scans come from, each from another address; and where a telephone has logged in: nobody is banned there."""

PATIENCE, REFUSED = 30.0, 8.0
"""Seconds for one scan, which takes one to three; and for one that goes on for ever when it is refused."""
WORDS, MOST = 400, 100
"""Wrong passwords before the right one; and how many may be tried until the ban holds."""
TOOLS = {"svmap": "DrinkOrSip", "svwar": "TakeASip", "svcrack": "ASipOfRedWine"}
LAUNCHER = """
from functools import partial
from sipvicious import {tool}
{tool}.{kind} = partial({tool}.{kind}, bindingip="{address}")  # two of them forget their own option for it
{tool}.main()
"""


@pytest.fixture(scope="module")
def town_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The hurried town; nobody on this machine is spared from bans but the exchange itself and the provider."""
    with running_town(tmp_path_factory.mktemp("t"), furnish=spare_nobody) as town:
        yield town


@pytest.fixture
def stranger() -> str:
    """An address of which nobody has heard yet."""
    return f"127.0.0.{next(STRANGERS)}"


def scan(town: Town, tool: str, address: str, folder: Path, *more: str, within: float = PATIENCE) -> str:
    """What a tool of SIPVicious says, run from `address`."""
    host, port = town.exchange.split(":")
    launched = (sys.executable, "-c", LAUNCHER.format(tool=tool, kind=TOOLS[tool], address=address))
    options = ("-v", "-x", address, "-P", str(ports.one()), "-p", port, *more, host)
    with (folder / "said").open("w+") as said:
        tool_ = subprocess.Popen(
            leashed((*launched, *options)), stdout=said, stderr=said, env={**os.environ, "HOME": str(folder)}
        )
        with suppress(subprocess.TimeoutExpired):
            tool_.wait(within)
        tool_.kill()
        tool_.wait()
    return (folder / "said").read_text()


def failures(town: Town, address: str) -> int:
    """How many attempts from there failed, by Asterisk's word."""
    found = security.read(town.state.log / "security", 0).attempts
    return sum(not each.succeeded and not each.asked for each in found if each.address == address)


def test_svmap_finds_nothing_but_a_name(town: Town, stranger: str, tmp_path: Path) -> None:
    told = scan(town, "svmap", stranger, tmp_path)
    assert "Durchwahl" in told
    assert not re.search(r"(?i)asterisk|pjsip|pbx|[0-9]+\.[0-9]+\.[0-9]+(?!\.)", re.sub(r"127\.0\.0\.\d+", "", told))


@pytest.mark.parametrize("method", ["REGISTER", "OPTIONS", "INVITE"])
def test_svwar_finds_no_telephone(town: Town, stranger: str, method: str, tmp_path: Path) -> None:
    names = [*list(town.directory.phones)[:20], "testcall", "2030", "0", *(f"guess{number}" for number in range(20))]
    for turn in (names, names[::-1]):  # it takes who is asked for first for what there is not
        (tmp_path / "names").write_text("\n".join(turn))
        told = scan(town, "svwar", stranger, tmp_path, "--force", "-m", method, "-d", str(tmp_path / "names"))
        assert "Ok SIP device found" in told
        assert "found nothing" in told
        assert "exists" not in told
    assert town.left() == []


def test_svcrack_is_banned_before_it_has_tried_much(town: Town, stranger: str, tmp_path: Path) -> None:
    password = wiring.secrets(town.state).of("sip:tel2030")
    (tmp_path / "words").write_text("\n".join([*(f"wrong{number}" for number in range(WORDS)), password]))
    told = scan(town, "svcrack", stranger, tmp_path, "-u", "tel2030", "-d", str(tmp_path / "words"), within=REFUSED)
    assert "scan started" in told
    assert password not in told
    assert stranger in bans.banned(town.state)
    assert FAILURES <= failures(town, stranger) < MOST


def test_svcrack_would_find_it_where_nobody_is_banned(town: Town, tmp_path: Path) -> None:
    """What the test above shows is the ban."""
    password = wiring.secrets(town.state).of("sip:tel2030")
    (tmp_path / "words").write_text("\n".join([*(f"wrong{number}" for number in range(WORDS)), password]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((SITE, 0))
        line.connect((town.settings.bind, town.settings.sip_port))
        line.settimeout(5)
        register(town, line, "tel2031", expires=60)
    assert password in scan(town, "svcrack", SITE, tmp_path, "-u", "tel2030", "-d", str(tmp_path / "words"))
