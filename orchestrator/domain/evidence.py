"""What was seen of an exchange for its auditor: facts, each read from where it is in force.

Belongs here: the facts as data. Not here: how they were read (service.evidence), what is wrong with them (deviations),
how they are written down (web.evidence).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address


@dataclass(frozen=True, kw_only=True)
class TrunkSeen:
    """A trunk as the compiled configuration has it."""

    id: str
    host: str
    public: bool
    """Whether it leads to the public network."""
    transport: str
    """`udp`, `tcp` or `tls`."""
    media: str
    """`no`, `sdes` or `dtls`: how the audio is encrypted."""
    known_by: tuple[str, ...]
    """Networks from which its calls are taken."""
    registers: bool


@dataclass(frozen=True, kw_only=True)
class TelephonesSeen:
    """The telephones of one kind."""

    kind: str
    """One of the directory's kinds of shared telephones; empty: somebody's own."""
    count: int
    encrypted: int
    """How many of them must encrypt their audio."""
    registered: Mapping[str, int]
    """Transport -> how many have registered by it; empty too where Asterisk could not be asked."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who may log in at one of Asterisk's interfaces, and do what there."""

    interface: str
    """`AMI` or `ARI`."""
    name: str
    read: tuple[str, ...]
    write: tuple[str, ...]
    permit: tuple[str, ...] = ()
    """Networks from which AMI takes this login; empty: from wherever the port can be reached."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process of the exchange."""

    pid: int
    role: str
    user: str
    confined: bool
    """Whether it, and what it starts, can never get more rights (no_new_privs)."""
    filtered: bool
    """Whether its system calls are filtered (seccomp)."""
    powers: bool
    """Whether it has any capability of root."""


@dataclass(frozen=True, kw_only=True)
class Port:
    """A socket that waits for somebody, as the kernel lists it."""

    protocol: str
    """`tcp` or `udp`."""
    address: str
    number: int
    role: str
    """Of whose process; empty: it is out of sight, as those in other containers are."""
    purpose: str
    """What it is for by the settings; empty: nothing there says that it should be open.

    Where its process is out of sight it may be that of another service of this machine.
    """
    inside: bool
    """Whether it must be reachable from this machine only."""

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        return ip_address(self.address).is_loopback


@dataclass(frozen=True, kw_only=True)
class PrivateFile:
    """A file or folder that others must not read."""

    path: str
    """Below the state folder; `.` is the folder itself."""
    mode: int
    owner: str

    @property
    def wide(self) -> bool:
        """Whether the group or others may do anything with it."""
        return bool(self.mode & 0o077)


@dataclass(frozen=True, kw_only=True)
class Package:
    """A Python package: the version that is locked, and the one that is installed; empty: not there."""

    name: str
    locked: str
    installed: str


@dataclass(frozen=True, kw_only=True)
class CertificateSeen:
    """The certificate in force."""

    subject: str
    names: tuple[str, ...]
    issuer: str
    until: datetime
    fingerprint: str
    shown: bool | None
    """Whether Asterisk shows it; None: nothing listens for TLS."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How long something is kept, in the unit that it is told in."""

    what: str
    period: str


@dataclass(frozen=True, kw_only=True)
class Configured:
    """What Asterisk was given."""

    transports: tuple[str, ...]
    """What Asterisk takes SIP by."""
    trunks: tuple[TrunkSeen, ...]
    telephones: tuple[TelephonesSeen, ...]
    accounts: tuple[Account, ...]
    modules: int
    autoload: bool
    """Whether modules are loaded that nobody has listed."""
    security_log: bool
    """Whether attempts to log in are written down."""


@dataclass(frozen=True, kw_only=True)
class Versions:
    """What is installed, and what runs."""

    durchwahl: str
    asterisk: str
    """Version that runs; empty: none could be asked."""
    installed: str
    """Version of Asterisk that the next start would take; empty: it was not seen."""
    good: bool
    """Whether the Asterisk that runs (or would) has the fixes that are checked for."""
    python: str
    packages: tuple[Package, ...]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What the database tells."""

    authors: Mapping[str, int]
    """Account -> changes of the directory in the last 90 days."""
    oldest_number: float
    """Days since the oldest call whose number is still kept; 0: there is none."""
    oldest_call: float


@dataclass(frozen=True, kw_only=True)
class Set:
    """What the settings say."""

    require_why: bool
    database: str
    """Its address, without a password."""
    database_encrypted: bool
    """True as well where it is on this machine."""
    mail: str
    """`host (security)`; empty: no mail is sent."""
    mail_encrypted: bool
    traces: str
    """Where traces of calls go; empty: nowhere."""
    traces_encrypted: bool
    """True as well where they stay on this machine."""
    never_banned: tuple[str, ...]
    backup: str
    """Where backups go; empty: none are made by the exchange."""
    limits: tuple[Kept, ...]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All of it, at one moment."""

    at: datetime
    town: str
    tree: str
    """Checksum of the configuration that runs."""
    applied: str
    """When, by whom and why it was applied."""
    versions: Versions
    configured: Configured
    settings: Set
    stored: Stored
    certificate: CertificateSeen | None
    refused: str
    """Why a new certificate is not taken over; empty: none waits."""
    processes: tuple[Process, ...]
    ports: tuple[Port, ...]
    files: tuple[PrivateFile, ...]
    owner: str
    """Who owns the state folder: this account, and root, may do everything by the command line."""
    retention: tuple[Kept, ...]
    banned: int
    drift: tuple[str, ...]
    """What Asterisk has otherwise than the configuration."""
    unseen: tuple[str, ...]
    """What could not be looked at, and why."""
