"""Settings of one exchange: STATE/settings.toml, overridden by DURCHWAHL_… variables. Secrets are not here."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import stat
import time as time_
from datetime import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.messages.mail import letters
from orchestrator.service import sealing
from orchestrator.service.errors import ServiceError
from orchestrator.service.ports import ATTENDANTS, Ports
from orchestrator.store.ldif import balanced, is_name

TEMPLATE = """\
# Settings of this exchange. Each can be overridden by an environment variable: DURCHWAHL_SIP_PORT=5060.
# Ports and addresses take effect at the next start; run `durchwahl apply` after a change.

bind = "{bind}"            # address on which Asterisk takes SIP and RTP; for 0.0.0.0 its name must be in /etc/hosts
external = ""              # address by which others reach it, where a router or a container network translates
inside = []                # networks that reach it as it is all the same: ["10.0.0.0/8"]
sip_port = {sip}           # UDP and TCP
tls_port = {tls}           # SIP over TLS: for trunks that want it, and where secrets/tls.crt and tls.key are there
http_port = {http}         # ARI, on 127.0.0.1 only
ami_port = {ami}           # AMI, on 127.0.0.1 only
web_port = {web}           # status page and /metrics of control, on 127.0.0.1 only
metrics_port = {metrics}   # /metrics of the first attendant, on 127.0.0.1 only; each further one has the next port
rtp_start = {rtp_start}    # two ports a leg
rtp_end = {rtp_end}
attendants = 2             # worker processes of the shift
canary = 300               # seconds between two test calls to the operator's number that let no telephone ring; 0: none
per_caller = 10            # calls that one number outside may have here at once (docs/limits.md); 0: any number
never_banned = ["127.0.0.0/8", "::1/128"]  # networks whose addresses may try wrong passwords (docs/bans.md)
require_why = false        # true: whoever changes, switches or applies something says why (--why)
traces = ""                # where an OpenTelemetry collector takes traces of calls (docs/traces.md); empty: none
database = ""              # empty: directory.db in this folder; else PostgreSQL: "postgresql://user@host/name",
                           # with its password in secrets/database

# Where a trunk of the directory really is: "host:port". For a test bed, or when the provider differs per machine.
[trunks]
# provider = "192.0.2.1:5060"

# The staff list that `durchwahl ldap-sync` reads; its password lies in secrets/ldap. docs/exchange.md has the rest.
# [ldap]
# url = "ldaps://dc1.stadt.example"
# base = "ou=people,dc=stadt,dc=example"
# user = "cn=durchwahl,ou=services,dc=stadt,dc=example"

# The town's mail server, for messages by mail; its password lies in secrets/smtp. docs/mail.md has the rest.
# [mail]
# host = "mail.stadt.example"
# user = "durchwahl"
# sender = "telefon@stadt.example"

