"""What is not as it should be, judged from the facts alone: the requirement, what was seen, what to do.

Requirements are those of the BSI's IT-Grundschutz-Kompendium (wording of edition 2022). The texts are German, as their
readers are. Not here: requirements that no program can see, such as rooms, contracts and training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from orchestrator.domain.evidence import Evidence

ENDS_SOON = 14.0
"""Days before its end at which a certificate must have been renewed."""
NUMBERS_FOR, CALLS_FOR, LATE = 30.0, 90.0, 2.0
"""Days that callers' numbers and calls are kept; and by which deleting may be late, as it is done once a day."""
WIDEST = 16
"""Bits that a network of `never_banned` must fix at least."""
AMI_MAY = {"system", "user", "reporting", "agent"}
"""What control needs; `command`, `originate` or `config` would be as good as a shell."""


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """One thing that is not as it should be."""

    code: str
    """Stable name of the kind: `trunk_without_tls`."""
    requirement: str
    what: str
    todo: str


def deviations(seen: Evidence) -> tuple[Deviation, ...]:
    """All of them, in the order of the page."""
    kinds = (_trunks, _telephones, _certificate, _accounts, _processes, _ports, _versions, _files, _record, _data)
    return tuple(found for kind in kinds for found in kind(seen))


def _trunks(seen: Evidence) -> Iterator[Deviation]:
    for trunk in seen.configured.trunks:
        if trunk.transport != "tls":
            yield Deviation(
                code="trunk_without_tls",
                requirement="NET.4.2.A8, NET.4.2.A14",
                what=f"Trunk {trunk.id} ({trunk.host}): Signalisierung unverschlüsselt über {trunk.transport.upper()}",
                todo="`transport: tls` beim Trunk eintragen, wenn die Gegenstelle es kann (docs/outgoing.md); sonst die"
                " Leitung durch VPN oder ein eigenes Netz schützen und die Entscheidung festhalten",
            )
        if trunk.media == "no":
            yield Deviation(
                code="trunk_without_srtp",
                requirement="NET.4.2.A8, NET.4.2.A15",
                what=f"Trunk {trunk.id} ({trunk.host}): Gespräche unverschlüsselt (RTP)",
                todo="`transport: tls` schaltet SRTP mit ein",
            )


def _telephones(seen: Evidence) -> Iterator[Deviation]:
    if seen.configured.telephones and "tls" not in seen.configured.transports:
        yield Deviation(
            code="telephones_without_tls",
            requirement="NET.4.2.A8, NET.4.2.A14",
            what="Telefonen wird keine verschlüsselte Signalisierung angeboten",
            todo="Zertifikat hinterlegen (docs/certificate.md), dann `durchwahl apply`",
        )
    plain = sum(each.count - each.encrypted for each in seen.configured.telephones)
    if plain:
        yield Deviation(
            code="telephones_without_srtp",
            requirement="NET.4.2.A8, NET.4.2.A15",
            what=f"{plain} Telefone: Gespräche unverschlüsselt (RTP)",
            todo="SRTP für Telefone bietet diese Version nicht: Telefone in ein eigenes Netz (NET.4.2.A16), die außer"
            " Haus durch VPN; Entscheidung festhalten und die Beschäftigten unterrichten",
        )
    clear = sum(count for each in seen.configured.telephones for by, count in each.registered.items() if by != "tls")
    if clear and "tls" in seen.configured.transports:
        yield Deviation(
            code="registered_in_the_clear",
            requirement="NET.4.2.A14",
            what=f"{clear} Telefone sind ohne TLS angemeldet, obwohl es angeboten wird",
            todo="an diesen Telefonen TLS einstellen; `durchwahl phone NUMMER` nennt Adresse und Port",
        )


def _certificate(seen: Evidence) -> Iterator[Deviation]:
    requirement = "CON.1.A4"
    if (own := seen.certificate) is not None:
        days = (own.until - seen.at).total_seconds() / 86400
        if days < ENDS_SOON:
            word = "ist abgelaufen am" if days < 0 else "läuft ab am"
            yield Deviation(
                code="certificate_ends",
                requirement=requirement,
                what=f"Das Zertifikat {word} {own.until:%d.%m.%Y}",
                todo="erneuern lassen und nach secrets/tls.crt und tls.key schreiben",
            )
        if own.shown is False:
            yield Deviation(
                code="certificate_not_shown",
                requirement=requirement,
                what="Asterisk zeigt ein anderes Zertifikat als das geltende",
                todo="`durchwahl certificate --take-over`; sonst nennt das Protokoll von control den Grund",
            )
    if seen.refused:
        yield Deviation(
            code="certificate_refused",
            requirement=requirement,
            what=f"Ein neues Zertifikat wird nicht übernommen: {seen.refused}",
            todo="`durchwahl certificate` nennt, was daran zu ändern ist",
        )


