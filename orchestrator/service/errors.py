"""Errors for the admin who reads them at seven in the morning: what, where, what to do."""

from __future__ import annotations


class ServiceError(Exception):
    """The command could not run. `str()` is one sentence of what and where; `todo` says what to do about it."""

    def __init__(self, what: str, *, todo: str = "") -> None:
        super().__init__(what)
        self.todo = todo
