"""The keys of the mailbox by telephone: one table, of which the spoken menus and the printed help are made.

Belongs here: which key does what, in which words, and who has it. Not here: what then happens (messages.telephone).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from orchestrator.domain.prompts import Prompt

Menu = Literal["main", "message", "deleted", "case", "forward", "settings", "greetings", "greeting", "recording"]
Need = Literal["", "desk", "own", "shared", "several", "absent"]
"""Who has a key: everybody; who calls from one of our telephones; a person's box; a department's box; who works with
several boxes; only the greeting for absence."""
TITLES: Mapping[Menu, str] = {
    "main": "Hauptmenü",
    "message": "Während einer Nachricht und danach",
    "deleted": "Gleich nach dem Löschen",
    "case": "Vorgang (Postfach einer Dienststelle)",
    "forward": "Weiterleiten",
    "settings": "Einstellungen",
    "greetings": "Welche Ansage?",
    "greeting": "Eine Ansage",
    "recording": "Nach einer Aufnahme",
}
"""What the printed help calls the menus, in their order."""
_NAMES = {"*": ("der Stern", "star"), "#": ("die Raute", "hash")}


_REMARKS: Mapping[Need, str] = {
    "": "",
    "desk": " (vom Telefon im Haus)",
    "own": " (eigenes Postfach, vom Telefon im Haus)",
    "shared": " (Postfach einer Dienststelle)",
    "several": " (wer mehrere hat)",
    "absent": " (nur bei Abwesenheit)",
}


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of one menu."""

    menu: Menu
    key: str
    does: str
    """What the menu calls it."""
    de: str
    en: str
    need: Need = ""
    short: bool = True
    """Whether it is offered each time; otherwise only the help names it."""
    playing: str = ""
    """What it does to a message that is playing, at once: `reverse`, `forward`, `pause`; it does nothing else."""

    @property
    def prompt(self) -> Prompt:
        """What offers it. A key that two menus name alike needs two: somebody may record one."""
        de, en = _NAMES.get(self.key, (f"die {self.key}", self.key))
        texts = {"de": f"{self.de}: {de}.", "en": f"{self.en}: {en}."}
        return Prompt(name=f"mailbox_key_{self.menu}_{self.does}", texts=texts)


def _menu(menu: Menu, *rows: tuple[str, str, str, str], **more: tuple[Need, bool]) -> tuple[Key, ...]:
    """Rows of key, what it does, German, English; `more` says by `does` who has it and whether it is offered."""
    return tuple(
        Key(menu=menu, key=key, does=does, de=de, en=en, need=need, short=short)
        for key, does, de, en in rows
        for need, short in [more.get(does, ("", True))]
    )


