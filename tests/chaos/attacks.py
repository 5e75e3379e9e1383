"""Killing processes of the exchange that is called, and nobody else's: each is looked at before it is hit."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.service.state import State
from tests.chaos.account import Strike
from tests.chaos.plan import Attack, Kind

WHOM = {"shift's parent killed": "attend", "control killed": "control", "Asterisk killed": "asterisk"}


def running(state: State) -> dict[str, int]:
    """Name -> process number, of what runs of the exchange in `state` now."""
    found = {}
    for name in ("asterisk", "control", "attend"):
        with suppress(OSError, ValueError):
            found[name] = int((state.run / f"{name}.kept").read_text())
    found |= {f"attendant {slot}": pid for slot, pid in _workers(state, found.get("attend", 0))}
    return {name: pid for name, pid in found.items() if of(state, pid)}


def _workers(state: State, parent: int) -> Iterator[tuple[int, int]]:
    """The workers of the shift that `parent` leads; what a dead one has told does not count."""
    with suppress(OSError, ValueError):
        for each in json.loads(state.shift.read_text())["workers"]:
            if each["pid"] and _parent(each["pid"]) == parent:
                yield each["slot"], each["pid"]


def _parent(pid: int) -> int:
    """The parent of a process; 0 if it is gone."""
    with suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def of(state: State, pid: int) -> bool:
    """Whether a process is one of the exchange in `state`: its command names that folder."""
    with suppress(OSError):
        return str(state.root).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def every(state: State) -> dict[int, str]:
    """Every process of the exchange in `state`, also one that nobody looks after any more, and its command."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid() and of(state, int(folder.name)):
            with suppress(OSError):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return found


async def attack(state: State, attacks: Sequence[Attack], done: list[Strike]) -> None:
    """Do each when it is due; what was done is added to `done`."""
    began = time.monotonic()
    for each in attacks:
        await asyncio.sleep(max(0.0, began + each.at - time.monotonic()))
        done.append(strike(state, each))


def strike(state: State, planned: Attack) -> Strike:
    """Hit one process."""
    found = running(state)
    pid = _victim(found, planned.kind, planned.which)
    at = time.time()
    try:
        os.kill(pid, signal.SIGSTOP if planned.kind == "attendant hung" else signal.SIGKILL) if pid else None
    except ProcessLookupError:
        pid = 0
    return Strike(at=at, kind=planned.kind, pid=pid)


def _victim(found: dict[str, int], kind: Kind, which: int) -> int:
    if kind in WHOM:
        return found.get(WHOM[kind], 0)
    workers = [pid for name, pid in sorted(found.items()) if name.startswith("attendant ")]
    return workers[which % len(workers)] if workers else 0
