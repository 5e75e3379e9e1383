"""What each skill can answer and what it must be told: the part of a skill that a flow, its proof and its reader see.

Belongs here: names. Not here: how a skill is performed (apps.skills; a test holds the two together).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.domain.flow import Answer


@dataclass(frozen=True, kw_only=True)
class Skill:
    """The contract of one skill."""

    answers: tuple[Answer, ...]
    arguments: tuple[str, ...] = ()
    in_turns: bool = False
    """It serves its caller from the first moment, in visits of one turn each, and answers `again` until it is done."""


SKILLS: Mapping[str, Skill] = {
    "mailbox": Skill(answers=("done", "again", "record", "call", "native", "failed"), in_turns=True),
    "next_opening": Skill(answers=("said", "failed"), arguments=("schedule",)),
    "say_digits": Skill(answers=("said",), arguments=("digits",)),
    "switching": Skill(answers=("done", "refused", "again", "failed"), in_turns=True),
}
"""The skills that a flow can name."""


def in_turns(skill: str) -> bool:
    """Whether a skill serves its caller in turns."""
    return skill in SKILLS and SKILLS[skill].in_turns
