"""What callers hear who look for somebody by name, besides the names."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.domain.prompts import Prompt

CHOICES = 8
"""How many are offered at once, with the keys from 1 on."""
ONWARD = "9"
"""The key for more of them."""
TEXTS: Mapping[str, Mapping[str, str]] = {
    "find_name": {
        "de": "Bitte geben Sie den Nachnamen über die Buchstaben auf den Tasten Ihres Telefons ein, oder den Anfang des"
        " Namens, und dann die Raute.",
        "en": "Please enter the last name with the letters on the keys of your telephone, or the beginning of the name,"
        " and then press hash.",
    },
    "find_further": {
        "de": "So beginnen mehrere Namen. Bitte geben Sie weitere Buchstaben ein, auch die des Vornamens, und dann die"
        " Raute.",
        "en": "Several names begin like this. Please enter more letters, those of the first name too, and then press"
        " hash.",
    },
    "find_unknown": {
        "de": "Diesen Namen haben wir leider nicht gefunden.",
        "en": "Sorry, we could not find this name.",
    },
    "find_connect": {"de": "Sie werden verbunden:", "en": "You are being connected to:"},
    "find_more": {"de": "Für weitere Namen wählen Sie die 9.", "en": "For more names, press 9."},
    "find_again": {
        "de": "Für eine neue Eingabe wählen Sie die Sterntaste.",
        "en": "To enter another name, press star.",
    },
    **{f"find_{key}": {"de": f"mit der {key}.", "en": f"press {key}."} for key in range(1, CHOICES + 1)},
}
FIND: Mapping[str, Prompt] = {name: Prompt(name=name, texts=said) for name, said in TEXTS.items()}
"""Prompts that a step to find somebody may play; `find_name` is one for flows to name, if they have none of their own.
"""
