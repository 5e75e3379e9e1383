"""One audited change of the directory: loaded, edited, proved as an import is, and saved; or refused, and nothing is.

Every command that changes a few things goes this way. Not here: whole files (directory.import_files).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.problems import Problem
from orchestrator.domain.proof import prove
from orchestrator.service import directory as directories
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store.calendar import complete
from orchestrator.store.database import open_database
from orchestrator.store.load import EmptyDirectory, load, save


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
    await directories.prepare(state)
    engine = open_database(state.database)
    today = directories.today()
    try:
        try:
            before = await load(engine, today.year)
        except EmptyDirectory:
            raise ServiceError(f"{state.root}: the directory is empty", todo="run `durchwahl import FILE…`") from None
        after = complete(edit(before), today.year)
        # How long a prompt takes is known only when it was spoken: `check` and `apply` judge the waits.
        found = prove(derive(after), {}, today).problems
        problems = tuple(problem for problem in found if problem.code != "long_wait")
        saved = not problems and not dry_run and after != before
        if saved:
            await save(engine, after, who=directories.who(), what=what, why=why)
        return Changed(directory=after, problems=problems, saved=saved)
    finally:
        await engine.dispose()
