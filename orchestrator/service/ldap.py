"""The staff list of an LDAP server or an Active Directory, by OpenLDAP's own `ldapsearch`; and the plan that follows.

Belongs here: asking, and which attribute is what. Not here: the rules (domain.staff), the format (store.ldif).
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from orchestrator.asterisk.archive import Missing
from orchestrator.asterisk.package import find
from orchestrator.domain import numbers, spelling
from orchestrator.domain.directory import Directory
from orchestrator.domain.staff import Employee, synchronise
from orchestrator.service import directory as directories
from orchestrator.service.database import opened
from orchestrator.service.errors import ServiceError
from orchestrator.service.importing import Planned, replanned
from orchestrator.service.settings import Ldap
from orchestrator.service.state import State
from orchestrator.store.former import former
from orchestrator.store.ldif import BadLdif, Entry, entries, text

DISABLED = 2
"""The bit of userAccountControl by which an account is switched off (ACCOUNTDISABLE)."""
CONNECT = 10
"""Seconds that a connection may take."""


async def plan(state: State, say: Callable[[str], None], *, forced: bool = False) -> tuple[Planned, tuple[str, ...]]:
    """What the staff list would change, and whom it could not take over; `forced`: however many have left.

    Raises ServiceError if it cannot be asked.
    """
    if (settings := state.settings().ldap) is None:
        raise ServiceError(f"{state.root}: there is no [ldap] in settings.toml", todo="see docs/exchange.md")
    stored = await directories.read_stored(state)
    base = stored.directory
    answer = await asyncio.to_thread(_ask, settings, state.root / "secrets" / "ldap", say)
    try:
        employees = list(staff(entries(answer), settings, base))
    except BadLdif as bad:
        raise ServiceError(f"{settings.url} answered what is no LDIF: {bad}", todo="run the command again") from bad
    known = {each.source for each in base.people.values()}
    async with opened(state) as engine:
        left = await former(engine, {each.source for each in employees} - known)
    found = synchronise(base, employees, directories.today(), former=left, forced=forced)
    wanted = base if found.refused else found.directory
    planned = await asyncio.to_thread(replanned, stored, wanted, f"ldap-sync {settings.url}", found.refused)
    return planned, (*_warned(settings), *found.notes)


def _warned(settings: Ldap) -> Iterable[str]:
    """A filter that asks for a number lets everybody leave who has lost theirs."""
    if f"({settings.number}=*)".casefold() in settings.filter.casefold():
        yield (
            f"`filter` in [ldap] asks for {settings.number}: whoever loses it counts as a leaver."
            f" To do: take ({settings.number}=*) out of it"
        )


def staff(found: Iterable[Entry], settings: Ldap, directory: Directory) -> Iterable[Employee]:
    """The entries as employees; those without a key are none."""
    for entry in found:
        if not (key := text(entry, settings.key)):
            continue
        written = text(entry, settings.number)
        number = spelling.extension(directory, written)
        control = text(entry, settings.control)
        yield Employee(
            key=key,
            first_name=text(entry, settings.first),
            last_name=text(entry, settings.last),
            number=number if numbers.EXTENSION.fullmatch(number) else "",
            written=written,
            department=text(entry, settings.department),
            site=text(entry, settings.site),
            email=text(entry, settings.email),
            active=not (control.isdecimal() and int(control) & DISABLED),
        )


def _ask(settings: Ldap, secret: Path, say: Callable[[str], None]) -> bytes:
    """The answer as LDIF; the password goes by a pipe, never by the command line."""
    try:
        program = find("ldapsearch", say)
    except Missing as missing:
        raise ServiceError(f"ldapsearch is missing: {missing}", todo="install ldap-utils") from missing
    reading = -1
    argv = [*program.argv, "-x", "-LLL", "-o", "ldif-wrap=no", "-o", f"nettimeout={CONNECT}"]
    argv += ["-l", str(settings.seconds), "-E", f"pr={settings.page}/noprompt", "-H", settings.url, "-b", settings.base]
    argv += ["-ZZ"] if settings.starttls else []
    if settings.user:
        reading = _pipe(_password(secret))
        argv += ["-D", settings.user, "-y", f"/dev/fd/{reading}"]
    wanted = (settings.key, settings.number, settings.first, settings.last, settings.email, settings.department)
    argv += [settings.filter, *wanted, settings.site, settings.control]
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, **program.env, **_trust(settings)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=settings.seconds + CONNECT,
            check=False,
            pass_fds=(reading,) if reading >= 0 else (),
        )
    except subprocess.TimeoutExpired:
        what = f"{settings.url} did not answer within {settings.seconds + CONNECT} s"
        raise ServiceError(what, todo="is it reachable from here? else raise `seconds` in [ldap]") from None
    finally:
        if reading >= 0:
            os.close(reading)
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise ServiceError(
            f"{settings.url}: ldapsearch ended with {done.returncode}: {said}",
            todo="check url, base, user, ca in [ldap] of settings.toml, and the password in secrets/ldap",
        )
    return done.stdout


def _trust(settings: Ldap) -> dict[str, str]:
    """No ldap.conf and no .ldaprc: only what the settings say decides whom to trust."""
    own = {"LDAPCONF": "/dev/null", "LDAPRC": "none", "HOME": "/nonexistent", "LC_ALL": "C"}
    return {**own, "LDAPTLS_REQCERT": "demand", "LDAPTLS_CACERT": settings.ca}


def _password(secret: Path) -> bytes:
    try:
        return secret.read_bytes().rstrip(b"\r\n")
    except OSError as bad:
        raise ServiceError(f"{secret}: {bad}", todo="write the password of the [ldap] user there, mode 0600") from bad


def _pipe(data: bytes) -> int:
    """A descriptor from which `data` can be read once; a password always fits into a pipe."""
    reading, writing = os.pipe()
    os.write(writing, data[:4096])
    os.close(writing)
    return reading
