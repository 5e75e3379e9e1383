"""`durchwahl evidence`: an exchange looked at for its auditor, while it runs and while it is down.

Belongs here: collecting the facts, each from where it is in force. What cannot be looked at is told as unseen, and
hinders nothing else. Not here: what is wrong with them (domain.deviations), the page (web.evidence).
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from orchestrator.asterisk.errors import AsteriskError
from orchestrator.asterisk.package import suitable
from orchestrator.domain.directory import Directory
from orchestrator.domain.evidence import CertificateSeen, Evidence, Package, PrivateFile, Set, Stored, Versions
from orchestrator.rollout.record import Applies
from orchestrator.service import bans, certificate, configured, drift, periods, processes, wiring
from orchestrator.service import directory as directories
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.service.version import version
from orchestrator.store.changes import recorded
from orchestrator.store.tables import few, journeys

LOCKED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([\w.+!-]+)( ;)?", re.MULTILINE)
"""Name, version, and whether it is for some systems only."""
DAY = 86400.0
AUTHORS_FOR = 90 * DAY
"""Seconds for which it is told who has changed the directory."""
MOST = 10_000
"""Changes that are counted."""
LOCAL = ("127.0.0.1", "::1", "localhost")
SECRET = ("secrets", "secrets/*", "current/asterisk/*", "spool/voicemail/*/*/secret.conf")
"""What others must not read, below the state folder; but for certificates, which everybody is shown."""
PUBLIC = ".crt"
Found = TypeVar("Found")


@dataclass
class Look:
    """One look; `unseen` grows with what it could not see."""

    state: State
    unseen: list[str] = field(default_factory=list)

    async def so_far(self, what: str, asked: Awaitable[Found], otherwise: Found) -> Found:
        """What was asked for, or `otherwise` where it cannot be had."""
        try:
            return await asked
        except (ServiceError, AsteriskError, OSError) as bad:
            self.unseen.append(f"{what}: {bad}")
            return otherwise


async def look(state: State) -> Evidence:
    """Look once. Raises ServiceError where nothing was applied yet, or settings cannot be read."""
    trees, now, seen = wiring.trees(state), time.time(), Look(state)
    if not trees.name():
        raise ServiceError(f"{state.root} has nothing applied yet", todo="run `durchwahl apply`")
    tree = trees.running()
    directory = await seen.so_far("Verzeichnis", _applied(state), None)
    asked = await seen.so_far("Asterisk", configured.ask(state, configured.endpoints(tree)), configured.Asked())
    nothing = Stored(authors={}, oldest_number=0.0, oldest_call=0.0)
    stored = await seen.so_far("Datenbank", _stored(state, now), nothing)
    drifted = await seen.so_far("Vergleich mit dem laufenden Asterisk", _drift(state), ())
    running = await asyncio.to_thread(processes.look, state)
    beside = not asked.version or running.sees(processes.ASTERISK)
    installed = await seen.so_far("Asterisk auf der Platte", _installed(beside), "")
    return Evidence(
        at=datetime.fromtimestamp(now, ZoneInfo(directory.town.timezone) if directory else UTC),
        town=directory.town.name if directory else "",
        tree=trees.name(),
        applied=_told(next(each for each in trees.applied() if each.name == trees.name())),
        versions=_versions(asked.version, installed),
        configured=configured.look(tree, directory, asked),
        settings=_set(state),
        stored=stored,
        certificate=await asyncio.to_thread(_certificate, state),
        refused=_refused(state),
        processes=running.processes,
        ports=running.ports,
        files=tuple(_files(state.root)),
        owner=processes.user(state.root.stat().st_uid),
        retention=periods.retention(),
        banned=len(bans.banned(state)),
        drift=(*drifted, *configured.otherwise(tree, asked)),
        unseen=(*seen.unseen, *running.unseen),
    )


async def _applied(state: State) -> Directory | None:
    return await directories.running(state)


async def _installed(beside: bool) -> str:
    """The version that the next start takes. Raises ServiceError where that is not beside us, as in containers."""
    if not beside:
        raise ServiceError("was läuft, ist in einem anderen Container", todo="dort nachsehen: `asterisk -V`")
    return (await asyncio.to_thread(wiring.program, "asterisk")).version


def _versions(runs: str, installed: str) -> Versions:
    return Versions(
        durchwahl=version(),
        asterisk=runs,
        installed=installed,
        good=suitable(runs or installed),
        python=sys.version.split()[0],
        packages=tuple(_packages()),
    )


def _set(state: State) -> Set:
    settings = state.settings()
    mail = settings.mail
    return Set(
        require_why=settings.require_why,
        database=state.database.render_as_string(hide_password=True),
        database_encrypted=_encrypted(state),
        mail=f"{mail.host} ({mail.security})" if mail.host else "",
        mail_encrypted=not mail.host or mail.security != "none" or mail.host in LOCAL,
        traces=settings.traces,
        traces_encrypted=not settings.traces or private(settings.traces),
        never_banned=settings.never_banned,
        backup=settings.backup.folder,
        limits=periods.limits(settings),
    )


def private(address: str) -> bool:
    """Whether what is sent to an `https://` or `http://` address is encrypted, or stays on this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in LOCAL


