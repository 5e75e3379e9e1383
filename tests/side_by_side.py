"""How the tests are shared out when several processes run them side by side (`pytest -n 9`).

Own ports (tests/ports.py) and own folders keep them apart. Belongs here: what goes together, and in which order.
"""

from __future__ import annotations

import os
import random
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ALONE = {"test_random_rollouts", "test_former_version"}
"""Files whose every test has a town to itself: they are shared out one by one."""

WAIT = """
    caller_box queues completion town switching call_back secretary by_name random_rollouts shift attend contract
    ringing voicemail_survives mailbox_by_telephone mailbox_line pickup cli hot_desks_live hot_desks_outside
    call_waiting switching_by_code rooms evidence dashboards mailbox_natively secrets display mailroom mail_killed
    plan_shown rollout dial_matrix putting_through attacks taking lamps queue_of_47 dialogue phone trunks torture
    failing_trunks mutated without_dns half_open least_privilege certificate third_port scanners traces_live
    backup_live backup_nightly voicemail_whole without_python traces full_disk operators first_start ami alerts
    package asterisk_again limits install renewal two_versions former_version canary bans agreement entries
    apply_killed up bench bench_call bench_journal promises hours usual phone_command test_call filer unapplied
    codes
""".split()  # noqa: SIM905
"""Files that wait for calls and for processes more than they compute, those that take long first: so that no process is
left alone with one at the end.
"""
ORDER = {f"test_{name}": at for at, name in enumerate(WAIT)}

FIFTHS = (1, 2, 3, 4, 5)
"""What is marked `long` is dealt out to them: a change is judged by one, a night by all."""
COMPUTING, NICE = 2, 4
"""Processes that take the other files, and how much they give way (nice(2)): they have what telephones leave them."""
CROWDED = 3 * (os.cpu_count() or 1) + COMPUTING
"""Processes that want a core, as many as which make telephones late."""
PATIENCE = 20.0
"""Seconds that a test waits at most until it is less crowded."""


def fifth_of(name: str) -> int:
    """Which fifth has a test: by its name alone, whatever else is asked for."""
    return FIFTHS[zlib.crc32(name.encode()) % len(FIFTHS)]


def always(values: Sequence[Any], number: int = 1) -> list[Any]:
    """Values of a parameter of a test: the first `number` of them with every change, with the others it is `long`.

    Of several parameters at once, each value is a tuple.
    """
    rest = (each if isinstance(each, tuple) else (each,) for each in values[number:])
    return [*values[:number], *(pytest.param(*each, marks=pytest.mark.long) for each in rest)]


def in_turn() -> None:
    """Wait until a test may begin beside what the others do: so `make -l` begins nothing while the load is high."""
    until = time.monotonic() + PATIENCE
    while _wanting() > CROWDED and time.monotonic() < until:
        time.sleep(random.uniform(0.1, 0.5))


def _wanting() -> int:
    """How many processes and threads want a core now (proc(5), procs_running)."""
    found = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    return next(int(count) for name, count, *_ in found if name == "procs_running")


def computes(process: str, processes: int) -> bool:
    """Whether this one of the processes, `gw0` and so on, takes what only computes, as long as there is any."""
    return processes > 2 * COMPUTING and int(process.removeprefix("gw")) < COMPUTING


def _file(scope: str) -> str:
    return scope.partition("::")[0].rpartition("/")[2].removesuffix(".py")


class SideBySide(LoadScopeScheduling):
    """Gives each process a file, for a file sets things up once for its tests."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # else the files with the most tests come first

    def _split_scope(self, nodeid: str) -> str:
        path, _, _ = nodeid.partition("::")
        return nodeid if _file(path) in ALONE else path

    def _assign_work_unit(self, node: Any) -> None:
        waits = not computes(node.gateway.id, len(self.nodes))
        if fitting := next((scope for scope in self.workqueue if (_file(scope) in ORDER) is waits), None):
            self.workqueue.move_to_end(fitting, last=False)
        super()._assign_work_unit(node)
