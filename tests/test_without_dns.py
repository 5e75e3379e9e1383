"""No name can be looked up, not even the machine's own: the exchange comes up, and takes and places calls at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.compile.secrets import Secrets
from orchestrator.compile.tree import compile_tree
from orchestrator.domain.town import Trunk
from orchestrator.service.up import unwritten
from tests import hurry
from tests.black_hole import NAME, BlackHole, black_hole
from tests.running_town import CITIZEN, Town, running_town, until, world
from tests.test_compile import EXCHANGE, compiled, sounds
from tests.test_entries import invited
from tests.towns import MONDAY_10, small

CALLS, EVERY, SLOWEST = 400, 0.05, 3.0
"""Twenty calls a second; one question to such a DNS takes longer than `SLOWEST` to fail."""
USUAL, NEARLY_ALL = 0.2, 1.0
"""Seconds in which half of the calls must be answered, and 99 of 100; beside other tests the machine has other work."""


@pytest.fixture(scope="module")
def hole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlackHole]:
    with black_hole(tmp_path_factory.mktemp("hole")) as made:
        yield made


@pytest.fixture(scope="module")
def town_up(tmp_path_factory: pytest.TempPathFactory, hole: BlackHole) -> Iterator[Town]:
    """The hurried town with a second provider, who has a name."""
    hurried = hurry.directory()
    named = Trunk(id="named", host="sip.provider.example", sources=("192.0.2.7",), order=2)
    directory = replace(hurried, trunks={**hurried.trunks, named.id: named})
    with running_town(tmp_path_factory.mktemp("t"), directory, under=hole.under) as town:
        yield town


def took(town: Town) -> float:
    """Seconds until a call by the trunk was answered."""
    began = time.monotonic()
    assert invited(town, CITIZEN, user="x") == 200
    return time.monotonic() - began


@pytest.mark.long
def test_every_call_by_the_trunk_is_answered_at_once(town: Town, hole: BlackHole) -> None:
    before = len(hole.asked)
    with ThreadPoolExecutor(32) as callers:
        calls = []
        for _ in range(CALLS):
            calls.append(callers.submit(took, town))
            time.sleep(EVERY)
        seconds = sorted(call.result() for call in calls)
    assert seconds[-1] < SLOWEST
    assert seconds[CALLS * 99 // 100] < NEARLY_ALL
    assert seconds[CALLS // 2] < USUAL
    assert not [question for question in hole.asked[before:] if NAME.encode() in question]
    until(lambda: not town.left(), 30)


async def test_people_talk(town: Town) -> None:
    phones = {"tel2030": "talked", "tel2031": "talked"}
    async with town.staff(phones):
        journey, different = await town.test_call(world(MONDAY_10, phones=phones), number="2030")
    assert not different, f"{different}\n{journey}"
    assert journey.outcome == "answered"


def test_audio_is_taken_at_one_address_where_one_is_named() -> None:
    """Else Asterisk asks for the machine's own name at every call: what the other tests here would show."""
    told = "media_address = 127.0.0.1\nbind_rtp_to_media_address = yes\n"
    assert compiled(small())["asterisk/pjsip.conf"].count(told) == 2
    everywhere = replace(EXCHANGE, bind="0.0.0.0")  # noqa: S104
    tree = compile_tree(small(), sounds(small()), Secrets(b"golden"), everywhere, ())
    assert "media_address" not in tree["asterisk/pjsip.conf"]


@pytest.mark.parametrize(
    ("bind", "hosts", "told"),
    [
        ("0.0.0.0", "127.0.0.1 localhost\n# 127.0.1.1 exchange\n127.0.1.1 exchange.town.example", True),  # noqa: S104
        ("::", "", True),
        ("0.0.0.0", "127.0.1.1 exchange.town.example exchange # ours\n", False),  # noqa: S104
        ("192.0.2.10", "", False),
    ],
)
def test_where_the_own_name_would_be_asked_for_that_is_told(tmp_path: Path, bind: str, hosts: str, told: bool) -> None:
    (tmp_path / "hosts").write_text(hosts)
    assert bool(unwritten(bind, "exchange", tmp_path / "hosts")) == told
