"""The waiting queues of a running Asterisk: who waits, who is there; and members that the directory does not know."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError, Refused
from orchestrator.domain.directory import Directory
from orchestrator.domain.promises import STANDS_IN
from orchestrator.domain.queues import QUEUED, members
from orchestrator.metrics.queues import Standing
from orchestrator.service import promises
from orchestrator.service.errors import ServiceError
from orchestrator.service.running import connected
from orchestrator.service.state import State

FREE = "1"
"""Device state of a phone that is there and not in use."""
DYNAMIC = "dynamic"
"""How app_queue calls a member who has logged in."""
INTERFACE = "PJSIP/"
Row = Mapping[str, str]


async def rows(ami: Ami) -> Sequence[Row]:
    """What Asterisk tells of its queues. Raises AsteriskError."""
    return await ami.rows("QueueStatus")


async def now(state: State) -> list[Standing]:
    """The queues of the running exchange; raises ServiceError where it does not run or answer."""
    try:
        async with connected(state) as running:
            if running is None:
                raise ServiceError(f"Asterisk of {state.root} does not run", todo="run `durchwahl up`")
            promised = promises.waiting(await promises.now(running.ami))
            return [each._replace(promised=promised[each.queue]) for each in standings(await rows(running.ami))]
    except AsteriskError as bad:
        raise ServiceError(f"Asterisk does not answer: {bad}", todo="see `durchwahl status`") from bad


def standings(told: Iterable[Row]) -> list[Standing]:
    """How each queue is, of what Asterisk told."""
    events = list(told)
    found = []
    for name in [row["queue"] for row in events if row.get("event") == "QueueParams"]:
        mine = [row for row in events if row.get("queue") == name]
        waiting = [row for row in mine if row.get("event") == "QueueEntry"]
        there = [row for row in mine if row.get("event") == "QueueMember"]
        paused = [row for row in there if row.get("paused") == "1"]
        free = [row for row in there if row.get("status") == FREE and row.get("incall") != "1" and row not in paused]
        found.append(
            Standing(
                queue=name.removeprefix(QUEUED),
                waiting=len(waiting),
                longest=max((int(row.get("wait", "0")) for row in waiting if _is_there(row)), default=0),
                members=len(there),
                free=len([row for row in free if _rested(row)]),
                paused=len(paused),
            )
        )
    return sorted(found)


def _is_there(row: Row) -> bool:
    """Whether it is a caller: who is to be called back has hung up, and a stand-in keeps the place."""
    return f"@{STANDS_IN}" not in row.get("channel", "")


def _rested(row: Row) -> bool:
    """Whether the pause after a member's last call is over."""
    last, pause = int(row.get("lastcall", "0") or 0), int(row.get("wrapuptime", "0") or 0)
    return not last or time.time() >= last + pause


async def strays(ami: Ami, directory: Directory, told: Iterable[Row]) -> int:
    """Log out whoever the directory does not allow there any more; how many. Raises AsteriskError.

    Who has logged in is kept by Asterisk across applies, so a phone that was given to somebody else would stay in.
    """
    allowed = {
        queue.flow: {INTERFACE + phone for phone in members(directory, queue)} if queue.log_in else set()
        for queue in directory.queues.values()
    }
    gone = 0
    for row in told:
        if row.get("event") != "QueueMember" or row.get("membership") != DYNAMIC:
            continue
        queue, phone = row["queue"], row.get("location") or row.get("stateinterface", "")
        if phone not in allowed.get(queue, set()):
            try:
                await ami.action("QueueRemove", Queue=queue, Interface=phone)
            except Refused:
                continue  # was quicker
            gone += 1
    return gone