KEYS: tuple[Key, ...] = (
    *_menu(
        "main",
        ("1", "listen", "Nachrichten anhören, die neuen zuerst", "Listen to your messages, new ones first"),
        ("2", "saved", "Nur die gespeicherten anhören", "Listen to saved messages only"),
        ("3", "next_box", "Zum nächsten Postfach", "Go to the next mailbox"),
        ("9", "settings", "Ansagen und Geheimzahl", "Greetings and PIN"),
        ("0", "help", "Alle Tasten hören", "Hear all keys"),
        ("*", "goodbye", "Beenden", "Finish"),
        next_box=("several", True),
        saved=("", False),
        goodbye=("", False),
    ),
    *_menu(
        "message",
        ("2", "keep", "Behalten und weiter", "Save, and go on"),
        ("3", "delete", "Löschen", "Delete"),
        ("#", "next", "Zur nächsten, diese bleibt, wie sie ist", "Go to the next one, leaving this as it is"),
        ("1", "replay", "Noch einmal hören", "Hear it again"),
        ("7", "previous", "Zur vorigen", "Go to the previous one"),
        ("8", "call", "Zurückrufen", "Call back"),
        ("8", "case", "Zurückrufen und Bearbeitung", "Call back, and who deals with it"),
        ("9", "forward", "Weiterleiten", "Forward"),
        ("0", "help", "Alle Tasten hören", "Hear all keys"),
        ("*", "back", "Zum Hauptmenü", "Go to the main menu"),
        next=("", False),
        replay=("", False),
        previous=("", False),
        call=("own", False),
        case=("shared", False),
        forward=("", False),
        back=("", False),
    ),
    Key(menu="message", key="4", does="reverse", de="Beim Hören 5 Sekunden zurück", en="While playing, 5 seconds back",
        short=False, playing="reverse"),
    Key(menu="message", key="5", does="pause", de="Beim Hören anhalten und weiterhören", en="While playing, pause",
        short=False, playing="pause"),
    Key(menu="message", key="6", does="forward_5", de="Beim Hören 5 Sekunden vor", en="While playing, 5 seconds on",
        short=False, playing="forward"),
    *_menu(
        "deleted",
        ("9", "undo", "Rückgängig", "Take it back"),
        ("3", "undo_too", "Auch rückgängig", "Take it back, too"),
        ("#", "next", "Zur nächsten", "Go to the next one"),
        ("7", "previous", "Zur vorigen", "Go to the previous one"),
        ("0", "help", "Alle Tasten hören", "Hear all keys"),
        ("*", "back", "Zum Hauptmenü", "Go to the main menu"),
        undo_too=("", False), next=("", False), previous=("", False), help=("", False), back=("", False),
    ),
    *_menu(
        "case",
        ("1", "call", "Zurückrufen", "Call back"),
        ("2", "take", "Übernehmen", "Take it"),
        ("3", "called_back", "Ist zurückgerufen", "It was called back"),
        ("4", "done", "Ist erledigt", "It is done"),
        ("5", "open", "Wieder freigeben", "Give it back"),
        ("0", "help", "Alle Tasten hören", "Hear all keys"),
        ("*", "back", "Zurück zur Nachricht", "Go back to the message"),
        call=("desk", True), help=("", False), back=("", False),
    ),
    *_menu(
        "forward",
        ("1", "send", "Ohne Kommentar senden", "Send without a comment"),
        ("2", "comment", "Erst einen Kommentar sprechen", "Speak a comment first"),
        ("0", "help", "Alle Tasten hören", "Hear all keys"),
        ("*", "back", "Nicht weiterleiten", "Do not forward"),
        help=("", False),
    ),
    *_menu(
        "settings",
        ("1", "greetings", "Ansagen", "Greetings"),
        ("2", "pin", "Geheimzahl ändern", "Change the PIN"),
        ("0", "help", "Alle Tasten hören", "Hear all keys"),
        ("*", "back", "Zum Hauptmenü", "Go to the main menu"),
        help=("", False),
    ),
    *_menu(
        "greetings",
        ("1", "unavail", "Wenn niemand abnimmt", "When nobody answers"),
        ("2", "busy", "Wenn besetzt ist", "When the line is busy"),
        ("3", "temp", "Abwesenheit, gilt vor allen anderen", "Absence, which goes before all others"),
        ("4", "closed", "Außerhalb der Öffnungszeiten", "Outside office hours"),
        ("0", "help", "Alle Tasten hören", "Hear all keys"),
        ("*", "back", "Zurück", "Go back"),
        help=("", False),
    ),
    *_menu(
        "greeting",
        ("1", "listen", "Anhören", "Listen"),
        ("2", "record", "Aufnehmen", "Record"),
        ("3", "delete", "Löschen", "Delete"),
        ("4", "until", "Bis wann sie gilt", "Until when it counts"),
        ("0", "help", "Alle Tasten hören", "Hear all keys"),
        ("*", "back", "Zurück", "Go back"),
        until=("absent", True), help=("", False),
    ),
    *_menu(
        "recording",
        ("1", "keep", "Verwenden", "Use it"),
        ("2", "again", "Neu aufnehmen", "Record it again"),
        ("3", "listen", "Anhören", "Listen"),
        ("0", "help", "Alle Tasten hören", "Hear all keys"),
        ("*", "drop", "Verwerfen", "Discard it"),
        help=("", False),
    ),
)  # fmt: skip
"""Every key, the most frequent of each menu first."""


def keys(menu: Menu, needs: frozenset[Need], *, short: bool = False) -> tuple[Key, ...]:
    """The keys that `menu` has for whom all of `needs` is true; those only that are offered each time if `short`."""
    return tuple(
        each
        for each in KEYS
        if each.menu == menu and (not each.need or each.need in needs) and (each.short or not short)
    )


def does(menu: Menu, needs: frozenset[Need], key: str) -> str:
    """What a key does in a menu; empty: nothing."""
    return next((each.does for each in keys(menu, needs) if each.key == key and not each.playing), "")


def printed() -> Iterator[str]:
    """The lines of the printed help that list keys, as Markdown: a table of the menu that everybody needs by heart, and
    a line of each other one."""
    for menu, title in TITLES.items():
        rows = [(each.key, f"{each.de}{_REMARKS[each.need]}") for each in KEYS if each.menu == menu]
        if menu == "message":
            yield from (f"| Taste | {title} |", "|:-:|---|", *(f"| `{key}` | {what} |" for key, what in rows))
        else:
            yield f"- **{title}:** " + " · ".join(f"`{key}` {what}" for key, what in rows)
        if menu in ("main", "message"):
            yield ""
