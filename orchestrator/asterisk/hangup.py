"""Hanging up is a deadline: cancel a block of code the moment its caller is gone.

Belongs here: what it means that something ends on its own, and the scope that makes use of it. Not here: Asterisk's
words. Code inside the scope never mentions a hangup.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Gone(Exception):
    """A command was meant for something that has already left us."""

    def __init__(self, what: object) -> None:
        super().__init__(f"{what} is gone")
        self.what = what


class Mortal:
    """Something that ends once, on its own: a leg, a playback."""

    def __init__(self) -> None:
        self._mourners: list[Callable[[], None]] = []
        self.gone = False

    def end(self) -> None:
        """It is over. Whoever asked is told soon, never at once; saying it twice changes nothing."""
        if not self.gone:
            self.gone = True
            for mourner in self._mourners:
                self._tell_soon(mourner)

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call `callback` soon after the end; soon, too, if it is already over."""
        self._mourners.append(callback)
        if self.gone:
            self._tell_soon(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        """Do not call `callback` any more, not even if its turn has come and it is only waiting for it."""
        if callback in self._mourners:
            self._mourners.remove(callback)

    def _tell_soon(self, callback: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(self._tell, callback)

    def _tell(self, callback: Callable[[], None]) -> None:
        if callback in self._mourners:
            self._mourners.remove(callback)
            callback()


class WhileAlive:
    """`async with WhileAlive(leg):` is `asyncio.timeout()` with the hangup for a deadline.

    The block is cancelled when the leg ends. Leaving the block swallows that one cancellation and no other, so a
    worker that is stopped at the same instant stops. `Gone` for this leg ends the block as quietly as the event.
    `died` says afterwards which it was.
    """

    def __init__(self, leg: Mortal) -> None:
        self.died = False
        self._leg = leg
        self._cancelled = False

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("WhileAlive needs a task to cancel")
        self._task, self._asked_before = task, task.cancelling()
        self._leg.on_gone(self._cancel)
        return self

    def _cancel(self) -> None:
        self.died = self._cancelled = True
        self._task.cancel("hung up")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._leg.forget(self._cancel)
        asked = self._task.uncancel() if self._cancelled else self._task.cancelling()
        if isinstance(error, Gone) and error.what is self._leg:
            self.died = True
            return True
        ours = self._cancelled and asked <= self._asked_before  # else someone further out wants us to stop as well
        return ours and kind is asyncio.CancelledError
