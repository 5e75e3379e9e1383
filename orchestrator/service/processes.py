"""The processes of an exchange and the sockets that wait for somebody, as the kernel tells them (proc(5)).

Whoever looks must be the account that runs the exchange, or root; what cannot be seen is told. Not here: whether a port
should be open (domain.deviations).
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
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
HANDED_OUT = PROC / "sys/net/ipv4/ip_local_port_range"


@dataclass(frozen=True, kw_only=True)
class Running:
    """What was seen; `unseen` is what could not be, and why."""

    processes: tuple[Process, ...]
    ports: tuple[Port, ...]
    unseen: tuple[str, ...]


def look(state: State) -> Running:
    """Look once."""
    processes: list[Process] = []
    ports: set[Port] = set()
    unseen: list[str] = []
    for pid, role in sorted(_roles(state.root).items()):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            processes.append(_process(pid, role))
            try:
                ports.update(_ports(pid, role, state.settings()))
            except PermissionError:
                unseen.append(f"Prozess {pid} ({role}): nur sein Benutzer oder root sieht seine Anschlüsse")
    if missing := [role for role in (ASTERISK, CONTROL, SHIFT) if role not in {process.role for process in processes}]:
        why = "laufen nicht, oder in einem anderen Container: ihre offenen Ports und Rechte"
        unseen.append(f"{', '.join(missing)} {why}")
    ordered = sorted(ports, key=lambda port: (port.number, port.protocol, port.address))
    return Running(processes=tuple(processes), ports=tuple(ordered), unseen=tuple(unseen))


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


def _ports(pid: int, role: str, settings: Settings) -> Iterator[Port]:
    """What waits for somebody among the sockets of one process. Raises PermissionError, FileNotFoundError."""
    folder = PROC / str(pid)
    own = set()
    for each in (folder / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            own.add(os.readlink(each))
    for table, waiting in (("tcp", LISTENS), ("tcp6", LISTENS), ("udp", UNCONNECTED), ("udp6", UNCONNECTED)):
        with suppress(FileNotFoundError):  # a kernel without IPv6
            for line in (folder / "net" / table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == waiting and f"socket:[{words[9]}]" in own:
                    yield _port(table.rstrip("6"), words[1], role, settings)


def _port(protocol: str, written: str, role: str, settings: Settings) -> Port:
    address, _, port = written.partition(":")
    number = int(port, 16)
    purpose, inside = _purpose(role, protocol, number, settings)
    return Port(protocol=protocol, address=_address(address), number=number, role=role, purpose=purpose, inside=inside)


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


def _purpose(role: str, protocol: str, number: int, settings: Settings) -> tuple[str, bool]:
    """What a port is for by the settings, and whether it is for this machine only; empty: nothing says so."""
    if role == TEST_CALL:
        return TEST_CALL, False
    if protocol == "udp" and handed_out(number):
        return QUESTIONS, False
    if role == ASTERISK and protocol == "udp" and settings.rtp_start <= number <= settings.rtp_end:
        return AUDIO, False
    first = settings.metrics_port
    known: Mapping[tuple[str, str, int], tuple[str, bool]] = {
        (ASTERISK, "udp", settings.sip_port): (SIP, False),
        (ASTERISK, "tcp", settings.sip_port): (SIP, False),
        (ASTERISK, "tcp", settings.tls_port): (f"{SIP} über TLS", False),
        (ASTERISK, "tcp", settings.http_port): ("ARI", True),
        (ASTERISK, "tcp", settings.ami_port): ("AMI", True),
        (CONTROL, "tcp", settings.web_port): ("Statusseite, Metriken", True),
        **{(SHIFT, "tcp", first + slot): ("Metriken", True) for slot in range(settings.attendants)},
    }
    return known.get((role, protocol, number), ("", False))
