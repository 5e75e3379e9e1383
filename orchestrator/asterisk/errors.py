"""What can go wrong between us and Asterisk: one small tree.

    AsteriskError
    ├── NotConnected       there is no line to Asterisk, or it broke before the reply came
    ├── NoReply            Asterisk took longer than the time limit of a request
    └── Refused            Asterisk answered, and the answer was no
        └── AlreadyOver    what the request named has ended or has gone elsewhere (404, 409)

`hangup.Gone` stands outside of the tree on purpose: a caller who hangs up is no error.
Belongs here: the errors of the ARI side. Not here: what to do about them (the caller of the request decides).
"""

from __future__ import annotations


class AsteriskError(Exception):
    """Something between us and Asterisk failed."""


class NotConnected(AsteriskError):
    """There is no line to Asterisk, or it broke before the reply came: the request may have been carried out."""


class NoReply(AsteriskError):
    """The request may have been carried out, but Asterisk did not say so in time."""


class Refused(AsteriskError):
    """Asterisk answered with a status that is not 2xx."""

    def __init__(self, *, status: int, reason: str, asked: str) -> None:
        super().__init__(f"{asked}: {status} {reason}")
        self.status = status
        self.asked = asked


class AlreadyOver(Refused):
    """404: it has ended. 409: it is no longer ours. Events and replies race, so this is daily business."""


NOT_THERE = 404
"""The status of an AlreadyOver for what is not, or not any more; also for a label that the dialplan has not."""
OVER = frozenset({NOT_THERE, 409})
UNAUTHORIZED = 401
"""Asterisk knows another password by now. Nothing was done: it may be asked again with that."""


def refusal(*, status: int, reason: str, asked: str) -> Refused:
    """The error for a reply that is not 2xx."""
    kind = AlreadyOver if status in OVER else Refused
    return kind(status=status, reason=reason, asked=asked)
