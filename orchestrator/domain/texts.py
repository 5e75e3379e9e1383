"""What the derived flows say, in the languages that come with the product.

The notice before the beep is the one that Art. 13 DSGVO asks for; a message is recorded only after a beep that the
caller waits for (§ 201 StGB).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from orchestrator.domain.prompts import Prompt

Texts = Mapping[str, str]

_AFTER_THE_BEEP = {
    "de": "Sprechen Sie bitte nach dem Signalton. Ihre Nachricht wird gespeichert"
    " und spätestens nach 90 Tagen gelöscht.",
    "en": "Please speak after the tone. Your message is stored and will be deleted after 90 days at the latest.",
}

THANKS: Texts = {
    "de": "Vielen Dank. Ihre Nachricht ist angekommen. Auf Wiederhören.",
    "en": "Thank you. Your message has been received. Goodbye.",
}
SORRY: Texts = {
    "de": "Leider konnte keine Nachricht aufgenommen werden. Bitte rufen Sie während der Öffnungszeiten noch einmal an,"
    " oder wählen Sie die Behördennummer 115.",
    "en": "Sorry, no message could be recorded. Please call again during office hours, or dial 1 1 5.",
}
ABSENT: Texts = {
    "de": "Wen Sie sprechen möchten, ist zurzeit nicht im Haus.",
    "en": "The person that you are calling is away at the moment.",
}
"""For an absence of which nothing of its own was spoken."""
SHARED = {
    name: Prompt(name=name, texts=said) for name, said in (("thanks", THANKS), ("sorry", SORRY), ("absent", ABSENT))
}
"""Prompts that every flow may name."""


_MONTHS = {
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
           "Dezember"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December"),
}  # fmt: skip
_DIGITS = {
    "de": ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"],
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
}


def absent(name: str, last: date | None, stand_in: str) -> Texts:
    """What the callers of somebody hear who is away until `last`, that day included, with a stand-in or without."""
    de = f" bis einschließlich {last.day}. {_MONTHS['de'][last.month - 1]}" if last else " zurzeit"
    en = f" until {last.day} {_MONTHS['en'][last.month - 1]} inclusive" if last else " at the moment"
    return {
        "de": f"{name} ist{de} nicht im Haus."
        + (f" Sie werden mit der Vertretung verbunden: {stand_in}." if stand_in else ""),
        "en": f"{name} is away{en}." + (f" You are being connected to the stand-in: {stand_in}." if stand_in else ""),
    }


def new_number(extension: str) -> Texts:
    """What the callers of a retired number hear: the new one, digit by digit, whatever the voice makes of numbers."""
    said = {language: ", ".join(words[int(digit)] for digit in extension) for language, words in _DIGITS.items()}
    return {
        "de": f"Diese Nummer hat sich geändert. Die neue Durchwahl ist: {said['de']}. Sie werden jetzt verbunden.",
        "en": f"This number has changed. The new extension is: {said['en']}. You are being connected now.",
    }


def person_nobody(name: str) -> Texts:
    """Greeting of a personal mailbox."""
    return {
        "de": f"Der Anschluss von {name} ist zurzeit nicht besetzt. {_AFTER_THE_BEEP['de']}",
        "en": f"{name} cannot take your call at the moment. {_AFTER_THE_BEEP['en']}",
    }


def department_nobody(name: str) -> Texts:
    """Greeting of a department's mailbox while it is open and nobody picks up."""
    return {
        "de": f"{name}: Zurzeit sind alle im Gespräch oder nicht am Platz. {_AFTER_THE_BEEP['de']}",
        "en": f"{name}: all of our staff are busy at the moment. {_AFTER_THE_BEEP['en']}",
    }


def department_closed(name: str) -> Texts:
    """Greeting of a department's mailbox outside its opening hours."""
    return {
        "de": f"{name}: Sie rufen außerhalb unserer Öffnungszeiten an. {_AFTER_THE_BEEP['de']}",
        "en": f"{name}: you are calling outside our office hours. {_AFTER_THE_BEEP['en']}",
    }
