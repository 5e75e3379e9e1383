"""The figures of messages and of the mail that tells of them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from orchestrator.messages.mail.outbox import Fill
from orchestrator.metrics.figures import Figures

MAILED = ("sent", "later", "dead", "moot")
"""What an attempt to mail a letter comes to."""
DELAYS = (1, 5, 15, 60, 300, 900, 3600, 14400, 86400, 259200)
"""Seconds until a message is mailed: from at once to the three days after which it is given up."""


class MessageMetrics(Figures):
    """From the recording to the box."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.recordings = self._gauge("recordings_waiting", "Recordings that are not filed yet.")
        self.filing = self._histogram(
            "message_filing_seconds", "Seconds from the end of a recording until it was dealt with."
        )
        self.judged = self._counter("messages", "Recordings that were judged, by verdict.", "verdict")
        self.judged.labels("lost")
        self.unheard = self._gauge("messages_unheard", "Messages that nobody has heard, in all boxes.")
        self.nearly_full = self._gauge(
            "boxes_nearly_full", "Boxes with four fifths of the new messages that they take."
        )
        text = "Callers from whom a box takes no more messages until some have been heard."
        self.shares = self._gauge("box_shares_used_up", text)
        self.broken = self._gauge("boxes_broken", "Boxes whose files cannot be read or written.")


class MailMetrics(Figures):
    """A `service.mail.Watcher`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        text = f"Attempts to mail a letter, by outcome: {', '.join(MAILED)}."
        self._mails = self._counter("mails", text, "outcome")
        for outcome in MAILED:
            self._mails.labels(outcome)
        text = "Seconds that a letter was in the outbox until the mail server took it."
        self._delay = self._histogram("mail_delay_seconds", text, buckets=DELAYS)
        text = "1 if the mail server took us the last time; 0 where mail is off too."
        self._up = self._gauge("mail_server_up", text)
        self._misconfigured = self._gauge("mail_misconfigured", "1 while mail is on and its password cannot be read.")
        self._waiting = self._gauge("mail_waiting", "Letters that wait to be mailed.")
        self._oldest = self._gauge("mail_oldest_seconds", "How long the oldest letter has waited; 0: none waits.")
        text = "Letters that were given up or refused, and that an admin must look at."
        self._dead = self._gauge("mail_dead", text)

    def mailed(self, outcome: str, seconds: float) -> None:
        """Count one attempt to mail a letter, `seconds` after it was queued."""
        self._mails.labels(outcome).inc()
        if outcome == "sent":
            self._delay.observe(max(0.0, seconds))

    def mail_server(self, up: bool) -> None:
        """Whether the mail server could be reached."""
        self._up.set(up)

    def mail_misconfigured(self, yes: bool) -> None:
        """Whether nothing can be sent until an admin mends the configuration."""
        self._misconfigured.set(yes)

    def outbox(self, fill: Fill) -> None:
        """Take over how full the outbox is."""
        self._waiting.set(fill.waiting)
        self._oldest.set(fill.oldest)
        self._dead.set(fill.dead)
