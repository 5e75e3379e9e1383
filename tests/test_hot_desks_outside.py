"""Hot-desking and what could be got out of it: calls to the outside, emergencies, guessed PINs, restarts, an apply."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import update

from orchestrator.domain.directory import Directory
from orchestrator.phone.telephone import Telephone
from orchestrator.service import directory as directories
from orchestrator.service import hot_desks, rollout
from orchestrator.service.questions import Question, ask
from orchestrator.store.database import brief, open_database
from orchestrator.store.load import save
from orchestrator.store.tables import lockouts
from tests.console import console
from tests.far_exchange import ASKED, FarExchange
from tests.hot_desk_town import ELSEWHERE, hot_desk_town
from tests.hot_desks import SOON, as_it_was, at, goes, last, logs_in, pin, where
from tests.running_town import Town, running_town, until
from tests.side_by_side import always
from tests.switched_town import PROVIDER

HOME = "+496205212500"


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("c"), hot_desk_town()) as running:
        yield running


@pytest.fixture
def town(exchange: Town) -> Iterator[Town]:
    """All of it running; nobody has logged in, and no PIN was wrong, before and after."""
    exchange.complete()
    yield exchange
    asyncio.run(as_it_was(exchange))
    until(lambda: not exchange.left(), 20)


@asynccontextmanager
async def provider(town: Town) -> AsyncIterator[FarExchange]:
    """Whom calls to the outside reach, when Asterisk knows that he is there."""
    async with FarExchange(PROVIDER, town.directory.trunks["amt"].port) as far:
        await asyncio.sleep(ASKED)
        console(town, "pjsip qualify trunk-amt")
        await asyncio.to_thread(
            until, lambda: " Avail " in console(town, "pjsip show contacts").partition("trunk-amt/")[2][:120], 35
        )
        yield far


async def outside(telephone: Telephone, number: str, far: FarExchange) -> tuple[str, str] | None:
    """What the provider was told of a call, called and shown; None where it never came to him."""
    before = len(far.called)
    call = await telephone.dial(number)
    await call.ends(within=SOON)
    return far.called[-1] if len(far.called) > before else None


async def test_the_permission_and_the_number_are_the_guests_and_only_as_long_as_they_are_there(town: Town) -> None:
    async with provider(town) as far, at(town, "halle") as hall:
        assert await outside(hall, "0123456", far) is None, "a desk with nobody calls the house alone"
        await hot_desks.log_in(town.state, "halle", "3501", why="")
        assert await outside(hall, "0123456", far) is None, "no number"
        assert await outside(hall, "0234567", far) == ("234567", "+496205213501")
        assert await outside(hall, "000331234567", far) is None, "nor may the guest"
        await hot_desks.log_in(town.state, "halle", "2500", why="")
        assert await outside(hall, "000331234567", far) == ("00331234567", HOME)
        await hot_desks.log_out(town.state, "2500", why="")
        assert await outside(hall, "0234567", far) is None


@pytest.mark.long
async def test_a_guest_has_one_budget_wherever_they_sit(town: Town) -> None:
    """Three calls abroad in an hour: two from the desk, one from home, and no fourth."""
    console(town, "database deltree outside")
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    async with provider(town) as far, at(town, "gast") as desk, at(town, "tel2500") as home:
        for telephone in (desk, home, desk):
            assert await outside(telephone, "000331234567", far) == ("00331234567", HOME)
        assert await outside(desk, "000331234567", far) is None
        assert await outside(home, "000331234567", far) is None
    console(town, "database deltree outside")


@pytest.mark.parametrize("number", always(["112", "0110"]))
async def test_help_is_sent_to_the_desk_and_not_to_where_the_guest_is_at_home(town: Town, number: str) -> None:
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    async with provider(town) as far, at(town, "gast") as desk:
        assert await outside(desk, number, far) == (number[-3:], ELSEWHERE)
        assert "Anna" not in far.invites[-1]
        assert "2500" not in far.invites[-1]
    told = ask(town.directory, Question(number=number, caller="61")).route
    assert told
    assert told.shown == ELSEWHERE


@pytest.mark.long
async def test_wrong_pins_lock_the_desk_and_the_person_until_the_lock_ends(town: Town) -> None:
    wrong = ("2500", "135790")
    assert await logs_in(town, "gast", wrong, wrong, wrong) == "desk_wrong"
    assert await logs_in(town, "gast", wrong, wrong) == "desk_locked"
    right = ("2500", pin(town, "2500"))
    assert await logs_in(town, "halle", right) == "desk_locked", "nobody guesses on at another desk"
    assert await logs_in(town, "gast", ("3501", pin(town, "3501"))) == "desk_locked", "nor on with other people there"
    assert await where(town) == {}
    engine = open_database(town.state.database)
    async with engine.begin() as connection:
        await connection.execute(update(lockouts).values(until=time.time() - 1))
    await engine.dispose()
    assert await logs_in(town, "gast", right) == "desk_on"
    assert await where(town) == {"2500": "gast"}


@pytest.mark.long
async def test_a_number_that_nobody_has_sounds_like_a_wrong_pin(town: Town) -> None:
    unknown = ("9999", "135790")
    assert await logs_in(town, "gast", unknown, unknown, unknown) == "desk_wrong"
    secrets = (pin(town, "2500"), "135790")
    kept = [*town.state.log.rglob("*"), town.state.journal]
    text = "".join(path.read_text(errors="replace") for path in kept if path.is_file())
    found = [
        text[at.start() - 80 : at.end()] for secret in secrets for at in re.finditer(rf"(?<![\d.]){secret}(?!\d)", text)
    ]
    assert not found, "no PIN is in any record"


@pytest.mark.long
async def test_it_outlives_restarts_and_works_without_python(town: Town) -> None:
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    await asyncio.sleep(1.5)  # Asterisk writes its database down once a second
    town.end("asterisk", signal.SIGKILL)
    town.begin("asterisk")
    town.end("attend")
    town.end("control", signal.SIGKILL)
    async with provider(town) as far, at(town, "gast") as desk:
        assert await outside(desk, "000331234567", far) == ("00331234567", HOME)
        call = await desk.dial("*98")
        await call.answered(within=SOON)
        assert "!VoiceMailMain!2500@town!" in console(town, "core show channels concise")
        for _ in range(3):
            await asyncio.sleep(3)
            await call.press("135790#")
        assert await call.ends(within=SOON), "who comes by has no PIN, and no key of the menu counts"
        for code in ("*55", "#55"):
            call = await desk.dial(code)
            await call.ends(within=SOON)
            assert last(town, await call.heard()) == "sorry"
    assert await where(town) == {"2500": "gast"}
    town.begin("control")
    town.begin("attend")
    until(town.ready, 30)
    phones = {"gast": "talked", "tel2500": "talked"}
    async with town.staff(phones):
        assert await goes(town, "2500", phones) == ["n_2500.diverted=talked"]


async def apply(town: Town, written: Directory) -> None:
    """Another directory, under the running exchange."""
    await save(brief(town.state.database), written, who="tests", what="change", why="tests")
    applied = await rollout.apply(town.state, lambda done, total: None, checksum="", force=("deletions",))
    assert applied.done, applied.told
    town.directory = await directories.read(town.state)


@pytest.mark.long
async def test_an_apply_that_takes_the_desk_away_ends_it(town: Town) -> None:
    await hot_desks.log_in(town.state, "gast", "2500", why="")
    assert console(town, "database show switched").count("gast") == 2
    whole = hot_desk_town()
    whole = replace(whole, trunks=town.directory.trunks)
    plain = replace(whole.phones["gast"], hot_desk=False)
    await apply(town, replace(whole, phones={**whole.phones, "gast": plain}))
    phones = {"gast": "talked", "tel2500": "talked"}
    await asyncio.to_thread(until, lambda: "gast" not in console(town, "database show switched"), SOON)
    async with town.staff(phones):
        assert (await goes(town, "2500", phones))[-1] == "n_2500.ring=talked"
    async with provider(town) as far, at(town, "gast") as desk:
        assert await outside(desk, "000331234567", far) is None
    await apply(town, whole)


async def test_an_apply_that_takes_the_desk_away_takes_the_permission_without_control(town: Town) -> None:
    """Asterisk holds still who sat there, and nobody is there who could correct it."""
    await hot_desks.log_in(town.state, "halle", "2500", why="")
    async with provider(town) as far, at(town, "halle") as hall:
        assert await outside(hall, "0234567", far) == ("234567", HOME)
        town.end("control", signal.SIGKILL)
        whole = replace(hot_desk_town(), trunks=town.directory.trunks)
        plain = replace(whole.phones["halle"], hot_desk=False)
        await apply(town, replace(whole, phones={**whole.phones, "halle": plain}))
        assert "guest_halle" in console(town, "database show switched")
        assert await outside(hall, "0234567", far) is None
        assert await outside(hall, "112", far) == ("112", ELSEWHERE)
    await apply(town, whole)
