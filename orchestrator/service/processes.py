"""The processes of an exchange and the sockets that wait for somebody, as the kernel tells them (proc(5)).

Whoever looks must be the account that runs the exchange, or root; what cannot be seen is told. In a container only its
own processes are seen, but every socket of the network that it shares with the others. Not here: whether a port should
be open (domain.deviations).
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.domain.evidence import Port, Process
from orchestrator.service.settings import Settings
from orchestrator.service.state import State

PROC = Path("/proc")
LISTENS, UNCONNECTED = "0A", "07"
"""States of TCP and UDP sockets in /proc/net (include/net/tcp_states.h): waiting for anybody."""
ASTERISK, CONTROL, SHIFT, GUARD = "Asterisk", "control", "attendants", "up"
TEST_CALL = "Testanruf"
SIP, AUDIO, QUESTIONS = "SIP", "Sprache (RTP)", "Anfragen nach außen (DNS)"
UNSEEN = ""
"""The role of a process that is out of sight."""
BESIDE = {3000: "Grafana", 9090: "Prometheus", 9093: "Alertmanager"}
"""What watches the exchange in its network, by the ports of docker/compose.yaml."""
RESOLVER = "127.0.0.11"
"""Where Docker answers questions to DNS, in each network that it made."""
HANDED_OUT = PROC / "sys/net/ipv4/ip_local_port_range"


@dataclass(frozen=True, kw_only=True)
class Running:
    """What was seen; `unseen` is what could not be, and why."""

    processes: tuple[Process, ...]
    ports: tuple[Port, ...]
    unseen: tuple[str, ...]

    def sees(self, role: str) -> bool:
        """Whether a process of that role is among them."""
        return role in {process.role for process in self.processes}


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A socket that waits for somebody, as a line of /proc/net has it."""

    protocol: str
    address: str
    number: int
    socket: str
    """What a process that has it calls it."""


def look(state: State) -> Running:
    """Look once."""
    processes: list[Process] = []
    ports: set[Port] = set()
    unseen: list[str] = []
    held: set[str] = set()
    settings = state.settings()
    for pid, role in sorted(_roles(state.root).items()):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            processes.append(_process(pid, role))
            try:
                own = _sockets(pid)
            except PermissionError:
                unseen.append(f"Prozess {pid} ({role}): nur sein Benutzer oder root sieht seine Anschlüsse")
                continue
            held |= own
            ports.update(_port(each, role, settings) for each in _waiting(str(pid)) if each.socket in own)
    running = Running(processes=tuple(processes), ports=(), unseen=())
    if missing := [role for role in (ASTERISK, CONTROL, SHIFT) if not running.sees(role)]:
        ports.update(_port(each, UNSEEN, settings) for each in _waiting("self") if each.socket not in held)
        unseen.append(
            f"{', '.join(missing)} laufen nicht, oder in einem anderen Container: Benutzer, Rechte und Filter ihrer"
            " Prozesse; ihre Ports stehen unter denen, deren Prozess nicht zu sehen ist"
        )
    ordered = sorted(ports, key=lambda port: (port.number, port.protocol, port.address))
    return replace(running, ports=tuple(ordered), unseen=tuple(unseen))


