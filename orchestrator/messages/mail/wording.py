"""What mails say, in German and English: the words, and how days, lengths and numbers are written in them.

Belongs here: texts. Not here: which of them a mail holds (composing).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime

import phonenumbers

from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import is_ours, written
from orchestrator.domain.spelling import parse

LONGEST = 80
"""Characters of a name in a mail: those of callers are as long as they like."""
MONTHS = {
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
           "Dezember"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December"),
}  # fmt: skip
DAYS = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "de": {
        "hello": "Guten Tag,",
        "withheld": "unbekannter Nummer",
        "new_subject": "Neue Nachricht von {caller} für {box} ({length})",
        "new": "im Postfach {box} liegt eine neue Nachricht.",
        "gone_subject": "Neue Nachricht für {box}",
        "gone": "im Postfach {box} ist am {when} eine Nachricht eingegangen. Sie ist inzwischen gelöscht.",
        "from": "Von",
        "when": "Am",
        "length": "Länge",
        "minutes": "{length} Minuten",
        "transcript": "Verstanden hat ein Computer (nicht geprüft, im Zweifel anhören):\n{text}",
        "wav": "Die Aufnahme ist angehängt.",
        "mp3": "Die Aufnahme ist als MP3 angehängt.",
        "lost": "Die Aufnahme ist nicht mehr vorhanden; darum ist sie nicht angehängt.",
        "large": "Die Aufnahme ist zu groß für eine E-Mail; darum ist sie nicht angehängt.",
        "phone": "Anhören am Telefon: {menu} wählen.",
        "web": "Anhören im Browser: {link}",
        "until": "Die Nachricht wird am {day} gelöscht.",
        "overdue_subject": "Überfällig: Nachricht von {caller} für {box}",
        "overdue": "im Postfach {box} liegt eine Nachricht, die nach {hours} Stunden noch nicht erledigt ist (gezählt"
        " wird die Öffnungszeit).",
        "full_subject": "Das Postfach {box} ist fast voll",
        "full": "im Postfach {box} liegen {count} neue Nachrichten; Platz ist für {quota}. Ist es voll, kann dort"
        " niemand mehr eine Nachricht hinterlassen. Bitte hören Sie die Nachrichten ab und löschen Sie, was erledigt"
        " ist.",
        "digest_subject": "{box}: {count} offen am {day}",
        "digest": "im Postfach {box} ist noch offen:",
        "open": "offen",
        "taken": "in Arbeit ({who})",
        "called_back": "zurückgerufen ({who})",
        "unheard": "nicht abgehört",
        "line": "{when}, von {caller}, {length}: {state}",
        "machine": "Diese E-Mail hat die Telefonanlage ({town}) automatisch verschickt.\n"
        "Antworten darauf liest niemand.",
    },
    "en": {
        "hello": "Hello,",
        "withheld": "an unknown number",
        "new_subject": "New message from {caller} for {box} ({length})",
        "new": "there is a new message in the mailbox {box}.",
        "gone_subject": "New message for {box}",
        "gone": "a message was left in the mailbox {box} on {when}. It has been deleted since.",
        "from": "From",
        "when": "Left on",
        "length": "Length",
        "minutes": "{length} minutes",
        "transcript": "A computer understood (not verified, listen when in doubt):\n{text}",
        "wav": "The recording is attached.",
        "mp3": "The recording is attached as MP3.",
        "lost": "The recording is no longer there, so it is not attached.",
        "large": "The recording is too large for a mail, so it is not attached.",
        "phone": "To listen by telephone, dial {menu}.",
        "web": "To listen in the browser: {link}",
        "until": "The message will be deleted on {day}.",
        "overdue_subject": "Overdue: message from {caller} for {box}",
        "overdue": "there is a message in the mailbox {box} that is not done after {hours} hours (office hours are"
        " counted).",
        "full_subject": "The mailbox {box} is nearly full",
        "full": "there are {count} new messages in the mailbox {box}, and room for {quota}. Once it is full, nobody can"
        " leave a message there. Please listen to the messages, and delete what is done.",
        "digest_subject": "{box}: {count} open on {day}",
        "digest": "in the mailbox {box} this is still open:",
        "open": "open",
        "taken": "taken ({who})",
        "called_back": "called back ({who})",
        "unheard": "not heard",
        "line": "{when}, from {caller}, {length}: {state}",
        "machine": "The telephone exchange ({town}) sent this mail automatically.\nNobody reads answers to it.",
    },
}


def plain(text: str, longest: int = LONGEST) -> str:
    """`text` on one line, without control, invisible and direction signs, and at most `longest` characters.

    What callers and files call themselves goes into headers: a line break there would begin a header of theirs, and
    Python's `email` decodes one out of an encoded word (`=?…?=`, RFC 2047) that stands in a value.
    """
    shown = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text)
    shown = re.sub(" +", " ", shown.replace("=?", "= ?")).strip()
    return shown if len(shown) <= longest else f"{shown[: longest - 1].rstrip()}…"


def caller(directory: Directory, digits: str, language: str) -> str:
    """A caller's number by DIN 5008: `0171 2345678`, `06205 21-2500`, `+33 1 23 45 67 89`; an extension as it is."""
    digits = re.sub(r"[^0-9+*#]", "", digits)
    if not digits:
        return WORDS[language]["withheld"]
    if digits in directory.used:
        return digits
    meant = parse(directory, digits)
    if meant is None:
        return plain(digits)
    if meant.extension:
        return written(directory.town, meant.extension) if len(digits) > len(meant.extension) else digits
    return _written(directory, meant.number)


def _written(directory: Directory, number: str) -> str:
    if is_ours(directory, number):
        return number  # a single number of ours
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number  # a short one: 110
    home = str(parsed.country_code) == directory.town.country
    form = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(parsed, form))


def day(at: datetime, language: str) -> str:
    """`25. November 2026`; `at` is in the zone in which it is to be told."""
    dot = "." if language == "de" else ""
    return f"{at.day}{dot} {MONTHS[language][at.month - 1]} {at.year}"


def moment(at: datetime, language: str) -> str:
    """`Mittwoch, 25. November 2026, 14:10 Uhr`."""
    clock = f"{at:%H:%M} Uhr" if language == "de" else f"{at:%H:%M}"
    return f"{DAYS[language][at.weekday()]}, {day(at, language)}, {clock}"


def length(seconds: int) -> str:
    """`0:42`, `10:05`: minutes and seconds."""
    return f"{seconds // 60}:{seconds % 60:02d}"
