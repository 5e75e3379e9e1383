"""What can go wrong with a telephone.

PhoneError
├── NotStarted        the program did not come up, or went away
├── NotRegistered     the exchange did not accept the telephone
├── CommandRefused    the program did not do what it was told
├── NothingHappened   what was waited for did not come in time
└── CallOver          the call ended before what was wanted
"""

from __future__ import annotations


class PhoneError(Exception):
    """A telephone could not do what it was asked."""


class NotStarted(PhoneError):
    """The program did not come up, or went away; the message holds the end of its log."""


class NotRegistered(PhoneError):
    """The exchange did not accept the telephone: wrong password, unknown, or no answer."""


class CommandRefused(PhoneError):
    """The program did not do what it was told; its own words are in the message."""


class NothingHappened(PhoneError):
    """What was waited for did not come within its time limit."""


class CallOver(PhoneError):
    """The call ended before what was wanted could happen."""
