"""One audited change of the directory: loaded, edited, proved as an import is, and saved; or refused, and nothing is.

Every command that changes a few things goes this way. Not here: whole files (importing).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.domain.directory import Directory
from orchestrator.domain.problems import Problem
from orchestrator.service import directory as directories
from orchestrator.service.state import State
from orchestrator.store.calendar import complete


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What came of a change: saved if there are no problems and it was no dry run. The next apply makes it real."""

    directory: Directory
    """As it is after the change, not derived."""
    problems: tuple[Problem, ...]
    saved: bool


async def change(
    state: State, edit: Callable[[Directory], Directory], *, what: str, why: str, dry_run: bool = False
) -> Changed:
    """Edit the directory (not derived) of `state`; `edit` may raise ServiceError. Raises it for an empty directory."""
    stored = await directories.read_stored(state)
    after = complete(edit(stored.directory), directories.today().year)
    problems = directories.judge(after)
    saved = not problems and not dry_run and after != stored.directory
    if saved:
        await directories.keep(state, after, what=what, why=why, since=stored.revision)
    return Changed(directory=after, problems=problems, saved=saved)
