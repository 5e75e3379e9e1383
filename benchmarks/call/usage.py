"""What processes have used of processor and memory, from the operating system's accounts (proc(5))."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def used(pid: int) -> float:
    """Seconds that a process, its children and theirs have used so far, those included that have ended and were
    waited for. Resolution: a hundredth of a second."""
    return sum(_own(each) for each in (pid, *_below(pid)))


def most_memory(pid: int) -> int:
    """KiB that a process, its children and theirs had in memory at the most, each at its own time, since `forget_most`
    (proc_pid_status(5), VmHWM)."""
    return sum(_most(each) for each in (pid, *_below(pid)))


def forget_most(pid: int) -> None:
    """From now on the most is counted anew (proc_pid_clear_refs(5))."""
    for each in (pid, *_below(pid)):
        with suppress(FileNotFoundError):  # it has just ended
            Path(f"/proc/{each}/clear_refs").write_text("5")


def _most(pid: int) -> int:
    with suppress(FileNotFoundError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def _own(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:  # it has just ended; its parent has it in its account
        return 0.0
    return sum(map(int, fields[11:15])) / TICK


def _below(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *_below(child)]
    return found
