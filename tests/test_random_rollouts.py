"""Random edits of a running town, applied: Asterisk has what the directory says, no more, no less, and calls go there.

Asked at Asterisk's own command line and by calls, not by what the product reads back. At the end all is taken back.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from itertools import chain, pairwise
from random import Random
from typing import Any

import pytest

from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import World, explain
from orchestrator.domain.flow import Menu, Transfer, When
from orchestrator.domain.schedule import Schedule
from orchestrator.domain.town import Trunk
from orchestrator.service import changes, changing, drift, rollout, wiring
from orchestrator.service import directory as directories
from orchestrator.service.questions import start
from orchestrator.service.running import connected
from orchestrator.store.calendar import complete
from tests import expectation
from tests.console import Believed, believed, endpoint
from tests.far_exchange import FarExchange
from tests.full_town import full
from tests.mistakes import MISTAKES
from tests.random_edits import EDITS, put
from tests.running_town import Town, prepared, until
from tests.towns import MONDAY_10

SEEDS = (1, 2, 3)
ROUNDS = 6
ATTEMPTS = 12
"""How often an edit is drawn anew that is refused, or changes nothing."""
CALLS = 5
"""Test calls of one round at most."""
OLD = "127.0.0.9"
"""Where the old exchange is."""
MADE = re.compile("[cdgnqrt]_|codes$|park$")
"""How the names of flows begin that nobody wrote."""
FORCED = {"deletions", "emergency", "operator"}


def dealt(seed: int) -> list[list[str]]:
    """The names of the edits of each round: every seed has a part of them all."""
    names = sorted(EDITS)
    Random(406).shuffle(names)  # one in which each edit can be made when its turn comes
    own, rng = names[SEEDS.index(seed) :: len(SEEDS)], Random(seed)
    own.sort(key=lambda name: name.endswith("_gone"))  # others need what is taken out
    cuts = [0, *sorted(rng.sample(range(1, len(own)), ROUNDS - 1)), len(own)]
    return [own[begin:end] for begin, end in pairwise(cuts)]


def drawn(seed: int, name: str, attempt: int) -> Random:
    return Random(f"{seed} {name} {attempt}")


@dataclass
class Admin:
    """Who edits, applies, and looks at what came of it."""

    town: Town
    seed: int
    ran: set[str] = field(default_factory=set)
    """Every flow that ran, whether it is gone or not."""

    def tree(self) -> str:
        """What runs."""
        return wiring.trees(self.town.state).name()

    async def edits(self, name: str) -> None:
        """One edit, as soon as one of its kind passes the proof and changes something."""
        for attempt in range(ATTEMPTS):
            if await self.changes(name, EDITS[name](drawn(self.seed, name, attempt), await self.written())):
                return

    async def written(self) -> Directory:
        return await directories.plain(self.town.state)

    async def revision(self) -> int:
        return (await directories.read_stored(self.town.state)).revision

    async def changes(self, what: str, wanted: Directory) -> bool:
        """Saved as it was wanted, or refused as a whole."""
        state = self.town.state
        before, revision, tree = await self.written(), await self.revision(), self.tree()
        changed = await changing.change(state, lambda directory: wanted, what=what, why="tests")
        after, number = await self.written(), await self.revision()
        assert changed.saved == (not changed.problems and after != before), changed.problems
        assert after == (changed.directory if changed.saved else before)
        assert (number > revision) == changed.saved
        assert self.tree() == tree
        return changed.saved

    async def errs(self, name: str) -> None:
        """A mistake: refused, and nothing is changed."""
        assert not await self.changes(name, MISTAKES[name](await self.written()))

    async def applies(self) -> bool:
        """The plan as it was read, forced where it asks for it; whether there was anything to apply."""
        state = self.town.state
        before, after, tree = await directories.running(state), await directories.read(state), self.tree()
        planned = await rollout.plan(state, lambda done, total: None)
        assert bool(planned.edits) == (before != after)
        assert len(planned.edits) == otherwise(before, after)
        force = tuple(refusal.name for refusal in planned.refusals)
        assert FORCED.issuperset(force), planned.refusals
        if force:
            refused = await rollout.apply(
                state, lambda done, total: None, checksum=planned.plan.checksum, force=force[1:]
            )
            assert not refused.done
            assert (self.tree(), await directories.running(state)) == (tree, before)
        applied = await rollout.apply(state, lambda done, total: None, checksum=planned.plan.checksum, force=force)
        assert applied.done, applied.told
        self.ran |= after.flows.keys()
        await self.looks(before, after)
        return before != after

    async def looks(self, before: Directory, after: Directory) -> None:
        """What Asterisk has is what the directory says: by the product's means, and by Asterisk's own."""
        town = self.town
        assert await directories.running(town.state) == await directories.read(town.state) == after
        assert await drift.look(town.state) == ()
        gone = frozenset(self.ran - after.flows.keys())
        assert expectation.differences(after, town.state.settings().trunks, gone, believed(town)) == []
        async with connected(town.state) as running:
            assert running
            assert [*expectation.boxes(after, await running.ami.rows("VoicemailUsersList"))] == []
        edited = {name for name in after.phones if shown(before, name) != shown(after, name)}
        told = [line for name in sorted(edited) for line in expectation.phone(after, name, endpoint(town, name))]
        assert told == []
        town.directory, town.sounds = after, directories.spoken(town.state, after)

    async def calls(self, before: Directory, after: Directory) -> None:
        """Calls to numbers that lead elsewhere now, or another way, at some hour of the next weeks."""
        rng = drawn(self.seed, self.tree(), 0)
        numbers = [
            number for number in sorted(known(before) | known(after)) if way(before, number) != way(after, number)
        ]
        made = [self.call(number, rng) for number in rng.sample(numbers, min(len(numbers), CALLS))]
        assert [told for told in await asyncio.gather(*made) if told] == []

    async def call(self, number: str, rng: Random) -> str:
        """Where a call left what `explain` says; a key is pressed in the first menu that it meets."""
        directory = self.town.directory
        outside = {step.number: "busy" for step in directory.graph.values() if isinstance(step, Transfer)}
        at = MONDAY_10 + timedelta(days=rng.randrange(60), hours=rng.randrange(24))
        world = World(at=at, others="unreachable", outside=outside, python=False)
        first = start(directory, directory.singles.get(number, number))
        met = [directory.graph[visit.place] for visit in explain(directory, first, world)]
        menu = next((step for step in met if isinstance(step, Menu)), None)
        keys = [key for key, to in menu.keys.items() if not isinstance(directory.graph[to], Transfer)] if menu else []
        world = replace(world, keys=(rng.choice(keys),) if keys else ())
        _, different = await self.town.test_call(
            world, number=number, at_box="leaves", hangup_after=1.8 if keys else 0.5
        )
        return different and f"{number} at {at:%Y-%m-%d %H:%M}: {different}"

    async def takes_back(self, since: int) -> None:
        """Every change after `since` is undone, the last first."""
        state = self.town.state
        for past in await changes.past(state, since="", of="", kind="", limit=1000, whole=False):
            if past.change.id > since and past.change.count:
                undone = await changes.undo(state, past.change.id, why="tests", dry_run=False)
                assert (undone.problems, bool(undone.number)) == ((), True), past


def otherwise(before: Directory, after: Directory) -> int:
    """How many things were edited; the flows of people, departments and the like follow from those."""
    count = int(before.town != after.town)
    for section in (each.name for each in fields(Directory) if each.name != "town"):
        one, other = (_written(getattr(each, section)) for each in (before, after))
        written = [key for key in one.keys() | other.keys() if section != "flows" or not MADE.match(key)]
        count += sum(one.get(key) != other.get(key) for key in written)
    return count


def _written(things: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what is worked out: schedules get the days of their calendars, and the edit is the calendar's."""
    return {
        key: replace(thing, off={}, known_until=date.min) if isinstance(thing, Schedule) else thing
        for key, thing in things.items()
    }


