"""The evidence page, in Markdown, for an auditor: what was seen, and first of all what is not as it should be.

Belongs here: wording and layout. Not here: any judgement (domain.deviations).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.domain.deviations import Deviation
from orchestrator.domain.evidence import Evidence, Port

MEDIA = {"no": "unverschlüsselt (RTP)", "sdes": "SRTP (SDES)", "dtls": "SRTP (DTLS)"}
KINDS = {
    "": "Arbeitsplätze",
    "meeting_room": "Besprechungsräume",
    "lift": "Aufzüge",
    "gate": "Türen und Tore",
    "fax": "Faxgeräte",
    "hall": "Flure und Hallen",
    "other": "sonstige gemeinsame",
}
EDITION = "IT-Grundschutz-Kompendium des BSI (Wortlaut der Edition 2022; mit der geltenden Edition abzugleichen)"
SHOWS = (
    ("NET.4.1.A5", "Protokollierung bei TK-Anlagen", "Protokollierung und Änderungen"),
    ("NET.4.1.A10", "Dokumentation und Revision der Konfiguration", "Abweichungen"),
    ("NET.4.1.A12", "Datensicherung der Konfigurationsdateien", "Sicherung"),
    ("NET.4.2.A4", "Einschränkung der Erreichbarkeit über VoIP", "Offene Ports; Schutz vor Missbrauch"),
    ("NET.4.2.A5", "Sichere Konfiguration der VoIP-Middleware", "Wer darf was; Offene Ports"),
    ("NET.4.2.A8", "Verschlüsselung von VoIP", "Verschlüsselung"),
    ("NET.4.2.A14", "Verschlüsselung der Signalisierung", "Verschlüsselung"),
    ("NET.4.2.A15", "Sicherer Medientransport mit SRTP", "Verschlüsselung"),
    ("SYS.1.1.A6", "Deaktivierung nicht benötigter Dienste", "Offene Ports"),
    ("SYS.1.1.A10", "Protokollierung", "Protokollierung und Änderungen"),
    ("SYS.1.3.A10", "Verhinderung der Ausbreitung bei Schwachstellen", "Prozesse"),
    ("OPS.1.1.2.A5", "Nachweisbarkeit von administrativen Tätigkeiten", "Protokollierung und Änderungen"),
    ("OPS.1.1.3.A10", "Integrität und Authentizität von Softwarepaketen", "Versionen"),
    ("OPS.1.1.3.A15", "Regelmäßige Aktualisierung von IT-Systemen und Software", "Versionen"),
    ("OPS.1.1.3.A16", "Regelmäßige Suche nach Informationen zu Patches und Schwachstellen", "Versionen"),
    ("OPS.1.1.5.A5", "Einhaltung rechtlicher Rahmenbedingungen", "Aufbewahrung"),
    ("CON.1.A3", "Verschlüsselung der Kommunikationsverbindungen", "Verschlüsselung"),
    ("CON.1.A4", "Geeignetes Schlüsselmanagement", "Verschlüsselung; Geheimnisse"),
    ("CON.3.A5", "Regelmäßige Datensicherung", "Sicherung"),
    ("CON.6.A1", "Regelung für die Löschung und Vernichtung von Informationen", "Aufbewahrung"),
    ("ORP.4.A3", "Dokumentation der Benutzerkennungen", "Wer darf was"),
    ("ORP.4.A23", "Passwort-verarbeitende Anwendungen", "Geheimnisse; Schutz vor Missbrauch"),
)
"""Requirement, its title, the sections that show something of it."""


def page(seen: Evidence, found: Sequence[Deviation]) -> str:
    """The whole page."""
    parts = (
        *(_head(seen), _deviations(found), _unseen(seen), _encryption(seen), _rights(seen), _ports(seen)),
        *(_processes(seen), _versions(seen), _secrets(seen), _record(seen), _kept(seen), _abuse(seen)),
        *(_backup(seen), _requirements()),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _head(seen: Evidence) -> Iterator[str]:
    yield f"# Nachweis der Telefonanlage {_text(seen.town)}".rstrip()
    yield ""
    yield f"- Stand: {seen.at:%d.%m.%Y %H:%M %Z}, erzeugt aus der laufenden Anlage durch `durchwahl evidence`"
    yield f"- Konfiguration: `{seen.tree}`, angewandt {_text(seen.applied)}"
    yield f"- Anforderungen: {EDITION}"
    yield "- Vertraulich: diese Seite nennt offene Punkte der Anlage"


def _deviations(found: Sequence[Deviation]) -> Iterator[str]:
    yield "## Abweichungen"
    yield ""
    if not found:
        yield "Keine gefunden."
        return
    rows = ((each.requirement, each.what, each.todo) for each in found)
    yield from _table(("Anforderung", "Abweichung", "Zu tun"), rows)


def _unseen(seen: Evidence) -> Iterator[str]:
    yield "## Nicht gesehen"
    yield ""
    yield from (f"- {_text(told)}" for told in seen.unseen)
    if not seen.unseen:
        yield "Alles, was diese Seite zeigt, konnte angesehen werden."


def _encryption(seen: Evidence) -> Iterator[str]:
    yield "## Verschlüsselung"
    yield ""
    trunks = (
        (
            trunk.id,
            trunk.host,
            "öffentliches Netz" if trunk.public else "alte Anlage",
            trunk.transport.upper(),
            MEDIA.get(trunk.media, trunk.media),
            ("Anmeldung; " if trunk.registers else "") + ", ".join(trunk.known_by),
        )
        for trunk in seen.configured.trunks
    )
    yield from _table(("Trunk", "Gegenstelle", "führt zu", "Signalisierung", "Gespräche", "erkannt an"), trunks)
    yield ""
    offered = ", ".join(transport.upper() for transport in seen.configured.transports)
    telephones = (
        (
            KINDS.get(each.kind, each.kind),
            each.count,
            offered,
            ", ".join(f"{count} über {by.upper()}" for by, count in sorted(each.registered.items())) or "–",
            f"{each.encrypted} SRTP, {each.count - each.encrypted} RTP",
        )
        for each in seen.configured.telephones
    )
    yield from _table(("Telefone", "Anzahl", "Signalisierung angeboten", "jetzt angemeldet", "Gespräche"), telephones)
    yield ""
    yield from _certificate(seen)
    safe = "verschlüsselt oder auf diesem Rechner" if seen.settings.database_encrypted else "unverschlüsselt"
    yield f"- Verbindung zur Datenbank: {safe}"
    yield f"- Mailserver: {_text(seen.settings.mail) or 'keiner'}"
    yield f"- Collector für Ablaufdaten der Anrufe: {_text(seen.settings.traces) or 'keiner'}"


def _certificate(seen: Evidence) -> Iterator[str]:
    own = seen.certificate
    if own is None:
        yield "- Zertifikat: keines"
        return
    names = f", Namen {_text(', '.join(own.names))}" if own.names else ""
    yield f"- Zertifikat: {_text(own.subject)}{names}, gültig bis {own.until:%d.%m.%Y}"
    yield f"- ausgestellt von {_text(own.issuer)}"
    yield f"- Fingerabdruck (SHA-256): `{own.fingerprint}`"
    yield f"- wird gezeigt: {'nicht gesehen' if own.shown is None else 'ja' if own.shown else 'nein'}"


def _rights(seen: Evidence) -> Iterator[str]:
    yield "## Wer darf was"
    yield ""
    yield f"- Befehlszeile: wer auf diesem Rechner als `{seen.owner}` oder root arbeitet, darf alles"
    others = "und weitere von selbst" if seen.configured.autoload else "keine weiteren"
    yield f"- Asterisk lädt {seen.configured.modules} aufgeführte Module, {others}"
    yield ""
    rows = (
        (each.interface, each.name, ", ".join(each.read), ", ".join(each.write), ", ".join(each.permit) or "–")
        for each in seen.configured.accounts
    )
    yield from _table(("Schnittstelle", "Benutzer", "lesen", "schreiben", "nur von"), rows)


def _ports(seen: Evidence) -> Iterator[str]:
    yield "## Offene Ports"
    yield ""
    rows: dict[tuple[str, ...], list[int]] = {}
    for port in seen.ports:
        rows.setdefault(_grouped(port), []).append(port.number)
    listed = ((*key[:2], _numbers(numbers), *key[2:]) for key, numbers in rows.items())
    yield from _table(("Protokoll", "Adresse", "Port", "Prozess", "Zweck", "nur dieser Rechner"), listed)


def _grouped(port: Port) -> tuple[str, ...]:
    unforeseen = "**nicht vorgesehen**" if port.role else "keiner der Anlage bekannt"
    whose, purpose = port.role or "nicht zu sehen", port.purpose or unforeseen
    return port.protocol.upper(), port.address, whose, purpose, _yes(port.local)


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) if len(numbers) < 5 else f"{len(numbers)} von {numbers[0]} bis {numbers[-1]}"


def _processes(seen: Evidence) -> Iterator[str]:
    yield "## Prozesse"
    yield ""
    found: dict[tuple[str, ...], int] = {}
    for each in seen.processes:
        key = (each.role, each.user, *(_yes(held) for held in (each.confined, each.filtered, each.powers)))
        found[key] = found.get(key, 0) + 1
    heads = ("Prozess", "Benutzer", "NoNewPrivileges", "Systemaufrufe gefiltert", "Capabilities", "Anzahl")
    yield from _table(heads, ((*key, count) for key, count in found.items()))


def _versions(seen: Evidence) -> Iterator[str]:
    yield "## Versionen"
    yield ""
    yield f"- Durchwahl {seen.versions.durchwahl}, Python {seen.versions.python}"
    runs = f"{seen.versions.asterisk} läuft" if seen.versions.asterisk else "läuft nicht oder antwortet nicht"
    yield f"- Asterisk: {_text(runs)}, installiert ist {_text(seen.versions.installed) or 'nicht gesehen'}"
    yield f"- bekannte, geprüfte Fehler von Asterisk behoben: {_yes(seen.versions.good)}"
    same = sum(each.installed == each.locked for each in seen.versions.packages)
    yield f"- Python-Pakete: {same} von {len(seen.versions.packages)} wie festgelegt"
    yield ""
    rows = ((each.name, each.locked, each.installed or "fehlt") for each in seen.versions.packages)
    yield from _table(("Paket", "festgelegt", "installiert"), rows)


def _secrets(seen: Evidence) -> Iterator[str]:
    yield "## Geheimnisse"
    yield ""
    right = [each for each in seen.files if not each.wide and each.owner in (seen.owner, "root")]
    yield f"- {len(right)} von {len(seen.files)} Dateien und Ordnern sind nur für ihren Eigentümer zugänglich"
    yield ""
    rows = (
        (each.path, f"{each.mode:04o}", each.owner) for each in seen.files if each.path.startswith((".", "secrets"))
    )
    yield from _table(("Datei", "Rechte", "Eigentümer"), rows)


def _record(seen: Evidence) -> Iterator[str]:
    yield "## Protokollierung und Änderungen"
    yield ""
    yield f"- Anmeldeversuche werden protokolliert: {_yes(seen.configured.security_log)}"
    yield f"- Änderungen brauchen eine Begründung: {_yes(seen.settings.require_why)}"
    authors = ", ".join(f"{_text(who)} ({count})" for who, count in sorted(seen.stored.authors.items()))
    yield f"- Änderungen der letzten 90 Tage nach Benutzer: {authors or 'keine gesehen'}"
    yield "- wer, wann, was, warum: `durchwahl changes` und `durchwahl history`"


def _kept(seen: Evidence) -> Iterator[str]:
    yield "## Aufbewahrung"
    yield ""
    yield from _table(("Was", "wie lange"), ((each.what, each.period) for each in seen.retention))
    yield ""
    yield f"- älteste gespeicherte Rufnummer: {seen.stored.oldest_number:.0f} Tage"
    yield f"- ältester gespeicherter Anruf: {seen.stored.oldest_call:.0f} Tage"


def _abuse(seen: Evidence) -> Iterator[str]:
    yield "## Schutz vor Missbrauch"
    yield ""
    yield from _table(("Grenze", "Wert"), ((each.what, each.period) for each in seen.settings.limits))
    yield ""
    yield f"- jetzt gesperrte Adressen: {seen.banned}; nie gesperrt: {', '.join(seen.settings.never_banned) or 'keine'}"


def _backup(seen: Evidence) -> Iterator[str]:
    yield "## Sicherung"
    yield ""
    yield f"- Ordner: `{seen.settings.backup}`" if seen.settings.backup else "- keine eigene Sicherung eingestellt"


def _requirements() -> Iterator[str]:
    yield "## Anforderungen, zu denen diese Seite etwas zeigt"
    yield ""
    yield from _table(("Anforderung", "Titel", "Abschnitt"), SHOWS)
    yield ""
    yield "Nicht gezeigt werden können Räume, Stromversorgung, Netztrennung (NET.4.2.A16), Firewall (NET.4.2.A13),"
    yield "Verträge, Schulung, Sicherheitsrichtlinien und Notfallübungen."


def _yes(so: bool) -> str:
    return "ja" if so else "nein"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    yield from (f"| {' | '.join(_text(str(cell)) for cell in row)} |" for row in rows)


def _text(text: str) -> str:
    """Text that can stand in a table, on one line: names are of somebody else's making."""
    return " ".join(text.split()).replace("|", "\\|")
