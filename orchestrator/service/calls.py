"""What becomes of each call that is over: its message is filed, its way judged, and it is counted, told and traced.

A `journal.record.Listener`. Not here: what a journey is (journal.journeys), and when it is written down (record).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import structlog

from orchestrator.compile import per_caller
from orchestrator.domain import outgoing
from orchestrator.domain.directory import Directory
from orchestrator.domain.explain import retrace
from orchestrator.domain.flow import LeaveMessage
from orchestrator.journal.journeys import Journey, trace
from orchestrator.metrics.control import Metrics
from orchestrator.service.mailroom import Mailroom

if TYPE_CHECKING:
    from orchestrator.service.traces import Traces

log = structlog.get_logger()


class Ran(NamedTuple):
    """What calls go by, and went by before."""

    directory: Directory
    former: Directory
    since: float
    """When `directory` was applied, in seconds since the epoch."""


@dataclass(kw_only=True)
class Calls:
    """Told of every journey, by the recorder."""

    ran: Callable[[], Ran]
    mailroom: Mailroom
    metrics: Metrics
    traces: Traces | None = None
    """Who sends them; None: nobody is to."""

    async def finished(self, journey: Journey) -> Journey:
        """File what was recorded, and correct the outcome where nothing was said, or nothing was kept."""
        if not journey.recording:
            return journey
        steps = (self.ran().directory.graph.get(step.place) for step in journey.steps)
        boxes = {step.box for step in steps if isinstance(step, LeaveMessage)}
        verdicts = await self.mailroom.file(journey.recording, caller=journey.caller, at=journey.began, boxes=boxes)
        match journey.outcome:
            case "failed" | "too_short" if "message" in verdicts:
                return replace(journey, outcome="message")
            case "message" if not verdicts:
                log.error("a message is lost: there is no recording", id=journey.id, place=journey.place)
                self.metrics.messages.judged.labels("lost").inc()
                return replace(journey, outcome="failed")
            case "message" if "message" not in verdicts:
                return replace(journey, outcome="too_short")
            case _:
                return journey

    def written(self, journey: Journey, unexpected: str) -> None:
        """Count, log and trace one call that is over."""
        self.metrics.written(journey, unexpected)
        if journey.flow == outgoing.FLOW and not journey.test:
            self.metrics.outside.over(outgoing.dialled_class(self.ran().directory.town, journey.number))
        traced = {}
        if self.traces:
            self.traces.take(journey, bool(unexpected))
            traced = {"trace": trace(journey.id)}
        told = log.warning if unexpected else log.info
        told("call", id=journey.id, outcome=journey.outcome, place=journey.place, unexpected=unexpected, **traced)

    def expect(self, journey: Journey) -> str:
        """Why a journey is none that the directory allows. A test call is in a time of its own, told by its number."""
        if journey.test or journey.flow in (outgoing.FLOW, per_caller.FLOW):
            return ""
        directory, former, since = self.ran()
        different = retrace(directory, journey.visits)
        if different and journey.began < since and not retrace(former, journey.visits):
            return ""  # it began before the last apply, and went as was right then
        return different

    def kind(self, place: str) -> str:
        """What a place does, as the directory that runs calls it; empty where that knows no such place."""
        step = self.ran().directory.graph.get(place)
        return type(step).__name__ if step else ""
