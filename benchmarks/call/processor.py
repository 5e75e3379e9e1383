"""What processes have used of the processor, from the operating system's accounts (proc_pid_stat(5))."""

from __future__ import annotations

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def used(pid: int) -> float:
    """Seconds that a process, its children and theirs have used so far, those included that have ended and were
    waited for. Resolution: a hundredth of a second."""
    return sum(_own(each) for each in (pid, *_below(pid)))


def kilobytes(pid: int) -> int:
    """Memory of a process that is its alone (proc_pid_smaps(5), Private_Clean and Private_Dirty)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))


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