def _accounts(seen: Evidence) -> Iterator[Deviation]:
    known = {("AMI", "control"), ("ARI", "attendant")}
    for account in seen.configured.accounts:
        name = f"{account.interface}-Benutzer {account.name}"
        if (account.interface, account.name) not in known:
            yield Deviation(
                code="unknown_account",
                requirement="ORP.4.A3, NET.4.2.A5",
                what=f"{name} gehört nicht zur Anlage",
                todo="klären, wer ihn angelegt hat; `durchwahl apply` schreibt die Datei neu",
            )
        if account.interface != "AMI":
            continue
        if more := {*account.read, *account.write} - AMI_MAY:
            yield Deviation(
                code="account_may_more",
                requirement="ORP.4.A3",
                what=f"{name} darf mehr als nötig: {', '.join(sorted(more))}",
                todo="klären, wer das geändert hat; `durchwahl apply` schreibt die Datei neu",
            )
        if not account.permit or not all(ip_network(each, strict=False).is_loopback for each in account.permit):
            yield Deviation(
                code="account_from_elsewhere",
                requirement="NET.4.2.A4",
                what=f"{name} darf sich von anderen Rechnern anmelden",
                todo="klären, wer das geändert hat; `durchwahl apply` schreibt die Datei neu",
            )
    if seen.configured.autoload:
        yield Deviation(
            code="modules_by_themselves",
            requirement="NET.4.2.A5, SYS.1.1.A6",
            what="Asterisk lädt auch Module, die nicht aufgeführt sind (autoload)",
            todo="klären, wer das geändert hat; `durchwahl apply` schreibt die Datei neu",
        )


def _processes(seen: Evidence) -> Iterator[Deviation]:
    if roots := sorted({each.role for each in seen.processes if each.user == "root"}):
        yield Deviation(
            code="runs_as_root",
            requirement="SYS.1.3.A10",
            what=f"Läuft als root: {', '.join(roots)}",
            todo="unter eigenem Benutzer betreiben, wie `scripts/install` es einrichtet (docs/operations/systemd.md)",
        )
    if free := sorted({each.role for each in seen.processes if not each.confined}):
        yield Deviation(
            code="not_confined",
            requirement="SYS.1.3.A10",
            what=f"Könnte weitere Rechte erlangen (NoNewPrivileges fehlt): {', '.join(free)}",
            todo="durch systemd starten (docs/operations/systemd.md) oder im Container mit no-new-privileges",
        )


def _ports(seen: Evidence) -> Iterator[Deviation]:
    for port in seen.ports:
        whose = port.role or "Prozess nicht zu sehen"
        where = f"{port.protocol.upper()} {port.address} Port {port.number} ({whose})"
        if not port.purpose and port.role:
            yield Deviation(
                code="unknown_port",
                requirement="SYS.1.1.A6",
                what=f"Offen und nirgends vorgesehen: {where}",
                todo="klären, was dort lauscht; ist es eine geänderte Einstellung: `durchwahl apply`, dann neu starten",
            )
        elif port.inside and not port.local:
            yield Deviation(
                code="reachable_from_outside",
                requirement="NET.4.2.A4",
                what=f"{port.purpose} ist von außen erreichbar: {where}",
                todo="darf nur auf 127.0.0.1 lauschen: `durchwahl apply`, dann Asterisk neu starten",
            )
    if any(port.purpose.startswith("SIP") and ip_address(port.address).is_unspecified for port in seen.ports):
        yield Deviation(
            code="sip_everywhere",
            requirement="NET.4.2.A4",
            what="SIP wird auf allen Adressen dieses Rechners angenommen",
            todo="`bind` in settings.toml auf die Adresse im Telefonnetz setzen, oder den Paketfilter nachweisen",
        )


def _versions(seen: Evidence) -> Iterator[Deviation]:
    now = seen.versions.asterisk or seen.versions.installed
    if now and not seen.versions.good:
        yield Deviation(
            code="old_asterisk",
            requirement="OPS.1.1.3.A15, OPS.1.1.3.A16",
            what=f"Asterisk {now} hat bekannte Fehler nicht behoben",
            todo="aktualisieren (docs/operations/upgrade.md)",
        )
    if seen.versions.asterisk and seen.versions.installed and seen.versions.asterisk != seen.versions.installed:
        yield Deviation(
            code="restart_waits",
            requirement="OPS.1.1.3.A15",
            what=f"Asterisk {seen.versions.installed} ist installiert, {seen.versions.asterisk} läuft noch",
            todo="in einer ruhigen Stunde neu starten (docs/operations/upgrade.md)",
        )
    if other := [each for each in seen.versions.packages if each.installed != each.locked]:
        names = ", ".join(f"{each.name} {each.installed or 'fehlt'} statt {each.locked}" for each in other)
        yield Deviation(
            code="packages_not_as_locked",
            requirement="OPS.1.1.3.A10",
            what=f"Python-Pakete anders als festgelegt: {names}",
            todo="neu installieren: `scripts/install`",
        )


