"""The figures of who reaches us and whom we reach: trunks, telephones, the test call, addresses that are banned."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from prometheus_client import CollectorRegistry

from orchestrator.metrics.figures import Figures


class TrunkMetrics(Figures):
    """Trunks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        text = "1 if the other end of a trunk answers, and registers us where it is to; none while Asterisk is away."
        self._up = self._gauge("trunk_up", text, "trunk", "public")

    def seen(self, wrong: Mapping[str, str], public: Collection[str]) -> None:
        """Take over what is wrong with each trunk that could be looked at; empty: nothing. `public`: to the network."""
        self._up.clear()
        for trunk, why in wrong.items():
            self._up.labels(trunk, "yes" if trunk in public else "no").set(not why)


class SiteMetrics(Figures):
    """Telephones of each site."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._phones = self._gauge("phones", "Telephones of a site.", "site")
        text = "Of them, those that can be rung; none while Asterisk is away."
        self._registered = self._gauge("phones_registered", text, "site")

    def seen(self, known: Mapping[str, int], there: Mapping[str, int]) -> None:
        """Take over how many telephones each site has, and how many of them can be rung."""
        self._phones.clear()
        self._registered.clear()
        for site, count in known.items():
            self._phones.labels(site).set(count)
            self._registered.labels(site).set(there.get(site, 0))


class CanaryMetrics(Figures):
    """The test call to the operator's number."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._up = self._gauge("canary_up", "1 if a citizen would be answered now, 0 if not, NaN: not known.")
        text = "When the last test call was made, seconds since the epoch."
        self._at = self._gauge("canary_timestamp_seconds", text)
        text = "Seconds from one test call to the next; 0: there are none."
        self.every = self._gauge("canary_interval_seconds", text)
        self._answer = self._gauge("canary_answer_seconds", "Seconds until the last test call was answered.")
        self.seen(None, 0.0, 0.0)

    def seen(self, up: bool | None, at: float, answered: float) -> None:
        """Take over what the canary has seen."""
        self._up.set(math.nan if up is None else up)
        self._at.set(at or math.nan)
        self._answer.set(answered or math.nan)


class BanMetrics(Figures):
    """Addresses at which names or passwords are guessed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.now = self._gauge("banned_addresses", "Addresses that may not speak SIP with us now.")
        self.made = self._counter("bans", "Bans of addresses at which names or passwords were guessed.")
