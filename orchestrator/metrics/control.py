"""The metrics of control: calls, the proof, messages, the journal; and what the shift tells of itself."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from orchestrator.domain import outgoing
from orchestrator.domain.callers import CLASSES
from orchestrator.domain.directory import Directory
from orchestrator.domain.flow import Menu
from orchestrator.journal.journeys import OUTCOMES, Journey
from orchestrator.messages.mail.outbox import Fill
from orchestrator.metrics import labels
from orchestrator.metrics.queues import QueueMetrics
from orchestrator.metrics.traces import TraceMetrics

WAITS = (2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240)
"""Seconds; 30 is the yardstick of the authorities' number 115."""
SOON = 30
HEARD = ("answered", "message")
WANTED = (*HEARD, "too_short", "call_back", "gave_up", "failed")
"""Outcomes of calls that wanted somebody, and those of them in which somebody or something listened."""
MAILED = ("sent", "later", "dead", "moot")
"""What an attempt to mail a letter comes to."""
DELAYS = (1, 5, 15, 60, 300, 900, 3600, 14400, 86400, 259200)
"""Seconds until a message is mailed: from at once to the three days after which it is given up."""


class Metrics:
    """All metrics of control, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        gauge, counter, histogram = self._gauge, self._counter, self._histogram
        self.calls = counter("calls", "Calls that are over, by entry flow and outcome.", "flow", "outcome")
        self.unexpected = counter("calls_unexpected", "Calls that went another way than the directory says.", "flow")
        self.native = counter("calls_without_python", "Calls of which a step went on natively at its deadline.", "flow")
        self.wait = histogram(
            "call_wait_seconds", "Seconds until a person or a mailbox, for calls that got there.", "flow", "outcome"
        )
        self.reached = counter(
            "reached",
            f"Calls by the flow in which they came to their outcome; soon: within {SOON} s.",
            *("where", "outcome", "soon"),
        )
        self.visits = counter(
            "visits",
            "Places that calls came to, by the answer with which they left; hung_up: none, the call ended there.",
            "place",
            "answer",
        )
        self.outside = counter("calls_outside", "Calls of our phones to the outside that are over, by class.", "class")
        self.outside_now = Gauge(
            "durchwahl_calls_outside_now",
            "Calls of our phones to the outside now, by class.",
            ("class",),
            registry=self.registry,
        )
        self.length = histogram("call_seconds", "Seconds from the first place to the end of the call.", "flow")
        self.now = gauge("calls_now", "Calls that are in the exchange now.")
        self.unwritten = gauge("calls_unwritten", "Calls that are over and not in the database yet.")
        self.database = gauge("database_up", "1 if the database took what was last to be written down.")
        self.broken = gauge("journal_broken_lines", "Lines of the journal that could not be read since the start.")
        self.attendants = gauge("attendants_up", "Attendants that are on the line to Asterisk.")
        self.restarts = gauge("attendant_restarts", "Restarts of attendants since the shift began.")
        self.rescued = gauge("calls_rescued", "Calls sent back to their place from a dead or hung attendant.")
        self.ari = gauge("ari_up", "1 while the shift reaches Asterisk over ARI.")
        self.ami = gauge("ami_up", "1 while control is logged in to AMI.")
        self.applied = gauge(
            "applied_timestamp_seconds", "When the tree that runs was applied, seconds since the epoch."
        )
        self.corrections = counter(
            "switch_corrections", "Entries of Asterisk's database that control had to put right."
        )
        self.problems = gauge("proof_problems", "Problems that the proof finds in the directory.")
        self.worst = gauge("proof_worst_wait_seconds", "The longest that a caller who does nothing can wait.")
        self.prompts = gauge("prompts", "Prompts of the directory.")
        self.recordings = gauge("recordings_waiting", "Recordings that are not filed yet.")
        self.filing = histogram(
            "message_filing_seconds", "Seconds from the end of a recording until it was dealt with."
        )
        self.nearly_full = gauge("boxes_nearly_full", "Boxes with four fifths of the new messages that they take.")
        self.shares = gauge(
            "box_shares_used_up", "Callers from whom a box takes no more messages until some have been heard."
        )
        self.boxes_broken = gauge("boxes_broken", "Boxes whose files cannot be read or written.")
        self.unheard = gauge("messages_unheard", "Messages that nobody has heard, in all boxes.")
        self.messages = counter("messages", "Recordings that were judged, by verdict.", "verdict")
        self.messages.labels("lost")
        self.mails = counter("mails", f"Attempts to mail a letter, by outcome: {', '.join(MAILED)}.", "outcome")
        for outcome in MAILED:
            self.mails.labels(outcome)
        self.mail_delay = Histogram(
            "durchwahl_mail_delay_seconds",
            "Seconds that a letter was in the outbox until the mail server took it.",
            registry=self.registry,
            buckets=DELAYS,
        )
        self.mail_up = gauge("mail_server_up", "1 if the mail server took us the last time; 0 where mail is off too.")
        self.mail_broken = gauge("mail_misconfigured", "1 while mail is on and its password cannot be read.")
        self.mail_waiting = gauge("mail_waiting", "Letters that wait to be mailed.")
        self.mail_oldest = gauge("mail_oldest_seconds", "How long the oldest letter has waited; 0: none waits.")
        self.queues = QueueMetrics(self.registry)
        self.traces = TraceMetrics(self.registry)
        self.banned = gauge("banned_addresses", "Addresses that may not speak SIP with us now.")
        self.bans = counter("bans", "Bans of addresses at which names or passwords were guessed.")
        self.trunk_up = Gauge(
            "durchwahl_trunk_up",
            "1 if the other end of a trunk answers, and registers us where it is to; none while Asterisk is away.",
            ("trunk", "public"),
            registry=self.registry,
        )
        self.phones = Gauge("durchwahl_phones", "Telephones of a site.", ("site",), registry=self.registry)
        self.registered = Gauge(
            "durchwahl_phones_registered",
            "Of them, those that can be rung; none while Asterisk is away.",
            ("site",),
            registry=self.registry,
        )
        self.certificate_days = gauge(
            "certificate_days_left", "Days until the certificate in force ends; NaN: there is none."
        )
        self.certificate_refused = gauge("certificate_refused", "1 while a new certificate is there that is no good.")
        self.certificate(math.nan, False)
        self.tests = counter("test_calls", "Test calls that are over, by outcome; counted here alone.", "outcome")
        self.canary_up = gauge("canary_up", "1 if a citizen would be answered now, 0 if not, NaN: not known.")
        self.canary_at = gauge("canary_timestamp_seconds", "When the last test call was made, seconds since the epoch.")
        self.canary_every = gauge(
            "canary_interval_seconds", "Seconds from one test call to the next; 0: there are none."
        )
        self.canary_answer = gauge("canary_answer_seconds", "Seconds until the last test call was answered.")
        self.canary(None, 0.0, 0.0)
        self.disk_free = Gauge(
            "durchwahl_disk_free_bytes", "Bytes that can still be written.", ("folder",), registry=self.registry
        )
        self.disk_writable = Gauge(
            "durchwahl_disk_writable", "1 if something could be written just now.", ("folder",), registry=self.registry
        )
        self.backup_at = gauge(
            "backup_timestamp_seconds", "When the last good backup was made; 0: never; NaN: none is wanted."
        )
        self.backup_size = gauge("backup_bytes", "How large the last good backup is.")
        self.backup_failed = gauge("backup_failed", "1 if one failed since the last good one.")
        self.backup(math.nan, 0, False)
        self.mail_dead = gauge("mail_dead", "Letters that were given up or refused, and that an admin must look at.")

    def begin(self, directory: Directory) -> None:
        """Count from 0 on what calls may come to, and which keys be pressed: else the first would be no increase."""
        for flow in {labels.flow(name) for name in directory.flows}:
            for outcome in WANTED:
                for soon in ("yes", "no") if outcome in HEARD else ("no",):
                    self.reached.labels(flow, outcome, soon)
        for flow in {labels.flow(name) for name in directory.numbers.values()} | {outgoing.FLOW}:
            for outcome in OUTCOMES:
                self.calls.labels(flow, outcome)
            self.wait.labels(flow, "answered")
            self.unexpected.labels(flow)
            self.native.labels(flow)
        for group in CLASSES:
            self.outside.labels(group)
        for place, step in directory.graph.items():
            for answer in (*step.exits, labels.LEFT) if isinstance(step, Menu) else ():
                self.visits.labels(labels.place(place), answer)

    def written(self, journey: Journey, unexpected: str) -> None:
        """Count one call that is over."""
        if journey.test:
            self.tests.labels(journey.outcome).inc()
            return
        flow = labels.flow(journey.flow)
        self.calls.labels(flow, journey.outcome).inc()
        soon = journey.wait is not None and journey.wait <= SOON
        where = labels.flow(journey.place.partition(".")[0])
        self.reached.labels(where, journey.outcome, "yes" if soon else "no").inc()
        self.length.labels(flow).observe(max(0.0, journey.ended - journey.began))
        if journey.wait is not None:
            self.wait.labels(flow, journey.outcome).observe(journey.wait)
        for step in journey.steps:
            self.visits.labels(labels.place(step.place), step.answer or labels.LEFT).inc()
        if unexpected:
            self.unexpected.labels(flow).inc()
        if "deadline" in journey.notes:
            self.native.labels(flow).inc()
        self.queues.written(journey)

    def certificate(self, days: float, refused: bool) -> None:
        """Take over what is known of our own certificate."""
        self.certificate_days.set(days)
        self.certificate_refused.set(refused)

    def canary(self, up: bool | None, at: float, answered: float) -> None:
        """Take over what the canary has seen."""
        self.canary_up.set(math.nan if up is None else up)
        self.canary_at.set(at or math.nan)
        self.canary_answer.set(answered or math.nan)

    def trunks(self, wrong: Mapping[str, str], public: Collection[str]) -> None:
        """Take over what is wrong with each trunk that could be looked at; empty: nothing. `public`: to the network."""
        self.trunk_up.clear()
        for trunk, why in wrong.items():
            self.trunk_up.labels(trunk, "yes" if trunk in public else "no").set(not why)

    def sites(self, known: Mapping[str, int], there: Mapping[str, int]) -> None:
        """Take over how many telephones each site has, and how many of them can be rung."""
        self.phones.clear()
        self.registered.clear()
        for site, count in known.items():
            self.phones.labels(site).set(count)
            self.registered.labels(site).set(there.get(site, 0))

    def costs(self, now: Mapping[str, int]) -> None:
        """Take over how many calls to the outside there are now of each class."""
        for group in {*CLASSES, *now}:
            self.outside_now.labels(group).set(now.get(group, 0))

    def disk(self, folder: str, free: int, writable: bool) -> None:
        """Take over what was seen of the disk under a folder of the state."""
        self.disk_free.labels(folder).set(free)
        self.disk_writable.labels(folder).set(writable)

    def backup(self, at: float, size: int, failed: bool) -> None:
        """Take over what is known of the last good backup, and whether a later one failed; NaN: none is wanted."""
        self.backup_at.set(at)
        self.backup_size.set(size)
        self.backup_failed.set(failed)

    def mailed(self, outcome: str, seconds: float) -> None:
        """Count one attempt to mail a letter, `seconds` after it was queued."""
        self.mails.labels(outcome).inc()
        if outcome == "sent":
            self.mail_delay.observe(max(0.0, seconds))

    def mail_server(self, up: bool) -> None:
        """Whether the mail server could be reached."""
        self.mail_up.set(up)

    def mail_misconfigured(self, yes: bool) -> None:
        """Whether nothing can be sent until an admin mends the configuration."""
        self.mail_broken.set(yes)

    def outbox(self, fill: Fill) -> None:
        """Take over how full the outbox is."""
        self.mail_waiting.set(fill.waiting)
        self.mail_oldest.set(fill.oldest)
        self.mail_dead.set(fill.dead)

    def read_shift(self, path: Path) -> None:
        """Take over what the shift's parent tells of itself."""
        status = shift(path)
        self.attendants.set(status.get("up", 0))
        self.restarts.set(status.get("restarts", 0))
        self.rescued.set(status.get("rescued", 0))
        self.ari.set(bool(status.get("asterisk", False)))

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"durchwahl_{name}", text, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"durchwahl_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"durchwahl_{name}", text, labels, registry=self.registry, buckets=WAITS)


def shift(path: Path) -> dict[str, Any]:
    """The shift's own words; empty while there is no shift."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
