"""Who is banned for a while: strangers who guess names and passwords, or flood us with requests.

Belongs here: counting, and for how long. Not here: where attempts are read and how Asterisk is told (service.bans).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

FAILURES, WINDOW = 10, 60.0
"""So many failed attempts within so many seconds are a ban."""
FLOOD = 1000
"""So many requests within `WINDOW` that bring no password are one as well, from where nobody logs in. Telephones begin
like that each time, and prove themselves by the next request: three hundred of them come to half of it at most."""
SHORTEST, LONGEST = 600.0, 86400.0
"""Seconds of the first ban of an address; each further one is twice as long, up to this."""
TRUSTED = 3600.0
"""Seconds for which nobody is banned at whose address somebody has logged in: a whole site may be behind it, and one
telephone there has an old password."""
MOST = 1000
"""Bans at a time: Asterisk compares every packet with each."""
REMEMBERED = 50_000
"""Addresses of which anything is kept: those of UDP packets can be made up."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Somebody at `address` tried to log in, or to call without."""

    at: float
    """Seconds since the epoch."""
    address: str
    succeeded: bool = False
    asked: bool = False
    """They were only asked for a password, which is no failure."""


@dataclass(kw_only=True)
class Bans:
    """Address -> until when it is banned, in seconds since the epoch; `never` are networks of which nobody is."""

    never: Collection[IPv4Network | IPv6Network] = ()
    until: dict[str, float] = field(default_factory=dict)
    _failed: dict[str, deque[float]] = field(default_factory=dict)
    _asked: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Since when an address is counted, and how often it was asked for a password since."""
    _trusted: dict[str, float] = field(default_factory=dict)
    _lasted: dict[str, float] = field(default_factory=dict)
    """How long the last ban of an address was."""

    def take(self, attempts: Iterable[Attempt]) -> list[str]:
        """The addresses that are banned because of `attempts`, which come in the order of their times."""
        return [attempt.address for attempt in attempts if self._take(attempt)]

    def _take(self, attempt: Attempt) -> bool:
        address, now = attempt.address, attempt.at
        if attempt.succeeded:
            self._trusted[address] = now
            self._failed.pop(address, None)
            self._asked.pop(address, None)
            return False
        if address in self.until or self.spared(address, now):
            return False
        if not (self._floods(address, now) if attempt.asked else self._guesses(address, now)):
            return False
        if len(self.until) >= MOST:
            del self.until[min(self.until, key=self.until.__getitem__)]
        lasts = self._lasted[address] = min(LONGEST, self._lasted.get(address, SHORTEST / 2) * 2)
        self.until[address] = now + lasts
        self._failed.pop(address, None)
        self._asked.pop(address, None)
        return True

    def _guesses(self, address: str, now: float) -> bool:
        failed = self._failed.setdefault(address, deque(maxlen=FAILURES))
        failed.append(now)
        return len(failed) == FAILURES and now - failed[0] <= WINDOW

    def _floods(self, address: str, now: float) -> bool:
        since, count = self._asked.get(address, (now, 0))
        since, count = (since, count + 1) if now - since <= WINDOW else (now, 1)
        self._asked[address] = since, count
        return count >= FLOOD

    def spared(self, address: str, now: float) -> bool:
        """Whether nobody at `address` is banned now, whatever they do."""
        if now - self._trusted.get(address, -TRUSTED) < TRUSTED:
            return True
        return any(ip_address(address) in network for network in self.never)

    def expire(self, now: float) -> list[str]:
        """The addresses whose time is over. Forgets what need not be known any more."""
        over = [address for address, until in self.until.items() if until <= now]
        for address in over:
            del self.until[address]
        self._failed = {a: times for a, times in self._failed.items() if now - times[-1] <= WINDOW}
        self._asked = {a: counted for a, counted in self._asked.items() if now - counted[0] <= WINDOW}
        self._trusted = {a: at for a, at in self._trusted.items() if now - at < TRUSTED}
        for kept in (self._failed, self._asked, self._trusted, self._lasted):
            for address in list(kept)[: max(0, len(kept) - REMEMBERED)]:
                del kept[address]
        return over
