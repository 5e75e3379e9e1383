"""The state folder: everything that one exchange keeps, and where it lies. See docs/state.md."""

from __future__ import annotations

import getpass
import ipaddress
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url

from orchestrator.service import ports, settings
from orchestrator.service.errors import ServiceError

VERSION = 1
MASTER_BYTES = 32
RESTORE = "restore it from a backup: without it no phone registers"
FOLDERS = (
    "secrets",
    "trees",
    "prompts/recorded",
    "data/sounds",
    "data/moh",
    "log/cel-custom",
    "lib/keys",
    "spool/recording",
    "spool/dictation",
    "spool/voicemail",
    "run",
)


@dataclass(frozen=True)
class State:
    """Names in the state folder. Nothing here touches the disk; `create` and `open_state` do."""

    root: Path

    @property
    def database(self) -> URL:
        """Address of the central database. It shows no password; raises ServiceError if that cannot be read."""
        if not (named := self.settings().database):
            return URL.create("sqlite+aiosqlite", database=str(self.root / "directory.db"))
        url = make_url(named).set(drivername="postgresql+asyncpg")
        path = self.password
        try:
            password = path.read_text().strip()
        except FileNotFoundError:
            return url  # the server may know us by other means
        except (OSError, ValueError) as bad:
            raise ServiceError(f"{path}: {bad}", todo=f"make it a file that {getpass.getuser()} can read") from bad
        return url.set(password=password) if password else url

    @property
    def password(self) -> Path:
        """Holds the password of the database server."""
        return self.root / "secrets" / "database"

    @property
    def trees(self) -> Path:
        return self.root / "trees"

    @property
    def current(self) -> Path:
        """The tree that runs: a symbolic link that is swapped whole."""
        return self.root / "current"

    @property
    def sounds(self) -> Path:
        return self.root / "data" / "sounds"

    @property
    def recorded(self) -> Path:
        """Recorded files of the admin that replace prompts."""
        return self.root / "prompts" / "recorded"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def journal(self) -> Path:
        """The CEL file that Asterisk writes."""
        return self.log / "cel-custom" / "journal.csv"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def shift(self) -> Path:
        """What the shift's parent tells of itself."""
        return self.run / "shift.json"

    @property
    def canary(self) -> Path:
        """What control's test calls have shown."""
        return self.run / "canary.json"

    @property
    def bans(self) -> Path:
        """Who is banned, and until when."""
        return self.run / "bans.json"

    @property
    def ready(self) -> Path:
        return self.root / "ready.json"

    @property
    def master(self) -> bytes:
        """The one secret that all others are derived from; raises ServiceError if it is missing."""
        path = self.root / "secrets" / "master"
        try:
            found = bytes.fromhex(path.read_text().strip())
        except (OSError, ValueError) as bad:
            raise ServiceError(f"{path}: {bad}", todo=RESTORE) from bad
        if len(found) != MASTER_BYTES:
            raise ServiceError(f"{path} holds {len(found)} bytes, not {MASTER_BYTES}", todo=RESTORE)
        return found

    @property
    def renewed(self) -> dict[str, bytes]:
        """Purpose -> the key of a secret that was renewed; raises ServiceError where that cannot be read."""
        path = self.root / "secrets" / "renewed"
        try:
            lines = [line.split() for line in path.read_text().splitlines()]
            found = {purpose: bytes.fromhex(key) for purpose, key in lines}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as bad:
            raise ServiceError(f"{path}: {bad}", todo=RESTORE) from bad
        if short := [purpose for purpose, key in found.items() if len(key) != MASTER_BYTES]:
            raise ServiceError(f"{path}: the key of {short[0]} has not {MASTER_BYTES} bytes", todo=RESTORE)
        return found

    def settings(self) -> settings.Settings:
        """The settings of this exchange."""
        return settings.load(self.root / "settings.toml")


def create(root: Path, *, bind: str = "127.0.0.1", listens: ports.Ports | None = None) -> State:
    """Make a new state folder with settings and secrets; raises ServiceError if there is one already.

    `listens` are its ports; without them they are chosen among those that are free now.
    """
    root = root.absolute()
    try:
        ipaddress.ip_address(bind)
    except ValueError:
        raise ServiceError(
            f"{bind!r} is not an address", todo="name one of this machine's: --bind 192.0.2.10"
        ) from None
    if (root / "state.json").exists():
        raise ServiceError(
            f"{root} holds an exchange already", todo="go on with `durchwahl import`, or name another folder"
        )
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ServiceError(f"{root} is not empty", todo="name an empty folder, or a new one, with --state")
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    (root / "secrets").chmod(0o700)
    write_whole(root / "secrets" / "master", secrets.token_hex(MASTER_BYTES) + "\n")
    write_whole(root / "settings.toml", settings.written(bind, listens or ports.choose(bind)))
    write_whole(root / "state.json", json.dumps({"version": VERSION}) + "\n")  # last: it makes the folder a state
    return State(root)


def open_state(root: Path) -> State:
    """The state in `root`; raises ServiceError if there is none or a newer version of Durchwahl made it."""
    root = root.absolute()
    path = root / "state.json"
    try:
        version = json.loads(path.read_text())["version"]
    except FileNotFoundError:
        raise ServiceError(f"{root} holds no exchange", todo="run `durchwahl init`, or name it with --state") from None
    except PermissionError as bad:
        raise ServiceError(f"{path}: {bad.strerror}", todo="run it as the user who owns that folder") from bad
    except (OSError, ValueError, KeyError, TypeError) as bad:
        raise ServiceError(f"{path}: {bad}", todo="restore the file from a backup") from bad
    if version != VERSION:
        raise ServiceError(
            f"{root} was made by a newer Durchwahl (state version {version}, this one knows {VERSION})",
            todo="install that version; nothing was changed",
        )
    return State(root)


def write_whole(path: Path, text: str) -> None:
    """Write a private file whole or not at all."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)  # it may hold a secret
        raise
