"""Call completion, which is native (compile.completion): what is over is forgotten, so that nobody reads for ever whom
a desk did not reach.
"""

from __future__ import annotations

from orchestrator.asterisk import database
from orchestrator.asterisk.ami import Ami
from orchestrator.compile.completion import KNOWN, NAMES, UNREACHED, WAITS, WISHES


async def sweep(ami: Ami, now: float) -> None:
    """Take out what is older than it counts, at `now` (seconds since the epoch). Raises AsteriskError."""
    names = await database.entries(ami, NAMES)  # before the wishes: none of a new one is taken for left over
    wishes = await database.entries(ami, WISHES)
    over = {phone for phone, wish in wishes.items() if _since(wish) + WAITS < now}
    unreached = await database.entries(ami, UNREACHED)
    gone = [(UNREACHED, phone) for phone, entry in unreached.items() if _since(entry) + KNOWN < now]
    gone += [(WISHES, phone) for phone in over]
    gone += [(NAMES, phone) for phone in names.keys() - (wishes.keys() - over)]
    for family, phone in gone:
        await database.remove(ami, family, phone)


def _since(entry: str) -> int:
    """When it was written, which stands behind the number."""
    since = f"{entry}:".split(":")[1]
    return int(since) if since.isascii() and since.isdecimal() else 0
