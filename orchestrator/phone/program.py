"""How a foreign program is started: handed in from above, for where programs come from is not a telephone's affair."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Program(Protocol):
    """Anything that says how it is started."""

    @property
    def argv(self) -> tuple[str, ...]:
        """Everything before the program's own options: the program, or a loader and the program."""

    @property
    def env(self) -> Mapping[str, str]:
        """Added to (and stronger than) the environment of this process."""


class Baresip(Program, Protocol):
    """baresip 1.1 or newer."""

    @property
    def modules(self) -> Path:
        """The folder with `ctrl_tcp.so`, `aufile.so`, `g711.so`, …"""


def surroundings(program: Program) -> dict[str, str]:
    """The whole environment for the started process."""
    return {**os.environ, **program.env}
