"""Every secret of an exchange, derived from the one that is stored (docs/decisions/0003), or from a key of its own."""

from __future__ import annotations

import hmac
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Secrets:
    """HMAC-SHA256 of a purpose under the master secret; the same purpose always gives the same secret."""

    master: bytes = field(repr=False)
    renewed: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Purpose -> a key of its own, made when that secret was renewed (docs/decisions/0034)."""
    trunks: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Trunk id -> the password that its provider gave; the only secrets that are not ours to choose."""

    def of(self, purpose: str) -> str:
        """32 letters and digits (160 bits) for `sip:tel2500`, `ari`, `ami:control`."""
        return b32encode(self._digest(purpose)[:20]).decode().lower()

    def telephone(self, phone: str) -> str:
        """The password of a telephone, with which it registers and calls; its user is its id."""
        return self.of(f"sip:{phone}")

    def pin(self, box: str) -> str:
        """The first PIN of a mailbox: six digits, never the mailbox number itself."""
        for attempt in range(100):
            pin = f"{int.from_bytes(self._digest(f'box:{box}:{attempt}')[:8]) % 1_000_000:06d}"
            if pin != box.zfill(6) and len(set(pin)) > 2:
                return pin
        raise AssertionError("a hundred digests in a row were all weak PINs")

    def _digest(self, purpose: str) -> bytes:
        return hmac.digest(self.renewed.get(purpose, self.master), purpose.encode(), "sha256")
