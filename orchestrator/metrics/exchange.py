"""The figures of the exchange itself: its attendants, what was applied, its disk, backups, certificate."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from orchestrator.metrics.figures import Figures


class AsteriskMetrics(Figures):
    """Who drives Asterisk: control over AMI; over ARI the shift, as its parent tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.ami = self._gauge("ami_up", "1 while control is logged in to AMI.")
        self._up = self._gauge("attendants_up", "Attendants that are on the line to Asterisk.")
        self._restarts = self._gauge("attendant_restarts", "Restarts of attendants since the shift began.")
        self._rescued = self._gauge("calls_rescued", "Calls sent back to their place from a dead or hung attendant.")
        self._ari = self._gauge("ari_up", "1 while the shift reaches Asterisk over ARI.")

    def read(self, path: Path) -> None:
        """Take over what the shift's parent tells."""
        status = shift(path)
        self._up.set(status.get("up", 0))
        self._restarts.set(status.get("restarts", 0))
        self._rescued.set(status.get("rescued", 0))
        self._ari.set(bool(status.get("asterisk", False)))


def shift(path: Path) -> dict[str, Any]:
    """The shift's own words; empty while there is no shift."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class TreeMetrics(Figures):
    """What was applied, and what is wrong with it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.applied = self._gauge(
            "applied_timestamp_seconds", "When the tree that runs was applied, seconds since the epoch."
        )
        text = "How old the oldest change of the directory is that was not applied; 0: all were."
        self.unapplied = self._gauge("directory_unapplied_seconds", text)
        self.problems = self._gauge("proof_problems", "Problems that the proof finds in the directory.")
        self.worst = self._gauge("proof_worst_wait_seconds", "The longest that a caller who does nothing can wait.")
        self.prompts = self._gauge("prompts", "Prompts of the directory.")
        text = "Entries of Asterisk's database that control had to put right."
        self.corrections = self._counter("switch_corrections", text)


class DiskMetrics(Figures):
    """Room for what must be written."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._free = self._gauge("disk_free_bytes", "Bytes that can still be written.", "folder")
        self._writable = self._gauge("disk_writable", "1 if something could be written just now.", "folder")

    def seen(self, folder: str, free: int, writable: bool) -> None:
        """Take over what was seen of the disk under a folder of the state."""
        self._free.labels(folder).set(free)
        self._writable.labels(folder).set(writable)


class BackupMetrics(Figures):
    """The last backups."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        text = "When the last good backup was made; 0: never; NaN: none is wanted."
        self._at = self._gauge("backup_timestamp_seconds", text)
        self._size = self._gauge("backup_bytes", "How large the last good backup is.")
        self._failed = self._gauge("backup_failed", "1 if one failed since the last good one.")
        self.last(math.nan, 0, False)

    def last(self, at: float, size: int, failed: bool) -> None:
        """Take over what is known of the last good backup, and whether a later one failed; NaN: none is wanted."""
        self._at.set(at)
        self._size.set(size)
        self._failed.set(failed)


class CertificateMetrics(Figures):
    """Our own certificate."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        text = "Days until the certificate in force ends; NaN: there is none."
        self._days = self._gauge("certificate_days_left", text)
        text = "1 while a new certificate is there that is no good."
        self._refused = self._gauge("certificate_refused", text)
        self.known(math.nan, False)

    def known(self, days: float, refused: bool) -> None:
        """Take over what is known of it."""
        self._days.set(days)
        self._refused.set(refused)
