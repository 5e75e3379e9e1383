"""How the tests are shared out when several processes run them side by side (`pytest -n 8`).

Own ports (tests/ports.py) and own folders keep them apart. Belongs here: what goes together, and in which order.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

IN_TOWN = {"test_town", "test_entries", "test_rollout", "test_ami", "test_drift", "test_apply_killed"}
"""Files whose tests call into the running town, which each process has: they are shared out one by one."""
ALONE = {"test_random_rollouts"}
"""Files whose every test has a town to itself: they are shared out one by one too."""

FIRST = (
    *("kill_every_second", "caller_box", "switching", "voicemail_survives", "random_rollouts", "mailbox_line"),
    *("mailbox_by_telephone", "ringing", "town", "shift", "attend", "contract", "hangup"),
    *("call_back", "queues", "by_name", "rooms", "putting_through", "attacks", "taking", "display", "lamps"),
    *("completion", "call_waiting", "secretary", "hot_desks_live", "hot_desks_outside"),
    *("switching_by_code", "queue_of_47", "pickup", "dialogue", "outcomes"),
    *("cli", "phone", "trunks", "dial_matrix", "agreement", "entries", "rollout", "apply_killed"),
    *("plan_shown", "drift", "up", "bench", "exchange", "export", "injections", "promises", "audit", "journal"),
)
"""What is begun first. What takes long, so that no process is left alone with it at the end; and what measures time,
while the others wait for calls. What only computes has the end for itself.
"""
ORDER = {f"test_{name}": at for at, name in enumerate(FIRST)}


class SideBySide(LoadScopeScheduling):
    """Gives each process a file, for a file sets things up once for its tests; but those of the town one by one."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # else the files with the most tests come first

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return nodeid if path.rpartition("/")[2].removesuffix(".py") in IN_TOWN | ALONE else path
