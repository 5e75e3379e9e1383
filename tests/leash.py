"""What tests start ends with the test process, even where that is killed and ends nothing itself."""

from __future__ import annotations

import shutil
from collections.abc import Sequence


def leashed(argv: Sequence[str]) -> list[str]:
    """The command `argv`, to be started from the main thread; it gets SIGTERM when that is gone (Linux)."""
    leash = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
    return [*leash, *argv]
