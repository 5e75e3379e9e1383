"""What is too old to be kept: messages, deleted ones, recordings in which nothing was said (docs/decisions/0006).

Belongs here: finding and removing it. Not here: the deletion log (ledger), lamps (api).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from orchestrator.domain.people import KEEP_DAYS
from orchestrator.messages.ledger import Why
from orchestrator.messages.mailbox import DELETED, Mailbox, Message, NoSuchMessage, Spool

DAY = 86400.0
DELETE_AFTER = KEEP_DAYS * DAY
"""Seconds after which a message is gone at the latest: what the greeting says before the beep."""
UNDO_WITHIN = DAY
"""Seconds that a deleted message can be taken back; then it is removed for good."""
REJECTED_AFTER = 7 * DAY
"""Seconds after which a recording in which nothing was said is deleted."""
PLAYING_AFTER = 3600.0
"""Seconds after which nobody is playing a message any more that somebody began to hear."""


def too_old(box: Mailbox, keep: float, now: float) -> Iterator[tuple[Message, Why]]:
    """Every message of `box` that must go, and why. `keep` in seconds, `now` in seconds since the epoch.

    One that was deleted over `VoiceMailMain()` counts from when it was filed: nothing else is known of it.
    """
    deleted: Mapping[str, float] | None = None
    for message in box.messages():
        if message.at < now - min(keep, DELETE_AFTER):
            yield message, "aged"
        elif message.folder == DELETED:
            deleted = deleted if deleted is not None else box.lying(DELETED)
            if deleted.get(message.id, now) < now - UNDO_WITHIN:
                yield message, "deleted"


def remove(spool: Spool, message: Message) -> bool:
    """Remove it for good; False if somebody else has. Raises Busy, OSError."""
    with contextlib.suppress(NoSuchMessage):
        spool.box(message.box).remove(message.id)
        return True
    return False


def forget_rejected(spool: Spool, now: float) -> int:
    """Delete rejected recordings that are older than `REJECTED_AFTER`; how many. Raises OSError."""
    return _forget(spool, "rejected", now - REJECTED_AFTER)


def forget_playing(spool: Spool, now: float) -> int:
    """Take away the second names of messages that nobody plays any more; how many. Raises OSError."""
    return _forget(spool, "playing", now - PLAYING_AFTER)


def _forget(spool: Spool, folder: str, before: float) -> int:
    gone = [path for path in (spool.root / folder).glob("*") if path.stat().st_mtime < before]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
