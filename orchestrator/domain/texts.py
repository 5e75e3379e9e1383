"""What the derived flows say, in the languages that come with the product.

The notice before the beep is the one that Art. 13 DSGVO asks for; a message is recorded only after a beep that the
caller waits for (§ 201 StGB).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from orchestrator.domain.finding_texts import FIND
from orchestrator.domain.prompts import Prompt

Texts = Mapping[str, str]

BUSY, NOBODY, UNREACHABLE, AWAY, CLOSED, FOUND = "busy", "nobody", "unreachable", "absent", "closed", "found"
STATES = (NOBODY, BUSY, UNREACHABLE, AWAY, CLOSED, FOUND)
"""How a caller found whose mailbox it is. `found`: as the last ring before the box says, or the absence."""

NOTICE: Texts = {
    "de": "Sprechen Sie bitte nach dem Signalton. Ihre Nachricht wird gespeichert"
    " und spätestens nach 90 Tagen gelöscht.",
    "en": "Please speak after the tone. Your message is stored and will be deleted after 90 days at the latest.",
}
REVIEW: Texts = {
    "de": "Zum Anhören wählen Sie die 1, um neu aufzusprechen die 2. Zum Speichern die Raute, oder legen Sie einfach"
    " auf.",
    "en": "To listen to your message, press 1, to record it again, press 2. To keep it, press hash, or simply hang up.",
}
AGAIN: Texts = {
    "de": "Es war nichts zu hören. Bitte sprechen Sie nach dem Signalton.",
    "en": "Nothing could be heard. Please speak after the tone.",
}
ZERO: Texts = {
    "de": "Mit der 0 erreichen Sie die Telefonzentrale.",
    "en": "Press 0 for the operator.",
}
"""Said only where a box leads to the operator."""
NEXT_BOX: Texts = {
    "de": "Dieses Postfach ist voll. Ihre Nachricht nimmt jetzt die Telefonzentrale auf.",
    "en": "This mailbox is full. Your message is now taken by the operator.",
}
OPENS: Texts = {
    "de": "Zurzeit ist geschlossen. Wir sind wieder für Sie da",
    "en": "We are closed at the moment. We will be back on",
}
"""Before the weekday, day and time of the next opening."""

QUEUE_BOX: Texts = {
    "de": "Möchten Sie nicht länger warten? Mit der 2 können Sie eine Nachricht hinterlassen.",
    "en": "You do not want to wait any longer? Press 2 to leave a message.",
}
"""Said now and then to who waits in a queue."""

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
PARKED: Texts = {
    "de": "Geparkt. Zurückholen mit Stern und",
    "en": "Parked. To fetch the call, dial star and",
}
"""Said to who parked a call, before the digits of its place."""
ALL_PARKED: Texts = {
    "de": "Hier kann gerade niemand geparkt werden.",
    "en": "Nobody can be parked here at the moment.",
}
NOT_PARKED: Texts = {
    "de": "Hier wartet niemand.",
    "en": "Nobody is waiting here.",
}
ROOM_PIN: Texts = {
    "de": "Bitte geben Sie die Geheimzahl der Konferenz ein, und danach die Raute.",
    "en": "Please enter the PIN of the conference, and then hash.",
}
ROOM_WRONG: Texts = {
    "de": "Diese Geheimzahl stimmt nicht.",
    "en": "This PIN is not right.",
}
ROOM_REFUSED: Texts = {
    "de": "Bitte fragen Sie die einladende Person nach der Geheimzahl, und rufen Sie dann noch einmal an."
    " Auf Wiederhören.",
    "en": "Please ask the person who invited you for the PIN, and call again. Goodbye.",
}
ROOM_INSIDE: Texts = {
    "de": "Dieser Konferenzraum ist nur von unseren Arbeitsplätzen aus zu erreichen. Auf Wiederhören.",
    "en": "This conference room can only be reached from our desks. Goodbye.",
}
ROOM_LOCKED: Texts = {
    "de": "In diese Konferenz kann sich zurzeit niemand von außen einwählen."
    " Bitte rufen Sie in einer Stunde noch einmal an. Auf Wiederhören.",
    "en": "Nobody can dial into this conference from outside at present. Please call again in an hour. Goodbye.",
}
ROOM_FULL: Texts = {
    "de": "Dieser Konferenzraum ist voll. Bitte rufen Sie später noch einmal an. Auf Wiederhören.",
    "en": "This conference room is full. Please call again later. Goodbye.",
}
ROOM_LEFT: Texts = {
    "de": "Sie haben die Konferenz verlassen. Auf Wiederhören.",
    "en": "You have left the conference. Goodbye.",
}
SHARED = {
    **{
        name: Prompt(name=name, texts=said)
        for name, said in (
            ("thanks", THANKS),
            ("sorry", SORRY),
            ("absent", ABSENT),
            ("notice", NOTICE),
            ("review", REVIEW),
            ("again", AGAIN),
            ("zero", ZERO),
            ("next_box", NEXT_BOX),
            ("opens", OPENS),
            ("queue_box", QUEUE_BOX),
            ("parked", PARKED),
            ("all_parked", ALL_PARKED),
            ("not_parked", NOT_PARKED),
            ("room_pin", ROOM_PIN),
            ("room_wrong", ROOM_WRONG),
            ("room_refused", ROOM_REFUSED),
            ("room_inside", ROOM_INSIDE),
            ("room_locked", ROOM_LOCKED),
            ("room_full", ROOM_FULL),
            ("room_left", ROOM_LEFT),
        )
    },
    **FIND,
}
"""Prompts that every flow may name."""
AT_A_BOX = tuple(SHARED[name] for name in ("notice", "review", "again", "zero"))
"""What the dialplan says at every mailbox, whoever has it."""
HOUSE: Mapping[str, tuple[Prompt, ...]] = {
    "Park": tuple(SHARED[name] for name in ("parked", "all_parked", "not_parked")),
    "AskPin": tuple(SHARED[name] for name in ("room_pin", "room_wrong")),
}
"""Step of the house (domain.house) -> what the dialplan says at it."""


def _wording(name: str, said: Mapping[str, Texts]) -> Mapping[str, Prompt]:
    return {state: Prompt(name=f"{name}_{state}", texts=each) for state, each in said.items()}


PERSON, OFFICE, TOLD = "person", "office", "told"
WORDINGS: Mapping[str, Mapping[str, Prompt]] = {
    "": {},
    PERSON: _wording(
        PERSON,
        {
            BUSY: {"de": "Hier wird gerade gesprochen.", "en": "The line is busy."},
            NOBODY: {"de": "Im Moment nimmt hier niemand ab.", "en": "Nobody is picking up at the moment."},
            UNREACHABLE: {
                "de": "Dieser Anschluss ist zurzeit nicht erreichbar.",
                "en": "This line cannot be reached at the moment.",
            },
            AWAY: {"de": "Sie können eine Nachricht hinterlassen.", "en": "You may leave a message."},
        },
    ),
    OFFICE: _wording(
        OFFICE,
        {
            BUSY: {"de": "Zurzeit sind alle im Gespräch.", "en": "All of our staff are busy at the moment."},
            NOBODY: {"de": "Im Moment ist niemand am Platz.", "en": "Nobody is at their desk at the moment."},
            UNREACHABLE: {
                "de": "Wir sind zurzeit telefonisch nicht erreichbar.",
                "en": "We cannot be reached by telephone at the moment.",
            },
            CLOSED: {
                "de": "Sie rufen außerhalb unserer Öffnungszeiten an.",
                "en": "You are calling outside our office hours.",
            },
        },
    ),
    TOLD: {},
}
"""What is said of the state between the greeting and the notice: the same for everybody, so that each greeting is
spoken once. Who is absent was named by the absence just before: there the greeting is left out. `told`: the greeting
says it already."""


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


def with_number(extension: str, language: str) -> str:
    """What tells somebody from another of the same name, in the voice of `language`."""
    word = {"de": "Durchwahl"}.get(language, "extension")
    return f"{word} {', '.join(_DIGITS.get(language, _DIGITS['en'])[int(digit)] for digit in extension)}"


def person(name: str) -> Texts:
    """Greeting of a personal mailbox; what follows is of WORDINGS."""
    return {"de": f"Sie sind verbunden mit dem Anschluss von {name}.", "en": f"You have reached the line of {name}."}


def office(name: str) -> Texts:
    """Greeting of a department's mailbox; what follows is of WORDINGS."""
    return {"de": f"Sie sind verbunden mit: {name}.", "en": f"You have reached: {name}."}


def instead(name: str) -> Texts:
    """Greeting of the mailbox of a department that takes what found another one full."""
    return {
        "de": f"Dieses Postfach ist voll. Ihre Nachricht nimmt jetzt auf: {name}.",
        "en": f"This mailbox is full. Your message is now taken by: {name}.",
    }
