"""The process around one attendant: started and watched by the shift.

Belongs here: signals, the pulse to the parent, the event loop, the command line. Not here: calls (attend).
The password is read in Asterisk's own ari.conf, whenever one is needed; where none is named it comes in the
environment, because a command line can be read by everyone on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.apps import lines
from orchestrator.apps.attend import Attendant
from orchestrator.apps.book import Book
from orchestrator.apps.dialogue import Control, session, token
from orchestrator.apps.listening import Listening
from orchestrator.apps.loop import run_fast
from orchestrator.apps.observer import Observer
from orchestrator.apps.skills import SKILLS, Skills
from orchestrator.asterisk.address import Address
from orchestrator.asterisk.transport import websocket

PASSWORD = "DURCHWAHL_ARI_PASSWORD"  # noqa: S105
"""The environment variable that holds ARI's password."""
BEAT_EVERY = 0.2
"""Seconds between two heartbeats."""
CONNECTED, WAITING = b"c", b"w"
"""What a heartbeat says: on the line to Asterisk, or not."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a worker is told at its start."""

    slot: int
    asterisk: Address
    attend: Path
    """`attend.json` of the live tree."""
    dialogue: str = ""
    """Where control is asked about callers of the mailbox; empty: nobody is."""
    heartbeat: int | None = None
    """File descriptor of the pipe to the parent; None without one."""


async def work(orders: Orders, *, skills: Skills = SKILLS, observer: Observer | None = None) -> None:
    """Attend until SIGTERM, or until the parent is gone."""
    async with AsyncExitStack() as open_things:
        if orders.dialogue:
            asking = Control(
                url=orders.dialogue,
                session=await open_things.enter_async_context(session()),
                token=lambda: token(orders.asterisk.passwords()[0]),
            )
            listening = Listening(dialogue=asking)
            skills = {**skills, "mailbox": listening, "switching": listening}
        await _attend(orders, skills, observer)


async def _attend(orders: Orders, skills: Skills, observer: Observer | None) -> None:
    dial = websocket(orders.asterisk)
    attendant = Attendant(slot=orders.slot, dial=dial, book=Book(orders.attend), skills=skills, observer=observer)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, attendant.drain)
    async with asyncio.TaskGroup() as tasks:
        attending = tasks.create_task(attendant.run())
        if orders.heartbeat is not None:
            beating = tasks.create_task(
                beat(orders.heartbeat, lambda: attendant.connection.connected, orphaned=attendant.drain)
            )
            attending.add_done_callback(lambda _: beating.cancel())


async def beat(pipe: int, connected: Callable[[], bool], *, orphaned: Callable[[], None]) -> None:
    """Tell the parent through `pipe` that this event loop turns; call `orphaned` once if there is no parent."""
    os.set_blocking(pipe, False)
    while True:
        try:
            with suppress(BlockingIOError):  # a parent that is stopped does not read, and need not
                os.write(pipe, CONNECTED if connected() else WAITING)
        except BrokenPipeError:
            logging.getLogger(__name__).warning("the shift is gone: handing all callers back")
            orphaned()
            return
        await asyncio.sleep(BEAT_EVERY)


def parser() -> argparse.ArgumentParser:
    """The command line of a worker."""
    made = argparse.ArgumentParser(prog="attendant", description=f"One attendant. ARI's password: ${PASSWORD}.")
    made.add_argument("--slot", type=int, required=True)
    made.add_argument("--attend", type=Path, required=True, help="attend.json of the live tree")
    made.add_argument("--url", required=True, help="where ARI answers: http://127.0.0.1:8088/ari")
    made.add_argument("--user", required=True)
    made.add_argument("--conf", type=Path, help="Asterisk's ari.conf of the live tree")
    made.add_argument("--dialogue", default="", help="control's http://127.0.0.1:8080/dialogue")
    made.add_argument("--heartbeat", type=int, help="file descriptor of the pipe to the shift")
    return made


def orders(given: argparse.Namespace) -> Orders:
    """What the command line and the environment say."""
    address = Address(url=given.url, user=given.user, password=os.environ.get(PASSWORD, ""), conf=given.conf)
    return Orders(
        slot=given.slot,
        asterisk=address,
        attend=given.attend,
        dialogue=given.dialogue,
        heartbeat=given.heartbeat,
    )


def run(working: Coroutine[Any, Any, None], *, slot: int) -> None:
    """Run a worker in an event loop of its own."""
    lines.begin(f"attendant-{slot}")
    run_fast(working)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one worker that nobody counts; 0 after a drain."""
    told = orders(parser().parse_args(argv))
    run(work(told), slot=told.slot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
