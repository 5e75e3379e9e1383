"""What the scenarios of SIPp (tests/scenarios) tell of their calls: lines `what number seconds microseconds`."""

from __future__ import annotations


def times(told: str, what: str) -> dict[str, float]:
    """Number of the caller -> when, in seconds since the epoch."""
    lines = (line.split() for line in told.splitlines())
    whole = (fields for fields in lines if len(fields) == 4)
    return {number: float(at) + float(micros) / 1e6 for said, number, at, micros in whole if said == what}
