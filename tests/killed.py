"""A piece of work that is killed at its n-th line: what a crash, a power cut or an admin does, at every instant."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 20
"""Seconds that the work may take."""

# One process imports everything and forks for each kill: else most of the time would go into starting Python.
FORKS = """
import os, signal, sys
{imports}
def count(frame, event, argument):
    global left
    if not frame.f_code.co_filename.endswith({files}):
        return None
    left -= event == "line"
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return count
for asked in sys.stdin:
    number, at = asked.rstrip("\\n").split(" ", 1)
    left = int(number)
    child = os.fork()
    if child == 0:
        signal.alarm({limit})
        sys.settrace(count)
        {work}
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Killer:
    """Does the work, and kills it."""

    def __init__(self, forks: subprocess.Popen[str]) -> None:
        self._forks = forks

    def survives(self, at: Path, line: int) -> bool:
        """Do the work in the folder `at`, killed before it has run `line` + 1 lines; whether it came to its end."""
        assert self._forks.stdin
        assert self._forks.stdout
        self._forks.stdin.write(f"{line} {at}\n")
        self._forks.stdin.flush()
        code = int(self._forks.stdout.readline())
        assert code in (0, -9), code
        return code == 0


@contextmanager
def killer(*, imports: str, work: str, files: tuple[str, ...]) -> Iterator[Killer]:
    """For `work`, one expression on the folder `at` (a string); lines of those `files` count (ends of their paths)."""
    program = FORKS.format(imports=imports, work=work, files=files, limit=LIMIT)
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as forks:
        yield Killer(forks)