def _files(seen: Evidence) -> Iterator[Deviation]:
    for file in seen.files:
        if file.wide:
            name = "Der Zustandsordner" if file.path == "." else file.path
            yield Deviation(
                code="readable_by_others",
                requirement="ORP.4.A23, CON.1.A4",
                what=f"{name} ist für andere zugänglich (Rechte {file.mode:04o})",
                todo=f"`chmod go= {file.path}` im Zustandsordner",
            )
        if file.owner not in (seen.owner, "root"):
            yield Deviation(
                code="owned_by_another",
                requirement="ORP.4.A23, CON.1.A4",
                what=f"{file.path} gehört {file.owner}",
                todo=f"`chown {seen.owner} {file.path}` im Zustandsordner",
            )


def _record(seen: Evidence) -> Iterator[Deviation]:
    if not seen.settings.require_why:
        yield Deviation(
            code="no_reasons",
            requirement="NET.4.1.A5, OPS.1.1.2.A5",
            what="Änderungen brauchen keine Begründung",
            todo="`require_why = true` in settings.toml",
        )
    if not seen.configured.security_log:
        yield Deviation(
            code="no_security_log",
            requirement="NET.4.1.A5, SYS.1.1.A10",
            what="Anmeldeversuche werden nicht protokolliert",
            todo="klären, wer das geändert hat; `durchwahl apply` schreibt die Datei neu",
        )
    for told in seen.drift:
        yield Deviation(
            code="drift",
            requirement="NET.4.1.A10",
            what=f"Nicht wie angewandt: {told}",
            todo="`durchwahl drift` zeigt alles; `durchwahl apply` stellt es her",
        )
    for network in seen.settings.never_banned:
        parsed = ip_network(network)
        if parsed.prefixlen < WIDEST and not parsed.is_loopback:
            yield Deviation(
                code="too_many_spared",
                requirement="NET.4.2.A4",
                what=f"Niemand aus {network} wird nach falschen Passwörtern gesperrt",
                todo="`never_banned` in settings.toml auf die eigenen Netze beschränken (docs/bans.md)",
            )


def _data(seen: Evidence) -> Iterator[Deviation]:
    kept = (("Rufnummern", seen.stored.oldest_number, NUMBERS_FOR), ("Anrufe", seen.stored.oldest_call, CALLS_FOR))
    for what, days, limit in kept:
        if days > limit + LATE:
            yield Deviation(
                code="kept_too_long",
                requirement="OPS.1.1.5.A5, CON.6.A1",
                what=f"{what} sind {days:.0f} Tage alt; höchstens {limit:.0f} sind vorgesehen",
                todo="control löscht nachts: läuft es, und was sagt sein Protokoll?",
            )
    if not seen.settings.database_encrypted:
        yield Deviation(
            code="database_in_the_clear",
            requirement="CON.1.A3",
            what=f"Verbindung zur Datenbank ohne geprüfte Verschlüsselung: {seen.settings.database}",
            todo="`?ssl=verify-full` an `database` in settings.toml anhängen (docs/state.md)",
        )
    if not seen.settings.mail_encrypted:
        yield Deviation(
            code="mail_in_the_clear",
            requirement="CON.1.A3",
            what=f"Nachrichten gehen unverschlüsselt zum Mailserver: {seen.settings.mail}",
            todo='`security = "starttls"` oder "tls" in [mail] von settings.toml',
        )
    if not seen.settings.traces_encrypted:
        yield Deviation(
            code="traces_in_the_clear",
            requirement="CON.1.A3",
            what=f"Ablaufdaten der Anrufe gehen unverschlüsselt zum Collector: {seen.settings.traces}",
            todo="`traces` in settings.toml auf https:// umstellen, oder auf einen Collector auf diesem Rechner"
            " (docs/traces.md)",
        )
    if not seen.settings.backup:
        yield Deviation(
            code="no_backup",
            requirement="NET.4.1.A12, CON.3.A5",
            what="Die Anlage sichert sich nicht selbst",
            todo="`[backup]` in settings.toml (docs/backup.md), oder die Sicherung des Rechners nachweisen",
        )
