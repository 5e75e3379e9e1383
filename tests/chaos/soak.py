"""One run: the exchange under its supervisor, citizens by SIP, people at desks, attacks; and what is known afterwards.

Belongs here: doing it. Not here: what is planned (plan), and what must hold (account, growth).
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from orchestrator.asterisk.errors import AsteriskError
from orchestrator.domain.flow import Menu
from orchestrator.domain.prompts import length
from orchestrator.domain.routes import NOTICED
from orchestrator.messages.mailbox import Spool
from orchestrator.phone.sipp import Run, run_sipp
from orchestrator.service import history, wiring
from orchestrator.service.state import State
from orchestrator.store.database import open_database
from orchestrator.store.tables import cases
from tests.chaos import growth
from tests.chaos.account import Evidence, Queue, Strike
from tests.chaos.attacks import attack, every, running
from tests.chaos.desks import desks
from tests.chaos.journal import Journal
from tests.chaos.plan import Plan
from tests.chaos.town import DESKS, HEAD, MEMBER, MENU, OFFICE_BOX, OWN_BOX, chaos_town
from tests.console import console
from tests.running_town import CITIZEN, Town, prepared, until
from tests.test_up import start
from tests.told import times

SCENARIO = Path(__file__).parents[1] / "scenarios" / "citizen.xml"
TESTER = "testcall"
"""Who calls for the canary: no citizen."""
QUEUE = re.compile(r"^(\S+) +\d+ +\d+ +(\d+) +\d+ +(\d+) ", re.MULTILINE)
"""A line of `core show taskprocessors`: name, done, waiting, the most that ever waited, low and high water mark."""
LOOK_EVERY = 0.5
EVERY = 1_000_000
"""More journeys than there can be."""
RTP_PORTS = 500
"""Two for each leg: who calls five times a second keeps about 80 of them busy, and some more when things go wrong."""
REGISTERED = 3.0
"""Seconds for the desks to register."""
LAST_CALL = 60.0
"""Seconds after the last call was placed until every call must be over."""
SETTLED = 60.0
"""Seconds that control then has to write and to file everything."""
UP, DOWN = 60.0, 40.0
"""Seconds that the supervisor may take to start and to end everything."""


@dataclass
class Watched:
    """What is written down while it happens."""

    journal: Journal
    strikes: list[Strike] = field(default_factory=list)
    samples: list[growth.Sample] = field(default_factory=list)

    async def watch(self, state: State) -> None:
        """Until cancelled."""
        looked = 0.0
        while True:
            self.journal.look()
            if time.monotonic() - looked >= growth.LOOK_EVERY:
                looked = time.monotonic()
                for name, pid in running(state).items():
                    self.samples += growth.look(name, pid, time.time())
            await asyncio.sleep(LOOK_EVERY)


@dataclass(frozen=True, kw_only=True)
class Soaked:
    """Everything about a run."""

    evidence: Evidence
    samples: list[growth.Sample]
    middle: float
    """When half of the calls had been placed."""
    placed: float
    """When all had."""
    took: float
    """Seconds from the first call to the end of the last."""


Meanwhile = Callable[[Town, Watched], AbstractAsyncContextManager[None]]
"""What else happens while citizens call: entered before the first call, left after the last."""


def soak(
    planned: Plan,
    folder: Path,
    *,
    furnish: Callable[[State], None] = lambda state: None,
    meanwhile: Meanwhile = lambda town, watched: nullcontext(),
) -> Soaked:
    """Do it in `folder`, which is empty. Raises TimeoutError if the exchange does not even begin."""
    state, directory, sounds = prepared(folder, chaos_town(), furnish, rtp_ports=RTP_PORTS)
    town = Town(state, directory, sounds, folder)
    watched = Watched(Journal(state.journal))
    with supervised(state):
        began = time.time()
        told = asyncio.run(_calls(town, planned, watched, meanwhile))
        took = time.time() - began
        _settle(town, watched)
        left = [*_left(town), *_unfiled(town)]
        deepest = _deepest(town)
        known = asyncio.run(_written(town))
    left += [f"process {pid}: {command}" for pid, command in every(state).items()]
    _clear(state)
    menu = directory.graph[MENU]
    assert isinstance(menu, Menu)
    patience = length(menu.prompt, sounds) + menu.wait
    evidence = Evidence(
        plan=planned,
        placed=times(told, "placed"),
        answered=times(told, "answered"),
        seen={id_: seen for id_, seen in watched.journal.calls.items() if seen.caller != TESTER},
        strikes=watched.strikes,
        left=left,
        patience=patience,
        longest=patience + NOTICED,
        deepest=deepest,
        **known,
    )
    first = began + REGISTERED
    return Soaked(evidence=evidence, samples=watched.samples, middle=first + planned.lasts / 2,
                   placed=first + planned.lasts, took=took)  # fmt: skip


@contextmanager
def supervised(state: State) -> Iterator[subprocess.Popen[bytes]]:
    """`durchwahl up`, ready."""
    up = start(state)
    try:
        until(lambda: state.ready.exists() or up.poll() is not None, UP)
        assert up.poll() is None, (state.root / "up.out").read_text()
        yield up
    finally:
        up.terminate()
        with suppress(subprocess.TimeoutExpired):
            up.wait(DOWN)
        if up.poll() is None:
            up.kill()


def _clear(state: State) -> None:
    """What the supervisor has left running."""
    for pid in every(state):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def _calls(town: Town, planned: Plan, watched: Watched, meanwhile: Meanwhile) -> str:
    """Every call and every attack; what SIPp told."""
    watching = asyncio.create_task(watched.watch(town.state))
    async with desks(town, (*DESKS, MEMBER)):
        await asyncio.sleep(REGISTERED)
        attacking = asyncio.create_task(attack(town.state, planned.attacks, watched.strikes))
        try:
            async with meanwhile(town, watched):
                run = await _placed(town, planned)
        finally:
            for task in (attacking, watching):
                task.cancel()
            ends = await asyncio.gather(attacking, watching, return_exceptions=True)
    for bad in ends:
        if isinstance(bad, Exception):
            raise bad  # what was not seen cannot be judged
    return run.told


async def _placed(town: Town, planned: Plan) -> Run:
    spoken = town.state.sounds / "de" / f"{town.sounds['town.box'].file}.alaw"
    lines = "".join(f"{caller.line}\n" for caller in planned.callers)
    return await run_sipp(wiring.program("sipp"), SCENARIO, exchange=town.exchange, number=HEAD,
                          calls=len(planned.callers), rate=planned.rate, within=planned.lasts + LAST_CALL,
                          address=CITIZEN, audio=spoken, callers=lines)  # fmt: skip


def _settle(town: Town, watched: Watched) -> None:
    """Wait until all is written and filed; what is not, the account will tell."""
    _soon(lambda: not _left(town), LAST_CALL)
    watched.journal.look()
    reached = {id_ for id_, seen in watched.journal.calls.items() if seen.reached}

    def written() -> bool:
        journeys = asyncio.run(_written(town))["journeys"]
        return not reached - {past.id for past in journeys} and not _unfiled(town)

    _soon(written, SETTLED)


def _soon(true: Callable[[], bool], limit: float) -> None:
    deadline = time.monotonic() + limit
    while not true() and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)


def _left(town: Town) -> list[str]:
    """Channels and bridges that exist now."""
    try:
        return [str(each.get("name") or each["id"]) for each in town.left()]
    except AsteriskError as bad:
        return [f"Asterisk does not answer: {bad}"]


def _deepest(town: Town) -> Queue:
    """The queue of Asterisk's that was ever nearest to its mark."""
    told = QUEUE.findall(console(town, "core show taskprocessors"))
    queues = [Queue(name=name, deepest=int(deepest), mark=int(mark)) for name, deepest, mark in told]
    return max(queues, key=lambda queue: queue.full)


def _unfiled(town: Town) -> list[str]:
    return [path.name for path in Spool(town.state.spool).recordings.glob("*.wav")]


async def _written(town: Town) -> dict[str, list[Any]]:
    """Journeys, messages and cases, as the exchange has them."""
    engine = open_database(town.state.database)
    try:
        journeys = await history.past(engine, limit=EVERY, tests=False)
        async with engine.connect() as connection:
            opened = [_channel(id_) for id_ in (await connection.execute(select(cases.c.message))).scalars()]
    finally:
        await engine.dispose()
    spool = Spool(town.state.spool)
    messages = [(box, _channel(each.id)) for box in (OFFICE_BOX, OWN_BOX) for each in spool.box(box).messages()]
    return {"journeys": journeys, "messages": messages, "cases": opened}


def _channel(message: str) -> str:
    """The channel that left a message: `1795693411.1` of `1795693411.1-2`."""
    return message.rpartition("-")[0]
