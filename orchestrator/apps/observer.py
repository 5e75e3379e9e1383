"""Who is told what happens at an attendant. Metrics is one observer.

Belongs here: the happenings. Not here: counting them.
"""

from __future__ import annotations

from typing import Protocol

GONE, NATIVE, NEXT = "gone", "native", "next"
"""What `ended` says instead of an answer: the caller was gone; the dialplan performs the place for us; a try of a menu
brought no answer."""


class Observer(Protocol):
    """Told at once, in the event loop: must be quick and must not raise."""

    def connected(self) -> None:
        """The line to Asterisk is up."""

    def disconnected(self) -> None:
        """The line to Asterisk is down."""

    def claim_lost(self, place: str) -> None:
        """Another attendant was faster, or the caller gone."""

    def shed(self, place: str) -> None:
        """A caller was left to others: we heard of them too late."""

    def began(self, place: str) -> None:
        """A caller is with us, at `place`."""

    def ended(self, place: str, answer: str, seconds: float) -> None:
        """The step, or one try of a menu, is done: its answer, or `gone`, `native`, `next`; after `seconds`."""

    def failed(self, place: str, error: Exception) -> None:
        """A step went wrong; its caller goes on natively."""


class Nobody:
    """An observer who does not look."""

    def connected(self) -> None:
        pass

    def disconnected(self) -> None:
        pass

    def claim_lost(self, place: str) -> None:
        pass

    def shed(self, place: str) -> None:
        pass

    def began(self, place: str) -> None:
        pass

    def ended(self, place: str, answer: str, seconds: float) -> None:
        pass

    def failed(self, place: str, error: Exception) -> None:
        pass
