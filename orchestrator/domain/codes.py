"""What is dialled at a desk instead of a number: one table, of which the dialplan, `explain --from` and the card for
desks are made.

Belongs here: what each code is called, dialled and printed as. Not here: what the dialplan does at it (compile.codes).
The codes for forwarding and do not disturb are those of ETSI's supplementary services, which people
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
    """Of what it does; the context `code-<name>` does it, at `s`, with what was dialled behind it in GIVEN."""
    dialled: str
    """`*98`, or with what is dialled behind it: `**NUMBER`, `*21*NUMBER#`."""
    card: str
    """What the card for desks says of it, in German."""

    @property
    def takes(self) -> str:
        """What is dialled behind it: NUMBER, DIGIT or nothing."""
        return next((kind for kind in (NUMBER, DIGIT) if self.dialled.removesuffix("#").endswith(kind)), "")

    @property
    def head(self) -> str:
        """What is dialled before that; a `#` at the end is no part of it."""
        return self.dialled.removesuffix("#").removesuffix(self.takes)

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a phone may send for it; many phones dial a `#` at the end, which means nothing."""
        return re.compile(re.escape(self.head) + _GIVEN[self.takes] + "#?")


_GIVEN = {NUMBER: "(?P<given>[0-9]{2,})", DIGIT: "(?P<given>[0-9])", "": ""}
MESSAGES = Code(name="messages", dialled="*98", card="Nachrichten abhören")
PARK = Code(name="park", dialled="*70", card="Gespräch parken (als Ziel beim Verbinden)")
FETCH = Code(name="fetch", dialled="*7DIGIT", card="Geparktes Gespräch holen: *71 bis *79")
"""Behind PARK, whose code it would be too."""
LOG_IN = Code(name="log_in", dialled="*45", card="Bei der Warteschlange anmelden: Sie bekommen Anrufe")
LOG_OUT = Code(name="log_out", dialled="#45", card="Bei der Warteschlange abmelden")
PAUSE = Code(name="pause", dialled="*46", card="Pause: keine Anrufe aus der Warteschlange")
AFTERWORK = Code(name="afterwork", dialled="*461", card="Pause für Nacharbeit")
MEETING = Code(name="meeting", dialled="*462", card="Pause für eine Besprechung")
BACK = Code(name="back", dialled="#46", card="Pause beenden")
TAKE = Code(name="take", dialled="*44", card="Den nächsten Wartenden der eigenen Warteschlange übernehmen")
TAKE_AT = Code(name="take_at", dialled="*44NUMBER", card="Den nächsten Wartenden dieser Nummer übernehmen")
COMPLETE = Code(name="complete", dialled="*37#", card="Rückruf, wenn der zuletzt vergeblich Angerufene frei ist")
COMPLETE_NOT = Code(name="complete_not", dialled="#37#", card="Diesen Rückruf löschen")
PICKUP = Code(name="pickup", dialled="*8", card="Anruf heranholen, der bei Kollegen klingelt")
PICKUP_AT = Code(name="pickup_at", dialled="**NUMBER", card="Anruf heranholen, der unter dieser Nummer klingelt")
DIRECT = Code(name="direct", dialled="*29*NUMBER#", card="Chef und Sekretariat: Anrufe direkt zum Chef und zurück")
CALL_WAITING = (
    Code(name="single_off", dialled="*43#", card="Anklopfen: ein zweiter Anruf klingelt"),
    Code(name="single_on", dialled="#43#", card="Kein Anklopfen: im Gespräch ist besetzt"),
    Code(name="single_ask", dialled="*#43#", card="Anklopfen abfragen"),
)
DESK_ON = Code(name="desk_on", dialled="*55", card="Gastarbeitsplatz: anmelden, dann ist dieses Telefon Ihres")
DESK_OFF = Code(name="desk_off", dialled="#55", card="Gastarbeitsplatz: abmelden")
SWITCH = Code(name="switch", dialled="*28DIGIT", card="Schalter der Stadt ein und aus, etwa die Nachtschaltung")
SWITCHING = (
    Code(name="forward_on", dialled="*21*NUMBER#", card="Alle Anrufe umleiten"),
    Code(name="forward_off", dialled="#21#", card="Umleitung beenden"),
    Code(name="unanswered_on", dialled="*61*NUMBER#", card="Umleiten, wenn niemand abnimmt"),
    Code(name="unanswered_off", dialled="#61#", card="Diese Umleitung beenden"),
    Code(name="busy_on", dialled="*67*NUMBER#", card="Umleiten, wenn besetzt ist"),
    Code(name="busy_off", dialled="#67#", card="Diese Umleitung beenden"),
    Code(name="quiet_on", dialled="*26#", card="Bitte nicht stören: es klingelt nicht"),
    Code(name="quiet_off", dialled="#26#", card="Wieder stören lassen"),
    Code(name="absent", dialled="*27", card="Abwesend melden; noch einmal: wieder da"),
    DIRECT,
    *CALL_WAITING,
    DESK_ON,
    DESK_OFF,
    SWITCH,
)
"""What domain.service_codes makes a switch of."""
QUEUEING = (LOG_IN, LOG_OUT, PAUSE, AFTERWORK, MEETING, BACK, TAKE, TAKE_AT)
"""Those of waiting queues."""
CODES = (PICKUP, PICKUP_AT, PARK, FETCH, COMPLETE, COMPLETE_NOT, MESSAGES, *QUEUEING, *SWITCHING)
NAMED = {code.name: code for code in CODES}
FIRST = ("*", "#")
"""What codes begin with, and no number does."""


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
