"""The metrics of control: a group of figures for each thing that it looks after."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from orchestrator.domain.directory import Directory
from orchestrator.journal.journeys import Journey
from orchestrator.metrics.calls import CallMetrics, JournalMetrics, OutsideMetrics
from orchestrator.metrics.exchange import AsteriskMetrics, BackupMetrics, CertificateMetrics, DiskMetrics, TreeMetrics
from orchestrator.metrics.lines import BanMetrics, CanaryMetrics, SiteMetrics, TrunkMetrics
from orchestrator.metrics.messages import MailMetrics, MessageMetrics
from orchestrator.metrics.queues import QueueMetrics
from orchestrator.metrics.traces import TraceMetrics


class Metrics:
    """All metrics of control, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.calls = CallMetrics(self.registry)
        self.outside = OutsideMetrics(self.registry)
        self.journal = JournalMetrics(self.registry)
        self.queues = QueueMetrics(self.registry)
        self.messages = MessageMetrics(self.registry)
        self.mail = MailMetrics(self.registry)
        self.asterisk = AsteriskMetrics(self.registry)
        self.tree = TreeMetrics(self.registry)
        self.disk = DiskMetrics(self.registry)
        self.backup = BackupMetrics(self.registry)
        self.certificate = CertificateMetrics(self.registry)
        self.trunks = TrunkMetrics(self.registry)
        self.sites = SiteMetrics(self.registry)
        self.canary = CanaryMetrics(self.registry)
        self.bans = BanMetrics(self.registry)
        self.traces = TraceMetrics(self.registry)

    def begin(self, directory: Directory) -> None:
        """Count from 0 on what calls in `directory` may come to."""
        self.calls.begin(directory)

    def written(self, journey: Journey, unexpected: str) -> None:
        """Count one call that is over."""
        self.calls.written(journey, unexpected)
        if not journey.test:
            self.queues.written(journey)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
