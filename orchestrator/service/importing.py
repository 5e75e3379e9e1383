"""Imports: files -> a plan of what they would change -> the proof -> saved, all of it or nothing.

Belongs here: the order of these, and what is refused. Not here: how a file is read (store), what is asked (cli).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.domain.directory import Directory
from orchestrator.domain.losses import too_many
from orchestrator.service import directory as directories
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store.comparison import CHANGED, GONE, NEW, Difference, difference
from orchestrator.store.load import Stored
from orchestrator.store.marked import Mistakes
from orchestrator.store.merging import over
from orchestrator.store.reading import Read, gather, read_sections
from orchestrator.store.tables_in import TABLE_ENDINGS, read_table
from orchestrator.store.writing import sections

FEW = 5
"""New things, and changed ones, that nobody is asked about."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What an import would do. `directory` may be kept only if there are no problems."""

    directory: Directory
    problems: tuple[str, ...]
    difference: Difference
    refused: tuple[str, ...]
    since: int
    """The revision of the directory that this was planned on; 0: there was none."""
    what: str
    """For the record."""

    @property
    def counts(self) -> Mapping[str, int]:
        return directories.counted(self.directory)

    @property
    def asks(self) -> bool:
        """Whether an admin should look at it before it is kept."""
        if not self.since:
            return False  # the first import: there is nothing yet that it could spoil
        many = max(self.difference.count(CHANGED), self.difference.count(NEW))
        return many > FEW or self.difference.count(GONE) > 0


async def plan(state: State, files: Sequence[Path], *, merge: bool = False, only: bool = False) -> Planned:
    """Read `files` over the directory of `state`; YAML without `merge` in its stead.

    With `only`, a table is all that there is of its things.
    """
    for path in files:
        if not path.exists():
            raise ServiceError(f"{path} does not exist", todo="name YAML files, CSV files, or a folder of either")
    what = f"import {', '.join(map(str, files))}"
    brought = [each for path in files for each in _brought(path)]
    stored = await directories.stored(state)
    return await asyncio.to_thread(_planned, stored, brought, merge, only, what)


def _brought(path: Path) -> list[Path]:
    """The tables of a folder that has nothing else; any other path as it is."""
    tables = sorted(path.glob("*.csv")) if path.is_dir() else []
    if tables and any(path.glob("*.yaml")):
        raise ServiceError(
            f"{path} has YAML files, which are a whole directory, and CSV files, which change parts of one",
            todo=f"name the files that you mean: {path}/*.yaml or {path}/*.csv",
        )
    return tables or [path]


def _planned(stored: Stored | None, files: Sequence[Path], merge: bool, only: bool, what: str) -> Planned:
    mistakes = Mistakes()
    old = sections(stored.directory) if stored else {}
    tables = [path for path in files if path.suffix.lower() in TABLE_ENDINGS]
    brought = gather([path for path in files if path not in tables], mistakes)
    directory = stored.directory if stored else None
    read = [table for path in tables if (table := read_table(path, old, mistakes, directory))]
    whole = len(tables) < len(files) and not merge
    replaced = {table.section for table in read} if only else ()
    merged = over({} if whole else old, brought, mistakes, tables=read, replaced=replaced)
    return planned(stored, read_sections(merged, mistakes, directories.today().year), what)


def planned(stored: Stored | None, found: Read, what: str) -> Planned:
    """What it would mean to put `found` in the place of what is stored."""
    problems = directories.judged(found)
    old = sections(stored.directory) if stored else {}
    changes = _NOTHING if found.mistakes else difference(old, sections(found.directory))
    return Planned(
        directory=found.directory,
        problems=problems,
        difference=changes,
        refused=tuple(_refusals(changes)),
        since=stored.revision if stored else 0,
        what=what,
    )


async def edited(state: State, file: Path, scope: Scope) -> Planned:
    """What it would mean to have in `file` all that there is of `scope`."""
    stored = await directories.read_stored(state)
    what = f"edit {scope.section} {scope.key}".strip()
    return await asyncio.to_thread(_edited, stored, file, scope, what)


def _edited(stored: Stored, file: Path, scope: Scope, what: str) -> Planned:
    mistakes, old = Mistakes(), sections(stored.directory)
    rest = {key: data for key, data in old[scope.section].items() if scope.key and key != scope.key}
    brought = gather([file], mistakes)
    merged = over({**old, scope.section: rest}, brought, mistakes)
    return planned(stored, read_sections(merged, mistakes, directories.today().year), what)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A section, or the one thing of it that is called `key`."""

    section: str
    key: str = ""


_NOTHING = Difference(changes=(), before={})


def replanned(stored: Stored, wanted: Directory, what: str, refused: str) -> Planned:
    """The same for a directory that no file said; it is read once more, and so held to the same rules."""
    mistakes = Mistakes()
    merged = over(sections(wanted), {}, mistakes)
    plan = planned(stored, read_sections(merged, mistakes, directories.today().year), what)
    return replace(plan, refused=(refused,)) if refused else replace(plan, refused=())


def _refusals(changes: Difference) -> Iterator[str]:
    """Sections of which so much would be gone that it may be a mistake."""
    for section, before in changes.before.items():
        gone = sum(change.kind == GONE and change.section == section for change in changes.changes)
        if too_many(gone, before):
            yield f"{gone} of {before} {section} would be gone"


async def keep(state: State, plan: Planned, *, why: str) -> None:
    """Save what was planned; raises ServiceError if the directory is another one now than when it was planned."""
    if plan.problems:
        raise ValueError("a plan with problems is not kept")
    if not plan.difference.changes:
        return
    await directories.keep(state, plan.directory, what=plan.what, why=why, since=plan.since)
