"""The card for desks: everything that is dialled there and is no number of a person, in German, as Markdown.

Belongs here: the page. Not here: the codes themselves (codes), what becomes of them (compile.codes).
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.domain.bosses import bosses
from orchestrator.domain.circles import DEPARTMENT, HOUSE
from orchestrator.domain.codes import DESK_OFF, DESK_ON, DIGIT, DIRECT, LOG_IN, LOG_OUT, NUMBER, QUEUEING, SWITCH, codes
from orchestrator.domain.directory import Directory
from orchestrator.domain.numbers import OPERATOR, written
from orchestrator.domain.outgoing import EMERGENCY, SERVICES

WHO = {"110": "Polizei", "112": "Feuerwehr und Rettungsdienst"}
SERVICE = {"115": "Behördennummer", "116117": "Ärztlicher Bereitschaftsdienst"}
WRITTEN = {NUMBER: " Durchwahl ", DIGIT: " Ziffer ", "": ""}
"""What is dialled behind a code, as people call it."""


def card(directory: Directory) -> str:
    """The card of a town; ends with a line break."""
    town = directory.town
    lines = [f"# Tastenkarte – {town.name}", "", "| Sie wählen | Was geschieht |", "|---|---|"]
    lines += [f"| `{dialled.strip()}` | {what} |" for dialled, what in _rows(directory)]
    return "\n".join([*lines, "", *_notes(directory)]) + "\n"


def _rows(directory: Directory) -> Iterator[tuple[str, str]]:
    town = directory.town
    yield from ((number, f"**Notruf:** {WHO[number]}. Sie brauchen nichts davor zu wählen.") for number in EMERGENCY)
    if OPERATOR in directory.numbers:
        yield OPERATOR, f"Telefonzentrale; von außen {written(town, OPERATOR)}"
    yield from ((number, SERVICE[number]) for number in SERVICES)
    if town.outside:
        yield f"{town.outside} Rufnummer", "Gespräch nach draußen"
    if town.mailbox:
        yield town.mailbox, f"Ihr Anrufbeantworter; von außen {written(town, town.mailbox)}"
    log_in = any(queue.log_in for queue in directory.queues.values())
    useless = {*(() if log_in else (LOG_IN, LOG_OUT)), *(() if directory.queues else QUEUEING)}
    useless |= set() if directory.switch_codes else {SWITCH}
    useless |= set() if any(bosses(directory)) else {DIRECT}
    useless |= set() if directory.hot_desks else {DESK_ON, DESK_OFF}
    for code in (each for each in codes(town) if each not in useless):
        yield code.head + WRITTEN[code.takes] + "#" * code.dialled.endswith("#"), code.card
    for digit, name in sorted(directory.switch_codes.items()):
        yield SWITCH.head + digit, f"Schalter: {directory.switches.get(name, name)}"


def _notes(directory: Directory) -> Iterator[str]:
    yield "- Ein `#` am Ende können Sie wählen oder weglassen. Was es nicht gibt, sagt Ihnen eine Ansage."
    yield (
        "- **Heranholen** können Sie Anrufe Ihrer Dienststelle, Ihrer Sammelrufnummer und, mit `**` und der Durchwahl,"
        " derer, die Sie vertreten."
    )
    if directory.town.lamps in (DEPARTMENT, HOUSE):
        yield "- **Lampen** zeigen, ob jemand frei ist. Blinkt eine, klingelt es dort: Sie können den Anruf heranholen."
