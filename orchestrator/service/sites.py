"""Telephones of each site that can be rung now, counted each half minute: where none is there, the line is gone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator.asterisk.ami import Ami
from orchestrator.asterisk.errors import AsteriskError
from orchestrator.domain.directory import Directory

EVERY = 30.0
"""Seconds from one look to the next."""
LIST_WITHIN = 30.0
"""Seconds that a list of everything may take; about 0.02 ms a row."""


async def registered(ami: Ami) -> frozenset[str]:
    """Phones that can be rung now. Raises AsteriskError."""
    try:
        contacts = await ami.rows("PJSIPShowContacts", within=LIST_WITHIN)
    except AsteriskError as bad:
        if "No Contacts" in str(bad):
            return frozenset()
        raise
    return frozenset(contact.get("endpoint", "") for contact in contacts) - {""}


@dataclass
class Sites:
    """Tells how many telephones each site has and how many can be rung; nothing while Asterisk is not there."""

    ami: Ami
    directory: Callable[[], Directory]
    tell: Callable[[Mapping[str, int], Mapping[str, int]], None]
    _looked: float = -EVERY

    async def look(self) -> None:
        """Look if it is time. Raises AsteriskError."""
        if self.ami.up and time.monotonic() - self._looked >= EVERY:
            self._looked = time.monotonic()
            phones, there = self.directory().phones.values(), await registered(self.ami)
            known = Counter(phone.site for phone in phones if phone.site)
            self.tell(known, Counter(phone.site for phone in phones if phone.site and phone.id in there))
        elif not self.ami.up:
            self._looked = -EVERY
            self.tell({}, {})
