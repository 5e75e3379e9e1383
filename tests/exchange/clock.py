"""Virtual time: an event loop whose clock jumps to the next thing due, so that waiting takes no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(RuntimeError):
    """Everyone waits, and nothing will ever happen."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """`now` is its clock, in seconds from 0; `ticks` every instant at which anything happened."""

    def __init__(self) -> None:
        self.now, self.ticks = 0.0, [0.0]
        super().__init__(_Jump(self))

    def time(self) -> float:
        return self.now


class _Jump(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise Deadlock("everyone is waiting and nothing is due")
        if timeout > 0:
            self._loop.now += timeout
            self._loop.ticks.append(self._loop.now)
        return ready


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in virtual time."""
    return run_and_time(main)[0]


def run_and_time(main: Coroutine[Any, Any, T]) -> tuple[T, list[float]]:
    """Also give every instant at which anything happened."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(main), list(loop.ticks)
