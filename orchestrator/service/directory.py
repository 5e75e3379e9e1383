"""The central directory of a state folder: made, read, imported into, proved."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from orchestrator.compile import sounds
from orchestrator.domain.derive import derive
from orchestrator.domain.directory import Directory
from orchestrator.domain.prompts import Sounds
from orchestrator.domain.proof import Proof, prove
from orchestrator.service import wiring
from orchestrator.service.errors import ServiceError
from orchestrator.service.state import State
from orchestrator.store.codec import from_data, to_data
from orchestrator.store.database import NewerDatabase, migrate, open_database
from orchestrator.store.load import EmptyDirectory, load, save
from orchestrator.store.reading import Read, read_files

APPLIED = "directory.json"
"""The file of a tree that holds the directory of which it was made, derived."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import found, and whether it was saved."""

    problems: tuple[str, ...]
    counts: Mapping[str, int]
    saved: bool


async def prepare(state: State) -> None:
    """Bring the database of `state` to this version; raises ServiceError for a newer one."""
    try:
        await asyncio.to_thread(migrate, state.database)
    except NewerDatabase as newer:
        raise ServiceError(f"{state.root}: {newer}", todo="install that version; nothing was changed") from newer


async def read(state: State) -> Directory:
    """The directory, derived; raises ServiceError if nothing was imported yet."""
    return derive(await plain(state))


async def plain(state: State) -> Directory:
    """The directory as it was written, not derived; raises ServiceError if nothing was imported yet."""
    if (found := await stored(state)) is None:
        raise ServiceError(f"{state.root}: the directory is empty", todo="run `durchwahl import FILE…`")
    return found


async def stored(state: State) -> Directory | None:
    """The directory as it was written; None if nothing was imported yet."""
    await prepare(state)
    engine = open_database(state.database)
    try:
        return await load(engine, today().year)
    except EmptyDirectory:
        return None
    finally:
        await engine.dispose()


def written(directory: Directory) -> str:
    """A directory as it lies in an applied tree."""
    return json.dumps(to_data(directory), ensure_ascii=False, sort_keys=True) + "\n"


async def running(state: State) -> Directory:
    """The directory that was applied last, which is what callers meet; raises ServiceError if none was.

    It may be another than the one in the database: imported and not applied, or rolled back.
    """
    path = state.current / APPLIED
    try:
        return await asyncio.to_thread(_applied, path)
    except FileNotFoundError:
        raise ServiceError(f"{state.root} has nothing applied yet", todo="run `durchwahl apply`") from None
    except (OSError, ValueError, KeyError, TypeError) as bad:
        raise ServiceError(f"{path}: {bad}", todo="run `durchwahl apply`") from bad


def _applied(path: Path) -> Directory:
    return from_data(Directory, json.loads(path.read_text()))


async def import_files(state: State, files: Sequence[Path], *, dry_run: bool, why: str) -> Imported:
    """Read files and, if nothing is wrong in them and it is no dry run, make them the directory."""
    for path in files:
        if not path.exists():
            raise ServiceError(f"{path} does not exist", todo="name a YAML file or a folder of them")
    found = await asyncio.to_thread(read_files, files, today().year)
    problems = await asyncio.to_thread(judged, found)
    if problems or dry_run:
        return Imported(problems=problems, counts=counted(found.directory), saved=False)
    await keep(state, found.directory, what=f"import {', '.join(map(str, files))}", why=why)
    return Imported(problems=(), counts=counted(found.directory), saved=True)


def judged(found: Read) -> tuple[str, ...]:
    """What is wrong with a directory that was read: mistakes in it, else what the proof finds."""
    if found.mistakes:
        return tuple(str(mistake) for mistake in found.mistakes)
    proof = prove(derive(found.directory), {}, today())
    # How long a prompt takes is known only when it was spoken: `check` and `apply` judge the waits.
    told = [problem for problem in proof.problems if problem.code != "long_wait"]
    written = [found.lines.get(problem.where, "") for problem in told]
    return tuple(f"{at}: {problem}" if at else str(problem) for at, problem in zip(written, told, strict=True))


def counted(directory: Directory) -> Mapping[str, int]:
    """How many there are of what an admin counts."""
    kinds = ("sites", "departments", "people", "phones", "boxes", "schedules", "trunks", "flows")
    return {kind: len(getattr(directory, kind)) for kind in kinds}


async def keep(state: State, directory: Directory, *, what: str, why: str) -> None:
    """Make `directory` the one of `state`."""
    await prepare(state)
    engine = open_database(state.database)
    try:
        await save(engine, directory, who=who(), what=what, why=why)
    finally:
        await engine.dispose()


async def check(state: State) -> Proof:
    """The proof of the directory, with the true lengths of prompts that were spoken already."""
    directory = await read(state)
    return prove(directory, await asyncio.to_thread(spoken, state, directory), today())


def spoken(state: State, directory: Directory) -> Sounds:
    """The sounds of `directory` that exist; made if the voice is at hand, estimated by their reader if it is not."""
    try:
        return sounds.make(sounds.prompts_of(directory), wiring.workshop(state)).sounds
    except ServiceError:
        return {}


def today() -> date:
    """The current day in UTC: good enough for a calendar that must reach a year ahead."""
    return datetime.now(UTC).date()


def who() -> str:
    """The account that runs the command, for the record."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
