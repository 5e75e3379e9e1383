"""What is dialled at a desk instead of a number: one table, of which the dialplan, `explain --from` and the card for
desks are made.

Belongs here: what each code is called, dialled and printed as. Not here: what the dialplan does at it (compile.codes).
The codes for forwarding, do not disturb and call completion are those of ETSI's supplementary services, which people
know from their telephones at home; the others are the usual ones of the trade.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.domain.town import Town

NUMBER, DIGIT = "NUMBER", "DIGIT"
"""What stands in `dialled` for an extension, which has two digits or more, and for one digit."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """One thing that a desk can dial."""

    name: str
    """Of what it does; where the dialplan handles it, `code-<name>`."""
    dialled: str
    """`*98`, or with what is dialled behind it: `**NUMBER`."""
    card: str
    """What the card for desks says of it, in German."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a phone may send for it; many phones dial a `#` at the end, which means nothing."""
        written = re.escape(self.dialled.removesuffix("#"))
        return re.compile(written.replace(NUMBER, "(?P<given>[0-9]{2,})").replace(DIGIT, "(?P<given>[0-9])") + "#?")


MESSAGES = Code(name="messages", dialled="*98", card="Nachrichten abhören")
PARK = Code(name="park", dialled="*70", card="Gespräch parken (als Ziel beim Verbinden)")
FETCH = Code(name="fetch", dialled="*7DIGIT", card="Geparktes Gespräch holen: *71 bis *79")
"""Behind PARK, whose code it would be too."""
CODES = (MESSAGES, PARK, FETCH)


def codes(town: Town) -> Iterator[Code]:
    """The codes that the phones of a town have."""
    for code in CODES:
        if (code is not MESSAGES or town.mailbox) and (code not in (PARK, FETCH) or town.parked):
            yield code


@dataclass(frozen=True, kw_only=True)
class Dialled:
    """A code that somebody dialled."""

    code: Code
    given: str
    """The digits with it; empty where it takes none."""


def find(town: Town, dialled: str) -> Dialled | None:
    """What `dialled` is of the codes of a town; None if it is none of them."""
    for code in codes(town):
        if found := code.pattern.fullmatch(dialled):
            return Dialled(code=code, given=found.groupdict().get("given") or "")
    return None
