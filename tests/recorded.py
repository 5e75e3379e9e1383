"""Calls that a real Asterisk wrote down, and who listens to the recorder: for the tests of the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.journal import cel
from orchestrator.journal.journeys import OUTCOMES, Call, Journey

SAMPLES = Path(__file__).parent / "cel"
"""Lines that a real Asterisk wrote for calls of the hurried town; the file's name is the outcome."""
SAMPLED = [name for name in OUTCOMES if name not in ("failed", "unanswered", "served", "call_back")]


def calls(text: str) -> dict[str, Call]:
    found: dict[str, Call] = {}
    for line in text.splitlines():
        for event in cel.parse(line):
            found.setdefault(event.call, Call(event.call)).add(event)
    return found


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.csv").read_text()


@dataclass
class Heard:
    """A listener that remembers."""

    journeys: list[Journey] = field(default_factory=list)

    async def finished(self, journey: Journey) -> Journey:
        return journey

    def written(self, journey: Journey, unexpected: str) -> None:
        self.journeys.append(journey)


async def nobody() -> frozenset[str]:
    return frozenset()