async def _drift(state: State) -> tuple[str, ...]:
    """What is otherwise than it was applied; of an Asterisk that does not run only the files.

    What was edited and not applied yet is counted and not told: it may be about people.
    """
    found = await drift.look(state)
    told = [f"{each.kind} {each.what}" for each in found if each.kind not in ("unseen", "directory")]
    edited = sum(each.kind == "directory" for each in found)
    return (*told, f"{edited} Änderungen des Verzeichnisses sind noch nicht angewandt") if edited else tuple(told)


async def _stored(state: State, now: float) -> Stored:
    """Who has changed the directory, and how old what is kept of calls is."""
    async with opened(state) as engine:
        changes = await recorded(engine, since=now - AUTHORS_FOR, limit=MOST, most=0)
        real = select(func.min(journeys.c.began)).where(journeys.c.test.is_(False))
        async with engine.connect() as connection:
            call = (await connection.execute(real)).scalar()
            number = (await connection.execute(real.where(few("numbers")))).scalar()
    return Stored(
        authors=dict(Counter(change.who for change in changes)),
        oldest_number=(now - number) / DAY if number else 0.0,
        oldest_call=(now - call) / DAY if call else 0.0,
    )


def _certificate(state: State) -> CertificateSeen | None:
    """What is in force, and whether Asterisk shows it. Waits for the network."""
    if (own := certificate.in_force(state)) is None:
        return None
    shown = certificate.seen(state) if certificate.used(state) else "none"
    return CertificateSeen(
        subject=own.subject,
        names=own.names,
        issuer=own.issuer,
        until=own.until,
        fingerprint=own.fingerprint,
        shown=shown == own.fingerprint if shown else None,
    )


def _refused(state: State) -> str:
    """Why a new certificate is not taken over; empty: none waits, or control is about to."""
    try:
        if certificate.waits(state) and (pair := certificate.written(state)):
            certificate.judged(*pair, datetime.now(UTC))
    except ServiceError as bad:
        return str(bad)
    return ""


def _files(root: Path) -> Iterator[PrivateFile]:
    below = (path for pattern in SECRET for path in sorted(root.glob(pattern)))
    for path in (root, *(path for path in below if path.suffix != PUBLIC)):
        found = path.stat()
        name = str(path.relative_to(root))
        yield PrivateFile(path=name, mode=found.st_mode & 0o7777, owner=processes.user(found.st_uid))


def _packages() -> Iterator[Package]:
    """Every package that the lock names, but for those of other systems; of several versions the installed one."""
    for root in (Path(__file__).parents[2], Path(sys.prefix) / "share" / "durchwahl"):
        if (path := root / "requirements" / "runtime.txt").is_file():
            lines = LOCKED.findall(path.read_text())
            for name in dict.fromkeys(name for name, _, _ in lines):
                versions = {version: marked for each, version, marked in lines if each == name}
                installed = version(name)
                if installed or not all(versions.values()):
                    locked = installed if installed in versions else " / ".join(versions)
                    yield Package(name=name, locked=locked, installed=installed)
            return


def _encrypted(state: State) -> bool:
    """Whether what goes to the database is encrypted, and the server known for who it is; True on this machine."""
    url = state.database
    host = str(url.host or url.query.get("host", ""))
    return (
        url.get_backend_name() == "sqlite"
        or host in ("", *LOCAL)
        or host[0] == "/"
        or url.query.get("ssl") == "verify-full"
    )


def _told(applied: Applies) -> str:
    """When, by whom and why."""
    when = f"{datetime.fromtimestamp(applied.at, UTC):%d.%m.%Y %H:%M} UTC" if applied.at else "unbekannt"
    who, why = applied.note.get("who", ""), applied.note.get("why", "")
    return ", ".join(part for part in (when, f"von {who}" if who else "", f"„{why}“" if why else "") if part)