def known(directory: Directory) -> set[str]:
    return {*directory.numbers, *directory.singles}


def way(directory: Directory, number: str) -> object:
    """The flow of a number, and its hours; a number that nobody has is led to the catch-all."""
    extension = directory.singles.get(number, number)
    flow = directory.flows[directory.numbers.get(extension, directory.town.catch_all)]
    return flow, [directory.schedules[step.schedule] for step in flow.steps.values() if isinstance(step, When)]


def shown(directory: Directory, phone: str) -> object:
    return phone in directory.phones and (
        directory.phones[phone],
        expectation.owner(directory, directory.phones[phone]),
    )


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The full town on a real Asterisk, without Python."""
    state, directory, spoken = prepared(tmp_path_factory.mktemp("r"), full(old()))
    running = Town(state, directory, spoken, state.run / "no words")
    try:
        running.begin("asterisk")
        yield running
        until(lambda: not running.left(), 10)
    finally:
        running.end("asterisk")


def old() -> Trunk:
    """The old exchange, at a port at which nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((OLD, 0))
        return Trunk(id="alt", host=OLD, port=int(line.getsockname()[1]), public=False, order=3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.long
async def test_what_is_edited_and_applied_is_what_asterisk_has(town: Town, seed: int) -> None:
    admin = Admin(town, seed)
    admin.ran |= town.directory.flows.keys()
    begun, first = await admin.written(), await admin.revision()
    at_first = believed(town)
    mistakes = sorted(MISTAKES)[seed % 2 :: 2]
    async with FarExchange(OLD, begun.trunks["alt"].port, status=486):
        await admin.looks(town.directory, town.directory)
        for number, names in enumerate(dealt(seed)):
            before = town.directory
            await admin.errs(mistakes[number % len(mistakes)])
            for name in names:
                await admin.edits(name)
            assert await admin.applies()
            await admin.calls(before, town.directory)
        await second_thoughts(admin)
        await admin.takes_back(first)
        assert await admin.written() == begun
        assert await admin.applies()
    assert same(at_first, believed(town))


async def second_thoughts(admin: Admin) -> None:
    """A change that is taken back before it is applied is none; one that makes callers wait too long is not applied."""
    state, written = admin.town.state, await admin.written()
    last, tree = await admin.revision(), admin.tree()
    person = next(iter(written.people.values()))
    assert await admin.changes("stays", put(written, "people", person.id, replace(person, last_name="Neu")))
    await admin.takes_back(last)
    assert not await admin.applies()
    assert admin.tree() == tree
    assert await admin.changes("waits", replace(written, town=replace(written.town, longest_wait=10)))
    told = await rollout.apply(state, lambda done, total: None, checksum="", force=())
    assert not told.done
    assert "refused (problems)" in told.told[0]
    assert admin.tree() == tree
    await admin.takes_back(last)


def same(first: Believed, last: Believed) -> bool:
    """Whether all is as it was, but for stubs of flows that came and went."""
    stubs = {context for context in last.dialplan.keys() - first.dialplan.keys() if "=gone" in last.dialplan[context]}
    rest = {context: extensions for context, extensions in last.dialplan.items() if context not in stubs}
    return (first.endpoints, first.contacts, first.boxes, first.dialplan) == (
        last.endpoints, last.contacts, last.boxes, rest
    )  # fmt: skip


def test_every_section_is_edited() -> None:
    """What the seeds draw, on the directory alone: each kind of edit passes the proof once, and changes something."""
    done, sections = set(), set()
    for seed in SEEDS:
        written = complete(full(old()), directories.today().year)
        for name in chain(*dealt(seed)):
            for attempt in range(ATTEMPTS):
                after = complete(EDITS[name](drawn(seed, name, attempt), written), directories.today().year)
                if after != written and not directories.judge(after):
                    sections |= {
                        each.name for each in fields(after) if getattr(after, each.name) != getattr(written, each.name)
                    }
                    done.add(name)
                    written = after
                    break
    assert EDITS.keys() - done == set()
    assert {each.name for each in fields(Directory)} - sections == set()
