"""How long things are kept and how much anybody may do, told from the very constants that hold it, in German."""

from __future__ import annotations

from orchestrator.domain import bans
from orchestrator.domain.evidence import Kept
from orchestrator.journal import record
from orchestrator.messages import ledger, pins
from orchestrator.messages import retention as messages
from orchestrator.service import line, logs
from orchestrator.service.settings import Settings

UNITS = ((86400.0, "Tag", "Tage"), (3600.0, "Stunde", "Stunden"), (60.0, "Minute", "Minuten"))
MIB = 1024 * 1024


def told(seconds: float) -> str:
    """`90 Tage`, `24 Stunden`, `10 Minuten`."""
    for size, one, many in UNITS:
        if seconds >= size and seconds % size == 0:
            number = round(seconds / size)
            return f"{number} {one if number == 1 else many}"
    return f"{seconds:.0f} Sekunden"


def retention() -> tuple[Kept, ...]:
    """What is deleted by itself, and after how long."""
    kept = {
        "Rufnummern in Anrufprotokollen (danach maskiert)": told(record.MASK_AFTER),
        "Anrufprotokolle": told(record.DELETE_AFTER),
        "Protokolle von Testanrufen": told(record.TESTS_AFTER),
        "Journal von Asterisk": f"bis es gelesen ist, höchstens {told(record.OLDEST)}",
        "Nachrichten in Postfächern": f"höchstens {told(messages.DELETE_AFTER)}",
        "gelöschte Nachrichten (wiederherstellbar)": told(messages.UNDO_WITHIN),
        "Aufnahmen, in denen nichts gesagt wurde": told(messages.REJECTED_AFTER),
        "unbenutzte Diktate": told(line.DICTATION_AFTER),
        "Betriebsprotokolle": f"{logs.KEPT} Dateien zu {logs.LARGEST // MIB} MiB",
        "Verzeichnis der Änderungen": "unbefristet; Löschung nach Regel der Stadt (docs/state.md)",
    }
    return tuple(Kept(what=what, period=period) for what, period in kept.items())


def limits(settings: Settings) -> tuple[Kept, ...]:
    """What guessing and flooding are met with."""
    kept = {
        "Fehlversuche je Adresse bis zur Sperre": f"{bans.FAILURES} in {told(bans.WINDOW)}",
        "Anfragen ohne Passwort bis zur Sperre": f"{bans.FLOOD} in {told(bans.WINDOW)}",
        "Dauer einer Sperre": f"{told(bans.SHORTEST)}, verdoppelt bis {told(bans.LONGEST)}",
        "gleichzeitige Anrufe einer Rufnummer von außen": str(settings.per_caller or "unbegrenzt"),
        "Ziffern einer PIN": f"{pins.SHORTEST} bis {pins.LONGEST}, leicht zu erratende werden abgelehnt",
        "falsche PINs bis zur Sperre des Postfachs": str(ledger.GUESSES),
        "Sperre eines Postfachs": f"{told(ledger.FIRST_LOCK)}, verdoppelt bis {told(ledger.LONGEST_LOCK)}",
    }
    return tuple(Kept(what=what, period=period) for what, period in kept.items())
