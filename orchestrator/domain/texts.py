"""What the derived flows say, in the languages that come with the product.

The notice before the beep is the one that Art. 13 DSGVO asks for; a message is recorded only after a beep that the
caller waits for (§ 201 StGB).
"""

from __future__ import annotations

from collections.abc import Mapping

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
SHARED = {"thanks": Prompt(name="thanks", texts=THANKS), "sorry": Prompt(name="sorry", texts=SORRY)}
"""Prompts that every flow may name."""


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
