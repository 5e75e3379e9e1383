"""Commands of Durchwahl as processes of their own that begin at once.

A command that is started afresh imports for a second before it does anything, and a run starts thousands. Here a
process that has imported everything, and done nothing else, forks for each (multiprocessing's fork server). What begins
is Durchwahl's `main()` with its own arguments, environment, folder and output. Not for what is judged from outside by
the command line of a process, and not for who types at a terminal: that is started afresh.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.reduction import DupFd  # type: ignore[attr-defined, unused-ignore]
from pathlib import Path
from typing import IO, Any

from orchestrator.cli import main
from orchestrator.cli.app import MODULES

PR_SET_PDEATHSIG = 1
"""prctl(2): which signal comes when the parent is gone."""
WHEN_ASKED = (
    "orchestrator.store.migrating",
    "aiosqlite",
    "asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.dialects.postgresql.asyncpg",
)
"""What commands import only when they get there."""

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload([__name__, *(f"orchestrator.cli.{module}" for module in MODULES), *WHEN_ASKED])


class Command:
    """`durchwahl` with these arguments, begun; to be used like a subprocess.Popen. It ends with the tests."""

    def __init__(
        self,
        *arguments: str,
        stdout: IO[Any],
        stderr: IO[Any],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.args = ("durchwahl", *arguments)
        told = (self.args, dict(os.environ if env is None else env), str(cwd or Path.cwd()))
        self._process = _server.Process(target=_Begin(*told, stdout.fileno(), stderr.fileno()), daemon=True)
        self._process.start()
        assert self._process.pid
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code, -N of one that signal N ended; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises subprocess.TimeoutExpired after `timeout` seconds."""
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Begin:
    """What the forked process does. Pickled, it takes the files along."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: str, stdout: int, stderr: int) -> None:
        self._told = (argv, env, cwd)
        self._files = (stdout, stderr)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Handed, (*self._told, *(DupFd(file) for file in self._files))


class _Handed:
    """The same, where it has arrived."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: str, *files: Any) -> None:
        self._argv, self._env, self._cwd, self._files = argv, env, cwd, files

    def __call__(self) -> None:
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)
        os.setsid()
        for number, file in zip((1, 2), self._files, strict=True):
            os.dup2(file.detach(), number)
        os.environ.clear()
        os.environ.update(self._env)
        time.tzset()
        os.chdir(self._cwd)
        sys.argv = list(self._argv)
        main()


def durchwahl(
    *arguments: str, timeout: float, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as subprocess.run() does that captures text."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        command = Command(*arguments, stdout=out, stderr=err, env=env, cwd=cwd)
        try:
            code = command.wait(timeout)
        finally:
            command.kill()
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(command.args, code, *said)
