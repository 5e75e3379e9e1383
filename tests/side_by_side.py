"""How the tests are shared out when several processes run them side by side (`pytest -n 4`).

Own ports (tests/ports.py) and own folders keep them apart. Belongs here: what goes together, and in which order.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

IN_TOWN = {"test_town", "test_entries", "test_ami"}
"""Files whose tests call into the running town: they have one for those with no attendants, and one for the rest."""
CHANGING = {"test_rollout", "test_drift", "test_apply_killed"}
"""Files that change the running town, with much to compute: they have one for them all."""
ALONE = {"test_random_rollouts"}
"""Files whose every test has a town to itself: they are shared out one by one."""
BY_MODE = {"test_caller_box"}
"""Long files whose tests run with attendants and with none: each mode is a file of its own."""

FIRST = (
    *("caller_box", "contract", "attend", "shift", "town", "switching", "switching_by_code", "call_back"),
    *("queues", "mailbox_by_telephone", "mailbox_line", "ringing", "kill_every_second", "by_name", "rooms"),
    *("putting_through", "attacks", "lamps", "pickup", "taking", "display", "trunks", "queue_of_47"),
    *("mailbox_natively", "voicemail_whole", "phone", "hangup", "dial_matrix", "agreement", "entries", "exchange"),
    *("voicemail_survives", "random_rollouts", "rollout", "apply_killed", "drift", "up", "mail_killed", "mailbox"),
    *("mailroom", "cli", "plan_shown", "mail_command", "bench", "ldap", "export", "injections", "promises"),
    *("audit", "journal"),
)
"""What is begun first: what waits for calls, the longest before the rest, so that no process is left alone with it at
the end; and not all of it with a town to set up. What measures time begins when the first towns are up. What needs the
whole machine, or only computes, comes when few listen to calls any more: a busy machine loses sound.
"""
ORDER = {f"test_{name}": at for at, name in enumerate(FIRST)}


class SideBySide(LoadScopeScheduling):
    """Gives each process a file, for a file sets things up once for its tests; the tests of the running town share
    three of them.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # else the files with the most tests come first

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        name = path.rpartition("/")[2].removesuffix(".py")
        if name in CHANGING:
            return "town that is changed"
        if name in IN_TOWN | BY_MODE:
            return f"{'town' if name in IN_TOWN else path} {'native' if '[native' in nodeid else 'python'}"
        return nodeid if name in ALONE else path
