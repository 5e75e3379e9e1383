"""The database of a state, opened and brought to this version; and what an admin is told when that fails.

Not here: how connections are made (store.database), what is read and written on them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store.database import NewerDatabase, brief, migrate

RESTORE = "restore it from a backup; until then calls go on as they were applied"
SQLITE = (
    ("readonly", "is read-only for this account", "give its folder and its files to the account that runs Durchwahl"),
    ("unable to open", "cannot be opened", "give the folder to the account that runs Durchwahl; it must exist"),
    ("locked", "is in use by another process", "wait until the other command is done, then try again"),
    ("full", "cannot grow: the disk is full", "make room on the disk of the state folder; nothing was changed"),
    ("malformed", "is damaged", RESTORE),
    ("not a database", "is damaged", RESTORE),
    ("", "does not do its work", "look at the folder and the disk; if they are well, restore it from a backup"),
)
"""What SQLite says -> what it means, and what to do."""
POSTGRES = (
    ("28", "refuses this user", "put the password of the user into {password}, on one line"),
    ("3D", "has no such database", "create it, empty: createdb --owner {user} {name}"),
    ("42501", "forbids this user to do that", "make {user} the owner of the database: ALTER DATABASE … OWNER TO …"),
    ("55P03", "is busy with another change", "wait until the other command is done, then try again"),
    ("57014", "took too long", "look at its load and its locks (pg_stat_activity), then try again"),
    ("53", "is short of connections, memory or disk", "look at the server's log, then try again"),
    ("", "does not do its work", "look at the server's log, then try again"),
)
"""Beginning of the SQLSTATE (PostgreSQL, appendix A) -> what it means, and what to do."""


class DatabaseFails(ServiceError):
    """The database could not be reached, or refused."""


async def prepare(state: State) -> str:
    """Bring the database of `state` to this version; raises ServiceError.

    What is to be told where it is of a newer one that serves this one too, and stays as it is; else nothing.
    """
    url = state.database
    _no_folder(url)
    with explained(state, url):
        newer = await migrate(url)
    return f"of a newer version ({newer}), which this one may use" if newer else ""


def _no_folder(url: URL) -> None:
    if url.get_backend_name() == "sqlite" and Path(url.database or "").is_dir():
        raise ServiceError(f"{url.database} cannot be opened (it is a folder)", todo=RESTORE)


@asynccontextmanager
async def opened(state: State) -> AsyncIterator[AsyncEngine]:
    """The database of `state`, fit for this version, until the block ends; what fails in it is a ServiceError."""
    await prepare(state)
    url = state.database
    with explained(state, url):
        yield brief(url)


@contextmanager
def explained(state: State, url: URL) -> Iterator[None]:
    """Turn every way in which the database fails into a ServiceError with where, what and what to do."""
    try:
        yield
    except NewerDatabase as newer:
        raise ServiceError(f"{state.root}: {newer}", todo="install that version; nothing was changed") from newer
    except DBAPIError as bad:
        raise _explained(state, url, bad) from None  # the cause may quote what was asked, and with it people's data
    except OSError as bad:
        if url.get_backend_name() == "sqlite":
            raise
        raise DatabaseFails(
            f"{url}: the database server does not answer: {str(bad) or type(bad).__name__}",
            todo="is it running, and reachable from here? `database` in settings.toml says where it is",
        ) from bad


def _explained(state: State, url: URL, bad: DBAPIError) -> DatabaseFails:
    said = str(bad.orig).splitlines()[0] if str(bad.orig) else type(bad.orig).__name__
    if url.get_backend_name() == "sqlite":
        means, todo = next((means, todo) for sign, means, todo in SQLITE if sign in said)
        return DatabaseFails(f"{url.database} {means} ({said})", todo=todo)
    code = getattr(bad.orig, "sqlstate", None) or ""
    means, todo = next((means, todo) for sign, means, todo in POSTGRES if code.startswith(sign))
    told = todo.format(password=state.password, user=url.username, name=url.database)
    return DatabaseFails(f"{url}: the database server {means} ({said})", todo=told)
