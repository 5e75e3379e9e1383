"""What an admin, or somebody else, does to a running town that its evidence page must tell; undone afterwards.

Not here: what is told of it (tests/test_evidence.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from orchestrator.service import certificate, wiring
from orchestrator.store.database import open_database
from orchestrator.store.tables import journeys
from tests.console import console
from tests.running_town import Town, until
from tests.test_certificate import made, pem


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """A file edited by hand, until the block ends."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    try:
        yield
    finally:
        path.write_text(text)


@contextmanager
def mode(path: Path, number: int) -> Iterator[None]:
    before = path.stat().st_mode
    path.chmod(number)
    try:
        yield
    finally:
        path.chmod(before)


def settings(town: Town, old: str, new: str) -> ExitStack:
    held = ExitStack()
    held.enter_context(changed(town.state.root / "settings.toml", old, new))
    return held


@contextmanager
def reloaded(town: Town, file: str, old: str, new: str, command: str) -> Iterator[None]:
    """Asterisk's own file edited, and read by it."""
    try:
        with changed(town.state.current / "asterisk" / file, old, new):
            console(town, command)
            yield
    finally:
        console(town, command)


@contextmanager
def certificate_of(town: Town, chain: bytes, key: bytes) -> Iterator[None]:
    """Another pair in secrets, which nobody has taken over."""
    pair = wiring.pair(town.state)
    before = [path.read_bytes() for path in pair]
    for path, text in zip(pair, (chain, key), strict=True):
        path.write_bytes(text)
    try:
        yield
    finally:
        for path, text in zip(pair, before, strict=True):
            path.write_bytes(text)


def fresh(days: float = 60) -> tuple[bytes, Any]:
    """A certificate that is good for so many days, and its key."""
    now = datetime.now(UTC)
    return made(now - timedelta(days=1), now + timedelta(days=days))


@contextmanager
def ending(town: Town) -> Iterator[None]:
    """A good certificate with ten days left, shown."""
    chain, key = fresh(10)
    before = certificate.seen(town.state)
    with certificate_of(town, chain, pem(key)):  # control takes it over
        until(lambda: certificate.seen(town.state) != before, 20)
        yield
    until(lambda: certificate.seen(town.state) == before, 20)


@contextmanager
def swapped(town: Town) -> Iterator[None]:
    """What Asterisk is to show is overwritten by hand; it goes on with what it has read."""
    chain, key = fresh()
    path = wiring.shown(town.state)
    before = path.read_text()
    town.end("control")  # it would mend that within a second
    path.write_bytes(chain + pem(key))
    try:
        yield
    finally:
        path.write_text(before)
        town.begin("control")


def ghost(rights: str, permit: str) -> str:
    return f"[ghost]\nsecret = xyz\nread = {rights}\nwrite = {rights}\npermit = {permit}\n\n[control]"


@contextmanager
def old_journey(town: Town) -> Iterator[None]:
    """A call of 95 days ago, with its number, that nobody has deleted."""
    columns = {column.name: column for column in journeys.columns}
    values = {name: "" for name, column in columns.items() if column.type.python_type is str}
    values |= {name: 0 for name, column in columns.items() if column.type.python_type in (int, float)}
    values |= {name: False for name, column in columns.items() if column.type.python_type is bool}
    values |= {name: [] for name, column in columns.items() if column.type.python_type not in (str, int, float, bool)}
    row = {**values, "id": "old", "began": time.time() - 95 * 86400, "caller": "+4917112345678"}

    async def write(statement: object) -> None:
        engine = open_database(town.state.database)
        async with engine.begin() as connection:
            await connection.execute(statement)  # type: ignore[call-overload]
        await engine.dispose()

    asyncio.run(write(insert(journeys).values(**row)))
    try:
        yield
    finally:
        asyncio.run(write(journeys.delete().where(journeys.c.id == "old")))


WIDE = 'never_banned = ["127.0.0.0/8", "10.0.0.0/8"]'
PROVOKED: dict[str, tuple[Callable[[Town], AbstractContextManager[object]], str]] = {
    "readable_by_others": (
        lambda t: mode(t.state.root / "secrets/master", 0o640),
        "secrets/master ist für andere zugänglich (Rechte 0640)",
    ),
    "readable_by_others ": (lambda t: mode(t.state.root, 0o755), "Der Zustandsordner ist für andere zugänglich"),
    "readable_by_others  ": (
        lambda t: mode(t.state.current / "asterisk/pjsip.conf", 0o604),
        "current/asterisk/pjsip.conf ist für andere",
    ),
    "unknown_port": (
        lambda t: settings(t, f"web_port = {t.settings.web_port}", f"web_port = {t.settings.sip_port + 900}"),
        "(control)",
    ),
    "too_many_spared": (lambda t: settings(t, 'never_banned = ["127.0.0.0/8", "::1/128"]', WIDE), "10.0.0.0/8"),
    "mail_in_the_clear": (
        lambda t: settings(
            t, 'database = ""', 'mail = {host = "mail.stadt.example", security = "none", sender = "a@stadt.example"}'
        ),
        "mail.stadt.example (none)",
    ),
    "traces_in_the_clear": (
        lambda t: settings(t, 'traces = ""', 'traces = "http://collector.stadt.example:4318/v1/traces"'),
        "http://collector.stadt.example:4318/v1/traces",
    ),
    "database_in_the_clear": (
        lambda t: settings(t, 'database = ""', 'database = "postgresql://d@db.stadt.example/d"'),
        "db.stadt.example",
    ),
    "unknown_account": (
        lambda t: reloaded(t, "manager.conf", "[control]", ghost("system", "127.0.0.1"), "manager reload"),
        "AMI-Benutzer ghost",
    ),
    "account_may_more": (
        lambda t: reloaded(t, "manager.conf", "[control]", ghost("command,originate", "127.0.0.1"), "manager reload"),
        "command, originate",
    ),
    "account_from_elsewhere": (
        lambda t: reloaded(t, "manager.conf", "[control]", ghost("system", "0.0.0.0/0.0.0.0"), "manager reload"),
        "AMI-Benutzer ghost",
    ),
    "reachable_from_outside": (
        lambda t: reloaded(t, "http.conf", "bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0", "module reload http"),
        "ARI ist von außen erreichbar",
    ),
    "drift": (
        lambda t: changed(
            t.state.current / "asterisk/pjsip.conf", "[tel2030](phone)\n", "[tel2030](phone)\nmedia_encryption = sdes\n"
        ),
        "endpoint tel2030 has media_encryption 'no' instead of 'sdes'",
    ),
    "modules_by_themselves": (
        lambda t: changed(t.state.current / "asterisk/modules.conf", "autoload = no", "autoload = yes"),
        "autoload",
    ),
    "no_security_log": (
        lambda t: changed(t.state.current / "asterisk/logger.conf", "security => ", "; security => "),
        "Anmeldeversuche",
    ),
    "certificate_refused": (
        lambda t: certificate_of(t, fresh()[0], pem(fresh()[1])),
        "tls.key does not belong to tls.crt",
    ),
    "certificate_ends": (ending, "läuft ab am"),
    "certificate_not_shown": (swapped, "zeigt ein anderes Zertifikat"),
    "kept_too_long": (old_journey, "Rufnummern sind 95 Tage alt"),
}
"""Code, with a blank for each further case of it -> what is done to the town, and what is told then."""
