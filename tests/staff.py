"""The shift of one test, as its supervisor sees it: started, watched, and badly treated."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from orchestrator.apps.shift import PASSWORD as PASSWORD_VARIABLE
from tests.asterisk_instance import PASSWORD, USER, Instance
from tests.leash import leashed


class Staff:
    """One shift. Its log is `shift.log` in the folder of its Asterisk."""

    def __init__(self, instance: Instance, places: Mapping[str, Any], workers: int = 2) -> None:
        self._instance, self._count = instance, workers
        self._attend, self._status = instance.folder / "attend.json", instance.folder / "shift.json"
        self._attend.write_text(json.dumps({"tree": "test", "places": places}))

    def begin(self) -> None:
        self._status.unlink(missing_ok=True)  # what the shift before said of itself
        command = [sys.executable, "-m", "orchestrator.apps.shift", "--attend", str(self._attend), "--user", USER]
        command += ["--workers", str(self._count), "--url", self._instance.url, "--status", str(self._status)]
        with (self._instance.folder / "shift.log").open("ab") as log:
            self._parent = subprocess.Popen(
                leashed(command), env={**os.environ, PASSWORD_VARIABLE: PASSWORD}, stdout=log, stderr=log
            )

    async def ready(self) -> None:
        async with asyncio.timeout(15):
            while self.status().get("up") != self._count:
                await asyncio.sleep(0.05)

    def status(self) -> dict[str, object]:
        try:
            found: dict[str, object] = json.loads(self._status.read_text())
        except FileNotFoundError:
            return {}
        return found

    def workers(self) -> list[int]:
        return [worker["pid"] for worker in self.status()["workers"]]  # type: ignore[attr-defined]

    def kill_one(self) -> None:
        os.kill(self.workers()[0], signal.SIGKILL)

    def stop_one(self) -> None:
        os.kill(self.workers()[0], signal.SIGSTOP)

    def kill_parent(self) -> None:
        self._parent.kill()
        self._parent.wait()

    def kill_all(self) -> None:
        """All at the same instant: none has the time to notice that another is gone."""
        workers = self.workers()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        self.kill_parent()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        if self._parent.poll() is None:
            self._parent.terminate()
            assert self._parent.wait(8) == 0
