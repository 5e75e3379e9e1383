"""The tables of the directory as spreadsheets have them: which columns each has, and what their headings are called.

Belongs here: names. Not here: cells and files (tables_in, tables_out).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NUMBERS, WORDS, TEXT, YES = "numbers", "words", "text", "yes"
"""What a column holds: a telephone number; several names or numbers, apart by blanks; a text; yes or no."""


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
_PHONES = _column("phones", "Apparate", WORDS, "Telefone")
_MORE = _column("numbers", "Weitere Nummern", WORDS)
_PERMISSION = _column("permission", "Berechtigung")
_LABEL = _column("label", "Bezeichnung")

TABLES: Mapping[str, Sequence[Column]] = {
    "people": (
        _column("number", "Durchwahl", NUMBERS),
        _column("first", "Vorname"),
        _column("last", "Nachname", TEXT, "Familienname"),
        _DEPARTMENT,
        _SITE,
        _column("email", "E-Mail", TEXT, "Email", "Mail", "E-Mail-Adresse"),
        _column("language", "Sprache"),
        _column("function", "Funktion"),
        _column("box", "Mailbox", YES, "Anrufbeantworter"),
        _column("stand_in", "Vertretung", NUMBERS),
        _RING,
        _MORE,
        _PHONES,
        _column("desk", "Tischtelefon", YES),
        _column("wave", "Welle"),
        _PERMISSION,
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
        _MORE,
        _column("answer_within", "Annahme binnen"),
        _PERMISSION,
    ),
    "phones": (
        _column("key", "Apparat"),
        _SITE,
        _LABEL,
        _column("number", "Durchwahl", NUMBERS),
        _column("kind", "Art"),
        _PERMISSION,
        _column("owner", "Inhaber", NUMBERS),
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
        _column("until", "Frei ab"),
        _column("announced", "Ansage", YES),
        _column("why", "Grund"),
        _column("source", "Quelle"),
    ),
}
"""Section -> its columns; the first is the key of a thing."""
TELLING: Mapping[str, frozenset[str]] = {
    "people": frozenset({"first", "last", "function"}),
    "departments": frozenset({"name", "number", "schedule"}),
    "phones": frozenset({"label", "number", "owner"}),
    "groups": frozenset({"name", "number", "phones"}),
    "numbers": frozenset({""}),
    "ranges": frozenset({"from", "to"}),
    "retired": frozenset({"to"}),
}
"""Section -> the columns one of which it has besides its key."""


def known(column: Column, heading: str, section: str) -> bool:
    """Whether `heading` is that of `column`."""
    singular = {"departments": "department", "phones": "phone", "groups": "group", "ranges": "range"}
    english = singular.get(section, "") if column.key == "key" else column.key
    names = (column.heading, *column.also, english, column.key or "flow")
    return _plain(heading) in {_plain(name) for name in names if name}


def _plain(heading: str) -> str:
    return "".join(letter for letter in heading.casefold() if letter.isalnum())
