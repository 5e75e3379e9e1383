"""What the mailbox by telephone says, in the languages that come with the product.

Numbers, months and digits are Asterisk's own sounds; the sentences around them are spoken by the town's voice. Belongs
here: the texts. Not here: keys (mailbox_keys), when a text is said (messages.telephone).
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.domain.mailbox_keys import KEYS
from orchestrator.domain.prompts import Prompt

_TEXTS: Mapping[str, tuple[str, str]] = {
    # Coming in
    "ask_box": ("Bitte geben Sie die Nummer Ihres Postfachs ein, dann die Raute.",
                "Please enter the number of your mailbox, then hash."),
    "ask_pin": ("Bitte geben Sie Ihre Geheimzahl ein, dann die Raute.", "Please enter your PIN, then hash."),
    "wrong": ("Postfach oder Geheimzahl stimmen nicht.", "The mailbox or the PIN is not right."),
    "locked": ("Dieses Postfach ist nach mehreren falschen Eingaben gesperrt. Bitte versuchen Sie es später wieder.",
               "This mailbox is locked after several wrong entries. Please try again later."),
    "must_change": ("Bitte wählen Sie zuerst eine eigene Geheimzahl.", "Please choose a PIN of your own first."),
    "goodbye": ("Auf Wiederhören.", "Goodbye."),
    "not_understood": ("Diese Taste ist hier nicht belegt.", "That key does nothing here."),
    "still_there": ("Sind Sie noch da?", "Are you still there?"),
    "busy": ("Das ging gerade nicht. Bitte versuchen Sie es noch einmal.",
             "That did not work just now. Please try again."),
    "unreachable": ("Das Postfach ist gerade nicht erreichbar. Bitte versuchen Sie es später wieder.",
                    "The mailbox cannot be reached just now. Please try again later."),
    # What is there
    "own_box": ("Ihr Postfach.", "Your mailbox."),
    "shared_box": ("Gemeinsames Postfach", "Shared mailbox"),
    "you_have": ("Sie haben", "You have"),
    "nothing": ("Sie haben keine Nachrichten.", "You have no messages."),
    "new_messages": ("neue Nachrichten.", "new messages."),
    "one_new": ("eine neue Nachricht.", "one new message."),
    "new_and": ("neue und", "new and"),
    "one_new_and": ("eine neue und", "one new and"),
    "saved_messages": ("gespeicherte Nachrichten.", "saved messages."),
    "one_saved": ("eine gespeicherte Nachricht.", "one saved message."),
    "last": ("Das war die letzte Nachricht.", "That was the last message."),
    "first": ("Das ist die erste Nachricht.", "This is the first message."),
    "gone": ("Diese Nachricht ist nicht mehr da.", "This message is no longer there."),
    # One message
    "new": ("Neue Nachricht,", "New message,"),
    "saved": ("Nachricht,", "Message,"),
    "today_at": ("heute um", "today at"),
    "yesterday_at": ("gestern um", "yesterday at"),
    "at": ("um", "at"),
    "one_oclock": ("ein Uhr", "one o'clock"),
    "from": ("von", "from"),
    "from_unknown": ("von einer unbekannten Nummer.", "from an unknown number."),
    "forwarded": ("Weitergeleitet.", "It was forwarded."),
    "forwarded_by": ("Weitergeleitet von", "Forwarded by"),
    "case_open": ("Noch offen.", "Still open."),
    "case_taken": ("In Bearbeitung.", "Being dealt with."),
    "case_taken_by": ("In Bearbeitung bei", "Being dealt with by"),
    "case_called_back": ("Schon zurückgerufen.", "Already called back."),
    "case_done": ("Erledigt.", "Done."),
    "kept": ("Gespeichert.", "Saved."),
    "deleted": ("Gelöscht.", "Deleted."),
    "undone": ("Die Nachricht ist wieder da.", "The message is back."),
    "noted": ("Vermerkt.", "Noted."),
    "no_number": ("Zu dieser Nachricht gibt es keine Rufnummer.", "There is no number with this message."),
    "connecting": ("Sie werden verbunden.", "You are being connected."),
    # Forwarding
    "ask_to": ("An welche Nummer soll die Nachricht? Danach die Raute.", "To which number? Then hash."),
    "to": ("An Postfach", "To mailbox"),
    "no_such_box": ("Dort gibt es kein anderes Postfach.", "There is no other mailbox there."),
    "say_comment": ("Bitte sprechen Sie nach dem Ton. Beenden Sie mit der Raute.",
                    "Please speak after the tone. End with hash."),
    "sent": ("Weitergeleitet.", "Forwarded."),
    "full": ("Dieses Postfach ist voll.", "That mailbox is full."),
    # Greetings
    "unavail": ("Ansage, wenn niemand abnimmt.", "Greeting when nobody answers."),
    "busy_line": ("Ansage, wenn besetzt ist.", "Greeting when the line is busy."),
    "temp": ("Ansage für Ihre Abwesenheit.", "Greeting for your absence."),
    "closed": ("Ansage außerhalb der Öffnungszeiten.", "Greeting outside office hours."),
    "own_greeting": ("Es gibt eine eigene Aufnahme.", "There is a recording of your own."),
    "no_greeting": ("Es gibt keine eigene Aufnahme.", "There is no recording of your own."),
    "counts_until": ("Sie gilt bis einschließlich", "It counts until and including"),
    "say_greeting": ("Sprechen Sie Ihre Ansage nach dem Ton. Beenden Sie mit der Raute.",
                     "Speak your greeting after the tone. End with hash."),
    "nothing_recorded": ("Es wurde nichts aufgenommen.", "Nothing was recorded."),
    "recorded": ("Aufgenommen.", "Recorded."),
    "in_use": ("Die Ansage gilt ab sofort.", "The greeting counts from now on."),
    "greeting_gone": ("Die Aufnahme ist gelöscht.", "The recording is deleted."),
    "ask_until": ("Letzter Tag, vier Ziffern: zwei für den Tag, zwei für den Monat. Ohne Ende: nur die Raute.",
                  "Last day, four digits: two for the day, two for the month. Without an end: just hash."),
    "no_day": ("Diesen Tag gibt es nicht.", "There is no such day."),
    "no_end": ("Sie gilt ohne Ende.", "It counts without an end."),
    # PIN
    "ask_new_pin": ("Bitte geben Sie die neue Geheimzahl ein, sechs bis zwölf Ziffern, dann die Raute.",
                    "Please enter the new PIN, six to twelve digits, then hash."),
    "again": ("Zur Sicherheit noch einmal, dann die Raute.", "Once more to be sure, then hash."),
    "differ": ("Die beiden Eingaben sind verschieden.", "The two entries differ."),
    "pin_changed": ("Ihre neue Geheimzahl gilt ab sofort.", "Your new PIN counts from now on."),
    "weak_digits": ("Eine Geheimzahl besteht nur aus Ziffern.", "A PIN has digits only."),
    "weak_length": ("Sie muss sechs bis zwölf Ziffern haben.", "It must have six to twelve digits."),
    "weak_row": ("Gleiche oder aufeinander folgende Ziffern sind zu leicht zu erraten.",
                 "Equal digits or digits in a row are too easy to guess."),
    "weak_two": ("Zwei verschiedene Ziffern sind zu wenig.", "Two different digits are not enough."),
    "weak_box": ("Die Nummer des Postfachs ist zu leicht zu erraten.", "The mailbox number is too easy to guess."),
    "weak_first": ("Das ist die Geheimzahl vom Anfang. Bitte wählen Sie eine andere.",
                   "That is the PIN that you had at first. Please choose another."),
}  # fmt: skip

_WEEKDAYS = (
    ("am Montag,", "on Monday,"), ("am Dienstag,", "on Tuesday,"), ("am Mittwoch,", "on Wednesday,"),
    ("am Donnerstag,", "on Thursday,"), ("am Freitag,", "on Friday,"), ("am Samstag,", "on Saturday,"),
    ("am Sonntag,", "on Sunday,"),
)  # fmt: skip
_TENS = {2: ("zwanzig", "twenty"), 3: ("dreißig", "thirty")}
_UNITS = ("", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
_DATIVE = (
    "ersten", "zweiten", "dritten", "vierten", "fünften", "sechsten", "siebten", "achten", "neunten", "zehnten",
    "elften", "zwölften", "dreizehnten", "vierzehnten", "fünfzehnten", "sechzehnten", "siebzehnten", "achtzehnten",
    "neunzehnten",
)  # fmt: skip


def _day(day: int) -> tuple[str, str]:
    """A day of the month as it follows the weekday: `dem dreiundzwanzigsten`; Asterisk has the nominative."""
    tens, unit = divmod(day, 10)
    german = _DATIVE[day - 1] if day < 20 else f"{_UNITS[unit]}{'und' if unit else ''}{_TENS[tens][0]}sten"
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(unit, "th")
    return f"dem {german}", f"the {day}{ending} of"


def _prompts() -> Mapping[str, Prompt]:
    said = {
        **_TEXTS,
        **{f"weekday_{number}": texts for number, texts in enumerate(_WEEKDAYS)},
        **{f"day_{day}": _day(day) for day in range(1, 32)},
    }
    plain = {f"mailbox_{name}": {"de": de, "en": en} for name, (de, en) in said.items()}
    return {name: Prompt(name=name, texts=texts) for name, texts in plain.items()} | {
        each.prompt.name: each.prompt for each in KEYS
    }


PROMPTS: Mapping[str, Prompt] = _prompts()
"""By name: `mailbox_ask_box`, `mailbox_key_main_listen`."""


def prompt(name: str) -> str:
    """What a turn plays for a text of this module. Raises KeyError for an unknown one."""
    return f"prompt:{PROMPTS[f'mailbox_{name}'].name}"
