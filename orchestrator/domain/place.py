"""What every step speaks of: places, the answers by which they are left, and where those lead.

Belongs here: the words. Not here: the steps (flow, house).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Place = str
"""`flow.step`: the one name of a step, in the graph, the dialplan, a metric, a log line and `explain`."""

Answer = str
"""What the world said to a step: `key_1`, `talked`, `closed`."""

END: Place = "end"
"""Nothing more to do: the two are talking, or the caller has been sent off."""

TALKED: frozenset[Answer] = frozenset(("talked", "back"))
"""Answers that say that the caller talked with somebody: whom the step rang, or who had put them through."""

BY_HAND = "by_hand"
"""The flow under which it stands to whom a caller was put through after a word, by the phone: `by_hand.tel2501`."""

Exits = Mapping[Answer, Place]
NOBODY: frozenset[Answer] = frozenset()

KEYS: Mapping[str, Answer] = {**{str(n): f"key_{n}" for n in range(10)}, "*": "key_star", "#": "key_hash"}
"""What a caller can press -> the answer that it is."""
DESK_BUSY, DESK_NOBODY = AT_DESK = ("desk_busy", "desk_nobody")
"""What was found at the desk elsewhere at which who is called has logged in (domain.hot_desks)."""
OPERATORS: Answer = "operators"
"""The answer by which a call goes on to the operators' queue."""


@dataclass(frozen=True, kw_only=True)
class PutThrough:
    """What steps have that may ring who put the caller through by hand, before the call goes on (domain.parking)."""

    back: bool = False
    """Whether that one is rung once more."""
    operators: Place = ""
    """Where the call goes on if that one is an operator and does not pick up (domain.operators); empty: as ever."""

    @property
    def by_caller(self) -> frozenset[Answer]:
        """It takes somebody who puts a caller through: whoever does nothing is never led there."""
        return frozenset({OPERATORS}) if self.operators else NOBODY

    @property
    def returns(self) -> Exits:
        """The exits that it has by this."""
        return ({"back": END} if self.back else {}) | ({OPERATORS: self.operators} if self.operators else {})
