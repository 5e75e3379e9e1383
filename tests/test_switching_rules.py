"""What may be switched, what is refused and what is told; Asterisk is down all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from orchestrator.domain.outgoing import costly, masked
from orchestrator.domain.town import Retired
from orchestrator.service import present, switching
from orchestrator.service import waves as moving
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.service.switching import Period
from tests.running_town import prepared
from tests.test_switches import waiting
from tests.towns import person

ALWAYS = Period()
SUMMER, AUTUMN = date(2036, 7, 1), date(2036, 10, 1)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> State:
    """A town with three people, two heads, a number without one, and a retired number that somebody has again."""
    town = waiting()
    third = person("2510", stand_in="")
    phone = replace(town.phones["tel2500"], id="tel2510", extension="2510")
    old = {extension: Retired(extension=extension, to="2500", until=date(2026, 1, 1)) for extension in ("2499", "2510")}
    written = replace(
        town,
        town=replace(town.town, heads=("+49620555",)),
        singles={"+4962057788": "10"},
        people={**town.people, third.id: third},
        phones={**town.phones, phone.id: phone},
        retired=old,
        flows={"town": town.flows["town"]},
        numbers={"0": "town"},
    )
    state, _, _ = prepared(tmp_path_factory.mktemp("r"), written)
    return state


@pytest.fixture
def state(furnished: State) -> Iterator[State]:
    """Nothing switched before and after."""
    yield furnished
    asyncio.run(_all_off(furnished))


async def _all_off(state: State) -> None:
    for row in await present.rows(state):
        await present.remove(state, row.name, what="off", why="")


async def forward(state: State, number: str, to: str) -> list[str]:
    return await switching.forward(state, number, to, why="")


async def absent(state: State, number: str, period: Period = ALWAYS, **more: str) -> list[str]:
    return await switching.absent(state, number, period, **{"stand_in": "", "text": "", "why": "", **more})


async def test_forwardings_that_go_round_are_refused_with_their_way(state: State) -> None:
    await forward(state, "2500", "3501")
    with pytest.raises(ServiceError, match="3501 → 2500 → 3501"):
        await forward(state, "3501", "2500")
    await forward(state, "3501", "2510")
    with pytest.raises(ServiceError, match="2510 → 2500 → 3501 → 2510") as raised:
        await forward(state, "2510", "2500")
    assert "durchwahl forward 3501 off" in raised.value.todo
    await forward(state, "3501", "0171 2345678")
    assert await forward(state, "2510", "2500")


async def test_a_forwarding_to_an_empty_desk_is_told(state: State) -> None:
    await absent(state, "3501")
    await forward(state, "3501", "2510")
    _, *told = await forward(state, "2500", "3501")
    assert told == [
        "warning: 3501 is absent now",
        "warning: 3501 is forwarded to 2510: its own phones ring all the same",
    ]
    _, *told = await absent(state, "2500", stand_in="3501")
    assert told[0] == "warning: 3501 is absent, too"
    assert "3501 is forwarded to 2510" in told[1]
    await _all_off(state)
    await absent(state, "3501", Period(first=SUMMER))
    assert len(await forward(state, "2500", "3501")) == 1, "not before summer"


@pytest.mark.parametrize("ours", ["06205 21-999", "06205 55 999", "+49 6205 55 2"])
async def test_no_number_of_ours_is_forwarded_to_by_way_of_the_provider(state: State, ours: str) -> None:
    with pytest.raises(ServiceError, match="number of ours"):
        await forward(state, "2500", ours)


async def test_a_number_that_somebody_has_again_is_not_counted_as_an_old_one(state: State) -> None:
    assert [old.number for old in await moving.old_numbers(state, 0.0)] == ["2499"]


def test_what_costs_too_much_and_what_is_hidden() -> None:
    assert costly(49, "PREMIUM_RATE") == "premium rate"
    assert costly(882, "UNKNOWN") == "satellite"
    assert costly(33, "MOBILE") == ""
    assert masked("+491712345678") == "+491712345···"
    assert masked("2500") == "2500"
