"""What processes may take of the machine: how many files are open at once, and who goes first when memory is short."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

FILES = 65_536
"""Open files for each process, where the system allows so many: Asterisk has about 13 for a call."""
ENOUGH = 4_096
"""What 300 calls at once need."""
EXPENDABLE = 500
"""Of 1,000 (oom_score_adj, proc(5)): Python is ended before Asterisk, as callers notice nothing of it."""


def raise_files() -> str:
    """Allow us, and whom we start, as many open files as the system lets us; what to do where that is too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if soft == resource.RLIM_INFINITY or soft >= ENOUGH:
        return ""
    return (
        f"only {soft} files may be open at once, which is enough for {soft // 14} calls; "
        f"let `ulimit -Hn` (systemd: LimitNOFILE=) be {FILES}"
    )


def goes_first(pid: int, score: int) -> None:
    """Have the kernel end this process before others when memory is short. Where it does not let us, it stays."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(f"{score}\n")
