"""Asterisk's security log: attempts to log in or to call, one JSON record a line (`res_security_log`).

Belongs here: its format. Asterisk puts what strangers call themselves between quotation marks and escapes nothing, so a
record may seem to name several senders. The last one is true: names and Call-ID stand before it; behind it only our own
nonce and a digest, which are told of passwords for accounts that exist.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from orchestrator.domain.bans import Attempt

FAILED = ("InvalidAccountID", "InvalidPassword", "ChallengeResponseFailed")
SUCCEEDED, ASKED = "SuccessfulAuth", "ChallengeSent"
_BEGINS = re.compile(r'SecurityEvent="([A-Za-z]+)",EventTV="([^"]+)",Severity="[A-Za-z]+",Service="PJSIP",')
_SENDER = re.compile(r'RemoteAddress="IPV[46]/[A-Z]{2,4}/([0-9a-fA-F.:]{2,45})/[0-9]{1,5}"')
LARGEST = 4 * 1024 * 1024
"""Bytes that are read at a time: some ten thousand attempts."""


class Chunk(NamedTuple):
    """Attempts that were read, and where to go on."""

    attempts: tuple[Attempt, ...]
    end: int


def read(path: Path, offset: int) -> Chunk:
    """Whole lines from `offset` on; from the beginning where the file is shorter. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(offset if offset <= size else 0)
        begin = file.tell()
        text = file.read(LARGEST)
    whole = text[: text.rfind(b"\n") + 1]
    return Chunk(tuple(attempt for line in whole.splitlines() for attempt in attempts(line)), begin + len(whole))


def attempts(line: bytes) -> Iterator[Attempt]:
    """What one line tells; nothing where it is no record of SIP."""
    try:
        message = str(json.loads(line.decode(errors="replace"))["logmsg"]["message"])
        if not (begins := _BEGINS.match(message)):
            return
        at = datetime.fromisoformat(begins[2]).timestamp()
    except (ValueError, KeyError, TypeError):
        return
    kind = begins[1]
    if kind in (*FAILED, SUCCEEDED, ASKED) and (senders := _SENDER.findall(message)):
        with suppress(ValueError):
            address = str(ip_address(senders[-1]))
            yield Attempt(at=at, address=address, succeeded=kind == SUCCEEDED, asked=kind == ASKED)
