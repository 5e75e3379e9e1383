"""A caller's share of a mailbox: nobody fills it alone, so that there is room for others.

Belongs here: who has used their share up, as Asterisk is told (compile.message asks it). Not here: when it is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from orchestrator.messages.mailbox import Message

SHARE, HIDDEN, LEAST = 5, 2, 3
"""The part of a mailbox that one caller may fill with what nobody has heard yet: a fifth, and three messages at least;
all who hide their number: a half."""
_NO_DIGIT = re.compile(r"[^0-9]")


def used_up(unheard: Iterable[Message], quota: int) -> set[str]:
    """Who has as many messages there as one caller may have in a mailbox that takes `quota`."""
    counted = Counter(who(message.caller) for message in unheard)
    return {each for each, count in counted.items() if count >= max(LEAST, quota // (SHARE if each[1:] else HIDDEN))}


def who(caller: str) -> str:
    """`n` and the digits of a number; those who hide theirs are all of them `n`."""
    return f"n{_NO_DIGIT.sub('', caller)}"
