"""Links to one message, for who got a mail: signed, for a time, and for nothing else.

Belongs here: making and reading the token. Not here: the page behind it (web).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field

_LONGEST = 400
_PART = re.compile(r"[^\x00-\x1f|]{1,200}")


class BadLink(ValueError):
    """A token that we did not make, or whose time is over."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """Which message, for whom, until when (seconds since the epoch)."""

    box: str
    message: str
    reader: str
    until: int


@dataclass(frozen=True)
class Links:
    """Signs with HMAC-SHA-256 under a key for this purpose only, which is asked for each time: it may be renewed."""

    key: Callable[[], bytes] = field(repr=False)

    def token(self, link: Link) -> str:
        """The link's token, fit for a path. Raises ValueError for what cannot be in one."""
        parts = (link.box, link.message, link.reader)
        if not all(_PART.fullmatch(part) for part in parts):
            raise ValueError(f"{link} cannot be a link")
        said = "|".join((*parts, str(link.until))).encode()
        return _written(self._signature(said) + said)

    def read(self, token: str, clock: Callable[[], float]) -> Link:
        """What a token says. Raises BadLink."""
        try:
            if len(token) > _LONGEST * 2:
                raise BadLink("this is no link of ours")
            whole = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            if token != _written(whole):  # decoding skips what does not belong there, and the page says the token again
                raise BadLink("this is no link of ours")
            signature, said = whole[:16], whole[16:]
            if not hmac.compare_digest(signature, self._signature(said)):
                raise BadLink("this is no link of ours")
            box, message, reader, until = said.decode().split("|")
        except (binascii.Error, ValueError) as bad:
            raise BadLink("this is no link of ours") from bad
        if int(until) < clock():
            raise BadLink("the time of this link is over")
        return Link(box=box, message=message, reader=reader, until=int(until))

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self.key(), said, hashlib.sha256)[:16]


def _written(whole: bytes) -> str:
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")