# Backups, every night, sealed to keys whose other halves are kept elsewhere. docs/backup.md has the rest.
# [backup]
# folder = "/mnt/backup/durchwahl"   # it must exist: a mount that is gone is told, and nothing is written
# keys = ["age1…"]                   # what `durchwahl backup --new-key FILE` says
# at = "02:30"
# keep = 14
"""


class Ldap(BaseModel):
    """Where the staff list is, and what it calls things; the defaults are Active Directory's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    base: str
    filter: str = "(&(objectCategory=person)(objectClass=user))"
    user: str = ""
    """Who asks; empty: nobody in particular."""
    starttls: bool = False
    ca: str = "/etc/ssl/certs/ca-certificates.crt"
    """Certificates by which that of the server is judged."""
    page: int = Field(500, ge=1, le=5000)
    seconds: int = Field(60, ge=1, le=600)
    key: str = "objectGUID"
    number: str = "telephoneNumber"
    first: str = "givenName"
    last: str = "sn"
    email: str = "mail"
    department: str = "department"
    site: str = "physicalDeliveryOfficeName"
    control: str = "userAccountControl"

    @field_validator("key", "number", "first", "last", "email", "department", "site", "control")
    @classmethod
    def _attribute(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
            raise ValueError(f"{name!r} is no name of an attribute")
        return name

    @field_validator("base", "user")
    @classmethod
    def _name(cls, name: str) -> str:
        if name and not is_name(name):
            raise ValueError(f"{name!r} is no distinguished name: write ou=people,dc=stadt,dc=example")
        return name

    @field_validator("filter")
    @classmethod
    def _filter(cls, filter_: str) -> str:
        if not balanced(filter_):
            raise ValueError(f"{filter_!r} is no filter: write (objectClass=person)")
        return filter_

    @model_validator(mode="after")
    def _safe(self) -> Ldap:
        if not re.fullmatch(r"ldaps?://[A-Za-z0-9.\[\]:-]+/?", self.url):
            raise ValueError(f"{self.url!r} is no address: write ldaps://dc1.stadt.example")
        local = re.match(r"ldap://(127\.0\.0\.1|localhost|\[::1\])[:/]?", self.url)
        if self.url.startswith("ldap://") and not self.starttls and not local:
            raise ValueError("names and the password would go in the clear: write ldaps://… or starttls = true")
        return self


class Mail(BaseModel):
    """The town's mail server, how we are known there, and what mails may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = ""
    """Empty: no mail is sent, and none is kept for later."""
    port: int = Field(default=0, ge=0, le=65535)
    """0: the usual one of `security`."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    """Who logs in; empty: nobody has to."""
    sender: str = ""
    ca: str = ""
    """A file of certificates by which the server's is judged; empty: those of the machine."""
    web: str = ""
    """Address under which messages are heard in a browser, for links; empty: mails have none."""
    megabytes: int = Field(default=10, ge=1, le=100)
    """The largest mail: a recording above that goes out as MP3, or not at all."""
    transcription: str = ""
    """A folder with a Whisper model (CTranslate2): what was said stands in the mail; empty: it does not."""
    digest: time = time(7)
    """When departments are told what is open, by the town's clock."""

    @field_validator("digest", mode="before")
    @classmethod
    def _clock(cls, digest: object) -> object:
        return _time(digest)

    @model_validator(mode="after")
    def _whole(self) -> Mail:
        if not self.host:
            return self
        if not re.fullmatch(r"[A-Za-z0-9.:-]+", self.host):
            raise ValueError(f"host {self.host!r} is no name of a server: write mail.stadt.example")
        if not letters.address(self.sender):
            raise ValueError(f"sender {self.sender!r} is no mail address: write telefon@stadt.example")
        if self.user and self.security == "none" and self.host not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError('the password would go in the clear: write security = "starttls" or "tls"')
        if self.web and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?", self.web):
            raise ValueError(f"web {self.web!r} is no address: write https://telefon.stadt.example")
        return self


class Backup(BaseModel):
    """Where backups go, who can read them, and how many are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = ""
    """Empty: none is made by night."""
    keys: tuple[str, ...] = ()
    """Public keys (age); the holder of any of them can read the backups."""
    at: time = time(2, 30)
    """By the town's clock."""
    keep: int = Field(default=14, ge=1, le=1000)

    @field_validator("at", mode="before")
    @classmethod
    def _clock(cls, at: object) -> object:
        return _time(at)

    @field_validator("keys")
    @classmethod
    def _public(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            sealing.public(key)
        return keys

    @model_validator(mode="after")
    def _whole(self) -> Backup:
        if self.folder and not Path(self.folder).is_absolute():
            raise ValueError(f"folder {self.folder!r} must begin with /")
        if self.folder and not self.keys:
            raise ValueError("keys are missing: `durchwahl backup --new-key FILE` makes one, elsewhere")
        return self


def _time(given: object) -> object:
    if not isinstance(given, time) and not re.fullmatch(r"[0-2]?[0-9]:[0-5][0-9]", str(given)):
        raise ValueError(f'{given!r} is no time of day: write "07:00"')
    return given if isinstance(given, time) else f"{given:0>5}"


class Settings(BaseSettings):
    """All settings with their limits; unknown keys are errors."""

    model_config = SettingsConfigDict(env_prefix="DURCHWAHL_", extra="forbid", frozen=True)

    bind: str
    external: str = ""
    """Address that telephones and trunks are told instead of `bind`; empty: that one."""
    inside: tuple[str, ...] = ()
    """Networks that are told `bind` although there is an `external`."""
    sip_port: int = Field(ge=1, le=65535)
    tls_port: int = Field(5061, ge=1, le=65535)
    http_port: int = Field(ge=1, le=65535)
    ami_port: int = Field(ge=1, le=65535)
    web_port: int = Field(ge=1, le=65535)
    metrics_port: int = Field(9151, ge=1, le=65504)
    rtp_start: int = Field(ge=1024, le=65532)
    rtp_end: int = Field(ge=1027, le=65535)
    attendants: int = Field(2, ge=1, le=ATTENDANTS)
    canary: int = Field(300, ge=0, le=86400)
    """Seconds between two test calls to the operator's number; 0: none."""
    per_caller: int = Field(10, ge=0, le=10_000)
    never_banned: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Networks of which nobody is banned, whatever passwords are tried there."""
    require_why: bool = False
    """Whether nothing is changed without a reason for the record."""
    database: str = ""
    """Empty: SQLite in the state folder; else the address of a PostgreSQL database, without a password."""
    traces: str = ""
    """Empty: no traces are sent; else where, by OTLP over HTTP."""
    trunks: dict[str, str] = Field(default_factory=dict)
    ldap: Ldap | None = None
    mail: Mail = Mail()
    backup: Backup = Backup()
    voice: tuple[str, ...] = ()
    """A command that speaks instead of espeak-ng: {language}, {text} (a file) and {out} are filled in."""

    @field_validator("bind")
    @classmethod
    def _address(cls, bind: str) -> str:
        return str(ipaddress.ip_address(bind))

    @field_validator("external")
    @classmethod
    def _external(cls, external: str) -> str:
        return str(ipaddress.ip_address(external)) if external else ""

    @field_validator("never_banned", "inside")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(network)) for network in networks)

    @field_validator("database")
    @classmethod
    def _database(cls, database: str) -> str:
        if not database:
            return ""
        try:
            url = make_url(database)
        except (ArgumentError, ValueError):
            url = None
        if url is None or url.drivername != "postgresql" or not url.username or not url.database:
            raise ValueError("write it as postgresql://user@host/name, or leave it empty for SQLite")
        if url.password is not None:
            raise ValueError("the password does not belong here: put it into secrets/database of the state")
        if unknown := sorted(set(url.query) - {"host", "port", "ssl"}):
            raise ValueError(f"unknown option {', '.join(unknown)}; known are host, port and ssl")
        return database

    @field_validator("traces")
    @classmethod
    def _collector(cls, traces: str) -> str:
        if traces and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/[A-Za-z0-9._~/-]+", traces):
            raise ValueError(f"{traces!r} is no address of a collector: write http://collector:4318/v1/traces")
        return traces

    @field_validator("trunks")
    @classmethod
    def _addresses(cls, trunks: dict[str, str]) -> dict[str, str]:
        for name, address in trunks.items():
            if not re.fullmatch(r"[A-Za-z0-9.\[\]:-]+:[0-9]{1,5}", address):
                raise ValueError(f"{name}: {address!r} is not host:port")
        return trunks

    @model_validator(mode="after")
    def _apart(self) -> Settings:
        if self.rtp_end < self.rtp_start + 3:
            raise ValueError("rtp_end must lie at least 3 above rtp_start: a call needs 4 ports")
        first, many = self.metrics_port, self.attendants
        used = [self.sip_port, self.tls_port, self.http_port, self.ami_port, self.web_port, *range(first, first + many)]
        if doubles := sorted({port for port in used if used.count(port) > 1}):
            raise ValueError(f"port {', '.join(map(str, doubles))} is given twice")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


_known: dict[Path, tuple[tuple[object, ...], Settings]] = {}
"""What was read of each file, and what the file and the environment looked like then."""
RACY = 1.0
"""Seconds: a file that was written so shortly ago may be written again and look the same."""


def load(path: Path) -> Settings:
    """Read `path`, if it has changed; raises ServiceError that names the key that is wrong."""
    try:
        seen = path.stat()
    except OSError:
        seen = None  # as Path.is_file() has it; what can be found and not read says why below
    if seen is None or not stat.S_ISREG(seen.st_mode):
        raise ServiceError(
            f"{path} is missing",
            todo="restore it from a backup; `durchwahl init` in an empty folder makes one to compare with",
        )
    environment = tuple(item for item in os.environ.items() if item[0].upper().startswith("DURCHWAHL_"))
    looks = (seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, environment)
    known, settings = _known.get(path, ((), None))
    if settings is None or known != looks:
        settings = _read(path)
        if time_.time() - seen.st_ctime > RACY:
            _known[path] = looks, settings
    return settings


def _read(path: Path) -> Settings:
    try:
        return Settings(**TomlConfigSettingsSource(Settings, path)())
    except ValidationError as bad:
        wrong = "; ".join(_said(error) for error in bad.errors())
        raise ServiceError(f"{path}: {wrong}", todo="correct these keys; see the comments in the file") from bad
    except (OSError, ValueError) as bad:
        raise ServiceError(
            f"{path}: {bad}", todo="correct the file; `durchwahl init` in an empty folder makes one to compare with"
        ) from bad


def _said(error: ErrorDetails) -> str:
    """What is wrong with one setting, in the words of an admin rather than of the library."""
    name = ".".join(map(str, error["loc"])) or "settings"
    match error["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(name, Settings.model_fields, n=1)
            return f"there is no setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        case "missing":
            return f"{name} is missing"
        case "int_parsing" | "int_from_float" | "int_type":
            return f"{name}: {error['input']!r} is not a whole number"
        case _:
            return f"{name}: {error['msg'].removeprefix('Value error, ')}"


def written(bind: str, ports: Ports) -> str:
    """The text of a new settings file."""
    return TEMPLATE.format(
        bind=bind,
        sip=ports.sip,
        tls=ports.tls,
        http=ports.http,
        ami=ports.ami,
        web=ports.web,
        metrics=ports.metrics,
        rtp_start=ports.rtp,
        rtp_end=ports.rtp + ports.rtp_ports - 1,
    )
