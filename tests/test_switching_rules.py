"""What may be switched, what is refused and what is told; Asterisk is down all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

import pytest

from orchestrator.domain.outgoing import costly, masked
from orchestrator.domain.switches import Absence, Forwarding, Outside
from orchestrator.domain.town import Retired
from orchestrator.service import changes, present, switching
from orchestrator.service import directory as directories
from orchestrator.service import waves as moving
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.service.switching import Period
from orchestrator.store.changes import Change, recorded
from tests.running_town import all_off, prepared
from tests.test_cli import durchwahl
from tests.test_switches import waiting
from tests.towns import BERLIN, person

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
    asyncio.run(all_off(furnished))


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
    await all_off(state)
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


async def turn(state: State, name: str, to: str, period: Period = ALWAYS, text: str = "") -> list[str]:
    return await switching.switch(state, name, to, period, text=text, why="")


@pytest.mark.parametrize(("name", "to", "period", "text"), [
    ("outside", "emergency", Period(first=SUMMER), ""), ("outside", "emergency", ALWAYS, "Hallo."),
    ("outside", "on", Period(last=SUMMER), ""), ("closed_buergerbuero", "off", Period(last=SUMMER), ""),
    ("closed_buergerbuero", "off", ALWAYS, "Zu."), ("closed_buergerbuero", "on", ALWAYS, "Zu."),
    ("wave_1", "on", Period(last=SUMMER), ""), ("wave_1", "on", Period(first=SUMMER), ""),
])  # fmt: skip
async def test_what_would_be_forgotten_is_refused(state: State, name: str, to: str, period: Period, text: str) -> None:
    with pytest.raises(ServiceError) as refused:
        await turn(state, name, to, period, text)
    assert refused.value.todo
    assert await present.rows(state) == []


async def test_the_kill_switch_ends_by_itself(state: State) -> None:
    (told,) = await turn(state, "outside", "emergency", Period(last=SUMMER))
    assert told.startswith("switch outside: emergency until 2036-07-01; ")
    ends = int(datetime(2036, 7, 2, tzinfo=BERLIN).timestamp())
    (row,) = await present.rows(state)
    assert row.switched == Outside(only="emergency", ends=ends)
    assert present.entries(state, waiting(), [row]) == {"outside": f"emergency:{ends}"}
    assert "emergency until 2036-07-02 00:00" in durchwahl(state.root, "switch").stdout


async def test_a_wave_moves_once_there_and_once_back(state: State) -> None:
    with pytest.raises(ServiceError, match="wave 1 \\(Alle\\) is on alt"):
        await switching.move(state, "1", moved=False, why="")
    await switching.move(state, "1", moved=True, why="")
    with pytest.raises(ServiceError, match="is here already"):
        await switching.move(state, "1", moved=True, why="")


def test_an_unknown_switch_is_no_silence(state: State) -> None:
    for wrong in (("switch", "outsid"), ("switch", "outside", "--until", "2036-01-01"), ("switch", "--text", "x")):
        done = durchwahl(state.root, *wrong)
        assert done.returncode == 2, wrong
        assert "to do:" in done.stderr
    assert "did you mean 'outside'?" in durchwahl(state.root, "switch", "outsid").stderr


async def test_a_second_absence_does_not_drop_the_first_without_a_word(state: State) -> None:
    first, second = Period(last=SUMMER), Period(first=AUTUMN, last=date(2036, 10, 31))
    await absent(state, "2500", first)
    with pytest.raises(ServiceError, match="is absent until 2036-07-02 00:00 already") as refused:
        await absent(state, "2500", second)
    assert "--instead" in refused.value.todo
    assert "absent until 2036-07-02" in durchwahl(state.root, "switched").stdout
    done = durchwahl(state.root, "absent", "2500", "--from", "2036-10-01", "--stand-in", "none", "--instead")
    assert "instead of: absent until 2036-07-02 00:00" in done.stdout, done.stderr
    with pytest.raises(ServiceError, match="is absent from 2036-10-01 00:00 already"):
        await absent(state, "2500", first)
    _, told = await absent(state, "2500", Period(last=date(2036, 12, 31)))
    assert told == "instead of: absent from 2036-10-01 00:00", "days in common: a correction"


async def test_a_switch_stands_in_the_record_and_is_taken_back(state: State) -> None:
    revision = (await directories.read_stored(state)).revision
    await absent(state, "2500", Period(last=SUMMER), stand_in="3501")
    await forward(state, "2500", "2510")
    await absent(state, "2500", Period(last=AUTUMN), stand_in="")
    newest, _, oldest = await past(state)
    assert newest.edits[0].before == oldest.edits[0].after
    told = durchwahl(state.root, "changes", "--of", "switched:absent_2500", "--limit", "1").stdout
    assert "~ switched absent_2500: stand_in: 3501 → –" in told
    with pytest.raises(ServiceError, match="was changed again since"):
        await changes.undo(state, oldest.id, why="", dry_run=False)
    assert (await changes.undo(state, newest.id, why="", dry_run=True)).number == 0
    done = durchwahl(state.root, "undo", str(newest.id), "--why", "Irrtum")
    assert present.LATER in done.stdout, done.stderr
    (away,) = [row for row in await present.rows(state) if row.name == "absent_2500"]
    assert isinstance(away.switched, Absence)
    assert (away.switched.stand_in, away.why) == ("3501", "Irrtum")
    await changes.undo(state, oldest.id, why="", dry_run=False)
    assert [row.name for row in await present.rows(state)] == ["forward_2500"]
    assert (await directories.read_stored(state)).revision == revision, "switches are no changes of the directory"


async def test_what_cannot_be_any_more_is_not_switched_back(state: State) -> None:
    await forward(state, "2500", "3501")
    await forward(state, "2500", "off")
    await forward(state, "3501", "2500")
    off = next(change for change in await past(state) if change.what == "2500: no longer forwarded")
    with pytest.raises(ServiceError, match="go round"):
        await changes.undo(state, off.id, why="", dry_run=False)


async def past(state: State) -> list[Change]:
    async with opened(state) as engine:
        return await recorded(engine, kinds=("switched",), limit=3)


async def test_on_busy_and_on_no_answer_two_may_take_each_others_calls(state: State) -> None:
    for when, said in (("busy", "when busy"), ("no_answer", "when nobody answers")):
        for one, other in (("2500", "3501"), ("3501", "2500")):
            (told,) = await switching.forward(state, one, other, when=when, why="")
            assert told.startswith(f"{one}: forwarded to {other} {said}; ")
    with pytest.raises(ServiceError, match="itself"):
        await switching.forward(state, "2500", "2500", when="busy", why="")
    with pytest.raises(ServiceError) as raised:
        await switching.forward(state, "2500", "3501", when="sometimes", why="")
    assert "always, busy, no_answer" in raised.value.todo


async def test_a_forwarding_on_busy_is_taken_back_as_it_was(state: State) -> None:
    await switching.forward(state, "2500", "3501", when="busy", who="2500 Anna Grün", why="dialled *67*")
    await switching.forward(state, "2500", "2510", when="busy", why="")
    async with opened(state) as engine:
        newest, former, *_ = await recorded(engine, kinds=("switched",), limit=2)
    assert (former.who, former.why) == ("2500 Anna Grün", "dialled *67*")
    await changes.undo(state, newest.id, why="", dry_run=False)
    assert await present.now(state) == {"busy_2500": Forwarding(to="3501")}


def test_the_commands_of_forwarding_and_do_not_disturb(state: State) -> None:
    assert "not to be disturbed" in durchwahl(state.root, "quiet", "2500", "on").stdout
    assert "quiet_2500" in durchwahl(state.root, "switched").stdout
    assert "n_2500.diverted" in durchwahl(state.root, "explain", "2500", "--switch", "wave_1=on").stdout
    assert durchwahl(state.root, "quiet", "2500", "off").returncode == 0
    assert durchwahl(state.root, "quiet", "2500", "off").returncode == 2
    assert durchwahl(state.root, "quiet", "30", "on").returncode == 2
    assert durchwahl(state.root, "forward", "2500", "3501", "--when", "no_answer").returncode == 0
    told = durchwahl(state.root, "explain", "*21*3501#", "--from", "2500").stdout
    assert "codes.turn" in told
    assert "ends: served" in told
