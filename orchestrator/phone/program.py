"""How a foreign program is started: handed in from above, for where programs come from is not a telephone's affair."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Program:
    """`argv` is everything before the program's own options: the program, or a loader and the program."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to (and stronger than) the environment of this process."""

    def surroundings(self) -> dict[str, str]:
        """The whole environment for the started process."""
        return {**os.environ, **self.environment}


@dataclass(frozen=True, kw_only=True)
class Baresip(Program):
    """baresip 1.1 or newer; `modules` is the folder with `ctrl_tcp.so`, `aufile.so`, `g711.so`, …"""

    modules: Path
