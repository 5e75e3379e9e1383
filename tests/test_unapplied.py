"""Whether the directory was changed and not applied, and how old the oldest such change is: as control looks at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import URL

from orchestrator.domain.directory import Directory
from orchestrator.domain.switches import On
from orchestrator.service import directory as directories
from orchestrator.service import keys, rollout, wiring
from orchestrator.service.state import State
from orchestrator.service.unapplied import APPLYING, Unapplied
from orchestrator.store import switched
from orchestrator.store.changes import changed, recorded
from orchestrator.store.database import open_database
from orchestrator.store.load import save
from tests.databases import database
from tests.running_town import prepared
from tests.towns import small


def named(name: str) -> Directory:
    """The small town, called otherwise: a change that compiles to something else."""
    town = small()
    return replace(town, town=replace(town.town, name=name))


APART = 0.6
"""Seconds: the history of trees has whole ones."""


class Looking:
    """Who looks, as control does after it has read which tree runs; and who changes the directory."""

    def __init__(self, state: State) -> None:
        self.state, self.engine = state, open_database(state.database)
        self._unapplied = Unapplied(state=state, engine=self.engine, running=lambda: self._running)

    async def since(self, otherwise: Callable[[Directory], Directory] = lambda running: running) -> float:
        self._running = wiring.trees(self.state).name(), otherwise(await directories.running(self.state))
        await self._unapplied.look()
        return self._unapplied.since

    @property
    def seconds(self) -> float:
        return self._unapplied.seconds

    async def change(self, name: str) -> float:
        """Save another directory; when that was."""
        await asyncio.sleep(APART)
        number = await save(self.engine, named(name), who="tests", what="", why="")
        (newest,) = await recorded(self.engine, limit=1)
        assert newest.id == number
        return newest.at

    async def apply(self) -> None:
        await asyncio.sleep(APART)
        done = await rollout.apply(self.state, lambda done, total: None, checksum="", force=())
        assert done.done, done.told


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    """Applied, not running."""
    return prepared(tmp_path_factory.mktemp("u"), named("Anfang"))[0]


async def test_how_old_the_oldest_change_is_that_callers_do_not_meet(state: State) -> None:
    looking = Looking(state)
    assert (await looking.since(), looking.seconds) == (0.0, 0.0)
    first = await looking.change("Eins")
    assert await looking.since() == first
    assert 0 < looking.seconds <= time.time() - first
    await looking.change("Zwei")
    assert await looking.since() == first
    row = switched.Row(name="night", switched=On(), at=time.time(), who="tests", why="")
    await switched.put(looking.engine, row, "on")
    assert await looking.since() == first
    await looking.apply()
    assert (await looking.since(), looking.seconds) == (0.0, 0.0)
    await switched.remove(looking.engine, "night", at=time.time(), who="tests", what="off", why="")
    assert await looking.since() == 0.0, "what is switched needs no apply"

    third = await looking.change("Drei")
    assert await looking.since() == third
    await looking.change("Zwei")
    assert await looking.since() == 0.0, "it was taken back"
    await looking.engine.dispose()


async def test_after_a_way_back_what_it_took_out_is_not_applied(state: State) -> None:
    looking = Looking(state)
    await looking.change("Vor dem Weg")
    await looking.apply()
    taken = await looking.change("Danach")
    await looking.apply()
    assert await looking.since() == 0.0
    done = await rollout.rollback(state, 1)
    assert done.done, done.told
    assert await looking.since() == taken
    await looking.apply()
    assert await looking.since() == 0.0
    await looking.engine.dispose()


async def test_new_secrets_are_no_apply_of_the_directory(state: State) -> None:
    """They make another tree of the same directory."""
    looking = Looking(state)
    await looking.change("Vor den Geheimnissen")
    await looking.apply()
    before = wiring.trees(state).name()
    renewed = await keys.renew(state, await keys.look(state, ["tel2500"]))
    assert renewed.done, renewed.told
    assert wiring.trees(state).name() != before
    assert await looking.since() == 0.0
    changed = await looking.change("Nach den Geheimnissen")
    assert await looking.since() == changed
    await looking.engine.dispose()


async def test_what_nobody_changed_counts_from_when_it_was_seen(state: State) -> None:
    """A new version derives more of the same directory, or the year has ended."""
    looking = Looking(state)
    await looking.change("Derselbe")
    await looking.apply()
    trees = wiring.trees(state)
    trees.remember(trees.name(), time.time() + APPLYING, {"did": "apply"})
    before = time.time()
    assert (
        before
        <= await looking.since(lambda running: replace(running, town=replace(running.town, name="")))
        <= time.time()
    )
    await looking.engine.dispose()


async def test_a_change_in_the_middle_of_an_apply_is_seen(state: State) -> None:
    looking = Looking(state)
    await looking.change("Gelesen")
    await looking.apply()
    late = await looking.change("Währenddessen")
    trees = wiring.trees(state)
    trees.remember(trees.name(), late + 1, {"did": "apply"})
    assert await looking.since() == late
    await looking.engine.dispose()


async def test_a_control_that_is_started_anew_knows_it_too(state: State) -> None:
    looking = Looking(state)
    await looking.change("Fertig")
    await looking.apply()
    changed = await looking.change("Offen")
    await looking.engine.dispose()
    again = Looking(state)
    assert await again.since() == changed
    await again.engine.dispose()


async def test_when_the_directory_was_changed_first_after_something(url: URL) -> None:
    async with database(url) as engine:
        assert await changed(engine, 0.0) == 0.0
        for name in ("Eins", "Zwei", "Drei"):
            await save(engine, named(name), who="tests", what=name, why="")
        await switched.put(engine, switched.Row(name="night", switched=On(), at=1e10, who="tests", why=""), "on")
        at = {each.what: each.at for each in await recorded(engine)}
        assert await changed(engine, 0.0) == at["Eins"]
        assert await changed(engine, at["Eins"]) == at["Zwei"]
        assert await changed(engine, at["Drei"]) == at["Drei"], "none after it: the last one"
