"""How the tests are shared out when several processes run them side by side (`pytest -n 7`).

Own ports (tests/ports.py) and own folders keep them apart. Belongs here: what goes together, and in which order.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ALONE = {"test_random_rollouts", "test_former_version"}
"""Files whose every test has a town to itself: they are shared out one by one."""

FIRST = (
    *(
        "caller_box",
        "queues",
        "completion",
        "town",
        "switching",
        "call_back",
        "secretary",
        "by_name",
        "random_rollouts",
    ),
    *("shift", "attend", "contract", "hangup", "ringing", "voicemail_survives", "mailbox_by_telephone", "mailbox_line"),
    *("pickup", "cli", "hot_desks_live", "hot_desks_outside", "call_waiting", "switching_by_code", "rooms", "changes"),
    *("mailbox", "exchange", "display", "mailroom", "mail_killed", "plan_shown", "rollout", "damaged", "dial_matrix"),
    *("putting_through", "attacks", "taking", "lamps", "queue_of_47", "dialogue", "outcomes", "phone", "trunks"),
    *("torture", "failing_trunks", "mutated", "without_dns", "half_open", "least_privilege", "certificate"),
    *("third_port", "scanners", "dashboards", "traces_live", "backup_live", "backup", "backup_nightly"),
    *(
        "mailbox_natively",
        "voicemail_whole",
        "without_python",
        "traces",
        "full_disk",
        "operators",
        "first_start",
        "ami",
    ),
    *(
        "secrets",
        "evidence",
        "install",
        "renewal",
        "two_versions",
        "former_version",
        "canary",
        "bans",
        "agreement",
        "entries",
        "apply_killed",
        "drift",
        "up",
        "bench",
        "bench_call",
        "export",
        "injections",
        "promises",
        "audit",
    ),
    *("dump", "postman", "numbers", "migrations", "works_with_former", "ldap", "dialogue_random"),
)
"""What is begun first. What takes long, so that no process is left alone with it at the end; and what measures time,
while the others wait for calls. What only computes has the end for itself.
"""
ORDER = {f"test_{name}": at for at, name in enumerate(FIRST)}


CROWDED = 3 * (os.cpu_count() or 1)
"""Processes that want a core, as many as which make telephones late."""
PATIENCE = 20.0
"""Seconds that a test waits at most until it is less crowded."""


def in_turn() -> None:
    """Wait until a test may begin beside what the others do: so `make -l` begins nothing while the load is high."""
    until = time.monotonic() + PATIENCE
    while _wanting() > CROWDED and time.monotonic() < until:
        time.sleep(random.uniform(0.1, 0.5))


def _wanting() -> int:
    """How many processes and threads want a core now (proc(5), procs_running)."""
    found = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    return next(int(count) for name, count, *_ in found if name == "procs_running")


class SideBySide(LoadScopeScheduling):
    """Gives each process a file, for a file sets things up once for its tests."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # else the files with the most tests come first

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return nodeid if path.rpartition("/")[2].removesuffix(".py") in ALONE else path