def _roles(root: Path) -> dict[int, str]:
    """Process number -> role, of all that were started on this state folder, and of what they started."""
    commands, parents, found = {}, {}, {}
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            pid, words = int(folder.name), (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            commands[pid] = words
            parents[pid] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if (role := _role(words)) and (_names(words, str(root)) or _was_told(folder, root)):
                found[pid] = role
    while more := {pid: up for pid, up in parents.items() if up in found and pid not in found}:
        found.update({pid: _child(commands[pid], found[up]) for pid, up in more.items()})
    return found


def _names(words: list[str], root: str) -> bool:
    return any(word == root or word.startswith(f"{root}/") for word in words)


def _was_told(folder: Path, root: Path) -> bool:
    """Whether a process was given the state folder by its environment, as the unit of systemd does."""
    with suppress(OSError):
        return f"DURCHWAHL_STATE={root}" in (folder / "environ").read_bytes().decode(errors="replace").split("\0")
    return False


def _role(words: list[str]) -> str:
    """What a process is by its command line; empty for what is no part of an exchange, or only looks at it."""
    if any(word.endswith("/asterisk/asterisk.conf") for word in words):
        return "" if any(word.startswith("-r") for word in words) else ASTERISK
    if not any("durchwahl" in word or "orchestrator" in word for word in words):
        return ""
    if "orchestrator.service.attendant" in words or "attend" in words:
        return SHIFT
    return next((role for role in (CONTROL, GUARD) if role in words), "")


def _child(words: list[str], parent: str) -> str:
    if any("baresip" in word for word in words):
        return TEST_CALL
    return _role(words) or parent


def _process(pid: int, role: str) -> Process:
    lines = (line.partition(":") for line in (PROC / str(pid) / "status").read_text().splitlines())
    status = {name: value.split() for name, _, value in lines}
    return Process(
        pid=pid,
        role=role,
        user=user(int(status["Uid"][1])),
        confined=status["NoNewPrivs"] == ["1"],
        filtered=status["Seccomp"] == ["2"],
        powers=int(status["CapEff"][0], 16) != 0,
    )


def user(number: int) -> str:
    """The name of an account; its number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _sockets(pid: int) -> set[str]:
    """What a process has open. Raises PermissionError, FileNotFoundError."""
    found = set()
    for each in (PROC / str(pid) / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(os.readlink(each))
    return found


def _waiting(pid: str) -> Iterator[Waiting]:
    """Every socket that waits in the network of a process, whoever has it. Raises FileNotFoundError."""
    for table, state in (("tcp", LISTENS), ("tcp6", LISTENS), ("udp", UNCONNECTED), ("udp6", UNCONNECTED)):
        path = PROC / pid / "net" / table
        lines = path.read_text().splitlines()[1:] if path.exists() else ()  # a kernel without IPv6
        for words in (line.split() for line in lines):
            if words[3] == state:
                address, _, port = words[1].partition(":")
                yield Waiting(
                    protocol=table.rstrip("6"),
                    address=_address(address),
                    number=int(port, 16),
                    socket=f"socket:[{words[9]}]",
                )


def _port(found: Waiting, role: str, settings: Settings) -> Port:
    purpose, inside = _purpose(found, role, settings)
    return Port(
        protocol=found.protocol,
        address=found.address,
        number=found.number,
        role=role,
        purpose=purpose,
        inside=inside,
    )


def _address(written: str) -> str:
    """An address as the kernel writes it: words of four bytes, each in the machine's order."""
    raw = b"".join(struct.pack("=I", int(written[at : at + 8], 16)) for at in range(0, len(written), 8))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def handed_out(port: int) -> bool:
    """Whether Linux gives this port to who asks for any: by UDP, as for questions to DNS, nobody else waits there."""
    try:
        first, last = map(int, HANDED_OUT.read_text().split())
    except (OSError, ValueError):
        return False
    return first <= port <= last


def _purpose(found: Waiting, role: str, settings: Settings) -> tuple[str, bool]:
    """What a port is for by the settings, and whether it is for this machine only; empty: nothing says so."""
    if role == TEST_CALL:
        return TEST_CALL, False
    if role == UNSEEN and found.address == RESOLVER:
        return "Namensauflösung von Docker", False
    udp = found.protocol == "udp"
    if udp and handed_out(found.number):
        return QUESTIONS, False
    if udp and role in (ASTERISK, UNSEEN) and settings.rtp_start <= found.number <= settings.rtp_end:
        return AUDIO, False
    owner, purpose, inside = _foreseen(settings).get((found.protocol, found.number), (UNSEEN, "", False))
    if purpose and role in (owner, UNSEEN):
        return purpose, inside
    return (_beside(found, settings) if role == UNSEEN else ""), False


def _foreseen(settings: Settings) -> Mapping[tuple[str, int], tuple[str, str, bool]]:
    """Protocol and port -> whose it is, what for, and whether it is for this machine only."""
    first = settings.metrics_port
    return {
        ("udp", settings.sip_port): (ASTERISK, SIP, False),
        ("tcp", settings.sip_port): (ASTERISK, SIP, False),
        ("tcp", settings.tls_port): (ASTERISK, f"{SIP} über TLS", False),
        ("tcp", settings.http_port): (ASTERISK, "ARI", True),
        ("tcp", settings.ami_port): (ASTERISK, "AMI", True),
        ("tcp", settings.web_port): (CONTROL, "Statusseite, Metriken", True),
        **{("tcp", first + slot): (SHIFT, "Metriken", True) for slot in range(settings.attendants)},
    }


def _beside(found: Waiting, settings: Settings) -> str:
    """What it is for, where it is none of the exchange's own: the other end of a trunk, or what watches."""
    for trunk, where in settings.trunks.items():
        if where == f"{found.address}:{found.number}":
            return f"Gegenstelle des Trunks {trunk}"
    return BESIDE.get(found.number, "") if found.protocol == "tcp" else ""
