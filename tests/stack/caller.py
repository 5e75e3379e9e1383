"""A caller, or somebody at a desk, in a container of its own: python caller.py citizens|desk …, prints JSON.

    citizens FROM EXCHANGE NUMBER SECONDS    each of the numbers FROM (by commas) calls by the trunk, and stays for
                                             SECONDS and until standard input ends
    desk PHONE EXCHANGE SECONDS              registers with $PASSWORD, and answers; for one talk, or for SECONDS

Each has the address by which the exchange is reached, or $ADDRESS. Runs on the package that the image has, not on the
source beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import socket
import sys
import time
from collections.abc import Iterable

from orchestrator.asterisk.package import find
from orchestrator.phone.call import Call
from orchestrator.phone.desk import Answers, Desk
from orchestrator.phone.errors import PhoneError
from orchestrator.phone.sound import RATE, Sound
from orchestrator.phone.telephone import Line, Telephone

AUDIBLE = 1000
"""Of 32,768: louder than the noise of the line."""
STAYS = 180.0
"""Seconds that a citizen waits at most until standard input ends."""
TALKS = 12.0
"""Seconds until somebody at a desk hangs up, if the other side has not."""
TONE = Sound(samples=([8000] * 8 + [-8000] * 8) * (int(STAYS + 60) * RATE // 16))
"""500 Hz for longer than anybody stays: who says nothing is hung up by a mailbox."""


def loudest(samples: Iterable[int]) -> int:
    return max(map(abs, samples), default=0)


def own(exchange: str) -> str:
    """The address of this container that the exchange is reached from, if none was given."""
    if given := os.environ.get("ADDRESS"):
        return given
    host, _, port = exchange.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, int(port)))
        return str(probe.getsockname()[0])


async def citizens(numbers: str, exchange: str, dialled: str, seconds: str) -> dict[str, object]:
    """All of them at once: how many were answered, stayed until they hung up themselves, and heard something."""
    calls = await asyncio.gather(*(citizen(each, exchange, dialled, float(seconds)) for each in numbers.split(",")))
    stayed, heard = zip(*calls, strict=True)
    return {"answered": len(calls), "stayed": sum(stayed), "heard": sum(each > AUDIBLE for each in heard)}


async def citizen(number: str, exchange: str, dialled: str, seconds: float) -> tuple[bool, int]:
    line = Line(number=number, exchange=exchange)
    async with Telephone(find("baresip"), line, says=TONE, address=own(exchange)) as telephone:
        call = await telephone.dial(dialled)
        await call.answered(within=15)
        stayed = await call.stays(seconds) and await _stays_on(call)
        if stayed:
            await call.hang_up()
        return stayed, loudest((await call.heard()).samples)


async def _stays_on(call: Call) -> bool:
    """Whether the call goes on until standard input ends."""
    until = time.monotonic() + STAYS
    while time.monotonic() < until and not select.select([sys.stdin], [], [], 0)[0]:
        if not await call.stays(0.2):
            return False
    return True


async def desk(phone: str, exchange: str, seconds: str) -> dict[str, object]:
    line = Line(number=phone, exchange=exchange, password=os.environ["PASSWORD"], registers=True)
    telephone = Telephone(find("baresip"), line, says=TONE, address=own(exchange))
    async with Desk(telephone, Answers(after=1.0, talks=TALKS)) as sitting:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_talked(sitting), float(seconds))
        talked = [call for call in sitting.calls if call.answered_at is not None]
        heard = [loudest((await call.heard()).samples) > AUDIBLE for call in talked]
        return {"calls": len(sitting.calls), "talked": len(talked), "heard": sum(heard)}


async def _talked(sitting: Desk) -> None:
    while not any(call.answered_at is not None and call.ended for call in sitting.calls):
        await asyncio.sleep(0.1)


def main(role: str, *told: str) -> int:
    try:
        print(json.dumps(asyncio.run({"citizens": citizens, "desk": desk}[role](*told))))
    except PhoneError as bad:
        print(json.dumps({"error": f"{type(bad).__name__}: {bad}"}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
