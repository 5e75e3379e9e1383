"""The tables of the directory as spreadsheets have them: which columns each has, and what their headings are called.

Belongs here: names. Not here: cells and files (tables_in, tables_out).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from orchestrator.domain.kinds import ONE

NUMBERS, MANY, PUBLIC = "numbers", "many", "public"
"""What a column holds: an extension; several extensions or phones, apart by blanks; a public number."""
WORDS, TEXT, YES, DAY, FOUND = "words", "text", "yes", "day", "found"
"""The same: several words, apart by blanks; a text; yes or no; a date; how somebody is found by name."""
NONE = "keine"
"""What stands for a list that is empty; an empty cell says nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: the key that a YAML file has for it, its German heading, and what it holds."""

    key: str
    heading: str
    holds: str = TEXT
    also: tuple[str, ...] = ()
    """Further headings by which it is known."""


def _column(key: str, heading: str, holds: str = TEXT, *also: str) -> Column:
    return Column(key=key, heading=heading, holds=holds, also=also)


_NAME, _SITE = _column("name", "Name"), _column("site", "Standort", TEXT, "Gebäude")
_DEPARTMENT = _column("department", "Abteilung", TEXT, "Amt")
_RING, _ORDER = _column("ring", "Klingelzeit"), _column("order", "Reihenfolge")
_PHONES = _column("phones", "Apparate", MANY, "Telefone")
_MORE = _column("numbers", "Weitere Nummern", MANY)
_PERMISSION = _column("permission", "Berechtigung")
_FINDABLE = _column("findable", "Auffindbar", FOUND)
_LABEL = _column("label", "Bezeichnung")
_EMAIL = _column("email", "E-Mail", TEXT, "Email", "Mail", "E-Mail-Adresse")
_LANGUAGE, _WAVE, _TRUNK = _column("language", "Sprache"), _column("wave", "Welle"), _column("trunk", "Leitung")

TABLES: Mapping[str, Sequence[Column]] = {
    "people": (
        _column("number", "Durchwahl", NUMBERS),
        _column("first", "Vorname"),
        _column("last", "Nachname", TEXT, "Familienname"),
        _DEPARTMENT,
        _SITE,
        _EMAIL,
        _LANGUAGE,
        _column("function", "Funktion"),
        _column("box", "Mailbox", YES, "Anrufbeantworter"),
        _column("stand_in", "Vertretung", NUMBERS),
        _RING,
        _MORE,
        _PHONES,
        _column("desk", "Tischtelefon", YES),
        _WAVE,
        _PERMISSION,
        _FINDABLE,
        _column("secretary", "Sekretariat", MANY, "Vorzimmer"),
        _column("direct", "Direkt", MANY, "Kommt direkt durch"),
        _column("direct_inside", "Intern direkt", YES),
        _column("joins", "Klingelt mit nach"),
        _column("id", "Kennung"),
        _column("source", "Quelle"),
    ),
    "departments": (
        _column("key", "Kürzel"),
        _NAME,
        _SITE,
        _column("number", "Durchwahl", NUMBERS),
        _column("schedule", "Öffnungszeiten"),
        _PHONES,
        _column("box", "Mailbox", NUMBERS),
        _column("parent", "Übergeordnet"),
        _column("stand_in", "Vertretung"),
        _RING,
        _ORDER,
        _column("queue", "Warteschlange"),
        _MORE,
        _column("answer_within", "Annahme binnen"),
        _PERMISSION,
        _FINDABLE,
        _column("short", "Im Display"),
    ),
    "phones": (
        _column("key", "Apparat"),
        _SITE,
        _LABEL,
        _column("number", "Durchwahl", NUMBERS),
        _column("kind", "Art"),
        _PERMISSION,
        _column("owner", "Inhaber", NUMBERS),
        _column("call_waiting", "Anklopfen", YES),
        _column("hot_desk", "Gastarbeitsplatz", YES),
    ),
    "groups": (
        _column("key", "Gruppe"),
        _NAME,
        _column("number", "Durchwahl", NUMBERS),
        _PHONES,
        _DEPARTMENT,
        _ORDER,
        _RING,
    ),
    "rooms": (
        _column("key", "Konferenzraum"),
        _NAME,
        _column("number", "Durchwahl", NUMBERS),
        _column("pin", "Geheimzahl", TEXT, "PIN"),
        _column("most", "Höchstens"),
    ),
    "numbers": (_column("number", "Durchwahl", NUMBERS), _column("", "Ziel", TEXT, "flow")),
    "ranges": (
        _column("key", "Bereich"),
        _column("from", "Von", NUMBERS),
        _column("to", "Bis", NUMBERS),
        _DEPARTMENT,
        _SITE,
    ),
    "retired": (
        _column("number", "Durchwahl", NUMBERS, "Alte Durchwahl"),
        _column("to", "Neue Durchwahl", NUMBERS),
        _column("until", "Frei ab", DAY),
        _column("announced", "Ansage", YES),
        _column("why", "Grund"),
        _column("source", "Quelle"),
    ),
    "sites": (
        _column("key", "Standort"),
        _NAME,
        _column("address", "Anschrift", TEXT, "Adresse"),
        _column("emergency", "Notrufnummer", PUBLIC),
        _WAVE,
        _TRUNK,
    ),
    "trunks": (
        _column("key", "Leitung"),
        _column("host", "Gegenstelle"),
        _column("port", "Port"),
        _column("sources", "Absender", WORDS),
        _column("transport", "Transport"),
        _column("user", "Konto"),
        _ORDER,
        _column("public", "Öffentlich", YES),
    ),
    "boxes": (
        _column("key", "Mailbox", NUMBERS),
        _NAME,
        _LANGUAGE,
        _EMAIL,
        _column("limit", "Höchstdauer"),
        _column("quota", "Höchstzahl"),
        _DEPARTMENT,
        _column("mail", "Benachrichtigung"),
        _column("members", "Mitglieder", MANY),
        _column("head", "Leitung", NUMBERS),
        _column("overdue", "Frist", TEXT, "Frist in Stunden"),
        _column("keep", "Aufbewahrung", TEXT, "Aufbewahrung in Tagen"),
    ),
    "permissions": (
        _column("key", "Berechtigung"),
        _column("classes", "Klassen", WORDS),
        _column("per_hour", "Je Stunde"),
        _column("at_once", "Zugleich"),
        _column("nightly", "Je Nacht"),
    ),
    "waves": (_column("key", "Welle"), _NAME, _TRUNK, _column("day", "Tag", DAY, "Datum")),
    "singles": (
        _column("number", "Rufnummer", PUBLIC),
        _column("", "Durchwahl", NUMBERS, "extension"),
    ),
    "switches": (_column("key", "Schalter"), _column("", "Bedeutung", TEXT, "meaning")),
    "switch_codes": (_column("digit", "Schaltziffer"), _column("", "Schalter", TEXT, "switch")),
}
"""Section -> its columns; the first is the key of a thing."""
TELLING: Mapping[str, frozenset[str]] = {
    "people": frozenset({"first", "last", "function"}),
    "departments": frozenset({"name", "number", "schedule"}),
    "phones": frozenset({"label", "number", "owner"}),
    "groups": frozenset({"name", "number", "phones"}),
    "rooms": frozenset({"pin", "most"}),
    "numbers": frozenset({""}),
    "ranges": frozenset({"from", "to"}),
    "retired": frozenset({"to"}),
    "sites": frozenset({"address", "emergency"}),
    "trunks": frozenset({"host", "transport", "sources"}),
    "boxes": frozenset({"limit", "quota", "mail", "members", "head", "overdue", "keep"}),
    "permissions": frozenset({"classes", "per_hour", "at_once", "nightly"}),
    "waves": frozenset({"day"}),
    "singles": frozenset({""}),
    "switches": frozenset({""}),
    "switch_codes": frozenset({""}),
}
"""Section -> the columns one of which, besides its key, tells it from all others."""
NAMED = (
    *("departments", "phones", "groups", "rooms", "ranges", "sites", "trunks", "boxes", "permissions", "waves"),
    "switches",
)
SINGULAR = {section: ONE[section] for section in NAMED}
"""Section -> the English heading of its key, where that is a name."""


def known(column: Column, heading: str, section: str) -> bool:
    """Whether `heading` is that of `column`."""
    return _plain(heading) in _names(column, section)


@cache  # a file of tables asks for each of them a thousand times
def _names(column: Column, section: str) -> frozenset[str]:
    english = SINGULAR.get(section, "") if column.key == "key" else column.key
    names = (column.heading, *column.also, english, column.key)
    return frozenset(_plain(name) for name in names if name)


def _plain(heading: str) -> str:
    return "".join(letter for letter in heading.casefold() if letter.isalnum())
