"""How the tests are shared out when several processes run them side by side (`pytest -n 5`).

Own ports (tests/ports.py) and own folders keep them apart. Belongs here: what goes together, and in which order.
"""

from __future__ import annotations

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
)
"""What is begun first. What takes long, so that no process is left alone with it at the end; and what measures time,
while the others wait for calls. What only computes has the end for itself.
"""
ORDER = {f"test_{name}": at for at, name in enumerate(FIRST)}


class SideBySide(LoadScopeScheduling):
    """Gives each process a file, for a file sets things up once for its tests."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # else the files with the most tests come first

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return nodeid if path.rpartition("/")[2].removesuffix(".py") in ALONE else path
